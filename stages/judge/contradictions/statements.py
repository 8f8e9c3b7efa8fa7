"""A text as statements that can be laid beside one another word for word, and what one changes in the other."""

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from stages.judge.reading.lexicon import NEGATIONS, STOPWORDS, concept
from stages.judge.reading.quantities import find_quantities
from stages.judge.reading.text import Text

_LEAST = 4  # words that must be the same: two short statements may be alike by chance
_LEAST_SHARE = 0.5  # of the words of both
_MOST = 3  # words that may be exchanged: a longer part is rather said in other words
_LEAST_OF_SWAP = 6
WORD = re.compile(r"\d{1,3}(?:,\d{3})+|[\w$'./:-]*\w")
_LINKS = frozenset(("too", "also", "but", "while", "whereas", "however"))  # they only bind statements
DETERMINERS = frozenset(("a", "an", "the", "its", "their", "each", "every", "this", "these", "those"))
# What names a thing and is no word: a flag, a constant, a path, camel case.
TECHNICAL = re.compile(r"^-|[_:\d]|\w[./]\w|[a-z][A-Z]|^[A-Z]{2,}|[A-Z]-|-[A-Z]")


@dataclass(frozen=True)
class Statement:
    """`words` as they are compared, `shown` as they stand there."""

    sentence: int
    words: tuple[str, ...]
    shown: tuple[str, ...]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.words)

    @cached_property
    def denials(self) -> int:
        return sum(w in NEGATIONS for w in self.words)


@dataclass(frozen=True)
class Edit:
    """What one statement says where the other says something else, all around it being the same."""

    own: tuple[str, ...]
    said: tuple[str, ...]
    alone: bool  # nothing else differs
    before: str = ""  # the word in front of it


def pairs(reference: Text, answer: Text) -> list[tuple[Statement, Statement]]:
    """Each statement of the reference with each of the answer, but for those that the other side has, too."""
    ours, theirs = statements(reference), statements(answer)
    return [
        (own, said)
        for own, said in itertools.product(ours, theirs)
        # Else another statement is that one: two of a kind stand side by side.
        if not _is_held(own, theirs) and not _is_held(said, ours)
    ]


def statements(text: Text) -> list[Statement]:
    found = []
    for number, sentence in enumerate(text.sentences):
        for part in re.split(r"\s*;\s*", sentence):
            found.append(_statement(number, part))
    return found


def _statement(sentence: int, text: str) -> Statement:
    """An amount is one word, the same however its unit is written."""
    words, shown, end = [], [], 0
    for quantity in [*find_quantities(text), None]:
        for word in WORD.findall(text[end : quantity.start if quantity else None]):
            if word.lower() not in _LINKS:
                # The capital at the head says nothing.
                shown.append(word if shown or TECHNICAL.search(word) else word.lower())
                words.append(plain(shown[-1]))
        if quantity:
            shown.append(quantity.text)
            words.append(quantity.key)
            end = quantity.end
    return Statement(sentence, tuple(words), tuple(shown))


def plain(word: str) -> str:
    """Without case and plural, if it is no name."""
    lower = word.lower()
    if lower in STOPWORDS or len(word) < 4 or TECHNICAL.search(word) or lower.endswith(("ss", "us", "is")):
        return lower
    return lower.removesuffix("'s").removesuffix("s")


def _is_held(statement: Statement, others: list[Statement]) -> bool:
    return any(
        len(statement.words) <= len(o.words)
        and statement.denials == o.denials
        and statement.counts <= o.counts
        and swap(statement, o) is None
        for o in others
    )


def edits(own: Statement, said: Statement, least_share: float = _LEAST_SHARE, every: bool = False) -> list[Edit]:
    """What is exchanged; with `every`, what is added or left out, too. None if hardly the same words are said."""
    least = _LEAST if len(own.words) > _LEAST + 1 else _LEAST - 1
    changes = differences(own.words, said.words, least_share, least)
    return [
        Edit(own.shown[i:j], said.shown[k:m], len(changes) == 1, own.shown[i - 1].lower() if i else "")
        for i, j, k, m in changes
        if every or (i < j and k < m and max(j - i, m - k) <= _MOST)
    ]


def differences(
    own: Sequence[str], said: Sequence[str], least_share: float, least: int = 0
) -> list[tuple[int, int, int, int]]:
    """(i, j, k, m) for each place where ``own[i:j]`` is ``said[k:m]``, either of which may be empty.

    None if not `least` words are the same, or not `least_share` of the words of both.
    """
    codes = difflib.SequenceMatcher(None, own, said, autojunk=False).get_opcodes()
    same = sum(j - i for tag, i, j, _, _ in codes if tag == "equal")
    if same < least or 2 * same < least_share * (len(own) + len(said)):
        return []
    return [(i, j, k, m) for tag, i, j, k, m in codes if tag != "equal"]


def swap(own: Statement, said: Statement) -> Edit | None:
    """Two words in one another's place, if that is all that differs; what is joined by "and" may be in any order."""
    one, two = own.words, said.words
    places = [n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    if len(one) != len(two) or len(one) < _LEAST_OF_SWAP or len(places) != 2:
        return None
    i, j = places
    between = {w for w in one[i + 1 : j] if w in STOPWORDS | NEGATIONS} - {"and", "or", *DETERMINERS, *one[i - 1 : i]}
    exchanged = between and one[i] == two[j] and one[j] == two[i] and concept(one[i]) != concept(one[j])
    return Edit((own.shown[i],), (said.shown[i],), alone=True) if exchanged else None
