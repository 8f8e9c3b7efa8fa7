"""The weights that are served: the model's own file, or a copy of it in a format that this machine computes faster."""

from pathlib import Path

from stages.errors import StageError
from stages.files import atomic_directory, sha256_file
from stages.locations import resolve
from stages.models import EmbeddedModel
from stages.progress import say

CACHE = Path(".cache/weights")
NAME = "weights.gguf"


def served_weights(params: EmbeddedModel, cache: Path = CACHE) -> Path:
    """The GGUF file to serve, made once by content and kept in `cache`.

    Raises:
        StageError: the weights are missing or damaged, or hold a tensor that gguf cannot unpack.
    """
    weights = resolve(params.weights, params.sha256)
    if params.requantize is None:
        return weights
    folder = cache / f"{(params.sha256 or sha256_file(weights))[:32]}-{params.requantize}"
    if not folder.is_dir():
        say(f"writing {params.weights} as {params.requantize} to {folder}, once")
        with atomic_directory(folder) as made:
            requantize(weights, made / NAME, params.requantize)
    return folder / NAME


def requantize(source: Path, target: Path, kind: str) -> None:
    """Copy a GGUF file with its packed matrices in another format; metadata and float32 tensors stay as they are.

    Args:
        kind: name of a GGML type, for instance ``Q8_0`` (blocks of 32 with one scale, 8 bits a weight).

    Raises:
        StageError: the file is not GGUF or cut short, or a tensor's packing is one that gguf cannot read.
    """
    import gguf

    wanted = gguf.GGMLQuantizationType[kind]
    try:
        reader = gguf.GGUFReader(source)
    except (ValueError, IndexError) as fault:  # what it raises of a wrong beginning, and of an end before its time
        raise StageError(f"{source}: not a whole GGUF file ({fault}).") from None
    writer = gguf.GGUFWriter(target, reader.fields[gguf.Keys.General.ARCHITECTURE].contents())
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != gguf.Keys.General.ARCHITECTURE:
            main, *rest = field.types
            writer.add_key_value(field.name, field.contents(), main, sub_type=rest[-1] if rest else None)
    for tensor in reader.tensors:
        if tensor.tensor_type in (gguf.GGMLQuantizationType.F32, wanted):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        try:
            plain = gguf.dequantize(tensor.data, tensor.tensor_type)
        except NotImplementedError:
            raise StageError(
                f"{source}: tensor {tensor.name} is packed as {tensor.tensor_type.name}, which gguf cannot unpack. "
                "Set the model's requantize to null."
            ) from None
        writer.add_tensor(tensor.name, gguf.quantize(plain, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
