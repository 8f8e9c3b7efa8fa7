"""With and without it: "if no filter is given" against "with a filter"."""

import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import match
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token

_WITH = re.compile(r"\bwith\s+(?!no\b|not\b)([^,;.]+)", re.IGNORECASE)


def with_and_without(rows: list[Alignment], reference: Text, answer: Text) -> list[tuple[int, Contradiction]]:
    """What one side says of the case that something is missing, and the other with it there; either way round."""
    hits = []
    for number, row in enumerate(rows):
        for clause, other, text in [(row.clause, c, answer) for c in answer.clauses] + [
            (c, row.clause, reference) for c in answer.clauses
        ]:
            missing = _missing(clause)
            if missing and _is_with(missing, other) and not any(_lacks(c, missing) for c in text.clauses):
                hits.append((number, Contradiction("polarity", f'"with" it where the other side says "{clause.text}"')))
    return hits


def _missing(clause: Clause) -> list[Token]:
    """What must be missing, if the clause is a condition that something is."""
    if clause.link not in {"if", "when"} or clause.cues != 1:
        return []
    return [t for t in clause.tokens if t.negated and not (t.weak and t.kind == "word")]


def _is_with(things: list[Token], clause: Clause) -> bool:
    """Whether a phrase "with ..." of the clause names all of them."""
    for phrase in _WITH.finditer(clause.text):
        inside = [t for t in clause.tokens if phrase.start() <= t.start < phrase.end() and not t.negated]
        if all(any(match(t, u) for u in inside) for t in things):
            return True
    return False


def _lacks(clause: Clause, things: list[Token]) -> bool:
    return all(any(match(t, u) and u.negated for u in clause.tokens) for t in things)
