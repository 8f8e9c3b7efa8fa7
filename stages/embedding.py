"""Sentence embeddings: all-MiniLM-L6-v2 (or any sentence-transformers folder), unit vectors."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from stages.locations import resolve
from stages.machine import RunParams
from stages.params import Filled, Section
from stages.progress import say

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class EmbeddingParams(Section):
    model: Filled  # location of a sentence-transformers folder, see stages.locations
    dtype: Literal["bfloat16", "float32"]
    batch_size: int = Field(ge=1, le=1024)


def load_model(params: EmbeddingParams, run: RunParams) -> "SentenceTransformer":
    """The model on the CPU, its first module run by OpenVINO in `params.dtype`; where that cannot be, by torch in
    float32, which is said. Raises StageError if it is not there.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel
    from transformers.utils import logging

    from stages.encoder import NotConverted, OpenVINOEncoder

    logging.disable_progress_bar()  # of loading: a second at most
    model = SentenceTransformer(str(resolve(params.model)), device="cpu", model_kwargs={"dtype": torch.float32})
    try:
        if not isinstance(getattr(model[0], "model", None), PreTrainedModel):
            raise NotConverted(f"it begins with {type(model[0]).__name__}")
        model[0].model = OpenVINOEncoder(model[0].model, model.tokenizer, params.dtype)
    except NotConverted as fault:
        say(f"embedding: {params.model} is run by torch in float32, since OpenVINO cannot run it ({fault})")
    return model


class Embedder:
    """Text to unit vectors, float32 ``(n, dimensions)``. One method, so that tests and other providers can stand in."""

    def __init__(self, params: EmbeddingParams, run: RunParams):
        self._params, self._run = params, run

    @functools.cached_property
    def _model(self):
        return load_model(self._params, self._run)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape ``(len(texts), dimensions)``, in the order given."""
        vectors = self._model.encode(list(texts), batch_size=self._params.batch_size, show_progress_bar=False)
        vectors = vectors.reshape(len(texts), -1)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
