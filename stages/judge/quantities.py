"""Numbers with their units, read from prose so that equal quantities are equal however they are written."""

import re
from dataclasses import dataclass
from typing import Literal

from tune_or_retrieve.text.numbers import SMALL

Bound = Literal["max", "min", "above", "below", "default", ""]

_TIME = {"millisecond": 0.001, "ms": 0.001, "second": 1, "s": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600,
         "hr": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}  # fmt: skip
_SIZE = {"byte": 0, "kb": 1, "kib": 1, "kilobyte": 1, "kibibyte": 1, "mb": 2, "mib": 2, "megabyte": 2, "mebibyte": 2,
         "gb": 3, "gib": 3, "gigabyte": 3, "gibibyte": 3, "tb": 4, "tib": 4, "terabyte": 4, "tebibyte": 4, "pb": 5,
         "petabyte": 5}  # fmt: skip
_OTHER = {"character": "characters", "char": "characters", "percent": "percent", "%": "percent", "percentage": "percent",  # noqa: E501
          "bit": "bits", "dollar": "money", "cent": "cents", "word": "words"}  # fmt: skip
_ONES = {word: n for n, word in enumerate(SMALL)}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "dozen": 12}

_NUMBER_WORD = "|".join([*_ONES, *_TENS, *_SCALE])
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT = (
    r"milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|bytes?|[kmgtp]i?b|"
    r"(?:kilo|mega|giga|tera|peta|kibi|mebi|gibi|tebi)bytes?|characters?|chars?|percent(?:age)?|%|bits?|words?|dollars?|cents?"
    r"|(?<=\d )s"
)
# "Five unused vacation days": what kind of days may stand between.
_KIND = (
    r"(?!(?:and|or|of|in|for|per|to|within|by|with|from|a|an|the|is|are|at|on|up|more|less|after|before|every|each|out|"
    rf"several|few|many|times?|takes?|lasts?|{_NUMBER_WORD})\b)[a-z]+(?:-[a-z]+)?"
)
_FAR = r"minutes|hours|days|weeks|months|years"
_QUANTITY = re.compile(
    rf"(?<![\w./-])(?<!\d:)(?:(?P<half>half\s+an?|an?\s+half)\s+(?P<half_unit>{_UNIT})\b"
    rf"|(?P<article>an?|one|single)\s+(?P<article_unit>milliseconds?|seconds?|minutes?|hours?|days?|weeks?|months?|years?"
    rf"|[kmgtp]i?b|byte|character)\b(?![’'-])"
    rf"|(?:(?P<digits>-?(?:{_DIGITS}))(?:(?P<kilo>[kKM](?![\w]))|\s+(?P<scale>thousand|million|billion)\b)?"
    rf"|(?P<words>(?:an?\s+)?(?:{_NUMBER_WORD})(?:(?:\s+|-|(?:(?<=hundred)|(?<=thousand)|(?<=million))\s+and\s+)(?:{_NUMBER_WORD}))*)\b)"
    rf"(?![\w]*[_:/][\w])(?:[\s-]*(?P<unit>{_UNIT})(?![\w])|\s+(?:{_KIND}\s+){{1,2}}(?P<far>{_FAR})\b)?)",
    re.IGNORECASE,
)

_BEFORE: tuple[tuple[str, Bound], ...] = (
    (r"(?:no|not|never|nor|n't|cannot)\s+(?:be\s+)?(?:more|greater|longer|larger|higher|bigger|later)\s+than", "max"),
    (r"(?:no|not|never|n't)\s+(?:be\s+)?(?:less|fewer|shorter|smaller|lower|earlier|sooner)\s+than", "min"),
    (r"(?:not|n't|never|cannot|can't)\s+(?:be\s+)?(?:exceed|surpass|go\s+(?:beyond|over|above))(?:ed|ing)?", "max"),
    (r"(?:less|fewer|smaller|shorter|lower)\s+than\s+or\s+equal\s+to", "max"),
    (r"(?:greater|more|larger|longer|higher)\s+than\s+or\s+equal\s+to", "min"),
    (r"at\s+most|up\s+to|maximum|max|limited\s+to|as\s+(?:many|much|long|large|high)\s+as|capped\s+at|within|upper\s+limit"
     r"|longest|largest|highest|limit", "max"),
    (r"at\s+least|minimum|min|as\s+few\s+as|as\s+little\s+as|shortest|smallest|lowest|starting\s+(?:at|from)", "min"),
    (r"more\s+than|greater\s+than|larger\s+than|longer\s+than|higher\s+than|exceeds?|exceeding|over|above|beyond", "above"),  # noqa: E501
    (r"less\s+than|fewer\s+than|smaller\s+than|shorter\s+than|lower\s+than|under|below", "below"),
    (r"(?:in|within|during|from|of)\s+the\s+(?:last|past|previous|preceding)", "max"),
    (r"defaults?(?:\s+(?:to|is|of|value))*|default", "default"),
)  # fmt: skip
_AFTER: tuple[tuple[str, Bound], ...] = (
    (r"(?:or|and)\s+(?:less|fewer|shorter|smaller|below|under)|at\s+(?:the\s+)?most|maximum|max|or\s+lower", "max"),
    (r"(?:or|and)\s+(?:more|longer|greater|larger|above|over|higher)|at\s+(?:the\s+)?least|minimum", "min"),
    (r"by\s+default|(?:is|are)\s+the\s+default|\(?default\)?|unless", "default"),
    (r"is\s+the\s+(?:maximum|limit|most|longest|largest)", "max"),
    (r"is\s+the\s+(?:minimum|least|shortest|smallest)", "min"),
)
# Words that may stand between a bound and its number: "a maximum size of about 10".
_FILL = r"(?:[\s:=(,]+(?:[\w’']+[\s:=(]+){0,4}?|[\s:=(]*)"
_BEFORE_RE = [(re.compile(rf"(?<!\w)(?:{p}){_FILL}$", re.IGNORECASE), b) for p, b in _BEFORE]
_AFTER_RE = [(re.compile(rf"^[\s,)]*(?:[\w-]+\s+){{0,2}}?(?:{p})\b", re.IGNORECASE), b) for p, b in _AFTER]
_RANGE = re.compile(r"^\s*(?:-|–|—|to|and|through|or|up to)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """A number in its base unit.

    `values` holds every reading: a KB is 1,000 or 1,024 bytes. `family` is seconds, bytes, characters, ... or count.
    """

    raw: float
    values: frozenset[float]
    family: str
    bound: Bound
    text: str
    start: int
    end: int

    def same(self, other: "Quantity") -> bool:
        """Whether both say the same amount; a number without a unit is read in the other's unit."""
        if self.family == other.family:
            return any(abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-9) for a in self.values for b in other.values)
        bare = {"count"}
        if self.family in bare or other.family in bare:
            counted = self if self.family in bare else other
            return counted.raw == (other if counted is self else self).raw and not counted.counts_things
        return False

    counts_things: bool = False  # a count that is followed by the thing it counts: "10 messages"

    def bound_conflicts(self, other: "Quantity") -> bool:
        """Whether the two are said to be different kinds of bound: a maximum and a minimum."""
        upper, lower = {"max", "below"}, {"min", "above"}
        for a, b in ((self.bound, other.bound), (other.bound, self.bound)):
            if a in upper and b in lower:
                return True
            if a == "default" and b in upper | lower:
                return True
            if a == "above" and b == "min":
                return False
        return False


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity of `text`, in order. A number of a range takes the unit of its partner ("7 to 30 days")."""
    matches = [m for m in _QUANTITY.finditer(text) if not _is_pronoun(m, text)]
    units = [_unit_of(m) for m in matches]
    ranges = [
        i for i in range(len(matches) - 1) if _RANGE.match(text[matches[i].end() : matches[i + 1].start()])
    ]  # the number i starts a range
    for i in ranges:
        if not units[i]:
            units[i] = units[i + 1]
    found = []
    for i, match in enumerate(matches):
        raw = _number_of(match)
        family, values = _in_base_unit(raw, units[i])
        left = max(matches[i - 1].end() if i else 0, match.start() - 60)
        before = re.split(r"[.;](?:\s|$)", text[left : match.start()])[-1]
        after_end = matches[i + 1].start() if i + 1 < len(matches) else len(text)
        after = re.split(r"[.;,](?:\s|$)", text[match.end() : min(after_end, match.end() + 40)])[0]
        bound = _bound_of(before, after)
        if i in ranges and _is_range(text, match, matches[i + 1]):
            bound = "min"
        elif i - 1 in ranges and _is_range(text, matches[i - 1], match):
            bound = "max"
        things = family == "count" and bool(re.match(r"\s+[a-z]{3,}", after)) and not re.match(
            r"\s+(?:and|or|but|for|per|when|unless|which|that|by|with|from|each|the|until|after|before|are|was|has)\b", after  # noqa: E501
        )  # fmt: skip
        found.append(Quantity(raw, values, family, bound, match.group().strip(), match.start(), match.end(), things))
    return found


def _is_pronoun(match: re.Match, text: str) -> bool:
    """ "one", "a second" and ordinals are words, not amounts."""
    words = (match["words"] or "").lower()
    if words == "one" and not match["unit"]:
        return True
    if (
        match["words"]
        and re.search(r"\bthe\s$", text[: match.start()], re.IGNORECASE)
        and re.match(r"\s*(?:[.,;:]|$)", text[match.end() :])
    ):
        return True  # "the better of the two"
    if match["article"] and match["article_unit"].lower() == "second" and match["article"].lower() != "one":
        return True  # "a second queue"
    if re.search(r"\b(?:ISO|RFC|HTTP|version)[\s-]$", text[max(0, match.start() - 9) : match.start()], re.IGNORECASE):
        return True  # a name with a number
    if match["digits"] and text[match.end() : match.end() + 2].lower() in {"st", "nd", "rd", "th"}:
        return True
    return bool(match["digits"]) and text[match.end() : match.end() + 1].isalpha() and not match["kilo"]


def _is_range(text: str, first: re.Match, second: re.Match) -> bool:
    link = text[first.end() : second.start()].strip().lower()
    before = text[max(0, first.start() - 24) : first.start()].lower()
    return link in {"-", "–", "—", "to", "through", "up to"} or (link == "and" and "between" in before)


def _unit_of(match: re.Match) -> str:
    unit = (match["half_unit"] or match["article_unit"] or match["unit"] or match["far"] or "").lower()
    return unit if unit in {"ms", "%", "s"} else unit.removesuffix("s")


def _number_of(match: re.Match) -> float:
    if match["half"]:
        return 0.5
    if match["article"]:
        return 1.0
    if match["digits"]:
        kilo = {"k": 1e3, "M": 1e6}.get((match["kilo"] or "").replace("K", "k"), 1)
        return float(match["digits"].replace(",", "")) * kilo * _SCALE.get((match["scale"] or "").lower(), 1)
    total, part = 0.0, 0.0
    for word in re.findall(r"[a-z]+", match["words"].lower()):
        if word in _ONES:
            part += _ONES[word]
        elif word in _TENS:
            part += _TENS[word]
        elif word == "hundred":
            part = (part or 1.0) * 100
        elif word in _SCALE:
            total, part = total + (part or 1.0) * _SCALE[word], 0.0
    return total + part


def _in_base_unit(raw: float, unit: str) -> tuple[str, frozenset[float]]:
    if unit in _TIME:
        # A year is 365 days, and 12 months of 30.
        return "seconds", frozenset({raw * _TIME[unit], *([raw * 12 * _TIME["month"]] if unit == "year" else [])})
    if unit in _SIZE:
        return "bytes", frozenset({raw * 1000 ** _SIZE[unit], raw * 1024 ** _SIZE[unit]})
    return _OTHER.get(unit, "count"), frozenset({raw})


def _bound_of(before: str, after: str) -> Bound:
    """The bound said nearest to the number: before it first, then after it."""
    best: tuple[int, int, Bound] | None = None
    for rank, (pattern, bound) in enumerate(_BEFORE_RE):
        if match := pattern.search(before):
            near = (match.start() if rank > 4 else len(before) + 1, -rank, bound)
            best = max(best, near) if best else near
    if best:
        return best[2]
    return next((bound for pattern, bound in _AFTER_RE if pattern.search(after)), "")
