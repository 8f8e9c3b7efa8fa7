"""How well the evidence of a question was found.

What counts is the text that is passed to a model: a passage is ``context_start:context_end`` of its chunk.

**Found.** An evidence span is found at k when the first k passages together hold at least `FOUND` (80 %) of its
characters. Together, because a sentence split over two passages is complete if both are found; 80 %, because chunkers
may leave out a list marker or a blank line between passages.

**recall@k** of a question: share of its spans found at k. A comparison that rests on two articles, one of which is
found, has 0.5.

**MRR**: mean of 1 / rank of the passage with which the first of its spans is found; 0 if none is.

**nDCG@10**: a passage gains the share of each span that it contains and no passage ranked above it did, so overlaps
count once (α-nDCG with α = 1, Clarke et al., "Novelty and diversity in information retrieval
evaluation", SIGIR 2008). The ideal order is built greedily over all chunks, as there.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from tune_or_retrieve.base.records import Chunk, Question, Span

FOUND = 0.8
NDCG_DEPTH = 10


class Cover:
    """Which characters of the evidence spans have been covered so far."""

    def __init__(self, spans: Sequence[Span]):
        self._spans = spans
        self._missing = [set(range(span.start, span.end)) for span in spans]

    def add(self, passage: Span) -> float:
        """Add a passage. Returns its gain: the sum of the newly covered shares of spans."""
        gain = 0.0
        for span, missing in zip(self._spans, self._missing, strict=True):
            if passage.article_id == span.article_id:
                before = len(missing)
                missing.difference_update(range(passage.start, passage.end))
                gain += (before - len(missing)) / (span.end - span.start)
        return gain

    def gain(self, passage: Span) -> float:
        """What :meth:`add` would return."""
        return sum(
            sum(passage.start <= place < passage.end for place in missing) / (span.end - span.start)
            for span, missing in zip(self._spans, self._missing, strict=True)
            if passage.article_id == span.article_id
        )

    def found(self) -> int:
        """How many spans are found."""
        pairs = zip(self._spans, self._missing, strict=True)
        return sum(1 - len(missing) / (span.end - span.start) >= FOUND for span, missing in pairs)


def given(chunk: Chunk) -> Span:
    """The span of the article that is passed to a model for a chunk."""
    return Span(article_id=chunk.article_id, start=chunk.context_start, end=chunk.context_end)


def recall_at(spans: Sequence[Span], passages: Sequence[Span], k: int) -> float:
    """Share of the spans found in the first k passages."""
    return _found_after_each(spans, passages[:k])[-1] / len(spans)


def reciprocal_rank(spans: Sequence[Span], passages: Sequence[Span]) -> float:
    """1 / rank at which the first span is found, 0 if none is."""
    counts = _found_after_each(spans, passages)[1:]
    return next((1 / rank for rank, count in enumerate(counts, start=1) if count), 0.0)


def ndcg(spans: Sequence[Span], passages: Sequence[Span], all_passages: Iterable[Span]) -> float:
    """nDCG@10. `all_passages` may be limited to the articles of the spans: others gain nothing."""
    cover = Cover(spans)
    gains = [cover.add(passage) for passage in passages[:NDCG_DEPTH]]
    ideal = _dcg(_ideal_gains(spans, list(all_passages)))
    return min(1.0, _dcg(gains) / ideal) if ideal else 0.0


def evaluate(
    questions: Sequence[Question],
    retrieved: Mapping[str, Sequence[Span]],
    chunks: Iterable[Chunk] | None,
    recall_ks: Sequence[int],
) -> dict[str, float | int | None]:
    """Means over each set and each slice of a set, as flat keys: ``handwritten.mrr``, ``synthetic_unseen.n``.

    Args:
        retrieved: by the id of the question, passages best first, at least max(recall_ks) and 10 of them where the
            index has so many.
        chunks: all of the index; None if they cannot be enumerated, and then nDCG is not computed.
    """
    needed = {span.article_id for question in questions for span in question.evidence}
    by_article: dict[str, set[tuple[int, int]]] = {}
    for chunk in chunks or ():
        if chunk.article_id in needed:
            by_article.setdefault(chunk.article_id, set()).add((chunk.context_start, chunk.context_end))

    groups: dict[str, list[dict[str, float | None]]] = {}
    for question in questions:
        spans, passages = question.evidence, retrieved[question.id]
        possible = [
            Span(article_id=article, start=start, end=end)
            for article in sorted({span.article_id for span in spans})
            for start, end in sorted(by_article.get(article, ()))
        ]
        values = {f"recall_at_{k}": recall_at(spans, passages, k) for k in recall_ks}
        values["mrr"] = reciprocal_rank(spans, passages)
        values[f"ndcg_at_{NDCG_DEPTH}"] = None if chunks is None else ndcg(spans, passages, possible)
        for group in (question.set, f"{question.set}_{question.slice}"):
            groups.setdefault(group, []).append(values)
    metrics: dict[str, float | int | None] = {}
    for group, rows in sorted(groups.items()):
        metrics[f"{group}.n"] = len(rows)
        for name in rows[0]:
            found = [row[name] for row in rows]
            metrics[f"{group}.{name}"] = None if None in found else round(math.fsum(found) / len(rows), 4)
    return metrics


def _found_after_each(spans: Sequence[Span], passages: Sequence[Span]) -> list[int]:
    """Number of spans found after 0, 1, 2, … passages."""
    cover = Cover(spans)
    counts = [0]
    for passage in passages:
        cover.add(passage)
        counts.append(cover.found())
    return counts


def _ideal_gains(spans: Sequence[Span], passages: list[Span]) -> list[float]:
    cover = Cover(spans)
    gains: list[float] = []
    while passages and len(gains) < NDCG_DEPTH:
        best = max(passages, key=cover.gain)  # the first of equals
        if (gain := cover.add(best)) == 0:
            break
        gains.append(gain)
    return gains


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
