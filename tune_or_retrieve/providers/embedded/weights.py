"""The weights that are served: the model's own file, or a copy of it in a format that is faster on this machine.

The copy for a fine-tuned model has its adapter merged: applying it to each token takes a sixth of the time.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, sha256_file
from tune_or_retrieve.base.home import cached
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

if TYPE_CHECKING:
    import gguf
    import numpy as np

CACHE = "weights"
NAME = "weights.gguf"


MERGED = "merged"  # folder of the copies with an adapter
MERGED_KEPT = 3  # of these: each experiment that trains makes another one


def served_weights(
    params: EmbeddedModel, adapter: Path | None = None, cache: Path | None = None
) -> tuple[Path, Path | None]:
    """What to serve: made once for the same content and kept in `cache`, by default the shared one.

    Args:
        adapter: a GGUF LoRA adapter.

    Returns:
        The GGUF file of the weights, and the adapter to apply at run time: None if it is merged already.

    Raises:
        StageError: the weights or the adapter are missing or damaged, do not match, or contain a tensor that
            gguf cannot unpack.
    """
    weights = resolve(params.weights, params.sha256)
    if params.requantize is None:
        return weights, adapter
    name = f"{(params.sha256 or sha256_file(weights))[:32]}-{params.requantize}"
    cache = cache or cached(CACHE)
    folder = cache / name
    if adapter is not None:
        folder = cache / MERGED / f"{name}-{sha256_file(adapter)[:32]}"
    if not folder.is_dir():
        with_adapter = f" with {adapter}" if adapter else ""
        say(f"writing {params.weights}{with_adapter} as {params.requantize} to {folder}, once")
        if adapter is not None:
            _make_room(folder.parent)
        with atomic_directory(folder) as made:
            requantize(weights, made / NAME, params.requantize, adapter)
    os.utime(folder)  # used today, for `tidy` and for _make_room
    return folder / NAME, None


def check_weights(location: str, sha256: str | None = None) -> None:
    """Raises StageError if a model file is missing, not the expected one, or not a whole GGUF file."""
    read_gguf(resolve(location, sha256))


def requantize(source: Path, target: Path, kind: str, adapter: Path | None = None) -> None:
    """Copy a GGUF file with its packed matrices in another format; metadata and float32 tensors stay as they are.

    Args:
        kind: name of a GGML type, for instance ``Q8_0`` (blocks of 32 with one scale, 8 bits a weight).
        adapter: a GGUF LoRA adapter to merge: W + alpha / rank · B A, as llama.cpp applies it at scale 1 (Hu et al.,
            "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1).

    Raises:
        StageError: a file is not GGUF or cut short, a tensor's packing is one that gguf cannot read, or the adapter is
            of another model.
    """
    import gguf

    wanted = gguf.GGMLQuantizationType[kind]
    reader = read_gguf(source)
    updates = _Updates(adapter) if adapter is not None else None
    writer = gguf.GGUFWriter(target, reader.fields[gguf.Keys.General.ARCHITECTURE].contents())
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != gguf.Keys.General.ARCHITECTURE:
            main, *rest = field.types
            writer.add_key_value(field.name, field.contents(), main, sub_type=rest[-1] if rest else None)
    for tensor in reader.tensors:
        update = updates.take(tensor.name) if updates else None
        if update is None and tensor.tensor_type in (gguf.GGMLQuantizationType.F32, wanted):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        try:
            plain = gguf.dequantize(tensor.data, tensor.tensor_type)
        except NotImplementedError:
            raise StageError(
                f"{source}: tensor {tensor.name} is packed as {tensor.tensor_type.name}, which gguf cannot unpack. "
                "Set the model's requantize to null."
            ) from None
        if update is not None:
            if update.shape != plain.shape:
                raise of_another_model(
                    adapter, source, f"{tensor.name} has the shape {plain.shape}, its update {update.shape}"
                )
            plain = plain + update
        writer.add_tensor(tensor.name, gguf.quantize(plain, wanted), raw_dtype=wanted)
    if updates and (left := updates.left):
        raise of_another_model(adapter, source, f"these have no {left[0]}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class _Updates:
    """The updates of a LoRA adapter to the weights, by the name of the tensor."""

    def __init__(self, adapter: Path):
        import gguf

        reader = read_gguf(adapter)
        field = reader.get_field(gguf.Keys.Adapter.LORA_ALPHA)
        if field is None:
            raise StageError(f"{adapter}: not a LoRA adapter, it has no {gguf.Keys.Adapter.LORA_ALPHA}.")
        self._alpha = float(field.contents())
        # Not all that others write is float16.
        self._factors = {one.name: gguf.dequantize(one.data, one.tensor_type) for one in reader.tensors}

    def take(self, name: str) -> "np.ndarray | None":
        """Remove and return the update of a matrix, float32 ``(out, in)``."""
        import numpy as np

        a, b = (self._factors.pop(f"{name}.lora_{letter}", None) for letter in "ab")
        if a is None or b is None:
            return None
        return b @ a * np.float32(self._alpha / a.shape[0])

    @property
    def left(self) -> list[str]:
        return sorted({name.rpartition(".lora_")[0] for name in self._factors})


def read_gguf(path: Path) -> "gguf.GGUFReader":
    """Raises StageError if it is not a whole GGUF file."""
    import gguf

    try:
        return gguf.GGUFReader(path)
    except (ValueError, IndexError, OSError) as fault:  # a wrong beginning, an early end, a folder
        raise StageError(f"{path}: not a whole GGUF file ({fault}).") from None


def of_another_model(adapter: Path | None, source: Path, why: str) -> StageError:
    return StageError(f"{adapter}: an adapter of another model than {source}: {why}.")


def _make_room(folder: Path) -> None:
    """Remove the least recently used copies, so that there are MERGED_KEPT with another one."""
    copies = sorted(folder.glob("*/"), key=lambda copy: copy.stat().st_mtime, reverse=True) if folder.is_dir() else []
    for copy in copies[MERGED_KEPT - 1 :]:
        shutil.rmtree(copy)
