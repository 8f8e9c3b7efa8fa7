"""The right number of the wrong things."""

import itertools
import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import found, match
from stages.judge.text import Clause
from stages.judge.tokens import Token

_COUNTED = re.compile(
    r"(.*?)(?=$|[,;:.()]|\b(?:of|in|on|for|to|from|by|with|per|at|that|and|or|is|are|can|may|must)\b)"
)


def exchanged_counts(clause: Clause, other: Clause) -> list[Contradiction]:
    """The right number of the wrong things: "10 policies to a role", "a policy to 10 roles"."""
    hits = []
    for one, two in itertools.product(_counts(clause), _counts(other)):
        what, what_other = _counted(one, clause), _counted(two, other)
        if not match(one, two) or not what or not what_other or {t.key for t in what} & {t.key for t in what_other}:
            continue
        if all(found(t, other.tokens) for t in what) and all(found(t, clause.tokens) for t in what_other):
            hits.append(Contradiction("roles", f'counts "{what_other[-1].text}" and not "{what[-1].text}"'))
    return hits


def _counts(clause: Clause) -> list[Token]:
    return [t for t in clause.tokens if t.kind == "quantity" and t.quantity.counts_things]


def _counted(token: Token, clause: Clause) -> list[Token]:
    end = _COUNTED.match(clause.text, token.end).end()
    return [t for t in clause.tokens if token.end <= t.start < end]
