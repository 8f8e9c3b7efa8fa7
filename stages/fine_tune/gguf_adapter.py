"""A peft LoRA as a GGUF adapter that llama.cpp loads."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tune_or_retrieve.base.errors import StageError

if TYPE_CHECKING:
    import numpy as np
    import torch

# For these, llama.cpp stores the rows of q and k in the order of its rotary embedding; LoRA's B needs the same order.
PERMUTED = {"llama"}
PREFIX = "base_model.model."


def write_adapter(
    path: Path, weights: "Mapping[str, torch.Tensor]", alpha: float, architecture: str, heads: int, kv_heads: int
) -> None:
    """Write LoRA weights for the GGUF model that they were trained on.

    Args:
        weights: by peft's names, ``base_model.model.<module>.lora_A.default.weight`` (rank, in) and ``lora_B`` (out,
            rank).
        alpha: llama.cpp scales the update by alpha / rank, as peft does.
        architecture: as the base's GGUF file names it (general.architecture).

    Raises:
        StageError: a module has no counterpart in the architecture.
    """
    import gguf
    import numpy as np

    blocks = 1 + max(int(part) for name in weights for part in name.split(".") if part.isdigit())
    names = _names(architecture, blocks)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
    for name in sorted(weights):
        module, _, kind = name.removeprefix(PREFIX).partition(".lora_")
        target = names.get_name(module)
        if target is None:
            raise StageError(f"LoRA on {module!r} has no counterpart in a GGUF model of architecture {architecture!r}.")
        values = weights[name].float().cpu().numpy()
        if kind.startswith("B") and architecture in PERMUTED and module.endswith((".q_proj", ".k_proj")):
            values = _permute(values, heads if module.endswith(".q_proj") else kv_heads)
        # Half the size of float32, with rounding errors far below those of quantising the base.
        writer.add_tensor(f"{target}.weight.lora_{kind[0].lower()}", np.ascontiguousarray(values, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def geometry(weights: Path) -> tuple[str, int, int]:
    """general.architecture of a GGUF model, and its numbers of heads of queries and of keys and values."""
    import gguf

    reader = gguf.GGUFReader(weights)
    architecture = reader.get_field(gguf.Keys.General.ARCHITECTURE).contents()
    heads = reader.get_field(gguf.Keys.Attention.HEAD_COUNT.format(arch=architecture)).contents()
    kv_heads = reader.get_field(gguf.Keys.Attention.HEAD_COUNT_KV.format(arch=architecture))
    return architecture, heads, kv_heads.contents() if kv_heads else heads


def _permute(rows: "np.ndarray", heads: int) -> "np.ndarray":
    """Reorder the rows of a head from halves, as transformers rotates them, to alternating ones, as llama.cpp does."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _names(architecture: str, blocks: int):
    import gguf

    for number, name in gguf.MODEL_ARCH_NAMES.items():
        if name == architecture:
            return gguf.get_tensor_name_map(number, blocks)
    raise StageError(f"GGUF architecture {architecture!r} is not known to the gguf package.")
