"""A transformers encoder run by OpenVINO: on a CPU two to three times as fast as by torch, in either precision.

sentence-transformers' own `backend="openvino"` would do the same, but by way of optimum-intel, which asks for an older
transformers than ours (2.2.0: below 5.6).
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Literal

import openvino
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import logging

from stages.progress import say

PRECISION = {"bfloat16": "bf16", "float32": "f32"}


class OpenVINOEncoder(torch.nn.Module):
    """In place of the model that it is made from: the same inputs, the same ``config``, ``last_hidden_state`` alone.

    ``dtype`` is what matrix products and attention are computed in. On a processor that knows no bfloat16 OpenVINO
    computes in float32 instead, which is slower and nearer to the model; that is said.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dtype: Literal["bfloat16", "float32"]
    ):
        super().__init__()
        self.config = model.config
        example = dict(tokenizer(["Two texts", "that show what goes in"], padding=True, return_tensors="pt"))
        with _quiet():
            graph = openvino.convert_model(model, example_input=example)
        self._inputs = list(example)
        # One batch at a time on all cores, but not pinned to them: the work beside it would wait for one.
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": PRECISION[dtype],
            "ENABLE_CPU_PINNING": False,
        }
        self._compiled = openvino.Core().compile_model(graph, "CPU", options)
        if dtype == "bfloat16" and self._compiled.get_property("INFERENCE_PRECISION_HINT") != openvino.Type.bf16:
            say("embedding: this processor has no bfloat16, so that it is computed in float32")

    def forward(self, **features: torch.Tensor) -> BaseModelOutput:
        """States, float32 ``(texts, tokens, width)``, of what the tokenizer gives, each ``(texts, tokens)``."""
        found = self._compiled({name: features[name].numpy() for name in self._inputs})
        return BaseModelOutput(last_hidden_state=torch.from_numpy(found["last_hidden_state"]))


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
