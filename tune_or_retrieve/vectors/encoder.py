"""A transformers encoder run by OpenVINO, which on a CPU is several times as fast as torch.

sentence-transformers' own `backend="openvino"` does the same, but needs optimum-intel, which requires an older version
of transformers (2.2.0: below 5.6).
"""

import contextlib
import math
import warnings
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import logging

from tune_or_retrieve.base.machine import Dtype
from tune_or_retrieve.base.progress import say

PRECISION = {"bfloat16": "bf16", "float32": "f32"}
PROBE = ["Two texts of unlike length", "of which the second goes on and on, so that the first is padded. " * 20]
MULTIPLE = 16  # of tokens: for other lengths, kernels sum the last numbers in another order
LEAST_COSINE = 0.99  # between states of a token here and by torch in float32; MiniLM has .9998 in bfloat16


class NotConverted(Exception):
    """OpenVINO cannot run the model, or computes something else."""


class OpenVINOEncoder(torch.nn.Module):
    """Replaces the model that it is made from: same inputs, same ``config``, only ``last_hidden_state``.

    States of a text are bit-identical whatever else is in the batch, as all lengths are multiples of 16 tokens.

    Args:
        model: in float32.
        dtype: of matrix products and attention; float32, with a message, if OpenVINO has no bfloat16.
        threads: number of threads to use.

    Raises:
        NotConverted: its states differ from the model's, or OpenVINO is not installed.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dtype: Dtype, threads: int):
        super().__init__()
        self.config = model.config
        self._padding = tokenizer.pad_token_id or 0
        self._longest = getattr(model.config, "max_position_embeddings", math.inf)  # tokens that have a position
        try:
            import openvino  # here: where it has no wheel, torch is used
        except ImportError as fault:
            raise NotConverted(str(fault)) from fault
        probe = dict(tokenizer(PROBE, padding=True, truncation=True, max_length=128, return_tensors="pt"))
        core = openvino.Core()
        if dtype == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            say("embedding: OpenVINO has no bfloat16 on this processor, so that it is computed in float32")
            dtype = "float32"
        self.dtype = dtype
        # One batch at a time on all cores, but not pinned to them: other work would have to wait for one.
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": PRECISION[dtype],
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        try:
            with _quiet():
                graph = openvino.convert_model(model, example_input=probe)
            self._compiled = core.compile_model(graph, "CPU", options)
            taken = {name for one in self._compiled.inputs for name in one.get_names()}
            self._inputs = [name for name in probe if name in taken]
            ours = self(**probe).last_hidden_state
        except (RuntimeError, KeyError) as fault:
            raise NotConverted(str(fault).strip().splitlines()[0]) from fault
        with torch.inference_mode():
            theirs = model(**probe).last_hidden_state
        alike = torch.nn.functional.cosine_similarity(ours, theirs, dim=-1)[probe["attention_mask"].bool()].min().item()
        # States of padding have to be finite, too: pooling multiplies them by 0.
        if not ours.isfinite().all() or alike < LEAST_COSINE:
            raise NotConverted(f"its states are not the model's: cosine {alike:.3f}")

    def forward(self, **features: torch.Tensor) -> BaseModelOutput:
        """States, float32 ``(texts, tokens, width)``, of the tokenizer's output, each ``(texts, tokens)``."""
        tokens = features["attention_mask"].shape[1]
        more = min(-tokens % MULTIPLE, max(0, self._longest - tokens))
        found = self._compiled({name: self._padded(name, features[name], more).numpy() for name in self._inputs})
        return BaseModelOutput(last_hidden_state=torch.from_numpy(found["last_hidden_state"])[:, :tokens])

    def _padded(self, name: str, values: torch.Tensor, more: int) -> torch.Tensor:
        return torch.nn.functional.pad(values, (0, more), value=self._padding if name == "input_ids" else 0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings of tracing, which are about branches that no text takes."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.set_verbosity(verbosity)
