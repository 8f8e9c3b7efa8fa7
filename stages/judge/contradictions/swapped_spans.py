"""Two parts that have changed places: each is said with what the reference says with the other."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.reading.lexicon import VERBS
from stages.judge.reading.text import Clause, Text
from stages.judge.reading.tokens import Token

_LEAST_SHARE = 0.65  # of the words of both texts that are the same
# Where one part ends and the next begins: whole clauses, phrases, and what stands before and after a preposition.
_LINKS = r"[,;:()]|\b(?:and|or|but|while|whereas|before|after|until|unless|if|when|than|not)\b"
_BORDERS = tuple(
    re.compile(pattern, re.IGNORECASE) for pattern in (r"[;:]", _LINKS, rf"{_LINKS}|\b(?:from|to|into|by)\b")
)


@dataclass(frozen=True)
class _Segment:
    clause: int
    tokens: tuple[Token, ...]

    @cached_property
    def keys(self) -> frozenset[tuple[str, int]]:
        return frozenset((t.key, t.lexical) for t in self.tokens)

    def shown(self, keys: frozenset[tuple[str, int]]) -> str:
        return " ".join(t.text for t in self.tokens if (t.key, t.lexical) in keys)


# What stands before and after one of these cannot change places.
_PIVOT = re.compile(r"\b(?:per|than|before|after|until|from|to|into)\b", re.IGNORECASE)


def swapped_spans(reference: Text, answer: Text) -> list[Contradiction]:
    return _recombined(reference, answer) or _turned_round(reference, answer)


def _turned_round(reference: Text, answer: Text) -> list[Contradiction]:
    """ "The policy overrides the list" against "the list overrides the policy"."""
    for own, said in itertools.product(reference.by_sentence, answer.by_sentence):
        ours, theirs = _around(own), _around(said)
        for word in ours.keys() & theirs.keys():
            (before, after), (before_said, after_said) = ours[word], theirs[word]
            if before != after and before == after_said and after == before_said and before and after:
                number = reference.clauses.index(own[0])
                return [Contradiction("swap", f'exchanges what stands before and after "{word}"', number)]
    return []


def _around(sentence: Sequence[Clause]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """What is said before and after each verb or link that stands there once."""
    words = [((n, t.start), t) for n, clause in enumerate(sentence) for t in clause.tokens if not t.weak]
    pivots = [(place, t.text.lower()) for place, t in words if t.key in VERBS]
    pivots += [
        ((n, m.start()), m[0].lower()) for n, clause in enumerate(sentence) for m in _PIVOT.finditer(clause.text)
    ]
    counts = Counter(text for _, text in pivots)
    return {
        text: (
            frozenset(t.key for place, t in words if place < here),
            frozenset(t.key for place, t in words if place > here),
        )
        for here, text in pivots
        if counts[text] == 1
    }


def _recombined(reference: Text, answer: Text) -> list[Contradiction]:
    """ "The requester pays, and the owner stores" against "the owner pays, and the requester stores"."""
    if len(reference.keys & answer.keys) < _LEAST_SHARE * max(len(reference.keys), len(answer.keys)):
        return []
    for border in _BORDERS:
        matched = _matched(_segments(reference, border), _segments(answer, border))
        for (a, c), (b, d) in itertools.permutations(matched, 2):
            kept, kept_other = a.keys & c.keys, b.keys & d.keys
            moved, moved_other = a.keys - c.keys, b.keys - d.keys
            exchanged = moved <= d.keys - b.keys and moved_other <= c.keys - a.keys
            # What stays must tell the two apart: the order of a list says nothing.
            if exchanged and kept - kept_other and kept_other - kept:
                text = f'exchanges "{a.shown(moved)}" and "{b.shown(moved_other)}"'
                return [Contradiction("swap", text, a.clause)]
    return []


def _matched(ours: list[_Segment], theirs: list[_Segment]) -> list[tuple[_Segment, _Segment]]:
    """Each segment from which something has gone, with those of the answer that hold some of it."""
    return [(own, said) for own in ours for said in theirs if 0 < len(own.keys & said.keys) < len(own.keys)]


def _segments(text: Text, border: re.Pattern) -> list[_Segment]:
    found = []
    for number, clause in enumerate(text.clauses):
        borders = [m.start() for m in border.finditer(clause.text)]
        groups = itertools.groupby(clause.tokens, key=lambda t: sum(b < t.start for b in borders))
        found += [_Segment(number, tuple(t for t in group if not t.weak)) for _, group in groups]
    return [segment for segment in found if segment.tokens]
