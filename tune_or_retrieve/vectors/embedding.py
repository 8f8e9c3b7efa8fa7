"""Sentence embeddings: all-MiniLM-L6-v2 (or any sentence-transformers folder), unit vectors."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from pydantic import Field

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.files import content_key, sha256_file, sha256_folder
from tune_or_retrieve.base.locations import resolve, version_of
from tune_or_retrieve.base.machine import Compute, DtypeSetting, RunParams
from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.base.progress import say

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


# What vectors depend on, besides model, device and number format.
CODE = ("embedding.py", "encoder.py")
LIBRARIES = ("torch", "openvino", "transformers", "sentence-transformers")


class EmbeddingParams(Section):
    model: Filled  # location of a sentence-transformers folder, see tune_or_retrieve.base.locations
    dtype: DtypeSetting
    batch_size: int = Field(ge=1, le=1024)


class Embeds(Protocol):
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape ``(len(texts), dimensions)``, in the order given."""
        ...


def load_model(params: EmbeddingParams, run: RunParams) -> "tuple[SentenceTransformer, Compute]":
    """The model, ready to embed, and what it is computed with.

    On a CPU, OpenVINO runs its first module or, if it cannot, torch in float32, with a message. On a GPU, torch runs
    all of it.

    Raises:
        StageError: the model is not there, or the machine lacks the device or the number format.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel
    from transformers.utils import logging

    from tune_or_retrieve.vectors.encoder import NotConverted, OpenVINOEncoder

    compute = machine.choose("embedding", run, params.dtype, "embedding.dtype")
    torch.set_num_threads(compute.threads)
    logging.disable_progress_bar()  # of loading: a second at most
    by_torch = compute.dtype if compute.device != "cpu" else "float32"
    model = SentenceTransformer(
        str(resolve(params.model)), device=compute.device, model_kwargs={"dtype": getattr(torch, by_torch)}
    )
    if compute.device != "cpu":
        return model, compute
    try:
        if not isinstance(getattr(model[0], "model", None), PreTrainedModel):
            raise NotConverted(f"it begins with {type(model[0]).__name__}")
        model[0].model = OpenVINOEncoder(model[0].model, model.tokenizer, compute.dtype, compute.threads)
        compute = dataclasses.replace(compute, dtype=model[0].model.dtype)
    except NotConverted as fault:
        say(f"embedding: {params.model} is run by torch in float32, since OpenVINO cannot run it ({fault})")
        compute = dataclasses.replace(compute, dtype="float32")
    return model, compute


class Embedder:
    """Text to unit vectors, float32 ``(n, dimensions)``."""

    def __init__(self, params: EmbeddingParams, run: RunParams):
        self._params, self._run = params, run

    @functools.cached_property
    def _loaded(self) -> "tuple[SentenceTransformer, Compute]":
        return load_model(self._params, self._run)

    @property
    def compute(self) -> Compute:
        """What vectors are computed with."""
        return self._loaded[1]

    @functools.cached_property
    def identity(self) -> str:
        """What vectors depend on besides their text, known without loading the model.

        Whether OpenVINO can run the model and the number format depends on the same.
        """
        asked = machine.choose("embedding", self._run, self._params.dtype, "embedding.dtype")
        code = [sha256_file(Path(__file__).with_name(name)) for name in CODE]
        versions = {name: version_of(name) for name in LIBRARIES}
        model = sha256_folder(resolve(self._params.model))
        return content_key(model, asked.device, asked.dtype, machine.instructions(), versions, code)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape ``(len(texts), dimensions)``, in the order given."""
        model, size = self._loaded[0], self._params.batch_size
        with machine.gpu_memory("embedding", f"Lower embedding.batch_size ({size})"):
            vectors = model.encode(list(texts), batch_size=size, show_progress_bar=False)
        vectors = vectors.reshape(len(texts), -1)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
