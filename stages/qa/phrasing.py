"""How questions are put: several phrasings for each form of fact, one chosen per fact by a seeded hash.

Slots: {op} names the subject ("PutObject in Amazon S3"), {within} sets the scene ("When calling PutObject in Amazon
S3"), {name} and {service} are its parts; the other slots are words of the fact. The part of a form's name before the
dot is the kind of fact.
"""

import hashlib

from stages.qa.document_phrasing import DOCUMENT_PHRASINGS, framed

PHRASINGS: dict[str, tuple[str, ...]] = {
    "purpose": (
        "What does {op} do?",
        "What is {op} used for?",
        "What is the purpose of {op}?",
        "In {service}, what does {name} do?",
        "What is the {name} operation for in {service}?",
    ),
    "purpose.which": (
        "Which {service} operation {does}?",
        "Which operation of {service} {does}?",
        "Which API operation in {service} {does}?",
        "What is the name of the {service} operation that {does}?",
    ),
    "howto.operation": (
        "How do I {do} in {service}?",
        "How can I {do} with {service}?",
        "Which {service} operation do I call to {do}?",
        "What do I call in {service} to {do}?",
    ),
    "howto.use": (
        "{within}, how do I {do}?",
        "{within}, how can I {do}?",
        "{within}, what do I do to {do}?",
        "How do I {do} when I work with {op}?",
    ),
    "howto.other": (
        "Besides {name}, which {service} operation do I use to {do}?",
        "When working with {name} in {service}, which other operation do I use to {do}?",
        "Which {service} operation other than {name} do I use to {do}?",
        "I am using {name} in {service}: which other operation do I call to {do}?",
    ),
    "limit.length": (
        "How long can the {parameter} parameter of {op} be?",
        "What is the maximum length of the {parameter} parameter of {op}?",
        "How many {unit} can the {parameter} parameter of {op} have at most?",
        "What length limit applies to the {parameter} parameter of {op}?",
    ),
    "limit.range": (
        "What range of values is allowed for the {parameter} parameter of {op}?",
        "What are the smallest and largest values of the {parameter} parameter of {op}?",
        "Between which values must the {parameter} parameter of {op} lie?",
        "What is the valid range of the {parameter} parameter of {op}?",
    ),
    "limit.minimum": (
        "What is the smallest value that the {parameter} parameter of {op} accepts?",
        "What is the minimum value of the {parameter} parameter of {op}?",
        "How low can the {parameter} parameter of {op} be set?",
        "What lower limit applies to the {parameter} parameter of {op}?",
    ),
    "limit.maximum": (
        "What is the largest value that the {parameter} parameter of {op} accepts?",
        "What is the maximum value of the {parameter} parameter of {op}?",
        "How high can the {parameter} parameter of {op} be set?",
        "What upper limit applies to the {parameter} parameter of {op}?",
    ),
    "limit.items": (
        "How many {unit} can the {parameter} parameter of {op} hold?",
        "How many {unit} can I pass in the {parameter} parameter of {op}?",
        "What is the allowed number of {unit} in the {parameter} parameter of {op}?",
        "How many {unit} does the {parameter} parameter of {op} accept?",
    ),
    "limit.many": (
        "{within}, how many {unit} {can} {rest}?",
        "{within}, how many {unit} at most {can} {rest}?",
        "{within}, what is the largest number of {unit} that {that}?",
    ),
    "limit.what": (
        "{within}, what {is} {what}?",
        "What {is} {what} for {op}?",
        "For {op}, what {is} {what}?",
    ),
    "default.parameter": (
        "What is the default value of the {parameter} parameter of {op}?",
        "Which value does the {parameter} parameter of {op} have by default?",
        "What is the default for the {parameter} parameter of {op}?",
        "Which default applies to the {parameter} parameter of {op}?",
    ),
    "default.omitted": (
        "Which default is used if the {parameter} parameter of {op} is left out?",
        "What happens if I do not specify the {parameter} parameter of {op}?",
        "What happens if the {parameter} parameter of {op} is omitted?",
        "What does {op} do when the {parameter} parameter is not given?",
    ),
    "valid_values": (
        "Which values does the {parameter} parameter of {op} accept?",
        "What are the valid values of the {parameter} parameter of {op}?",
        "What can the {parameter} parameter of {op} be set to?",
        "Which values are allowed for the {parameter} parameter of {op}?",
    ),
    "parameter": (
        "What does the {parameter} parameter of {op} specify?",
        "What is the {parameter} parameter of {op} for?",
        "What do I pass in the {parameter} parameter of {op}?",
        "What is the meaning of the {parameter} parameter of {op}?",
    ),
    "parameter.does": (
        "What does the {parameter} parameter of {op} do?",
        "What is the {parameter} parameter of {op} for?",
        "What is the purpose of the {parameter} parameter of {op}?",
        "What role does the {parameter} parameter play in {op}?",
    ),
    "required": (
        "Do I have to provide the {parameter} parameter when calling {op}?",
        "Is the {parameter} parameter of {op} required?",
        "Is the {parameter} parameter of {op} mandatory or optional?",
        "Can I leave out the {parameter} parameter of {op}?",
    ),
    "return": (
        "What does the {element} element in the response of {op} contain?",
        "What does {op} return in the {element} element of its response?",
        "What is in the {element} element of the response from {op}?",
        "Which information does {element} give in the response of {op}?",
    ),
    "return.tells": (
        "What does the {element} element in the response of {op} tell me?",
        "What does {element} mean in the response of {op}?",
        "Which information does {element} give in the response of {op}?",
        "How do I interpret {element} in the response of {op}?",
    ),
    "error.when": (
        "When does {op} return {error}?",
        "What does it mean if {op} returns {error}?",
        "What is the reason for {error} from {op}?",
        "Why does {op} fail with {error}?",
    ),
    "error.which": (
        "Which error does {op} return if {condition}?",
        "Which exception do I get from {op} if {condition}?",
        "What error is returned by {op} when {condition}?",
        "With which error does {op} fail if {condition}?",
    ),
    "permission": (
        "Which {permissions} do I need to {do}?",
        "What {permissions} must I have to {do}?",
        "Which {permissions} {are} required to {do}?",
        "To {do}, which {permissions} must I have?",
    ),
    "behaviour.happens": (
        "{within}, what happens {condition}?",
        "In a call to {op}, what happens {condition}?",
        "{condition_first}, what happens with {op}?",
        "How does {op} behave {condition}?",
    ),
    "behaviour.parameter": (
        "For {op}, what happens {condition}?",
        "Regarding {op}, what happens {condition}?",
        "As for {op}, what happens {condition}?",
    ),
    "behaviour.named": (
        "In {service}, what happens {condition}?",
        "What happens in {service} {condition}?",
        "{condition_first}, what happens in {service}?",
    ),
    "behaviour.what": (
        "{within}, what {is_what} {condition}?",
        "For {op}, what {is_what} {condition}?",
    ),
    "behaviour.must": (
        "{within}, what must I do {condition}?",
        "{within}, what do I have to do {condition}?",
        "{within}, what do I need to do {condition}?",
    ),
    "behaviour.should": (
        "{within}, what should I do {condition}?",
        "{within}, what do I do {condition}?",
    ),
    "capability.yes": (
        "{within}, can I {do}?",
        "{within}, is it possible to {do}?",
        "{within}, am I able to {do}?",
    ),
    "capability.no": (
        "{within}, can I {do}?",
        "{within}, is it possible to {do}?",
        "{within}, am I allowed to {do}?",
    ),
    "requirement": (
        "{within}, what must {noun} {verb}?",
        "{within}, what does {noun} have to {verb}?",
        "What must {noun} {verb} in a call to {op}?",
    ),
    "definition": (
        "What {is_are} {term} in {service}?",
        "In {service}, what {is_are} {term}?",
        "How does {service} define {term}?",
    ),
}


def choice(seed: int, *parts: str) -> int:
    """A large number that follows from the seed and the parts, the same on every machine."""
    return int.from_bytes(hashlib.sha256("\x1f".join([str(seed), *parts]).encode()).digest()[:8], "big")


def put(form: str, slots: dict[str, str], number: int) -> tuple[str, str]:
    """The question and the name of its phrasing, "limit.length/2"."""
    if "title" in slots:
        cores = DOCUMENT_PHRASINGS[form]
        chosen = number % len(cores)
        return framed(cores[chosen].format(**slots), slots["title"], number // 83), f"{form}/{chosen + 1}"
    phrasings = PHRASINGS[form]
    chosen = number % len(phrasings)
    return phrasings[chosen].format(**slots), f"{form}/{chosen + 1}"
