"""Counting, splitting and ranking text: simple, deterministic, our own."""

import math
import re
from collections import Counter
from collections.abc import Sequence

K1, B = 1.2, 0.75  # BM25's usual constants


def tokens(text: str) -> list[re.Match[str]]:
    """Words and punctuation marks, with their places: what the stand-in counts as tokens."""
    return list(re.finditer(r"\w+|[^\w\s]", text))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def sentences(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"(?<=[.!?])\s+|\n+", text) if one.strip()]


def bm25(query: str, documents: Sequence[Counter[str]]) -> list[float]:
    """The score of each document for the query (Robertson and Zaragoza 2009, with the idf that is never negative)."""
    mean = sum(document.total() for document in documents) / max(len(documents), 1) or 1.0
    scores = [0.0] * len(documents)
    for word in sorted(set(words(query))):
        holding = sum(word in document for document in documents)
        idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        for place, document in enumerate(documents):
            if count := document[word]:
                scores[place] += idf * count * (K1 + 1) / (count + K1 * (1 - B + B * document.total() / mean))
    return scores
