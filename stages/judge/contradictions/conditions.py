"""With and without it: "if no filter is given" against "with a filter"."""

import itertools
import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import match
from stages.judge.text import Clause, Text, read
from stages.judge.tokens import Token

_ONLY_IF = re.compile(r"\bonly\s+(?:if|when|while|after|once)\s+", re.IGNORECASE)
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


def turned_only(reference: Text, answer: Text) -> list[Contradiction]:
    """ "Only after it is disabled" against "only while it is enabled"."""
    hits = []
    for own, said in itertools.product(map(_only_if, reference.sentences), map(_only_if, answer.sentences)):
        if own is None or said is None or own[0] != said[0]:
            continue
        signs, signs_said = own[1], said[1]
        if any(signs_said.get(key, sign) != sign for key, sign in signs.items()) and signs.keys() == signs_said.keys():
            hits.append(Contradiction("polarity", "says the opposite of the only condition"))
    return hits


def _only_if(sentence: str) -> tuple[int, dict[str, int]] | None:
    """Whether it is denied, and the tokens of the condition with their signs."""
    head, *tail = _ONLY_IF.split(sentence, maxsplit=1)
    if not tail:
        return None
    signs = {t.key: t.sign for t in read(tail[0]).tokens}
    return sum(c.cues for c in read(head).clauses) % 2, signs


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
