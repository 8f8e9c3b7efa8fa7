"""Says the same in other words, by rules. Written apart from the judges' tables: it must not know what they know.

Each rule rewrites a text or leaves it as it is; all that apply are applied. The result means what the text meant.
"""

import re
from collections.abc import Callable

from tune_or_retrieve.text.numbers import SMALL

_WORDS = SMALL[:13]

# (pattern, replacement): each way round is a paraphrase in technical English.
_WORDINGS = [
    (r"\bup to (?=\d)", "no more than "),
    (r"\bat most (?=\d)", "a maximum of "),
    (r"\bmust be between (\S+) and (\S+)", r"has to lie in the range from \1 to \2"),
    (r"\bbetween (\d\S*) and (\d)", r"from \1 to \2"),
    (r"\bThe maximum (\w+(?: \w+){0,2}) is (\d[\w,.]*(?: \w+)?)\.", r"\2 is the maximum \1."),
    (r"\bis required\b", "is needed"),
    (r"\bare required\b", "are needed"),
    (r"\brequires\b", "needs"),
    (r"\bmust be\b", "has to be"),
    (r"\bcannot\b", "can't"),
    (r"\bcan't\b(?! be)", "cannot"),
    (r"\bdoes not\b", "doesn't"),
    (r"\bdo not\b", "don't"),
    (r"\bis not\b", "isn't"),
    (r"\bare not\b", "aren't"),
    (r"\bremoves\b", "takes away"),
    (r"\bDeletes\b", "Removes"),
    (r"\bdeletes\b", "removes"),
    (r"\bCreates\b", "Makes"),
    (r"\bcreates\b", "makes"),
    (r"\bReturns\b", "Gives back"),
    (r"\breturns\b", "gives back"),
    (r"\bRetrieves\b", "Fetches"),
    (r"\bretrieves\b", "fetches"),
    (r"\bcontains\b", "holds"),
    (r"\bModifies\b", "Changes"),
    (r"\bUpdates\b", "Changes"),
    (r"\bupdates\b", "changes"),
    (r"\bspecified\b", "given"),
    (r"\bspecify\b", "give"),
    (r"\bprovides\b", "offers"),
    (r"\ballows you to\b", "lets you"),
    (r"\benables you to\b", "lets you"),
    (r"\bin order to\b", "to"),
    (r"\bassociated with\b", "that belongs to"),
    (r"\bhowever\b", "but"),
    (r"\bin addition\b", "besides"),
    (r"\bfor example\b", "for instance"),
    (r"\bimmediately\b", "at once"),
    (r"\bautomatically\b", "on its own"),
    (r"\bstarts with\b", "begins with"),
]


def _by_default(text: str) -> str:
    """The default is 30 seconds. -> By default it is 30 seconds."""
    return re.sub(
        r"\bThe default value is\b", "By default it is", re.sub(r"\bThe default is\b", "By default it is", text)
    )


def _condition_last(text: str) -> str:
    """If X, Y. -> Y if X."""

    def turn(match: re.Match) -> str:
        word, condition, rest = match[1], match[2], match[3]
        # A pronoun in the main clause would lose what it stands for.
        if re.match(r"(?:it|they|this|that|these|then)\b", rest, re.IGNORECASE):
            return match[0]
        head = rest[0].upper() + rest[1:]
        return f"{head} {word.lower()} {condition}."

    return re.sub(r"(?:(?<=^)|(?<=\. ))(If|When) ([^,.;:]+), ([^.;:,]+)\.(?=\s|$)", turn, text)


def _small_numbers(text: str) -> str:
    """3 to three and back, where the number stands alone before a word."""
    spelled = re.sub(
        r"(?<![\w.,:/–-])(\d{1,2})(?= [a-z]{3,})",
        lambda m: _WORDS[int(m[1])] if 1 < int(m[1]) <= 12 else m[0],
        text,
    )
    return spelled if spelled != text else re.sub(
        r"\b(" + "|".join(_WORDS[2:]) + r")\b(?= [a-z])", lambda m: str(_WORDS.index(m[1])), text
    )  # fmt: skip


_LARGER = {"second": (60, "minute"), "minute": (60, "hour"), "hour": (24, "day"), "bytes": (1024, "KiB"), "KB": (1024, "MB"),  # noqa: E501
           "KiB": (1024, "MiB"), "MB": (1024, "GB"), "GB": (1024, "TB")}  # fmt: skip
_SMALLER = {"minute": (60, "second"), "hour": (60, "minute"), "day": (24, "hour"), "week": (7, "day")}


def _other_unit(text: str) -> str:
    """900 seconds -> 15 minutes, where it comes out even; else 2 days -> 48 hours. A range keeps its unit."""

    def turn(match: re.Match) -> str:
        number, unit = int(match[1].replace(",", "")), match[2]
        name = unit if unit in _LARGER else unit.rstrip("s")
        plural = name not in {"KB", "KiB", "MB", "GB", "bytes"}
        for table, up in ((_LARGER, True), (_SMALLER, False)):
            if name not in table:
                continue
            factor, other = table[name]
            if up and (number % factor or number < factor):
                continue
            count = number // factor if up else number * factor
            return f"{count:,} {other}{'s' if plural and count != 1 else ''}"
        return match[0]

    if re.search(r"\d\s*(?:-|–|to|and|or|through)\s*\d", text):
        return text
    units = r"seconds?|minutes?|hours?|days?|weeks?|bytes|KB|KiB|MB|GB"
    return re.sub(rf"(?<![\w.,:/-])(\d[\d,]*) ({units})\b(?![-/])", turn, text)


def _wordings(text: str) -> str:
    for pattern, new in _WORDINGS:
        text = re.sub(pattern, new, text)
    return text


def _sentences_turned(text: str) -> str:
    """A. B. -> B. A., where the second does not lean on the first."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip())
    leans = re.compile(
        r"^(?:it|its|they|this|these|that|those|the|he|such|then|however|but|also|otherwise|for|in|after|if|when|each|both|"
        r"yes|no|not|note|you|however)\b",
        re.IGNORECASE,
    )
    if len(parts) == 2 and not any(leans.match(p) for p in parts):
        return f"{parts[1]} {parts[0]}"
    return text


_RULES: tuple[Callable[[str], str], ...] = (
    _other_unit, _small_numbers, _by_default, _condition_last, _wordings, _sentences_turned
)  # fmt: skip


def paraphrase(text: str) -> str | None:
    """The text in other words, or None if no rule applies."""
    new = text
    for rule in _RULES:
        new = rule(new)
    return new if new != text else None
