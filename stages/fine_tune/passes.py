"""Two forward passes for training, and the comparison that decides which one is used.

:class:`OwnPass` processes each question with its passages as one plain sequence, with the code of peft and
transformers: correct for every model. :class:`SharedPass` processes a context that several questions share only once,
and computes LoRA layers and attention with :mod:`stages.fine_tune.kernels`: several times as fast, and correct for
models with the expected architecture. :func:`choose_pass` compares the two on a real batch before the first step.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stages.fine_tune.batches import Batch, Part, labels, rows, tensors
from stages.fine_tune.encoding import Branch, Encoded
from stages.fine_tune.model import ADAPTER
from tune_or_retrieve.base.progress import say

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

ATTENTION = "tune_or_retrieve"  # the name of our attention in transformers' registry
OWN_BATCH_TOKENS = 2048  # in one pass of OwnPass, with padding: its sequences repeat the contexts
LORA_B_SCALE = 0.02  # of the random B for the comparison, about as after training
# How much SharedPass may differ from OwnPass on the compared batch: in the loss, relative to it, and in the direction
# of the gradient of all LoRA weights, 1 - cosine. The kernels round in other places than peft does.
TOLERANCES = {"float32": (1e-3, 1e-3), "bfloat16": (2e-2, 5e-2)}


class Pass(Protocol):
    """A forward pass through the model."""

    name: str

    def logits(self, batch: Batch) -> "torch.Tensor":
        """Logits that predict the answer tokens, sample by sample and branch by branch, float32 ``(n, vocabulary)``."""
        ...


class OwnPass:
    """Every question as a separate plain sequence, through all of which gradients flow.

    Args:
        model: with the LoRA layers of peft.
    """

    name = "peft"

    def __init__(self, model: "PeftModel"):
        self._model = model

    def logits(self, batch: Batch) -> "torch.Tensor":
        import torch

        found = []
        for part in rows(batch, OWN_BATCH_TOKENS):
            part = part.to(self._model.device)
            out = self._model(input_ids=part.ids, attention_mask=part.mask, use_cache=False, logits_to_keep=part.kept)
            found.append(out.logits.flatten(0, 1)[part.reads].float())
        return torch.cat(found)


class SharedPass:
    """A context once for all its questions, and our kernels; use it within :meth:`installed`.

    Args:
        model: of a transformers architecture whose decoder is its attribute ``model``.
        through_context: whether gradients flow back into the shared contexts.
    """

    name = "shared contexts"

    def __init__(self, model: "PeftModel", through_context: bool):
        self._model, self._through_context = model, through_context

    def logits(self, batch: Batch) -> "torch.Tensor":
        import torch

        base = self._model.get_base_model()
        made = tensors(batch, self._model.dtype).to(self._model.device)
        with torch.set_grad_enabled(self._through_context and torch.is_grad_enabled()):
            start = _read(base, made.start)
        branches = _read(base, made.branches, past_key_values=start.past_key_values)
        hidden = branches.last_hidden_state.flatten(0, 1)[made.reads]
        return base.get_output_embeddings()(hidden).float()

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Within, LoRA layers and attention of the model use our kernels instead of those of peft and transformers."""
        from peft.tuners.lora import Linear
        from transformers import AttentionInterface

        from stages.fine_tune.kernels import attention, lora_linear

        AttentionInterface.register(ATTENTION, attention)
        config = self._model.get_base_model().config
        before = config._attn_implementation
        config._attn_implementation = ATTENTION
        layers = [module for module in self._model.modules() if isinstance(module, Linear)]
        for layer in layers:
            layer.forward = _forward(layer, lora_linear)
        try:
            yield
        finally:
            config._attn_implementation = before
            for layer in layers:
                del layer.forward


def loss_sum(forward: Pass, batch: Batch) -> "torch.Tensor":
    """Cross-entropy summed over the answer tokens of a batch, in nats."""
    from torch.nn.functional import cross_entropy

    logits = forward.logits(batch)
    return cross_entropy(logits, labels(batch).to(logits.device), reduction="sum")


@dataclass(frozen=True)
class Difference:
    """Difference of SharedPass from OwnPass on one batch."""

    loss: float  # relative
    gradient: float  # 1 - cosine
    own_loss: float  # mean of an answer token, nats
    shared_loss: float

    def within(self, dtype: str) -> bool:
        loss, gradient = TOLERANCES[dtype]
        return self.loss <= loss and self.gradient <= gradient  # false for NaN


@contextlib.contextmanager
def choose_pass(model: "PeftModel", batches: Sequence[Batch], through_context: bool) -> Iterator[Pass]:
    """SharedPass, installed, if it computes the same as OwnPass; else OwnPass, with a message.

    Args:
        batches: of the training; the cheapest with questions that share a context is compared.
    """
    dtype = str(model.dtype).removeprefix("torch.")
    try:
        found = compare(model, probe(batches))
        why = None if found.within(dtype) else _described(found, dtype)
    except Unfit as fault:
        why = f"it cannot run this model: {fault}"
    if why is None:
        fast = SharedPass(model, through_context)
        with fast.installed():
            yield fast
    else:
        say(
            f"training: the fast pass is not used, since {why}. peft's own pass trains instead: right, and several "
            "times slower."
        )
        yield OwnPass(model)


class Unfit(Exception):
    """SharedPass cannot run a model."""


def compare(model: "PeftModel", batch: Batch) -> Difference:
    """Loss and gradients of both passes on one batch, with nonzero LoRA weights; the model is not changed.

    Raises:
        Unfit: SharedPass cannot run the model. What OwnPass raises is a fault of the model, and is not caught.
    """
    import torch

    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    kept = {name: p.detach().clone() for name, p in weights.items()}
    generator = torch.Generator().manual_seed(0)
    shared = SharedPass(model, through_context=True)

    def computed(forward: Pass) -> tuple[float, torch.Tensor]:
        loss = loss_sum(forward, batch) / len(labels(batch))
        loss.backward()
        gradient = torch.cat([p.grad.flatten().cpu().double() for p in weights.values()])
        model.zero_grad()
        return loss.item(), gradient

    try:
        with torch.no_grad():
            for name, p in weights.items():
                if ".lora_B." in name:  # 0 before training, which would hide errors in A
                    p.copy_(torch.randn(p.shape, generator=generator) * LORA_B_SCALE)
        own, own_gradient = computed(OwnPass(model))
        try:
            with shared.installed():
                fast, fast_gradient = computed(shared)
        except torch.OutOfMemoryError:
            raise
        except (AttributeError, TypeError, NotImplementedError, RuntimeError, ValueError) as fault:
            # What other architectures raise: no attribute `model`, another cache, other arguments of attention.
            raise Unfit(f"{type(fault).__name__}: {' '.join(str(fault).split())[:200]}") from fault
    finally:
        model.zero_grad()
        with torch.no_grad():
            for name, p in weights.items():
                p.copy_(kept[name])
    cosine = torch.nn.functional.cosine_similarity(own_gradient, fast_gradient, dim=0).item()
    return Difference(abs(fast - own) / max(abs(own), 1e-9), 1 - cosine, own, fast)


def probe(batches: Sequence[Batch]) -> Batch:
    """The shortest sample with more than one question, reduced to two: tests shared contexts, and is quick."""
    samples = [sample for batch in batches for sample in batch]
    several = [sample for sample in samples if len(sample.branches) > 1] or samples
    shortest = min(several, key=lambda sample: sample.tokens)
    with_context = [sample for sample in several if len(sample.start) > 2 * len(shortest.start)]
    chosen = [shortest, *([min(with_context, key=lambda sample: sample.tokens)] if with_context else [])]
    return tuple(Encoded(sample.start, sample.branches[:2]) for sample in chosen)


def answer_sequence(prompt: Sequence[int], answer: Sequence[int]) -> Batch:
    """A prompt with an answer, as a batch of one."""
    return (Encoded(tuple(prompt[:-1]), (Branch((prompt[-1], *answer), 1),)),)


def _described(found: Difference, dtype: str) -> str:
    loss, gradient = TOLERANCES[dtype]
    return (
        f"it does not compute what the model does (loss {found.shared_loss:.3f} instead of {found.own_loss:.3f}, "
        f"tolerated {loss:.1%} of it; 1 - cosine of the gradients {found.gradient:.2g}, tolerated {gradient:g})"
    )


def _read(base: Any, part: Part, **options: Any) -> Any:
    return base.model(
        input_ids=part.ids, attention_mask=part.mask, position_ids=part.positions, use_cache=True, **options
    )


def _forward(layer: Any, function: Any) -> Any:
    plain = layer.get_base_layer()
    down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    scaling = layer.scaling[ADAPTER]
    return lambda x: function(x, plain.weight, plain.bias, down, up, scaling)
