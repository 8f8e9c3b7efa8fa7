"""Negations that say the same the other way round: "cannot X unless Y", "can X only if Y"."""

import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import match
from stages.judge.text import Clause, Text

_ONLY = re.compile(r"\bonly\b", re.IGNORECASE)
_PURPOSE = re.compile(r"\W*(?:to|for|before|in\s+order\s+to)\b", re.IGNORECASE)  # "to do A, do B": no A unless B
_ONLY_IF = re.compile(r"\bonly\s+(?:if|when|while|after)\b", re.IGNORECASE)


def without_contraposition(
    hits: list[tuple[Alignment, Contradiction]], rows: list[Alignment], reference: Text, answer: Text
) -> list[Contradiction]:
    """ "Cannot X unless Y" is "can X only if Y" or "if not Y, cannot X": a flip beside a turned condition is none."""
    turned = {row.clause.sentence for row in rows if row.best is not None and is_unless_turned(row.clause, row.best)}
    flipped: dict[int, set[int]] = {}
    for row, _ in hits:
        flipped.setdefault(row.clause.sentence, set()).add(id(row.clause))
    exempt = {id(row.clause) for row, _ in hits if _is_exempted(row, reference)}
    conditional = {row.clause.sentence for row in rows if row.clause.link in {"unless", "until"}} | {
        row.clause.sentence
        for row in rows
        if _ONLY_IF.search(reference.sentences[row.clause.sentence])
        or (row.best is not None and _ONLY_IF.search(answer.sentences[row.best.sentence]))
    }
    return [
        hit
        for row, hit in hits
        if row.clause.sentence not in turned
        and id(row.clause) not in exempt
        and not (_PURPOSE.match(row.clause.text) and row.best and _is_main_of_unless(row.best, answer))
        and not (row.clause.sentence in conditional and len(flipped[row.clause.sentence]) > 1)
    ]


def is_unless_turned(clause: Clause, other: Clause) -> bool:
    """ "If" in the one, "unless" in the other."""
    return {clause.link, other.link} in ({"if", "unless"}, {"when", "unless"})


def _is_main_of_unless(clause: Clause, text: Text) -> bool:
    return clause.cues == 1 and "unless" in links_beside(clause, text)


def links_beside(clause: Clause, text: Text) -> list[str]:
    return [c.link for c in text.beside(clause)]


def _is_exempted(row: Alignment, reference: Text) -> bool:
    """ "Not sent unless tagged" is "only tagged ones are sent", "sent unless tagged" is "tagged ones are not sent"."""
    best = row.best
    if best is None or (row.clause.cues - best.cues) % 2 == 0 or bool(_ONLY.search(best.text)) != bool(row.clause.cues):
        return False
    return any(
        all(any(match(t, u) and t.sign == u.sign for u in best.tokens) for t in c.tokens)
        for c in reference.beside(row.clause)
        if c.link == "unless"
    )
