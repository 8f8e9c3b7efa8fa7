"""Pairs of two facts of one operation, asked in one question and answered in two sentences."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stages.qa.reference.phrasings import again, question, slots
from stages.qa.shared.fact_sheet import Fact, FactSheet, pair
from stages.qa.shared.grammar import upper_first
from tune_or_retrieve.base.records import Pair

# Which kinds of fact of one parameter, or of one operation, an engineer asks for together.
OF_PARAMETER = {
    "parameter": ("limit", "default", "valid_values", "required", "behaviour"),
    "limit": ("default", "required", "behaviour"),
    "valid_values": ("default", "required", "valid_values", "behaviour"),
    "default": ("limit", "valid_values", "required"),
    "required": ("limit", "valid_values", "default", "behaviour"),
}
OF_OPERATION = {
    "purpose": ("permission", "error.when", "error.which", "required.all", "limit", "behaviour", "capability"),
    "howto.operation": ("permission", "error.which", "required.all", "limit"),
    "capability": ("behaviour", "limit", "howto", "instead"),
    "permission": ("required.all", "error.which"),
    "behaviour": ("behaviour", "limit"),
    "limit": ("behaviour", "capability"),
    "error.when": ("error.when",),
    "error.which": ("error.which",),
}
NEAR = 600  # characters between two sentences that belong together
MOST_OF_PARAMETERS = 5  # pairs per article
MOST_PER_HEAD = 2  # pairs per article and kind of the first fact
# Facts that hold for all of the operation and go with any other; the rest must stand near the first.
COMMON = {"required", "error"}
WHOLE = ("permission", "required.all", "error.when", "error.which")

# A tail is a direct question without capital and mark, behind a statement or a question that names the subject: its
# "it" is the parameter or the operation named there. Slots as in `stages.qa.reference.phrasings`.
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
    "limit.what": ("what {is_} {what}",),
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


def two_facts(sheet: FactSheet, seed: int) -> Iterator[Pair]:
    yield from _of_parameters(sheet, seed)
    yield from _of_operation(sheet, seed)


def _of_parameters(sheet: FactSheet, seed: int) -> Iterator[Pair]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in sheet.facts:
        if parameter := fact.slots.get("parameter"):
            groups[parameter].append(fact)
    found = [
        (first, second)
        for facts in groups.values()
        for first in facts
        for second in facts
        if second.form in TAILS and second.kind in OF_PARAMETER.get(first.kind, ()) and _apart(first, second)
    ]
    for first, second in _chosen(sheet, found, seed)[:MOST_OF_PARAMETERS]:
        yield _asked(sheet, first, second, PARAMETER_FRAMES, seed)


def _of_operation(sheet: FactSheet, seed: int) -> Iterator[Pair]:
    # A condition that needs its parameter named is of no operation as a whole.
    facts = [f for f in sheet.facts if "parameter" not in f.slots and not f.answer.startswith("For the ")]
    found: dict[str, list[tuple[Fact, Fact]]] = defaultdict(list)
    for first in facts:
        key = first.form if first.form in OF_OPERATION else first.kind
        for second in facts:
            if not {second.form, second.kind} & set(OF_OPERATION.get(key, ())) or second.form not in TAILS:
                continue
            if second.form == "permission" and not second.slots["do"].startswith(f"call {sheet.subject.name} "):
                continue
            if not _apart(first, second) or (key == second.kind and first.start > second.start):
                continue
            if second.form == "instead" and second.start - first.end > 2:
                continue
            if second.form in WHOLE or key == "purpose" or abs(second.start - first.start) <= NEAR:
                found[key].append((first, second))
    for pairs in found.values():
        used: set[str] = set()
        for first, second in _chosen(sheet, pairs, seed):
            if second.form not in used and len(used) < MOST_PER_HEAD:
                used.add(second.form)
                yield _asked(sheet, first, second, OPERATION_FRAMES, seed)


def _apart(first: Fact, second: Fact) -> bool:
    """Are these two facts, each with something to ask? A sentence may tell two, but not the same one twice."""
    return first.form != second.form if first.start == second.start else first.answer != second.answer


def _chosen(sheet: FactSheet, found: Sequence[tuple[Fact, Fact]], seed: int) -> list[tuple[Fact, Fact]]:
    """In an order by chance, what every article has behind what few have."""
    return sorted(found, key=lambda both: (bool({f.kind for f in both} & COMMON), sheet.number(seed, *both)))


def _asked(sheet: FactSheet, first: Fact, second: Fact, frames: Sequence[str], seed: int) -> Pair:
    """The first fact's question with the second's behind it, or a statement that names the subject and both behind."""
    number = sheet.number(seed, first, second)
    tail = _tail(sheet, second, number // 5)
    chosen = number % (len(frames) + 3)
    framed = first.form in TAILS and second.form != "instead" and "op" not in first.slots
    if framed and (chosen < len(frames) or first.form == "permission"):
        head = _tail(sheet, first, number // 11)
        words = {**slots(sheet, first, number), "first": head, "First": upper_first(head), "second": tail}
        asked = upper_first(frames[chosen % len(frames)].format(**words))
    else:
        asked = f"{question(sheet, first, number // 13)[0].removesuffix('?')}, and {tail}?"
    common = COMMON & {first.kind, second.kind}
    group = min(common) if common else f"{first.kind}+{second.kind}"
    answer = f"{first.answer} {again(second, sheet.subject)}"
    return pair(asked, answer, sheet.quotes(first, second), sheet.article.service, f"two_facts.{group}")


def _tail(sheet: FactSheet, fact: Fact, number: int) -> str:
    tails = TAILS[fact.form]
    return tails[number % len(tails)].format(**slots(sheet, fact, number))
