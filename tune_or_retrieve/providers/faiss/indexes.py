"""Vectors and words of chunks to FAISS and BM25."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Chunk
from tune_or_retrieve.text.headings import heading
from tune_or_retrieve.text.search_words import text_words
from tune_or_retrieve.vectors.params import BM25Params

if TYPE_CHECKING:
    import bm25s
    import faiss


def embedded_text(chunk: Chunk) -> str:
    """The embedded text of a chunk: title and section, then its text."""
    return f"{heading(chunk)}\n{chunk.full_text}"


def build_faiss(vectors: np.ndarray, index_factory: str) -> "faiss.Index":
    """A FAISS index of unit vectors by inner product, which is their cosine.

    Raises:
        StageError: FAISS does not know the factory string, or cannot build it over these vectors.
    """
    count, dimensions = vectors.shape
    index = empty_faiss(index_factory, dimensions, count)
    try:
        if not index.is_trained:
            index.train(vectors)
        index.add(vectors)
    except RuntimeError as fault:
        raise _refused(index_factory, count, dimensions, fault) from None
    return index


def empty_faiss(index_factory: str, dimensions: int, count: int) -> "faiss.Index":
    """The index without vectors, to check the factory before `count` chunks are embedded. Raises StageError."""
    import faiss

    try:
        return faiss.index_factory(dimensions, index_factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as fault:
        raise _refused(index_factory, count, dimensions, fault) from None


def _refused(index_factory: str, count: int, dimensions: int, fault: RuntimeError) -> StageError:
    return StageError(
        f"knowledge_base.faiss.index_factory: FAISS cannot build {index_factory!r} over {count} chunks of {dimensions} "
        f"dimensions ({_reason(fault)}). Use Flat, or a factory that suits them: an inverted file needs at least "
        "as many chunks as lists, a product quantiser a number of dimensions that its parts divide."
    )


def _reason(fault: RuntimeError) -> str:
    """FAISS's message, without the source location and condition at its beginning."""
    return re.sub(r"^Error in .*? at \S+:\d+: (Error: '.*?' failed: )?", "", str(fault).strip(), flags=re.DOTALL)


def build_bm25(chunks: Sequence[Chunk], params: BM25Params, algorithms: Sequence[str]) -> "bm25s.BM25":
    """A BM25 index over the words of heading and text.

    Args:
        algorithms: by which the words of each chunk are stemmed, see :func:`text_words`.

    Raises:
        StageError: not one word was found.
    """
    import bm25s

    documents = [
        text_words(heading(chunk), algorithm) * params.heading_weight + text_words(chunk.full_text, algorithm)
        for chunk, algorithm in zip(chunks, algorithms, strict=True)
    ]
    # Numbered in sorted order, because bm25s would number them in the order of a set, which differs each run.
    vocabulary = {word: number for number, word in enumerate(sorted({w for words in documents for w in words}))}
    if not vocabulary:
        raise StageError(f"{len(chunks)} chunks hold not one word: nothing can be searched. Check the articles.")
    index = bm25s.BM25(k1=params.k1, b=params.b, method="lucene")
    index.index(([[vocabulary[word] for word in words] for words in documents], vocabulary), show_progress=False)
    return index
