"""How often: "ten times per second" and "ten times a minute"."""

import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.text import Text

_PER = re.compile(
    r"(?:\s+(?!and\b|or\b|to\b)[\w'-]+){0,5}?\s+(?:per|an?|each|every)\s+(?:1\s+|one\s+|single\s+)*"
    r"(second|minute|hour|day|week|month|year)\b",
    re.IGNORECASE,
)


def other_rates(reference: Text, answer: Text) -> list[Contradiction]:
    """The same number in another time."""
    rates, said = _rates(reference), _rates(answer)
    return [
        Contradiction(
            "amount", f'says "{number:g} per {"/".join(sorted(said[number]))}", not per {"/".join(sorted(units))}'
        )
        for number, units in rates.items()
        if number in said and not units & said[number]
    ]


def _rates(text: Text) -> dict[float, set[str]]:
    found: dict[float, set[str]] = {}
    for clause in text.clauses:
        for token in clause.tokens:
            per = _PER.match(clause.text, token.end)
            if per and token.quantity and token.quantity.family in {"count", "bytes"}:
                found.setdefault(token.quantity.raw, set()).add(per[1].lower())
    return found
