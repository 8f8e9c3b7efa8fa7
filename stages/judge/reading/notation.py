"""Times of day, sums of money, ranges and rates brought to one notation, so that equal ones are equal."""

import re

from stages.judge.reading.units import TIMES
from tune_or_retrieve.text.numbers import SMALL

_SMALL = {word: str(number) for number, word in enumerate(SMALL[:11]) if number}
_SUM = r"\d(?:[\d.,]*\d)?"
_SCALE = r"(?:[kKM]\b| (?:thousand|million|billion)\b)?"
_CURRENCIES = {"euros": r"€|EUR\b", "dollars": r"(?:US)?\$|USD\b", "pounds": r"£|GBP\b"}
_ADVERB = r"(?=\s*(?:[.,;:]|$)|\s+(?:for|by|in|at|and|or|to|on|until|from|with|if|when|unless)\b)"  # no noun follows


def _clock(match: re.Match) -> str:
    """ "10 p.m." as a clock of 24 hours has it."""
    hour = int(match[1]) % 12 + 12 * (match[3].lower() == "p")
    return f"{hour:02}:{match[2] or '00'}"


_FORMS = [
    (rf"\b({'|'.join(_SMALL)}|\d+)\s+and\s+a\s+half\b", lambda m: f"{_SMALL.get(m[1].lower(), m[1])}.5"),
    (rf"\b(?:an?|one)\s+({TIMES})\s+and\s+a\s+half\b", r"1.5 \1s"),
    # The full stop of "p.m." ends a sentence where a capital follows.
    (r"\b(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?m\b(?:\.(?!\s+(?-i:[A-Z])|\s*$))?", _clock),
    (r"(?<![\d:.])(\d:\d\d)(?![\d:])", r"0\1"),
    (r"(?<![\w.:/-])(\d[\d,]*)\s*[-–]\s*(\d[\d,]*)(?![\w.:/-]*\d|-)", r"\1 to \2"),
    (r"(\d\d:\d\d)\s*[-–]\s*(?=\d\d:\d\d)", r"\1 to "),
    *((rf"(?<!\w)(?:{sign}) ?({_SUM}{_SCALE})", rf"\1 {name}") for name, sign in _CURRENCIES.items()),
    (r"\bUS dollars?\b", "dollars"),
    (r"\bdegrees?\s+(Celsius|Fahrenheit)\b", r"\1"),
    (r"\b(hour|week|month|year)ly" + _ADVERB, r"a \1"),
    (r"\bdaily" + _ADVERB, "a day"),
    (rf"(?<=\w)/(?=(?:{TIMES})\b)", " 1 "),
    (rf"\b(?:per|each|every)\s+(?=(?:{TIMES})\b)", "1 "),
    (r"\bper\s+cent\b", "percent"),
]  # fmt: skip
_FORMS_RE = [(re.compile(pattern, re.IGNORECASE), new) for pattern, new in _FORMS]


def in_one_notation(text: str) -> str:
    for pattern, new in _FORMS_RE:
        text = pattern.sub(new, text)
    return text
