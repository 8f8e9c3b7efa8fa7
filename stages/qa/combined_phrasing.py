"""How questions about two facts are put.

A tail is a direct question without capital and mark, behind a statement or a question that names the subject: its "it"
is the parameter or the operation that stands there. Slots as in `stages.qa.phrasing`.
"""

TAILS: dict[str, tuple[str, ...]] = {
    # of a parameter
    "parameter": ("what is it for", "what do I pass in it", "what does it specify"),
    "parameter.does": ("what does it do", "what is it for"),
    "limit.length": ("how long can it be", "what length is allowed", "how many {unit} may it have"),
    "limit.range": (
        "which range of values is allowed",
        "between which values must it lie",
        "how low or high can it be",
    ),
    "limit.minimum": ("what is the smallest allowed value", "how low can I set it"),
    "limit.maximum": ("what is the largest allowed value", "how high can I set it"),
    "limit.items": ("how many {unit} can it hold", "how many {unit} may I pass"),
    "default.parameter": ("what is its default", "which value does it have by default", "what is the default"),
    "valid_values": ("which values does it accept", "which values can I choose from", "which values are valid"),
    "valid_values.means": ("what does {value} mean", "what does the value {value} do", "what do I get with {value}"),
    "required": ("do I have to provide it", "is it required", "can I leave it out", "must I always pass it"),
    "behaviour.without": ("what happens if I leave it out", "what if I do not set it", "what happens without it"),
    # of an operation
    "required.all": ("which parameters must I pass", "which parameters are required", "what do I have to pass"),
    "permission": ("which {permissions} do I need", "which {permissions} {are} required"),
    "error.when": (
        "when does it return {error}",
        "why would it return {error}",
        "when does the call fail with {error}",
    ),
    "error.which": ("which error do I get if {condition}", "which error comes back if {condition}"),
    "behaviour.happens": ("what happens {condition}",),
    "behaviour.named": ("what happens {condition}",),
    "behaviour.must": ("what must I do {condition}", "what do I need to do {condition}"),
    "behaviour.should": ("what should I do {condition}",),
    "behaviour.before": ("what must I do before I can {do}", "what comes first if I want to {do}"),
    "behaviour.what": ("what {is_what} {condition}",),
    "limit.many": ("how many {unit} {can} {rest}",),
    "limit.what": ("what {is} {what}",),
    "capability.yes": ("can I {do}", "is it possible to {do}"),
    "capability.no": ("can I {do}", "is it possible to {do}"),
    "howto.use": ("how do I {do}",),
    "howto.other": ("how do I {do}", "which operation do I use to {do}"),
    "instead": ("what should I do if not", "if not, what do I do", "what can I do if I cannot"),
}
# What names the parameter or the operation before two tails.
PARAMETER_FRAMES = (
    "About the {parameter} parameter of {op}: {first}, and {second}?",
    "I want to set the {parameter} parameter of {op}: {first}, and {second}?",
    "I am looking at the {parameter} parameter of {op}. {First}, and {second}?",
    "{op} has a parameter {parameter}: {first}, and {second}?",
)
OPERATION_FRAMES = (
    "{within}, {first}, and {second}?",
    "I am calling {op}: {first}, and {second}?",
    "I want to use {op}. {First}, and {second}?",
    "For a call to {op}, {first}, and {second}?",
)
# Two operations a and b of one service. {op} names a.
COMPARED: dict[str, tuple[str, ...]] = {
    "purpose": (
        "How does {a} differ from {b} in {service}?",
        "What is the difference between {a} and {b} in {service}?",
        "What does {a} do in {service}, compared with {b}?",
        "I cannot tell {a} and {b} of {service} apart. What does each of them do?",
        "In {service}, what is {a} for and what is {b} for?",
        "{service} has {a} and {b}: what does each of the two do?",
    ),
    "limit": (
        "What limit does the {parameter} parameter have in {a} of {service}, compared with {b}?",
        "How does the limit of the {parameter} parameter differ between {a} and {b} in {service}?",
        "In {service}, which limit applies to {parameter} in {a}, and which in {b}?",
        "I pass {parameter} to {a} and to {b} in {service}. Which limit applies in each of them?",
        "Which limit do I have to respect for {parameter} in {a} of {service}, and which in {b}?",
    ),
    "default": (
        "How does the default of the {parameter} parameter differ between {a} and {b} in {service}?",
        "What is the default of {parameter} in {a} of {service}, compared with {b}?",
        "In {service}, which default does {parameter} have in {a}, and which in {b}?",
        "I leave {parameter} out of {a} and {b} in {service}. Which default applies in each of them?",
        "What does {parameter} default to in {a} of {service}, and what in {b}?",
    ),
    "valid_values": (
        "Which values does {parameter} accept in {a} of {service}, compared with {b}?",
        "How do the valid values of the {parameter} parameter differ between {a} and {b} in {service}?",
        "In {service}, what can I set {parameter} to in {a}, and what in {b}?",
        "I set {parameter} in {a} and in {b} of {service}. Which values are valid in each of them?",
        "What are the valid values of {parameter} for {a} and for {b} in {service}?",
    ),
    "required": (
        "Is the {parameter} parameter required in {a} as well as in {b} of {service}?",
        "Do I have to pass {parameter} to {a} as well as to {b} in {service}?",
        "In {service}, can I leave out {parameter} in {a} and in {b}?",
        "I call {a} and {b} in {service}. For which of them is {parameter} required?",
        "Is {parameter} optional in {a} of {service}, compared with {b}?",
    ),
    "permission": (
        "Which permissions do I need to call {a} in {service}, compared with {b}?",
        "In {service}, which permission does {a} need, and which does {b} need?",
        "How do the permissions required for {a} and {b} in {service} differ?",
        "I want to call {a} and {b} in {service}. Which permission does each of them need?",
        "What permission do I need for {a} and what for {b} in {service}?",
    ),
    "error": (
        "When do {a} and {b} of {service} return {error}?",
        "What does {error} mean for {a} in {service}, compared with {b}?",
        "In {service}, when does {a} fail with {error}, and when does {b}?",
        "I get {error} from {a} and from {b} in {service}. What is the cause in each case?",
        "How does the reason for {error} differ between {a} and {b} in {service}?",
    ),
}
