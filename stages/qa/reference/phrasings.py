"""How questions about API documentation are put: several phrasings for each form of fact, one chosen for each fact.

Slots: {op} names the subject ("PutObject in Amazon S3"), {within} sets the scene ("When calling PutObject in Amazon
S3"), {name} and {service} are its parts; the other slots are words of the fact.
"""

from stages.qa.shared.fact_sheet import Fact, FactSheet
from stages.qa.shared.grammar import upper_first
from stages.qa.shared.subject import Subject

# {op} and {within} of an operation
NAMED = (
    "{name} in {service}",
    "the {name} operation of {service}",
    "the {service} {name} operation",
    "{service} {name}",
)
SCENES = (
    "When calling {name} in {service}",
    "With the {name} operation of {service}",
    "When using {name} in {service}",
    "With {service} {name}",
)

# What a parameter is called the second time.
AGAIN = {"limit.items": "The list", "limit": "The value"}


def slots(sheet: FactSheet, fact: Fact, number: int) -> dict[str, str]:
    """The words that a phrasing may hold."""
    subject = sheet.subject
    named = {"name": subject.name, "service": subject.service}
    if subject.kind == "operation":
        op, within = (forms[number // step % len(forms)].format(**named) for forms, step in ((NAMED, 97), (SCENES, 89)))
    else:
        op, within = subject.name, f"In {subject.service}"
    return {"op": op, "within": within, **named, **fact.slots}


def question(sheet: FactSheet, fact: Fact, number: int) -> tuple[str, str]:
    """The question for a fact, and the name of its phrasing, "limit.length/2"."""
    phrasings = PHRASINGS[fact.form]
    chosen = number % len(phrasings)
    return upper_first(phrasings[chosen].format(**slots(sheet, fact, number))), f"{fact.form}/{chosen + 1}"


def again(fact: Fact, subject: Subject) -> str:
    """The answer of a fact where the sentence before it has named the subject.

    "The default value of the Colour parameter of RentBoat (Harbour) is RED." becomes "The default value is RED.".
    """
    answer = fact.answer
    for opening in ("Yes, ", "No, "):
        answer = upper_first(answer.removeprefix(opening))
    parameter = fact.slots.get("parameter")
    if parameter and fact.form != "behaviour.without":
        owner = f"{parameter} parameter of {subject.answer}"
        again = AGAIN.get(fact.form) or AGAIN.get(fact.form.partition(".")[0], "The parameter")
        answer = answer.replace(f" of the {owner}", "")
        if answer.startswith(f"The {owner}"):
            answer = again + answer.removeprefix(f"The {owner}")
        return answer.partition("; it is ")[0] + "." if fact.form == "required" else answer
    answer = answer.replace(f"The {subject.name} operation of {subject.service} ", f"{subject.name} ")
    return answer.replace(subject.answer, subject.name)


PHRASINGS: dict[str, tuple[str, ...]] = {
    # Parameters and response elements
    "limit.length": (
        "How long can the {parameter} parameter of {op} be?",
        "What is the maximum length of the {parameter} parameter of {op}?",
        "How many {unit} can the {parameter} parameter of {op} have at most?",
        "What length limit applies to the {parameter} parameter of {op}?",
        "I validate input for {op}. How long may {parameter} be?",
        "My value for {parameter} in a call to {op} may be too long. What length is allowed?",
        "How many {unit} am I allowed to pass as {parameter} to {op}?",
    ),
    "limit.range": (
        "What range of values is allowed for the {parameter} parameter of {op}?",
        "What are the smallest and largest values of the {parameter} parameter of {op}?",
        "Between which values must the {parameter} parameter of {op} lie?",
        "What is the valid range of the {parameter} parameter of {op}?",
        "I want to set {parameter} in {op}. Which numbers can I use?",
        "How low and how high can I set {parameter} when I call {op}?",
        "My call to {op} rejects the number that I pass as {parameter}. Which range is valid?",
    ),
    "limit.minimum": (
        "What is the smallest value that the {parameter} parameter of {op} accepts?",
        "What is the minimum value of the {parameter} parameter of {op}?",
        "How low can the {parameter} parameter of {op} be set?",
        "What lower limit applies to the {parameter} parameter of {op}?",
        "I want to set {parameter} in {op} as low as possible. What is the minimum?",
        "How small may the {parameter} that I pass to {op} be?",
    ),
    "limit.maximum": (
        "What is the largest value that the {parameter} parameter of {op} accepts?",
        "What is the maximum value of the {parameter} parameter of {op}?",
        "How high can the {parameter} parameter of {op} be set?",
        "What upper limit applies to the {parameter} parameter of {op}?",
        "I want to set {parameter} in {op} as high as possible. What is the maximum?",
        "How large may the {parameter} that I pass to {op} be?",
    ),
    "limit.items": (
        "How many {unit} can the {parameter} parameter of {op} hold?",
        "How many {unit} can I pass in the {parameter} parameter of {op}?",
        "What is the allowed number of {unit} in the {parameter} parameter of {op}?",
        "How many {unit} does the {parameter} parameter of {op} accept?",
        "I have many {unit} for {parameter} in {op}. How many may I send in one call?",
        "What is the limit on the number of {unit} in {parameter} when I call {op}?",
    ),
    "default.parameter": (
        "What is the default value of the {parameter} parameter of {op}?",
        "Which value does the {parameter} parameter of {op} have by default?",
        "What is the default for the {parameter} parameter of {op}?",
        "Which default applies to the {parameter} parameter of {op}?",
        "I do not set {parameter} when I call {op}. Which value is used?",
        "I call {op} without {parameter}: what is the default?",
        "If I leave {parameter} out of a call to {op}, which value applies?",
    ),
    "valid_values": (
        "Which values does the {parameter} parameter of {op} accept?",
        "What are the valid values of the {parameter} parameter of {op}?",
        "What can the {parameter} parameter of {op} be set to?",
        "Which values are allowed for the {parameter} parameter of {op}?",
        "I have to choose a value for {parameter} in {op}. What are my options?",
        "What can I pass as {parameter} when I call {op}?",
        "My value for {parameter} is refused by {op}. Which ones are valid?",
    ),
    "valid_values.means": (
        "What does the value {value} of the {parameter} parameter of {op} mean?",
        "What happens if I set {parameter} to {value} in a call to {op}?",
        "What is the effect of {value} for the {parameter} parameter of {op}?",
        "What does {value} stand for in the {parameter} parameter of {op}?",
        "I set {parameter} to {value} when calling {op}. What does it do?",
        "In {op}, what does {parameter} set to {value} mean?",
    ),
    "parameter": (
        "What does the {parameter} parameter of {op} specify?",
        "What is the {parameter} parameter of {op} for?",
        "What do I pass in the {parameter} parameter of {op}?",
        "What is the meaning of the {parameter} parameter of {op}?",
        "I do not understand the {parameter} parameter of {op}. What is it for?",
        "I am filling in {parameter} for {op}. What belongs in it?",
        "What am I supposed to put into {parameter} when I call {op}?",
    ),
    "parameter.does": (
        "What does the {parameter} parameter of {op} do?",
        "What is the {parameter} parameter of {op} for?",
        "What is the purpose of the {parameter} parameter of {op}?",
        "What role does the {parameter} parameter play in {op}?",
        "Why would I set {parameter} when I call {op}?",
        "I see {parameter} in code that calls {op}. What does it do?",
    ),
    "required": (
        "Do I have to provide the {parameter} parameter when calling {op}?",
        "Is the {parameter} parameter of {op} required?",
        "Is the {parameter} parameter of {op} mandatory or optional?",
        "Can I leave out the {parameter} parameter of {op}?",
        "Is it OK to call {op} without {parameter}?",
        "I have no value for {parameter}. Can I call {op} anyway?",
        "Must I always pass {parameter} to {op}?",
    ),
    "required.all": (
        "Which parameters must I pass to {op}?",
        "Which parameters of {op} are required?",
        "What do I have to provide when I call {op}?",
        "What does a minimal call to {op} need?",
        "I want to call {op} with as few parameters as possible. Which ones can I not leave out?",
        "Without which parameters does a call to {op} fail?",
    ),
    "behaviour.without": (
        "I call {op} without {parameter}: what do I get?",
        "What happens if I leave {parameter} out of a call to {op}?",
        "What does {op} do if I do not set {parameter}?",
        "I do not pass {parameter} to {op}. What happens?",
        "Is it OK to omit {parameter} when calling {op}, and what happens then?",
        "When calling {op} without the {parameter} parameter, what is the result?",
        "Do I need {parameter} in {op}, or what happens without it?",
    ),
    "return": (
        "What does the {element} element in the response of {op} contain?",
        "What does {op} return in the {element} element of its response?",
        "What is in the {element} element of the response from {op}?",
        "Which information does {element} give in the response of {op}?",
        "I parse the response of {op}. What do I find in {element}?",
        "I called {op} and got back {element}. What is it?",
    ),
    "return.tells": (
        "What does the {element} element in the response of {op} tell me?",
        "What does {element} mean in the response of {op}?",
        "Which information does {element} give in the response of {op}?",
        "How do I interpret {element} in the response of {op}?",
        "I called {op} and got back {element}. What does it tell me?",
        "I see {element} in what {op} returns. How should I read it?",
    ),
    # Operations and services
    "purpose": (
        "What does {op} do?",
        "What is {op} used for?",
        "What is the purpose of {op}?",
        "In {service}, what does {name} do?",
        "What is the {name} operation for in {service}?",
        "I found a call to {op} in our code. What does it do?",
        "What would I call {op} for?",
    ),
    "purpose.which": (
        "Which {service} operation {does}?",
        "Which operation of {service} {does}?",
        "Which API operation in {service} {does}?",
        "What is the name of the {service} operation that {does}?",
        "Is there a {service} operation that {does}, and what is it called?",
        "I am looking for the {service} operation that {does}. Which one is it?",
    ),
    "howto.operation": (
        "How do I {do} in {service}?",
        "How can I {do} with {service}?",
        "Which {service} operation do I call to {do}?",
        "What do I call in {service} to {do}?",
        "I want to {do} in {service}. How do I do it?",
        "I need to {do} with {service}. Which operation should I call?",
        "My script has to {do} in {service}. What do I call?",
    ),
    "howto.use": (
        "{within}, how do I {do}?",
        "{within}, how can I {do}?",
        "{within}, what do I do to {do}?",
        "How do I {do} when I work with {op}?",
        "I am working with {op} and want to {do}. How?",
        "I need to {do} and I am using {op}. What do I have to do?",
    ),
    "howto.other": (
        "Besides {name}, which {service} operation do I use to {do}?",
        "When working with {name} in {service}, which other operation do I use to {do}?",
        "Which {service} operation other than {name} do I use to {do}?",
        "I am using {name} in {service}: which other operation do I call to {do}?",
        "I call {name} in {service} and also want to {do}. Which operation does it?",
        "If {name} is not the right {service} operation to {do}, which one is?",
    ),
    "limit.many": (
        "{within}, how many {unit} {can} {rest}?",
        "{within}, how many {unit} at most {can} {rest}?",
        "{within}, what is the largest number of {unit} that {that}?",
        "I am planning for {op}. How many {unit} {can} {rest}?",
        "Is there a limit on the {unit} that {that} with {op}, and what is it?",
        "For {op}, how many {unit} {can} {rest}?",
    ),
    "limit.what": (
        "{within}, what {is_} {what}?",
        "What {is_} {what} for {op}?",
        "For {op}, what {is_} {what}?",
        "I am planning a call to {op}. What {is_} {what}?",
        "I need to know {what} for {op}. What {is_} it?",
        "Can you tell me what {what} {is_} for {op}?",
    ),
    "error.when": (
        "When does {op} return {error}?",
        "What does it mean if {op} returns {error}?",
        "What is the reason for {error} from {op}?",
        "Why does {op} fail with {error}?",
        "Why do I get {error} from {op}?",
        "My call to {op} fails with {error}. What is wrong?",
        "{op} gives me {error}. What is the cause?",
        "I see {error} in my logs right after a call to {op}. Why?",
    ),
    "error.which": (
        "Which error does {op} return if {condition}?",
        "Which exception do I get from {op} if {condition}?",
        "What error is returned by {op} when {condition}?",
        "With which error does {op} fail if {condition}?",
        "I call {op} and {condition}. Which error do I get?",
        "Which exception should my code catch in case {condition} when I call {op}?",
    ),
    "permission": (
        "Which {permissions} do I need to {do}?",
        "What {permissions} must I have to {do}?",
        "Which {permissions} {are} required to {do}?",
        "To {do}, which {permissions} must I have?",
        "What {permissions} do I need before I can {do}?",
        "I am denied access when I try to {do}. Which {permissions} do I need?",
        "I write an IAM policy for a user who has to {do}. Which {permissions} {are} needed?",
    ),
    "behaviour.happens": (
        "{within}, what happens {condition}?",
        "In a call to {op}, what happens {condition}?",
        "{condition_first}, what happens with {op}?",
        "How does {op} behave {condition}?",
        "I am calling {op}. What happens {condition}?",
        "What should I expect from {op} {condition}?",
    ),
    "behaviour.parameter": (
        "For {op}, what happens {condition}?",
        "Regarding {op}, what happens {condition}?",
        "As for {op}, what happens {condition}?",
        "I am setting {op}. What happens {condition}?",
        "I have a question about {op}: what happens {condition}?",
        "I use {op} in my code. What happens {condition}?",
    ),
    "behaviour.named": (
        "In {service}, what happens {condition}?",
        "What happens in {service} {condition}?",
        "{condition_first}, what happens in {service}?",
        "I work with {service}. What happens {condition}?",
        "What should I expect in {service} {condition}?",
        "How does {service} react {condition}?",
    ),
    "behaviour.what": (
        "{within}, what {is_what} {condition}?",
        "For {op}, what {is_what} {condition}?",
        "I am calling {op}. What {is_what} {condition}?",
        "What {is_what} in {op} {condition}?",
        "{condition_first}, what {is_what} for {op}?",
        "In a call to {op}, what {is_what} {condition}?",
    ),
    "behaviour.must": (
        "{within}, what must I do {condition}?",
        "{within}, what do I have to do {condition}?",
        "{within}, what do I need to do {condition}?",
        "I am working with {op}. What must I do {condition}?",
        "For {op}, is there something I have to do {condition}, and what?",
        "What does {op} require of me {condition}?",
    ),
    "behaviour.should": (
        "{within}, what should I do {condition}?",
        "{within}, what do I do {condition}?",
        "I am working with {op}. What should I do {condition}?",
        "For {op}, what is the advice {condition}?",
        "What is the right thing to do with {op} {condition}?",
        "With {op}, how should I proceed {condition}?",
    ),
    "behaviour.before": (
        "{within}, what must I do before I can {do}?",
        "I want to {do} with {op}. What do I have to do first?",
        "What do I need to do before I {do} with {op}?",
        "I am working with {op}. Can I {do} right away, or what comes first?",
        "My attempt to {do} with {op} is refused. What did I have to do before?",
        "With {op}, what has to be done first if I want to {do}?",
    ),
    "capability.yes": (
        "{within}, can I {do}?",
        "{within}, is it possible to {do}?",
        "{within}, am I able to {do}?",
        "I am using {op}. Can I {do}?",
        "Is there a way to {do} with {op}?",
        "I would like to {do}. Is it possible with {op}?",
    ),
    "capability.no": (
        "{within}, can I {do}?",
        "{within}, is it possible to {do}?",
        "{within}, am I allowed to {do}?",
        "Is it OK to {do} with {op}?",
        "I would like to {do}. Is it possible with {op}?",
        "I am using {op}. Can I {do}?",
    ),
    "requirement": (
        "{within}, what must {noun} {verb}?",
        "{within}, what does {noun} have to {verb}?",
        "What must {noun} {verb} in a call to {op}?",
        "I am preparing a call to {op}. What must {noun} {verb}?",
        "For {op}, what does {noun} need to {verb}?",
        "My call to {op} is refused. What must {noun} {verb}?",
    ),
    "definition": (
        "What is {term} in {service}?",
        "In {service}, what is {term}?",
        "How does {service} define {term}?",
        "I am new to {service}. What is {term}?",
        "What does {service} mean by {term}?",
        "Somebody spoke of {term} in {service}. What is {term}?",
    ),
}
