"""Rankings of chunks: dense, BM25, and their fusion. A ranking is a list of (row of the chunk, score), best first."""

from collections.abc import Sequence

import numpy as np

from tune_or_retrieve.providers.faiss.knowledge_base import KnowledgeBase
from tune_or_retrieve.text.search_words import query_words

Ranking = list[tuple[int, float]]
# Scores are compared after rounding, ties go to the earlier chunk: noise in the last bits of a sum must not reorder.
DIGITS = 5


def rank_dense(knowledge_base: KnowledgeBase, query_vector: np.ndarray, depth: int) -> Ranking:
    """Chunks by cosine to the query.

    Args:
        query_vector: unit vector, float32, shape ``(dimensions,)``.
        depth: length of the ranking at most; an approximate index may find fewer.
    """
    scores, rows = knowledge_base.faiss.search(query_vector.reshape(1, -1), min(depth, len(knowledge_base.chunks)))
    found = rows[0] >= 0  # FAISS fills up with −1
    return _sorted(rows[0][found], scores[0][found])[:depth]


def rank_bm25(knowledge_base: KnowledgeBase, query: str, depth: int) -> Ranking:
    """Chunks by BM25 score; those that share no word with the query are left out."""
    index = knowledge_base.bm25
    words = query_words(query, index.vocab_dict, knowledge_base.stemming)
    if not words:
        return []
    scores = index.get_scores(words)
    rows = np.flatnonzero(scores > 0)
    if len(rows) > depth:  # all that tie with the last one stay in until they are sorted
        threshold = np.partition(scores[rows], len(rows) - depth)[len(rows) - depth]
        rows = rows[scores[rows] >= threshold - 10**-DIGITS]
    return _sorted(rows, scores[rows])[:depth]


def fuse(rankings: Sequence[Ranking], weights: Sequence[float], rrf_k: int) -> Ranking:
    """Weighted reciprocal rank fusion: score(d) = Σ weight / (rrf_k + rank of d), ranks from 1.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
    SIGIR 2009, with k = 60 and equal weights.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, (row, _) in enumerate(ranking, start=1):
            scores[row] = scores.get(row, 0.0) + weight / (rrf_k + rank)
    return sorted(scores.items(), key=lambda item: (-round(item[1], 9), item[0]))


def _sorted(rows: np.ndarray, scores: np.ndarray) -> Ranking:
    pairs = [(int(row), float(score)) for row, score in zip(rows, scores, strict=True)]
    return sorted(pairs, key=lambda pair: (-round(pair[1], DIGITS), pair[0]))
