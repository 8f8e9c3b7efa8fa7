"""The strategies: one article to its chunks."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stages.chunks.pack import pack
from stages.chunks.params import ChunkingParams, HierarchicalParams, SemanticParams
from stages.chunks.token_counter import Counter
from tune_or_retrieve.base.records import Article, Chunk
from tune_or_retrieve.text.headings import shared_headings
from tune_or_retrieve.text.sentences import Break, Unit, units
from tune_or_retrieve.vectors.embedding import Embeds

Span = tuple[int, int]


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
        pieces, tokens = whole, []
        cuts = [(0, 0, len(whole))]
    elif params.strategy == "fixed_size":
        size = params.fixed_size
        pieces, tokens = _fit(whole, text, size.max_tokens, count)
        cuts = pack(pieces, tokens, text, size.max_tokens, size.max_tokens * size.overlap_percentage // 100)
    elif params.strategy == "semantic":
        pieces, tokens = _fit(whole, text, params.semantic.max_tokens, count)
        cuts = _semantic(pieces, tokens, text, params.semantic, embedder)
    else:
        return _hierarchical(article, text, whole, params.hierarchical, count)
    return [_chunk(article, text, pieces, cut, number) for number, cut in enumerate(cuts)]


def _hierarchical(
    article: Article, text: str, whole: list[Unit], sizes: HierarchicalParams, count: Counter
) -> list[Chunk]:
    """Children that are found, each with the parent that is passed to the model."""
    pieces, tokens = _fit(whole, text, sizes.child_max_tokens, count)
    chunks: list[Chunk] = []
    for begin, own, end in pack(pieces, tokens, text, sizes.parent_max_tokens, sizes.overlap_tokens):
        context = (pieces[begin].start, pieces[end - 1].end)
        children = pack(pieces[own:end], tokens[own:end], text, sizes.child_max_tokens, sizes.overlap_tokens)
        for cut in children:
            chunks.append(_chunk(article, text, pieces[own:end], cut, len(chunks), context))
    return chunks


def _semantic(
    pieces: list[Unit], tokens: list[int], text: str, params: SemanticParams, embedder: Embeds
) -> list[tuple[int, int, int]]:
    """Cut where neighbouring units differ most in meaning, then divide what is too long."""
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
        for begin, own, end in pack(pieces[low:high], tokens[low:high], text, params.max_tokens, 0):
            cuts.append((begin + low, own + low, end + low))
    return cuts


def _fit(whole: Sequence[Unit], text: str, max_tokens: int, count: Counter) -> tuple[list[Unit], list[int]]:
    """Units and their tokens. One longer than max_tokens is cut between words, and a longer word inside."""
    pieces: list[Unit] = []
    tokens: list[int] = []
    for unit, size in zip(whole, count([text[unit.start : unit.end] for unit in whole]), strict=True):
        parts = [(unit, size)] if size <= max_tokens else _words(unit, text, max_tokens, count)
        pieces += [part for part, _ in parts]
        tokens += [size for _, size in parts]
    return pieces, tokens


def _words(unit: Unit, text: str, max_tokens: int, count: Counter) -> list[tuple[Unit, int]]:
    spans = [match.span() for match in re.compile(r"\S+").finditer(text, unit.start, unit.end)]
    sizes = count([text[low:high] for low, high in spans])
    parts: list[tuple[Unit, int]] = []
    for (low, high), size in zip(spans, sizes, strict=True):
        before = unit.before
        if parts:
            before = Break.CLAUSE if text[parts[-1][0].end - 1] in ",;:)" else Break.WORD
        word = replace(unit, start=low, end=high, before=before)
        parts += [(word, size)] if size <= max_tokens else _halves(word, text, max_tokens, count)
    return parts


def _halves(word: Unit, text: str, max_tokens: int, count: Counter) -> list[tuple[Unit, int]]:
    size = count([text[word.start : word.end]])[0]
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
    context: Span | None = None,
) -> Chunk:
    begin, own, end = cut
    start, stop = pieces[begin].start, pieces[end - 1].end
    low, high = context or (start, stop)
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
    )
