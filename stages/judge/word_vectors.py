"""Contextual word vectors of a sentence-transformers model: one pass gives the words' vectors and the text's."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.vectors.embedding import EmbeddingParams, load_model


@dataclass(frozen=True)
class Vectors:
    """Unit vectors, float32: of the pieces of a text ``(n, dimensions)`` and of the whole ``(dimensions,)``.

    `spans` ``(n, 2)`` are the character offsets of the pieces.
    """

    spans: np.ndarray
    pieces: np.ndarray
    whole: np.ndarray

    def between(self, start: int, end: int) -> np.ndarray:
        """The unit vector of the characters from `start` to `end`."""
        inside = (self.spans[:, 0] < end) & (self.spans[:, 1] > start)
        return unit(self.pieces[inside].mean(axis=0)) if inside.any() else self.whole


class WordEmbedder(Protocol):
    """What the judge needs of a model; tests have their own."""

    def embed(self, texts: Sequence[str]) -> list[Vectors]: ...


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


class TransformerWordEmbedder:
    def __init__(self, params: EmbeddingParams, run: RunParams):
        self._params, self._run = params, run

    @functools.cached_property
    def _model(self):
        return load_model(self._params, self._run)[0]

    def embed(self, texts: Sequence[str]) -> list[Vectors]:
        """One :class:`Vectors` per text, in the order given."""
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n]), texts[n]))  # alike lengths: little padding
        found: dict[int, Vectors] = {}
        for start in range(0, len(order), self._params.batch_size):
            batch = order[start : start + self._params.batch_size]
            for n, vectors in zip(batch, self._embed_batch([texts[n] for n in batch]), strict=True):
                found[n] = vectors
        return [found[n] for n in range(len(texts))]

    def _embed_batch(self, texts: list[str]) -> list[Vectors]:
        import torch

        tokenizer = self._model.tokenizer
        encoded = tokenizer(
            texts, padding=True, truncation=True, max_length=self._model.max_seq_length, return_offsets_mapping=True,
            return_tensors="pt",
        )  # fmt: skip
        offsets = encoded.pop("offset_mapping").numpy()
        mask = encoded["attention_mask"].numpy().astype(bool)
        remedy = f"Lower embedding.batch_size ({self._params.batch_size})"
        with torch.inference_mode(), machine.gpu_memory("embedding", remedy):
            states = self._model[0].model(**encoded.to(self._model.device)).last_hidden_state.float().numpy(force=True)
        rows = []
        for spans, row, held in zip(offsets, states, mask, strict=True):
            real = held & (spans[:, 1] > spans[:, 0])  # without padding and the special tokens
            rows.append(Vectors(spans[real], unit(row[real]), unit(row[held].mean(axis=0))))
        return rows
