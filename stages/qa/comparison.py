"""Pairs that compare the same kind of fact in two operations of one service."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from stages.qa.combined_phrasing import COMPARED
from stages.qa.facts import Fact
from stages.qa.shorter import shorter
from stages.qa.subject import Subject
from stages.qa.verify import stem
from stages.qa.writing import Told, pair
from tune_or_retrieve.base.records import Pair

MOST = 2  # comparisons per operation and kind
# Forms that can be compared; those of a parameter only with the same parameter elsewhere.
COMPARABLE = (
    "purpose", "permission", "limit.length", "limit.range", "limit.items", "default.parameter", "valid_values",
    "required", "error.when",
)  # fmt: skip


def comparisons(operations: Sequence[Told], seed: int) -> Iterator[Pair]:
    """Comparisons of operations whose names are akin, spread over the operations."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    comparable = {told.article.id: _comparable(told) for told in operations}
    akin = [(a, b) for a, b in combinations(operations, 2) if related(a.subject.name, b.subject.name)]
    for a, b in sorted(akin, key=lambda both: both[0].number(seed) ^ both[1].number(seed)):
        if a.number(seed) % 2:
            a, b = b, a
        facts, others = comparable[a.article.id], comparable[b.article.id]
        for key in sorted(facts.keys() & others.keys()):
            kind = key[0].partition(".")[0]
            first, second = facts[key], others[key]
            if _differ(a, first, b, second) and max(count[a.article.id, kind], count[b.article.id, kind]) < MOST:
                count[a.article.id, kind] += 1
                count[b.article.id, kind] += 1
                yield _pair(a, first, b, second, kind, seed)


def related(a: str, b: str) -> bool:
    """Are two names of operations akin: "CreateAlias" and "DeleteAlias", "SendMessage" and "SendMessageBatch"?"""
    first, second = ([stem(stem(word)) for word in re.findall(r"[A-Z][a-z]*", name)] for name in (a, b))
    shared = set(first) & set(second)
    other = set(first) ^ set(second)
    return bool(shared) and 0 < len(other) <= 2 and shared != {first[0]} and bool(shared - {first[0], second[0]})


def _comparable(told: Told) -> dict[tuple[str, str], Fact]:
    """Facts by form and by what they are about."""
    found: dict[tuple[str, str], Fact] = {}
    for fact in told.facts:
        if fact.form == "permission" and not fact.slots["do"].startswith(f"call {told.subject.name}"):
            continue
        if fact.form in COMPARABLE:
            found.setdefault((fact.form, fact.slots.get("parameter") or fact.slots.get("error", "")), fact)
    return found


def _differ(a: Told, first: Fact, b: Told, second: Fact) -> bool:
    return _without_names(shorter(first, a.subject), a.subject) != _without_names(shorter(second, b.subject), b.subject)


def _without_names(words: str, subject: Subject) -> str:
    return words.replace(subject.name, "")


def _pair(a: Told, first: Fact, b: Told, second: Fact, kind: str, seed: int) -> Pair:
    number = a.number(seed, first) ^ b.number(seed, second)
    phrasings = COMPARED[kind]
    chosen = number % len(phrasings)
    question = phrasings[chosen].format(**a.slots(first, number), a=a.subject.name, b=b.subject.name)
    answer = shorter(second, b.subject)
    if "parameter" in first.slots:
        answer = f"With {b.subject.name}, {answer[0].lower()}{answer[1:]}"
    return pair(
        question, f"{first.answer} {answer}", [*a.quotes(first), *b.quotes(second)], a.article.service,
        f"comparison.{kind}/{chosen + 1}",
    )  # fmt: skip
