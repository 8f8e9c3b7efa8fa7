"""The model in training: the weights of a GGUF file, with LoRA layers."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from stages.fine_tune.params import LoraParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import Device, Dtype

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER = "default"  # peft's name of the only adapter


def load_base(weights: Path, dtype: Dtype, device: Device) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Model, dequantised to `dtype`, and tokenizer of a GGUF file.

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
            dtype=getattr(torch, dtype),
            # Otherwise the weights stay quantised and are dequantised in every pass: several times slower.
            quantization_config=GgufConfig(dequantize=True),
        )
    except (OSError, ValueError, KeyError) as fault:
        raise StageError(
            f"{weights}: transformers cannot load it for training ({' '.join(str(fault).split())[:300]}). "
            "Fine-tuning needs a GGUF file of an architecture that transformers reads."
        ) from None
    return model.to(device), tokenizer


def add_lora(model: "PreTrainedModel", params: LoraParams, seed: int) -> "PeftModel":
    """LoRA on the linear layers of the upper blocks; its weights in float32, drawn from the seed.

    Lower blocks need no backward pass, which saves a third of the work if half of the blocks are not trained.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not output
    }
    blocks = model.config.get_text_config().num_hidden_layers
    lowest = blocks - math.ceil(params.upper_blocks * blocks)
    torch.manual_seed(seed)
    config = LoraConfig(
        r=params.rank,
        lora_alpha=params.alpha,
        lora_dropout=0.0,
        target_modules=sorted(linear),
        layers_to_transform=list(range(lowest, blocks)),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def lora_state(model: "PeftModel") -> "dict[str, torch.Tensor]":
    """The trained tensors by peft's names, copied."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def load_lora_state(model: "PeftModel", state: "dict[str, torch.Tensor]") -> None:
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(state[name])
