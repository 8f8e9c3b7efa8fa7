"""Pairs of two facts of one article, asked in one question and answered in two sentences."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from stages.qa.combined_phrasing import OPERATION_FRAMES, PARAMETER_FRAMES, TAILS
from stages.qa.document_phrasing import core, framed
from stages.qa.facts import Fact
from stages.qa.grammar import upper_first
from stages.qa.shorter import shorter
from stages.qa.writing import Told, pair
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


def two_facts(told: Told, seed: int) -> Iterator[Pair]:
    if told.subject.kind == "document":
        yield from _of_document(told, seed)
        return
    yield from _of_parameters(told, seed)
    yield from _of_operation(told, seed)


def _of_document(told: Told, seed: int) -> Iterator[Pair]:
    """Facts that stand side by side: a document does not say what else belongs together."""
    for first, second in pairwise(told.facts):
        number = told.number(seed, first, second)
        words = f"{core(first.form, first.slots, number)}, and {core(second.form, second.slots, number // 7)}"
        question = framed(words, told.subject.name, number // 83)
        yield _pair(told, question, first, second)


def _of_parameters(told: Told, seed: int) -> Iterator[Pair]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in told.facts:
        if parameter := fact.slots.get("parameter"):
            groups[parameter].append(fact)
    found = [
        (first, second)
        for facts in groups.values()
        for first in facts
        for second in facts
        if second.form in TAILS and kind(second) in OF_PARAMETER.get(kind(first), ()) and _apart(first, second)
    ]
    for first, second in _chosen(told, found, seed)[:MOST_OF_PARAMETERS]:
        yield _asked(told, first, second, PARAMETER_FRAMES, seed)


def _of_operation(told: Told, seed: int) -> Iterator[Pair]:
    # A condition that needs its parameter named is of no operation as a whole.
    facts = [f for f in told.facts if "parameter" not in f.slots and not f.answer.startswith("For the ")]
    found: dict[str, list[tuple[Fact, Fact]]] = defaultdict(list)
    for first in facts:
        key = first.form if first.form in OF_OPERATION else kind(first)
        for second in facts:
            if not {second.form, kind(second)} & set(OF_OPERATION.get(key, ())) or second.form not in TAILS:
                continue
            if second.form == "permission" and not second.slots["do"].startswith(f"call {told.subject.name} "):
                continue
            if not _apart(first, second) or (key == kind(second) and first.start > second.start):
                continue
            if second.form == "instead" and second.start - first.end > 2:
                continue
            if second.form in WHOLE or key == "purpose" or abs(second.start - first.start) <= NEAR:
                found[key].append((first, second))
    for pairs in found.values():
        used: set[str] = set()
        for first, second in _chosen(told, pairs, seed):
            if second.form not in used and len(used) < MOST_PER_HEAD:
                used.add(second.form)
                yield _asked(told, first, second, OPERATION_FRAMES, seed)


def kind(fact: Fact) -> str:
    return fact.form.partition(".")[0]


def _apart(first: Fact, second: Fact) -> bool:
    """Are these two facts, each with something to ask? A sentence may tell two, but not the same one twice."""
    return first.form != second.form if first.start == second.start else first.answer != second.answer


def _chosen(told: Told, found: Sequence[tuple[Fact, Fact]], seed: int) -> list[tuple[Fact, Fact]]:
    """In an order by chance, what every article has behind what few have."""
    return sorted(found, key=lambda both: (bool({kind(f) for f in both} & COMMON), told.number(seed, *both)))


def _asked(told: Told, first: Fact, second: Fact, frames: Sequence[str], seed: int) -> Pair:
    """The first fact's question with the second's behind it, or a statement that names the subject and both behind."""
    number = told.number(seed, first, second)
    slots = told.slots(first, number)
    tail = _tail(told, second, number // 5)
    choice = number % (len(frames) + 3)
    framed_ = first.form in TAILS and second.form != "instead" and "op" not in first.slots
    if framed_ and (choice < len(frames) or first.form == "permission"):
        words = _tail(told, first, number // 11)
        slots |= {"first": words, "First": upper_first(words), "second": tail}
        question = upper_first(frames[choice % len(frames)].format(**slots))
    else:
        question = f"{told.asked(first, number // 13)[0].removesuffix('?')}, and {tail}?"
    return _pair(told, question, first, second)


def _tail(told: Told, fact: Fact, number: int) -> str:
    tails = TAILS[fact.form]
    return tails[number % len(tails)].format(**told.slots(fact, number))


def _pair(told: Told, question: str, first: Fact, second: Fact) -> Pair:
    answer = f"{first.answer} {shorter(second, told.subject)}"
    quotes = [*told.quotes(first), *told.quotes(second)]
    common = COMMON & {kind(first), kind(second)}
    group = min(common) if common else f"{kind(first)}+{kind(second)}"
    return pair(question, answer, quotes, told.article.service, f"two_facts.{group}")
