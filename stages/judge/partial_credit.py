"""The lower end of the scale, as people use it: an answer to the point but wrong is worth more than babble."""

from typing import Literal

from stages.judge.reading import style

Wrong = Literal["", "contrary", "other"]  # nothing wrong is said, the opposite of the reference, or something else

# Points of an answer that says nothing of the reference but speaks of what was asked; chosen, as is the bend, on
# answers that people had labelled.
_TO_THE_POINT = 2.0
_WRONG = 1.5  # of one that gives another amount, name or role
_BEND = 1.5  # exponent: a half-met reference is worth less than half
_LENGTH = 0.1  # how fast a longer answer loses those points, per length of the reference


def partial_credit(
    overall: float,
    raw: str,
    reference: str,
    completeness: float,
    grounded: float,
    wrong: Wrong,
    most: float = 10.0,
) -> float:
    """The score 0-`most` of an answer `raw` that has `overall` 0-10 for what it says of the reference, loops apart.

    `completeness` 0-1 is the share of the reference that it says, `grounded` 0-1 the share of it that reference or
    question speak of. One that says the opposite of the reference gets nothing for speaking of it.
    """
    points = {"contrary": 0.0, "other": _WRONG, "": _TO_THE_POINT}[wrong]
    length = max(1.0, len(style.words_of(raw)) / max(12, len(style.words_of(reference))))
    points *= grounded**0.5 * (1 - style.repetition(raw)) ** 2 / (1 + _LENGTH * (length - 1))
    bent = overall if wrong else 10 * (overall / 10) ** _BEND
    bent = style.after_babble(bent, raw, completeness)  # after the bend: a loop costs once
    points = min(points, most)
    return min(most, points + (1 - points / (most or 1.0)) * bent)
