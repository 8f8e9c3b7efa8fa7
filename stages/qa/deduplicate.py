"""One question per fact: exact duplicates by words and by evidence, near ones by meaning."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from stages.qa.shared.blocks import plain
from stages.qa.shared.seeded import choice
from tune_or_retrieve.base.records import Pair, Rejection

# Kinds that rest on two facts.
COMBINED = ("two_facts", "comparison")
MOST_TOGETHER = 3


def normal(words: str) -> str:
    return re.sub(r"[\W_]+", " ", plain(words).casefold()).strip()


def shuffled(pairs: Iterable[Pair], seed: int) -> list[Pair]:
    """In an order that follows from seed and ids, so that no part of the corpus is favoured among duplicates."""
    return sorted(pairs, key=lambda pair: (choice(seed, pair.id), pair.id))


def exact(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Rejection]]:
    """Keep the first pair of each question, and of each evidence: one sentence, one pair, wherever it is repeated.

    Several sentences together, or two facts of one sentence, are evidence of their own; a sentence is in at most
    MOST_TOGETHER of these.
    """
    kept, rejected = [], []
    questions: set[str] = set()
    evidence: set[tuple[str, ...]] = set()
    together: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        question = normal(pair.question)
        passages = tuple(sorted(normal(quote.text) for quote in pair.evidence))
        combined = pair.kind in COMBINED
        parts = [(pair.kind, passage) for passage in passages] if combined else []
        key = (pair.kind, *passages) if combined else passages
        if question in questions:
            rejected.append(Rejection(pair=pair, reason="same question"))
        elif key in evidence or any(together[part] >= MOST_TOGETHER for part in parts):
            rejected.append(Rejection(pair=pair, reason="same evidence"))
        else:
            questions.add(question)
            evidence.add(key)
            together.update(parts)
            kept.append(pair)
    return kept, rejected


def semantic(pairs: Sequence[Pair], vectors: np.ndarray, threshold: float) -> tuple[list[int], list[Rejection]]:
    """Indices of the pairs whose question is far enough from all kept before it, and the others as rejections.

    Args:
        vectors: unit vectors of the questions, ``(len(pairs), dimensions)``.
    """
    kept: list[int] = []
    rejected = []
    chosen = np.empty_like(vectors)
    for number, pair in enumerate(pairs):
        if kept and float((chosen[: len(kept)] @ vectors[number]).max()) >= threshold:
            rejected.append(Rejection(pair=pair, reason="near-duplicate question"))
            continue
        chosen[len(kept)] = vectors[number]
        kept.append(number)
    return kept, rejected
