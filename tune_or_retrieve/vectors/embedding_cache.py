"""Vectors of texts that were embedded before, kept in the store."""

from collections.abc import Sequence

import numpy as np

from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.store import Store


class EmbeddingCache:
    """Vectors by text, as float32 bytes.

    Args:
        identity: of the embedder, see tune_or_retrieve.vectors.embedding.Embedder.identity.
    """

    def __init__(self, store: Store, identity: str):
        self._store, self._identity = store, identity

    def get(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Vectors, float32 ``(dimensions,)``, of those texts that were embedded before."""
        keys = {self._key(text): text for text in texts}
        return {keys[key]: np.frombuffer(value, np.float32) for key, value in self._store.get_all(keys).items()}

    def put(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Keep vectors, float32 ``(len(texts), dimensions)``: all or none of them are on disk when this returns."""
        self._store.put_all({self._key(text): vector.tobytes() for text, vector in zip(texts, vectors, strict=True)})

    def _key(self, text: str) -> str:
        return content_key(self._identity, text)
