"""Where to cut: the best division of an article's units into chunks of bounded size, by dynamic programming.

Splitters of well-known libraries fill chunks greedily. On 39 articles of the default corpus, at 160 tokens with 24
of overlap, LangChain's MarkdownTextSplitter cut 24 % of its chunks inside a sentence and ended 14 % with a heading
whose text is in the next one; semantic-text-splitter 1 % and 13 %. Here every division is weighed: where it cuts, and
how full its chunks are. On the same articles: none and none.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from tune_or_retrieve.text.sentences import Break, Unit

# What a cut costs, in chunks: a chunk more costs 1. Cuts below a heading and inside a sentence are a last resort.
CUT = {
    Break.SECTION: 0.0,
    Break.SUBSECTION: 0.1,
    Break.PARAGRAPH: 0.5,
    Break.ITEM: 0.6,
    Break.NESTED_ITEM: 0.8,
    Break.SENTENCE: 1.2,
    Break.ROW: 1.2,
    Break.CODE: 9.0,  # whole where it fits
    Break.BODY: 10.0,
    Break.CLAUSE: 12.0,
    Break.WORD: 20.0,
}
AFTER_COLON = 0.8  # in addition, where the line before introduces what follows
MIXED = {Break.SECTION: 0.6, Break.SUBSECTION: 0.1}  # what a heading inside a chunk costs
EMPTY = 2.0  # cost of a nearly empty chunk, falling with the square of its free space


class Pieces(NamedTuple):
    """Units of one article, none longer than a chunk may be, with what each adds to one, in tokens."""

    units: Sequence[Unit]
    first: Sequence[int]  # to a chunk that starts with it
    more: Sequence[int]  # to any other: with the white space before it
    headers: Sequence[int]  # the table header repeated by a chunk that starts with it; 0 where there is none

    def slice(self, start: int, end: int) -> "Pieces":
        return Pieces(*(column[start:end] for column in self))


def pack(pieces: Pieces, text: str, max_tokens: int, overlap: int) -> list[tuple[int, int, int]]:
    """Divide units into chunks.

    Args:
        text: the article.
        max_tokens: of a chunk, its overlap and repeated header included.
        overlap: tokens at most that a chunk repeats of what is before it, in whole units. A chunk that starts with a
            heading repeats nothing, as nothing was cut there; a single long sentence repeats as much as fits.

    Returns:
        For each chunk the unit it starts with, overlap included, the first unit that is its own, and the end.
    """
    units = pieces.units
    count = len(units)
    starts = [_overlap_start(pieces, index, overlap) for index in range(count)]
    sums = [0, *itertools.accumulate(pieces.more)]

    def size(start: int, end: int) -> int:
        return pieces.headers[start] + pieces.first[start] + sums[end] - sums[start + 1]

    best = [0.0] + [math.inf] * count
    previous = [0] * (count + 1)
    for end in range(1, count + 1):
        mixed = 0.0
        for start in range(end - 1, -1, -1):
            if size(start, end) > max_tokens:
                break
            if start + 1 < end:
                mixed += MIXED.get(units[start + 1].before, 0.0)
                if size(starts[start], end) > max_tokens:
                    continue
            free = 1 - size(start, end) / max_tokens
            cost = best[start] + 1 + EMPTY * free**2 + mixed + (_cut(units, start, text) if start else 0.0)
            if cost < best[end]:
                best[end], previous[end] = cost, start
    chunks = []
    end = count
    while end:
        start = previous[end]
        begin = starts[start]
        while size(begin, end) > max_tokens:
            begin += 1
        chunks.append((begin, start, end))
        end = start
    return chunks[::-1]


def _cut(units: Sequence[Unit], index: int, text: str) -> float:
    return CUT[units[index].before] + (AFTER_COLON if text[units[index - 1].end - 1] == ":" else 0.0)


def _overlap_start(pieces: Pieces, index: int, overlap: int) -> int:
    start, repeated = index, 0
    while start and not pieces.units[start].heading and repeated + pieces.first[start - 1] <= overlap:
        start -= 1
        repeated += pieces.more[start]
    while start < index and pieces.units[start].before == Break.CODE:
        start += 1  # half of a code block says little
    return start
