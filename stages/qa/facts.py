"""Facts of an article: what is said, where, and the words that a question about it needs."""

from collections.abc import Iterator
from typing import NamedTuple

from stages.qa.structure import Role, Statement
from stages.qa.subject import Subject, resolve
from stages.qa.text import plain

# Forms that are no question of their own: they answer only behind another fact.
ONLY_BEHIND_ANOTHER = frozenset({"instead"})


class Fact(NamedTuple):
    """One fact, with its evidence ``text[start:end]``."""

    form: str  # key of stages.qa.phrasing.PHRASINGS
    slots: dict[str, str]
    answer: str
    start: int
    end: int
    more: tuple[tuple[int, int], ...] = ()  # spans of what else it rests on


class Reading(NamedTuple):
    """One article, read."""

    subject: Subject
    statements: list[Statement]
    siblings: frozenset[str]  # names of the operations of the same service


def alone(reading: Reading, *roles: Role) -> Iterator[tuple[Statement, str]]:
    """Sentences in places of these roles that need none around them, in plain words that name what "this" is."""
    for statement in reading.statements:
        if statement.place.role in roles and not statement.inside and not statement.narrowed:
            yield statement, resolve(plain(statement.sentence.text), reading.subject, statement.place.parameter)
