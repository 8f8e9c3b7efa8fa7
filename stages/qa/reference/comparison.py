"""Pairs that compare the same kind of fact in two operations of one service."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from stages.qa.reference.phrasings import again, slots
from stages.qa.shared.fact_sheet import Fact, FactSheet, pair
from stages.qa.verify import stem
from tune_or_retrieve.base.records import Pair

MOST = 2  # comparisons per operation and kind
# Forms that can be compared; those of a parameter only with the same parameter elsewhere.
COMPARABLE = (
    "purpose", "permission", "limit.length", "limit.range", "limit.items", "default.parameter", "valid_values",
    "required", "error.when",
)  # fmt: skip
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


def comparisons(operations: Sequence[FactSheet], seed: int) -> Iterator[Pair]:
    """Comparisons of operations with related names, spread over the operations."""
    count: Counter[tuple[str, str]] = Counter()
    comparable = {sheet.article.id: _comparable(sheet) for sheet in operations}
    pairs = [(a, b) for a, b in combinations(operations, 2) if related(a.subject.name, b.subject.name)]
    for a, b in sorted(pairs, key=lambda both: both[0].number(seed) ^ both[1].number(seed)):
        if a.number(seed) % 2:
            a, b = b, a
        facts, others = comparable[a.article.id], comparable[b.article.id]
        for key in sorted(facts.keys() & others.keys()):
            first, second = facts[key], others[key]
            counted = [(sheet.article.id, first.kind) for sheet in (a, b)]
            if _stated(a, first) != _stated(b, second) and all(count[one] < MOST for one in counted):
                count.update(counted)
                yield _pair(a, first, b, second, seed)


def related(a: str, b: str) -> bool:
    """Are two names of operations related: "CreateAlias" and "DeleteAlias", "SendMessage" and "SendMessageBatch"?"""
    first, second = ([stem(stem(word)) for word in re.findall(r"[A-Z][a-z]*", name)] for name in (a, b))
    shared, other = set(first) & set(second), set(first) ^ set(second)
    return 0 < len(other) <= 2 and bool(shared - {first[0], second[0]})


def _comparable(sheet: FactSheet) -> dict[tuple[str, str], Fact]:
    """Facts by form and by what they are about."""
    found: dict[tuple[str, str], Fact] = {}
    for fact in sheet.facts:
        if fact.form == "permission" and not fact.slots["do"].startswith(f"call {sheet.subject.name}"):
            continue
        if fact.form in COMPARABLE:
            found.setdefault((fact.form, fact.slots.get("parameter") or fact.slots.get("error", "")), fact)
    return found


def _stated(sheet: FactSheet, fact: Fact) -> str:
    """What a fact says, whichever operation it is about."""
    return again(fact, sheet.subject).replace(sheet.subject.name, "")


def _pair(a: FactSheet, first: Fact, b: FactSheet, second: Fact, seed: int) -> Pair:
    number = a.number(seed, first) ^ b.number(seed, second)
    phrasings = COMPARED[first.kind]
    chosen = number % len(phrasings)
    question = phrasings[chosen].format(**slots(a, first, number), a=a.subject.name, b=b.subject.name)
    answer = again(second, b.subject)
    if "parameter" in first.slots:
        answer = f"With {b.subject.name}, {answer[0].lower()}{answer[1:]}"
    return pair(
        question, f"{first.answer} {answer}", [*a.quotes(first), *b.quotes(second)], a.article.service,
        f"comparison.{first.kind}/{chosen + 1}",
    )  # fmt: skip
