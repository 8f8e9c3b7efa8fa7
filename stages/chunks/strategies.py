"""The strategies: one article to its chunks."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import regex

from stages.chunks.pack import Pieces, pack
from stages.chunks.params import ChunkingParams, HierarchicalParams, SemanticParams
from stages.chunks.token_counter import Counter
from tune_or_retrieve.base.records import Article, Chunk
from tune_or_retrieve.text.headings import shared_headings
from tune_or_retrieve.text.languages import WITHOUT_BLANKS
from tune_or_retrieve.text.sentences import Break, Unit, units
from tune_or_retrieve.vectors.embedding import Embeds

# Words, and the characters of scripts that put no blanks between them, each with its marks.
NO_BLANKS = "".join(rf"\p{{sc={name}}}" for name in WITHOUT_BLANKS)
WORD = regex.compile(rf"[{NO_BLANKS}]\p{{M}}*|[^\s{NO_BLANKS}]+")
CLAUSE_END = re.compile(r"[,;:)、，；：،؛]|\n")


def chunk_article(
    article: Article, text: str, params: ChunkingParams, count: Counter, embedder: Embeds | None = None
) -> list[Chunk]:
    """Chunks of one article in order. Each is an exact slice of the text; together they leave out only white space.

    Args:
        count: returns the number of tokens of each text, see :func:`stages.chunks.token_counter.token_counter`.
        embedder: for the semantic strategy only.
    """
    whole = units(text)
    if not whole:
        return []
    if params.strategy == "none":
        pieces = Pieces(whole, [], [], [])
        cuts = [(0, 0, len(whole))]
    elif params.strategy == "fixed_size":
        size = params.fixed_size
        pieces = _fit(whole, text, size.max_tokens, count)
        cuts = pack(pieces, text, size.max_tokens, size.max_tokens * size.overlap_percentage // 100)
    elif params.strategy == "semantic":
        pieces = _fit(whole, text, params.semantic.max_tokens, count)
        cuts = _semantic(pieces, text, params.semantic, embedder)
    else:
        return _hierarchical(article, text, whole, params.hierarchical, count)
    return [_chunk(article, text, pieces.units, cut, number) for number, cut in enumerate(cuts)]


def _hierarchical(
    article: Article, text: str, whole: list[Unit], sizes: HierarchicalParams, count: Counter
) -> list[Chunk]:
    """Children that are found, each with the parent that is passed to the model."""
    pieces = _fit(whole, text, sizes.child_max_tokens, count)
    chunks: list[Chunk] = []
    for begin, own, end in pack(pieces, text, sizes.parent_max_tokens, sizes.overlap_tokens):
        parent = pieces.units[begin:end]
        inside = pieces.slice(own, end)
        for cut in pack(inside, text, sizes.child_max_tokens, sizes.overlap_tokens):
            chunks.append(_chunk(article, text, inside.units, cut, len(chunks), parent))
    return chunks


def _semantic(fitted: Pieces, text: str, params: SemanticParams, embedder: Embeds) -> list[tuple[int, int, int]]:
    """Cut where neighbouring units differ most in meaning, then divide what is too long."""
    pieces = fitted.units
    if len(pieces) == 1:
        return [(0, 0, 1)]
    around = params.buffer_size
    windows = [
        text[pieces[max(0, i - around)].start : pieces[min(len(pieces) - 1, i + around)].end]
        for i in range(len(pieces))
    ]
    vectors = embedder.embed(windows)
    distances = 1 - np.sum(vectors[:-1] * vectors[1:], axis=1)
    # A heading is never separated from its text, however different their meanings are.
    distances[[piece.before >= Break.BODY for piece in pieces[1:]]] = 0.0
    threshold = np.percentile(distances, params.breakpoint_percentile_threshold)
    # Only peaks: the neighbours of an outlier are distant as well, and would leave it alone in a chunk.
    around_it = np.pad(distances, 1, constant_values=-1.0)
    peak = (distances > threshold) & (distances >= around_it[:-2]) & (distances > around_it[2:])
    edges = [0, *(int(i) + 1 for i in np.flatnonzero(peak)), len(pieces)]
    cuts = []
    for low, high in itertools.pairwise(edges):
        for begin, own, end in pack(fitted.slice(low, high), text, params.max_tokens, 0):
            cuts.append((begin + low, own + low, end + low))
    return cuts


def _fit(whole: Sequence[Unit], text: str, max_tokens: int, count: Counter) -> Pieces:
    """Units with their tokens. One that is too long is cut between words, and a longer word inside.

    A header of a table that is longer than half a chunk is not repeated.
    """
    parts: list[tuple[Unit, int, int]] = []  # with the tokens of each and of its table's header
    spans = {unit.table for unit in whole if unit.table}
    lengths = dict(zip(spans, count([f"{text[low:high]}\n" for low, high in spans]), strict=True)) if spans else {}
    for unit, size in zip(whole, count([text[unit.start : unit.end] for unit in whole]), strict=True):
        header = lengths.get(unit.table, 0)
        if header > max_tokens // 2:
            unit, header = replace(unit, table=None), 0
        room = max_tokens - header
        cut = [(unit, size)] if size <= room else _words(unit, text, room, count)
        parts += [(part, size, header) for part, size in cut]
    units, first, headers = zip(*parts, strict=True)
    # White space is counted with what follows it, as tokenizers of chat models take blanks and the next word for one.
    more = count([text[before.end : unit.end] for before, unit in zip((units[0], *units), units, strict=False)])
    return Pieces(units, first, [max(pair) for pair in zip(first, more, strict=True)], headers)


def _words(unit: Unit, text: str, max_tokens: int, count: Counter) -> list[tuple[Unit, int]]:
    spans = [match.span() for match in WORD.finditer(text, unit.start, unit.end)]
    sizes = count([text[low:high] for low, high in spans])
    parts: list[tuple[Unit, int]] = []
    for (low, high), size in zip(spans, sizes, strict=True):
        before = unit.before
        if parts:
            before = Break.CLAUSE if CLAUSE_END.search(text, parts[-1][0].end - 1, low) else Break.WORD
        word = replace(unit, start=low, end=high, before=before)
        parts += [(word, size)] if size <= max_tokens else _halves(word, text, max_tokens, count)
    return parts


def _halves(word: Unit, text: str, max_tokens: int, count: Counter) -> list[tuple[Unit, int]]:
    """Parts of a word. Each character counts a token at least: put together again, the parts may be an unknown word."""
    size = max(word.end - word.start, count([text[word.start : word.end]])[0])
    if size <= max_tokens or word.end - word.start == 1:
        return [(word, min(size, max_tokens))]
    middle = (word.start + word.end) // 2
    first = replace(word, end=middle)
    second = replace(word, start=middle, before=Break.WORD)
    return _halves(first, text, max_tokens, count) + _halves(second, text, max_tokens, count)


def _chunk(
    article: Article,
    text: str,
    pieces: Sequence[Unit],
    cut: tuple[int, int, int],
    number: int,
    context: Sequence[Unit] = (),
) -> Chunk:
    """Pieces `begin` to `end`; the context is of them, too, if none is given."""
    begin, own, end = cut
    inside = pieces[begin:end]
    context = context or inside
    start, stop, header = _extent(inside, text)
    low, high, context_header = _extent(context, text)
    return Chunk(
        id=f"{article.id}#{number}",
        article_id=article.id,
        title=article.title,
        section=" > ".join(shared_headings([piece.path for piece in pieces[own:end]])),
        start=start,
        end=stop,
        context_start=low,
        context_end=high,
        text=text[start:stop],
        context=text[low:high],
        text_header=header,
        context_header=context_header,
    )


def _extent(units: Sequence[Unit], text: str) -> tuple[int, int, str]:
    """Offsets of units in a row, and the header of the table that the first goes on with."""
    header = units[0].table
    return units[0].start, units[-1].end, text[slice(*header)] if header else ""
