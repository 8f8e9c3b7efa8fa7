"""Word knowledge of the judges, from the lists in words/: synonyms, opposites, words that stand in each other's place.

English of technical documentation. The lists hold only what cannot be computed; spelling variants come from `stem`.
"""

import functools
from pathlib import Path

from tune_or_retrieve.text.stems import read_rows, stem

WORDS = Path(__file__).parent / "words"


def _rows(name: str) -> list[str]:
    return read_rows(WORDS / f"{name}.txt")


def _words(name: str) -> list[str]:
    return [word for row in _rows(name) for word in row.split()]


def _stems(words: str) -> list[str]:
    return [stem(word) for word in words.split()]


STOPWORDS = frozenset(_words("stopwords"))
NEGATIONS = frozenset(_words("negations"))
WEAK = frozenset(stem(word) for word in _words("weak"))


@functools.cache
def _concepts() -> dict[str, str]:
    names: dict[str, str] = {}
    for row in _rows("synonyms"):
        members = _stems(row)
        for member in members:
            names.setdefault(member, members[0])
    return names


@functools.cache
def _signed() -> dict[str, tuple[str, int]]:
    """Stem of a word with a complement -> (name of the pair, +1 or -1)."""
    pairs: dict[str, tuple[str, int]] = {}
    names = _concepts()
    for row in _rows("complements"):
        positive, negative = (_stems(side) for side in row.split("/"))
        for members, sign in ((positive, 1), (negative, -1)):
            for member in members:
                pairs.setdefault(names.get(member, member), (positive[0], sign))
    return pairs


@functools.cache
def concept(word: str) -> tuple[str, int]:
    """The meaning of a word: (name, sign). Opposites that negate each other share the name and differ in sign."""
    root = stem(word)
    name = _concepts().get(root, root)
    return _signed().get(name, (name, 1))


@functools.cache
def _opposites() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for row in _rows("contraries"):
        left, right = (_stems(side) for side in row.split("/"))
        for a in left:
            table.setdefault(a, set()).update(right)
        for b in right:
            table.setdefault(b, set()).update(left)
    return {word: frozenset(words) for word, words in table.items()}


# "Across" is no opposite of "cross", nor "inflight" of "in flight".
_NO_OPPOSITES = frozenset(_words("no_opposites"))
_PREFIXES = ("un", "in", "non-", "non", "im", "dis", "ir", "de", "a")


@functools.cache
def opposite(a: str, b: str) -> bool:
    """Whether two words exclude each other: "before" and "after", "tag" and "untag", "enabled" and "disabled"."""
    (name_a, sign_a), (name_b, sign_b) = concept(a), concept(b)
    if name_a == name_b:
        return sign_a != sign_b
    first, second = stem(a), stem(b)
    table = _opposites()
    if second in table.get(first, ()) or name_b in table.get(name_a, ()):
        return True
    short, long = sorted((a.lower(), b.lower()), key=len)
    return (
        len(short) >= 4
        and long not in _NO_OPPOSITES
        and any(stem(long) == stem(prefix + short) for prefix in _PREFIXES)
    )


@functools.cache
def _sister_rows() -> dict[str, frozenset[int]]:
    table: dict[str, set[int]] = {}
    for number, row in enumerate(_rows("sisters")):
        for member in _stems(row):
            table.setdefault(member, set()).add(number)
    return {word: frozenset(rows) for word, rows in table.items()}


@functools.cache
def sisters(a: str, b: str) -> bool:
    """Whether two different words can stand in one another's place: "bucket" and "table"."""
    first, second = stem(a), stem(b)
    rows = _sister_rows()
    return first != second and bool(rows.get(first, frozenset()) & rows.get(second, frozenset()))


VERBS = frozenset(concept(word)[0] for word in _words("verbs"))
NOUN_VERBS = frozenset(concept(word)[0] for word in _words("noun_verbs"))
DOINGS = frozenset(concept(word)[0] for word in _words("doings"))
