"""Articles and excerpts of them. These look like chunks but depend on no chunking setting, so that a change of
`chunking` never invalidates a training."""

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tune_or_retrieve.base.records import Span
from tune_or_retrieve.text.headings import shared_headings
from tune_or_retrieve.text.sentences import Unit, units


@dataclass(frozen=True)
class Excerpt:
    """A passage of an article, ``text == article[start:end]``, with the heading that is passed to a model."""

    article_id: str
    title: str
    section: str
    start: int
    end: int
    text: str

    def overlaps(self, span: "Span | Excerpt") -> bool:
        return self.article_id == span.article_id and self.start < span.end and span.start < self.end

    def covers(self, span: Span) -> bool:
        return self.article_id == span.article_id and self.start <= span.start and span.end <= self.end


class ArticleText:
    """One article, from which excerpts of whole sentences are taken."""

    def __init__(self, article_id: str, title: str, text: str):
        self.article_id, self.title, self.text = article_id, title, text
        self.units: list[Unit] = units(text)
        self._starts = [unit.start for unit in self.units]
        self._ends = [unit.end for unit in self.units]

    def around(self, span: Span, characters: int, rng: random.Random) -> Excerpt:
        """A passage of about `characters` that contains the span at a random position.

        Half of them begin at the heading of the span's section if it is near enough, as most chunks do.
        """
        first = max(0, bisect_right(self._starts, span.start) - 1)
        last = max(first, min(len(self.units) - 1, bisect_left(self._ends, span.end)))
        if rng.random() < 0.5:
            first = self._heading_before(first, last, characters)
            left = 0
        else:
            left = rng.randint(0, max(0, characters - self._length(first, last)))
        while first and self._ends[last] - self._starts[first - 1] <= characters and left > 0:
            first -= 1
            left -= self._length(first, first)
        while last + 1 < len(self.units) and self._length(first, last + 1) <= characters:
            last += 1
        return self._excerpt(first, last)

    def grid(self, characters: int) -> list[Excerpt]:
        """The article as passages that do not overlap; one that is at least half full ends before a heading."""
        excerpts, first = [], 0
        for index in range(1, len(self.units)):
            full = self._length(first, index) > characters
            if full or (self.units[index].heading and self._length(first, index - 1) > characters / 2):
                excerpts.append(self._excerpt(first, index - 1))
                first = index
        if self.units:
            excerpts.append(self._excerpt(first, len(self.units) - 1))
        return excerpts

    def _heading_before(self, first: int, last: int, characters: int) -> int:
        for index in range(first, -1, -1):
            if self._length(index, last) > characters:
                break
            if self.units[index].heading:
                return index
        return first

    def _length(self, first: int, last: int) -> int:
        return self._ends[last] - self._starts[first]

    def _excerpt(self, first: int, last: int) -> Excerpt:
        start, end = self._starts[first], self._ends[last]
        section = " > ".join(shared_headings([unit.path for unit in self.units[first : last + 1]]))
        return Excerpt(self.article_id, self.title, section, start, end, self.text[start:end])
