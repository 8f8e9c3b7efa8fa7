"""Times of the day, sums, ranges and rates brought to one notation, so that equal ones are equal."""

import re
from collections.abc import Callable

from tune_or_retrieve.text.numbers import SMALL

_SMALL = {word: str(number) for number, word in enumerate(SMALL[:11]) if number}
_SUM = r"(\d[\d.,]*\d|\d)((?:[kKM]\b| +(?:thousand|million|billion)\b)?)"
_UNITS = r"(?:seconds|minutes|hours|days|weeks|months|years|[KMGT]i?B|percent|characters)"
_ADVERB = r"(?=\s*(?:[.,;:]|$)|\s+(?:for|by|in|at|and|or|to|on|until|from|with|if|when|unless)\b)"  # no noun follows


def _clock(match: re.Match) -> str:
    """ "10 p.m." as a clock of 24 hours has it."""
    hour = int(match[1]) % 12 + 12 * (match[3].lower() == "p")
    return f"{hour:02}:{match[2] or '00'}"


def _sum_of(currency: str) -> Callable[[re.Match], str]:
    """ "$5 million" with the currency behind."""
    return lambda match: f"{match[1] or match[3]}{match[2] or match[4] or ''} {currency}"


_FORMS = [
    (rf"\b({'|'.join(_SMALL)}|\d+)\s+and\s+a\s+half\b", lambda m: f"{_SMALL.get(m[1].lower(), m[1])}.5"),
    # The full stop of "p.m." ends a sentence where a capital follows.
    (r"\b(\d{1,2})(?::(\d\d))?\s*([ap])\.?m\b(?:\.(?!\s+(?-i:[A-Z])|\s*$))?", _clock),
    (r"(?<![\d:.])(\d:\d\d)(?![\d:])", r"0\1"),
    (rf"(?:€|\bEUR\b) ?{_SUM}|\b{_SUM} ?(?:€|EUR\b)(?! ?\d)", _sum_of("euros")),
    (rf"(?<!\w)(?:\$|USD\b) ?{_SUM}|\b{_SUM} ?USD\b(?! ?\d)", _sum_of("dollars")),
    (r" ?(?:° ?C\b|\bdegrees?\s+Celsius\b)", " celsius"),
    (rf"(?<![\w.-])(\d+)\s*[-–]\s*(\d+)(?=\s+{_UNITS}\b)", r"\1 to \2"),
    (rf"\b(hour|week|month|year)ly{_ADVERB}", r"every 1 \1"),
    (rf"\bdaily{_ADVERB}", "every 1 day"),
]
_FORMS_RE = [(re.compile(pattern, re.IGNORECASE), new) for pattern, new in _FORMS]


def in_one_notation(text: str) -> str:
    for pattern, new in _FORMS_RE:
        text = pattern.sub(new, text)
    return text
