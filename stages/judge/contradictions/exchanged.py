"""Two parts of a text that have changed places, all else being said nearly word for word."""

from dataclasses import dataclass

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.statements import Statement, differences, statements
from stages.judge.lexicon import NEGATIONS, STOPWORDS, WEAK, concept
from stages.judge.text import Text
from tune_or_retrieve.text.stems import stem

_LEAST_SHARE = 0.55  # of the words of both texts that are the same
_LIST = 3  # words between two of one list
_PASSIVE = frozenset(("is", "are", "be", "been", "being"))  # "deletes it", "it is deleted"
_MANNER = frozenset(map(stem, ("default", "automatically", "always")))  # "by default" may stand anywhere
_BRIDGE = 1  # words alike between two changes that are one


@dataclass(frozen=True)
class _Change:
    start: int  # in the reference's words
    own: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def gone(self) -> frozenset[str]:
        return _content(self.own) - _content(self.said)

    @property
    def come(self) -> frozenset[str]:
        return _content(self.said) - _content(self.own)


def exchanged_parts(reference: Text, answer: Text) -> list[Contradiction]:
    """ "The requester pays, and the owner stores" against "the owner pays, and the requester stores"."""
    ours, theirs = statements(reference), statements(answer)
    words = _joined(ours)
    changes = _changes(words, _joined(theirs))
    moved = [
        change
        for change in changes
        if change.gone
        and change.come
        and _PASSIVE.isdisjoint(set(change.own) ^ set(change.said))
        and any(change.gone == other.come for other in changes)
        and any(change.come == other.gone for other in changes)
    ]
    if not moved:
        return []
    # A swap and nothing else: "A is larger than B" is "B is smaller than A", and statements may be in any order.
    swapped = moved[0].gone | moved[0].come
    if any(not (change.gone | change.come) <= swapped for change in changes):
        return []
    between = words[moved[0].start + len(moved[0].own) : moved[-1].start]
    if len(between) <= _LIST and not {"and", "or"}.isdisjoint(between):
        return []  # "by age or by count"
    one, two = " ".join(moved[0].own), " ".join(moved[0].said)
    return [Contradiction("roles", f'says "{two}" where the reference says "{one}", and the other way round')]


def _joined(parts: list[Statement]) -> list[str]:
    return [word for part in parts for word in part.words]


def _changes(own: list[str], said: list[str]) -> list[_Change]:
    found: list[tuple[int, int, int, int]] = []
    for i, j, k, m in differences(own, said, _LEAST_SHARE):
        if found and i - found[-1][1] <= _BRIDGE and k - found[-1][3] <= _BRIDGE:
            found[-1] = (found[-1][0], j, found[-1][2], m)
        else:
            found.append((i, j, k, m))
    return [_Change(i, tuple(own[i:j]), tuple(said[k:m])) for i, j, k, m in found]


def _content(words: tuple[str, ...]) -> frozenset[str]:
    """The meanings of the words that say something: the weak ones only where there are no others."""
    names = frozenset(concept(w)[0] for w in words if w not in STOPWORDS | NEGATIONS)
    return names - WEAK or names - _MANNER
