"""A flag set the other way: "set Strict to true for a check", "a check is made if Strict is false"."""

import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.text import Text

_FLAG = re.compile(
    r"\b([A-Za-z]\w*)\b(?:\s+(?:parameter|flag|option|field|is|are|be|must|to|set|as|value|=)){1,4}\s+(true|false)\b",
    re.I,
)


def turned_flags(reference: Text, answer: Text) -> list[tuple[int, int, Contradiction]]:
    """(sentence of the reference, of the answer, what is turned) of each flag that both name, with another value."""
    flags, flags_said = (list(map(_flags, text.sentences)) for text in (reference, answer))
    return [
        (number, place, Contradiction("polarity", f'says "{name} {said[name]}" where it is {value}'))
        for number, own in enumerate(flags)
        for place, said in enumerate(flags_said)
        for name, value in own.items()
        if said.get(name, value) != value
    ]


def wrong_flags(reference: Text, answer: Text) -> list[Contradiction]:
    """If nothing else is denied: "false, and it is not checked" is "true, and it is checked"."""
    return [
        hit
        for number, place, hit in turned_flags(reference, answer)
        if _cues(reference, number) == _cues(answer, place)
    ]


def without_turned_flags(
    hits: list[tuple[Alignment, Contradiction]], reference: Text, answer: Text
) -> list[tuple[Alignment, Contradiction]]:
    """Without a negation that goes with a turned flag."""
    turned = {
        number
        for number, place, _ in turned_flags(reference, answer)
        if _cues(reference, number) != _cues(answer, place)
    }
    return [(row, hit) for row, hit in hits if row.clause.sentence not in turned]


def _flags(sentence: str) -> dict[str, str]:
    return {m[1].lower(): m[2].lower() for m in _FLAG.finditer(sentence)}


def _cues(text: Text, sentence: int) -> int:
    return sum(c.cues for c in text.clauses if c.sentence == sentence) % 2
