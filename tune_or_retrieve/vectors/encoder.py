"""A transformers encoder run by OpenVINO, which on a CPU is several times as fast as torch.

sentence-transformers' own `backend="openvino"` would do the same, but by way of optimum-intel, which asks for an older
transformers than ours (2.2.0: below 5.6).
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
MULTIPLE = 16  # of tokens: kernels take numbers at the end of another length in another order
LEAST_COSINE = 0.99  # of the states of a token, to torch's in float32; MiniLM has .9998 in bfloat16


class NotConverted(Exception):
    """OpenVINO cannot run the model, or computes something else."""


class OpenVINOEncoder(torch.nn.Module):
    """In place of the model that it is made from: the same inputs, the same ``config``, ``last_hidden_state`` alone.

    States of a text are the same bits whatever stands beside it in the batch: all have a multiple of 16 tokens.

    Args:
        model: in float32.
        dtype: what matrix products and attention are computed in; where OpenVINO has no bfloat16, float32, and it is
            said.
        threads: that compute.

    Raises:
        NotConverted: it does not give what the model gives, or OpenVINO is not installed.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dtype: Dtype, threads: int):
        super().__init__()
        self.config = model.config
        self._padding = tokenizer.pad_token_id or 0
        self._longest = getattr(model.config, "max_position_embeddings", math.inf)  # tokens that have a position
        try:
            import openvino  # here: where it has no wheel, torch does without it
        except ImportError as fault:
            raise NotConverted(str(fault)) from fault
        probe = dict(tokenizer(PROBE, padding=True, truncation=True, max_length=128, return_tensors="pt"))
        core = openvino.Core()
        if dtype == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            say("embedding: OpenVINO has no bfloat16 on this processor, so that it is computed in float32")
            dtype = "float32"
        self.dtype = dtype
        # One batch at a time on all cores, but not pinned to them: the work beside it would wait for one.
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
        # Those of padding have to be numbers, too: pooling multiplies them with 0.
        if not ours.isfinite().all() or alike < LEAST_COSINE:
            raise NotConverted(f"its states are not the model's: cosine {alike:.3f}")

    def forward(self, **features: torch.Tensor) -> BaseModelOutput:
        """States, float32 ``(texts, tokens, width)``, of what the tokenizer gives, each ``(texts, tokens)``."""
        tokens = features["attention_mask"].shape[1]
        more = min(-tokens % MULTIPLE, max(0, self._longest - tokens))
        found = self._compiled({name: self._padded(name, features[name], more).numpy() for name in self._inputs})
        return BaseModelOutput(last_hidden_state=torch.from_numpy(found["last_hidden_state"])[:, :tokens])

    def _padded(self, name: str, values: torch.Tensor, more: int) -> torch.Tensor:
        return torch.nn.functional.pad(values, (0, more), value=self._padding if name == "input_ids" else 0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of tracing, which are about branches that no text takes."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.set_verbosity(verbosity)
