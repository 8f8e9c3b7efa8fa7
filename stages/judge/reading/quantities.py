"""Numbers with their units, read from prose so that equal quantities are equal however they are written."""

import re
from dataclasses import dataclass
from typing import Literal

from stages.judge.reading.units import PATTERN, TIMES, is_unit, unit_of
from tune_or_retrieve.text.numbers import SMALL

Bound = Literal["max", "min", "above", "below", "default", ""]

_ONES = {word: n for n, word in enumerate(SMALL)}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "dozen": 12}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}

_NUMBER_WORD = "|".join([*_ONES, *_TENS, *_SCALE])
_COUNT = rf"an?|{'|'.join(SMALL[1:10])}"  # of parts: "a third", "two-thirds"
_OF_A = r"(?:\s+(?:of\s+)?an?(?=\s))?"  # "half an hour", "a quarter of an hour"
_PART = r"half|thirds?|quarters?|fifths?|tenths?"
# What may stand between a number and its unit of time: "five working days".
_KIND = (
    r"(?!(?:and|or|of|in|for|per|to|within|by|with|from|a|an|the|is|are|at|on|up|more|less|after|before|every|each|out|"
    rf"several|few|many|times?|takes?|lasts?|{_NUMBER_WORD})\b)[a-z]+(?:-[a-z]+)?"
)
_QUANTITY = re.compile(
    r"(?<![\w./-])(?<!\d:)(?:"
    # A part: "half", "two-thirds", "2/3", "a quarter of an hour". "The third parameter" is none.
    rf"(?:(?P<count>{_COUNT})[\s-]+)?(?P<part>half)\b(?!-){_OF_A}"
    rf"|(?P<counted>{_COUNT})[\s-]+(?P<parts>{_PART})\b{_OF_A}"
    r"|(?P<above>\d{1,2})/(?P<below>\d{1,3})(?![\w/])"
    rf"|(?P<article>an?|one|single)\s+(?={TIMES}|byte|[kmgt]i?b\b|character|year|night)"
    r"|(?P<digits>-?(?:\d{1,3}(?:(?:,|[   ](?=\d{3}(?!\d)))\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?))"
    r"(?:(?P<kilo>(?-i:[kKM])(?![\w]))|\s+(?P<scale>thousand|million|billion)\b)?"
    rf"|(?P<words>(?:an?\s+(?=hundred|thousand|million|billion|dozen))?(?:{_NUMBER_WORD})(?:(?:\s+|-|(?:(?<=hundred)|(?<=thousand)|(?<=million))\s+and\s+)(?:{_NUMBER_WORD}))*)\b"
    r")(?![\w]*[_:/][\w])"
    rf"(?:[\s-]*(?P<unit>{PATTERN})(?![\w’'])|\s+(?:{_KIND}\s+){{1,2}}(?P<far>(?:{TIMES})s)\b)?",
    re.IGNORECASE,
)  # fmt: skip

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

    `values` holds every reading. `family` is that of units.py, `share` for a part of a whole, or `count`.
    """

    raw: float
    values: frozenset[float]
    family: str
    bound: Bound
    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """Equal for equal amounts that are written in one system of units."""
        return f"={self.family}:{min(self.values):g}"

    def same(self, other: "Quantity") -> bool:
        """Whether both say the same amount; a number without a unit is read in the other's unit."""
        if self.family == other.family:
            return any(abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-9) for a in self.values for b in other.values)
        if "count" in (self.family, other.family):
            counted = self if self.family == "count" else other
            return counted.raw == (other if counted is self else self).raw and not counted.counts_things
        return False

    counts_things: bool = False  # a count that is followed by the thing it counts: "10 messages"

    def bound_conflicts(self, other: "Quantity") -> bool:
        """Whether one is said to be a maximum, and the other a minimum."""
        return {self.bound, other.bound} == {"max", "min"}


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity of `text`, in order. A number of a range takes the unit of its partner ("7 to 30 days")."""
    matches = [m for m in _QUANTITY.finditer(text) if not _is_no_amount(m, text)]
    units = [m["unit"] or m["far"] or "" for m in matches]
    ranges = [
        i for i in range(len(matches) - 1) if _RANGE.match(text[matches[i].end() : matches[i + 1].start()])
    ]  # the number i starts a range
    for i in ranges:
        units[i] = units[i] or units[i + 1]
        if _is_range(text, matches[i], matches[i + 1]):
            units[i + 1] = units[i + 1] or units[i]  # "5 dollars to 10"
    found = []
    for i, match in enumerate(matches):
        raw = _number_of(match)
        family, values = _in_base_unit(raw, units[i], bool(match["part"] or match["parts"] or match["above"]))
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


def _is_no_amount(match: re.Match, text: str) -> bool:
    """ "one", "a second" and ordinals are words, "RFC 7231" and "5G" are names."""
    before, after = text[: match.start()], text[match.end() :]
    words = (match["words"] or "").lower()
    if words == "one" and not match["unit"] and not re.match(r"\s*(?:to|-|–)\s*\w", after):
        return True
    if words and re.search(r"\bthe\s$", before, re.IGNORECASE) and re.match(r"\s*(?:[.,;:]|$)", after):
        return True  # "the better of the two"
    if match["unit"] and not is_unit(match["unit"]):
        return True
    if match["article"] and not match["unit"]:
        return True
    if match["article"] and match["unit"].lower() == "second" and re.match(r"\s+[a-z]", after):
        return True  # "a second queue"
    if match["digits"] and re.search(r"\b(?:ISO|RFC|HTTP|version)[\s-]$", before, re.IGNORECASE):
        return True
    return bool(match["digits"]) and after[:1].isalpha() and not match["kilo"]


def _is_range(text: str, first: re.Match, second: re.Match) -> bool:
    link = text[first.end() : second.start()].strip().lower()
    before = text[max(0, first.start() - 24) : first.start()].lower()
    return link in {"-", "–", "—", "to", "through", "up to"} or (link == "and" and "between" in before)


def _number_of(match: re.Match) -> float:
    if match["above"]:
        return float(match["above"]) / max(1.0, float(match["below"]))
    if part := match["part"] or match["parts"]:
        count = (match["count"] or match["counted"] or "a").lower()
        return (1 if count in {"a", "an"} else _ONES[count]) / _PARTS[part.lower().removesuffix("s")]
    if match["article"]:
        return 1.0
    if match["digits"]:
        kilo = {"k": 1e3, "M": 1e6}.get((match["kilo"] or "").replace("K", "k"), 1)
        return float(re.sub(r"[^\d.-]", "", match["digits"])) * kilo * _SCALE.get((match["scale"] or "").lower(), 1)
    total, part = 0.0, 0.0
    for word in re.findall(r"[a-z]+", match["words"].lower()):
        if word in _ONES:
            part += _ONES[word]
        elif word in _TENS:
            part += _TENS[word]
        elif word in {"hundred", "dozen"}:
            part = (part or 1.0) * _SCALE[word]
        elif word in _SCALE:
            total, part = total + (part or 1.0) * _SCALE[word], 0.0
    return total + part


def _in_base_unit(raw: float, unit: str, is_part: bool) -> tuple[str, frozenset[float]]:
    if not unit:
        return ("share" if is_part else "count"), frozenset({raw})
    known = unit_of(unit)
    return known.family, frozenset(raw * value for value in known.values)


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
