"""The model in training: GGUF weights as bfloat16, LoRA beside them, and a forward pass without what it can do without.

Frozen weights need no gradient of their own and only answer tokens need logits. PyTorch's autograd would keep and cast
more than that, so the LoRA layers and attention have passes of their own here; the layers remain peft's, and the
parity check runs them as peft does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.errors import StageError
from stages.fine_tune.batches import Part, Tensors
from stages.fine_tune.params import LoraParams

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ATTENTION = "tune_or_retrieve"  # the name of our attention in transformers' registry
ADAPTER = "default"  # peft's name of the only adapter


def load_base(weights: Path) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Model, dequantised to bfloat16, and tokenizer of a GGUF file.

    Raises:
        StageError: transformers cannot read the file or does not know its architecture.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    where = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(
            **where,
            dtype=torch.bfloat16,
            # Without it the weights stay packed and are unpacked in every pass: several times slower.
            quantization_config=GgufConfig(dequantize=True),
        )
    except (OSError, ValueError, KeyError) as fault:
        raise StageError(
            f"{weights}: transformers cannot load it for training ({' '.join(str(fault).split())[:300]}). "
            "Fine-tuning needs a GGUF file of an architecture that transformers reads."
        ) from None
    return model, tokenizer


def add_lora(model: "PreTrainedModel", params: LoraParams, seed: int) -> "PeftModel":
    """LoRA on all linear layers but the output layer; its weights in float32, drawn from the seed."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        r=params.rank, lora_alpha=params.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(model, config)


def answer_logits(model: "PeftModel", batch: Tensors, through_context: bool) -> "torch.Tensor":
    """Logits that predict the answer tokens, float32 ``(n, vocabulary)``. The others are never computed.

    Args:
        through_context: whether gradients flow back into the shared starts.
    """
    import torch

    base = model.get_base_model()
    with torch.set_grad_enabled(through_context and torch.is_grad_enabled()):
        start = _read(base, batch.start, use_cache=True)
    branches = _read(base, batch.branches, use_cache=True, past_key_values=start.past_key_values)
    hidden = branches.last_hidden_state.flatten(0, 1)[batch.reads]
    return base.get_output_embeddings()(hidden).float()


def loss_sum(model: "PeftModel", batch: Tensors, through_context: bool = True) -> "torch.Tensor":
    """Cross-entropy summed over the answer tokens."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(answer_logits(model, batch, through_context), batch.labels, reduction="sum")


def _read(base: "PreTrainedModel", part: Part, **options: Any) -> Any:
    return base.model(input_ids=part.ids, attention_mask=part.mask, position_ids=part.positions, **options)


@contextmanager
def fast_passes(model: "PeftModel") -> Iterator[None]:
    """Within, LoRA layers and attention take our passes instead of peft's and transformers'."""
    from peft.tuners.lora import Linear
    from transformers import AttentionInterface

    from stages.fine_tune.passes import attention, lora_linear

    AttentionInterface.register(ATTENTION, attention)
    base = model.get_base_model()
    before = base.config._attn_implementation
    base.config._attn_implementation = ATTENTION
    layers = [module for module in model.modules() if isinstance(module, Linear)]
    for layer in layers:
        layer.forward = _pass_of(layer, lora_linear)
    try:
        yield
    finally:
        base.config._attn_implementation = before
        for layer in layers:
            del layer.forward


def lora_state(model: "PeftModel") -> "dict[str, torch.Tensor]":
    """The trained tensors by peft's names, copied."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def load_lora_state(model: "PeftModel", state: "dict[str, torch.Tensor]") -> None:
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(state[name])


def _pass_of(layer: Any, function: Any) -> Any:
    weight = layer.get_base_layer().weight
    down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    scaling = layer.scaling[ADAPTER]
    return lambda x: function(x, weight, down, up, scaling)
