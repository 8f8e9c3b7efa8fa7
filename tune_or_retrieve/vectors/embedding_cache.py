"""Embeddings kept in the store: a text that was embedded before, by any stage, is not embedded again."""

import time
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np

from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.progress import Progress
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.vectors.embedding import Embedder

GROUP = 64  # texts embedded and kept together: as many as a kill may cost
FEW = 16  # texts whose embedding needs no progress
SHORTER = "give fewer articles, or make longer passages (chunking)"


class CachedEmbedder:
    """An embedder that embeds each text once.

    On a CPU with OpenVINO a vector follows from its text alone (see tune_or_retrieve.vectors.encoder), so that it does
    not matter what is in the store. Torch may round the last digit differently in other batches.

    Args:
        store: of embeddings. What embedders of another identity put there is not found.
        quiet: show no progress, as the caller shows its own.

    Attributes:
        saved_seconds: that it took to embed, when they were new, the texts that others had put in the store.
    """

    def __init__(self, embedder: Embedder, store: Store, quiet: bool = False):
        self._embedder, self._store, self._quiet = embedder, store, quiet
        self.saved_seconds = 0.0
        self._timed: set[str] = set()  # texts whose seconds are in saved_seconds, or passed here

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape ``(len(texts), dimensions)``, in the order given.

        New texts are embedded in groups of similar length, longest first: this saves padding, and the time left is not
        underestimated. A group is on disk before the next one is embedded.
        """
        keys = {text: content_key("timed", self._embedder.identity, text) for text in texts}
        found = self._store.get_all(keys.values())
        vectors = {text: self._read(text, found[key]) for text, key in keys.items() if key in found}
        self._timed |= keys.keys()
        new = sorted(keys.keys() - vectors.keys(), key=lambda text: (-len(text), text))
        groups = [new[start : start + GROUP] for start in range(0, len(new), GROUP)]
        silent = self._quiet or len(new) <= FEW
        with nullcontext() if silent else Progress("embedding", len(new), "texts", shorter=SHORTER) as progress:
            for group in groups:
                start = time.perf_counter()
                made = self._embedder.embed(group).astype(np.float32, copy=False)
                took = np.float32((time.perf_counter() - start) / len(group))
                self._store.put_all(
                    {keys[text]: np.append(vector, took).tobytes() for text, vector in zip(group, made, strict=True)}
                )
                vectors |= zip(group, made, strict=True)
                if progress:
                    progress.advance(len(group))
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    def _read(self, text: str, value: bytes) -> np.ndarray:
        """A vector, which is followed by the seconds that it took."""
        stored = np.frombuffer(value, np.float32)
        if text not in self._timed:
            self.saved_seconds += float(stored[-1])
        return stored[:-1]
