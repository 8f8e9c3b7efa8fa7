"""The slices of a set: groups of its questions whose scores are shown apart."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tune_or_retrieve.base.records import Question

_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.|i\.e\.)\s+")
_ASKS_YES_OR_NO = re.compile(
    r"\W*(?:(?:can|could|does|do|did|is|are|was|were|will|would|must|should|has|have|may|might)(?:n['’]t)?|won['’]t)\b",
    re.IGNORECASE,
)


class Slice(NamedTuple):
    by: str  # a key of SLICERS
    name: str


def asks_yes_or_no(question: str) -> bool:
    """Whether the last sentence begins as questions do that a yes or no answers: "Can I ...?", "Is it ...?"."""
    return bool(_ASKS_YES_OR_NO.match(_SENTENCE_END.split(question.strip())[-1]))


SLICERS: dict[str, Callable[[Question], str]] = {
    "article": lambda q: f"{q.slice} articles",
    "yes_no": lambda q: "yes/no questions" if asks_yes_or_no(q.question) else "other questions",
}


def slices(questions: Sequence[Question], by: str) -> dict[Slice, list[Question]]:
    """The slices of one set in order of their names; none if all of its questions are in the same one."""
    names = {q.id: SLICERS[by](q) for q in questions}
    found = sorted(set(names.values()))
    return {Slice(by, name): [q for q in questions if names[q.id] == name] for name in found if len(found) > 1}
