"""What was tuned elsewhere, compared with the weights that it is said to be tuned from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.embedded.weights import of_another_model, read_gguf

if TYPE_CHECKING:
    import gguf

SIZES = ("block_count", "embedding_length")  # of a model, under its architecture's name


def is_adapter(path: Path) -> bool:
    """Whether a GGUF file holds an adapter, or else a whole model. Raises StageError if it is no GGUF file."""
    import gguf

    return _value(read_gguf(path), gguf.Keys.General.TYPE) == gguf.GGUFType.ADAPTER


def check_adapter(adapter: Path, weights: Path) -> None:
    """Compare names and shapes, as llama.cpp does when it loads an adapter.

    Raises:
        StageError: not LoRA, no GGUF file, or of another model.
    """
    import gguf

    lora, base = read_gguf(adapter), read_gguf(weights)
    if (kind := _value(lora, gguf.Keys.Adapter.TYPE)) != "lora":
        raise StageError(f"{adapter}: {gguf.Keys.Adapter.TYPE} must be lora. Got {kind!r}.")
    _compare(adapter, lora, weights, base, [gguf.Keys.General.ARCHITECTURE])
    shapes = {tensor.name: tensor.shape.tolist() for tensor in base.tensors}  # llama.cpp's order: in, out
    factors = {tensor.name: tensor.shape.tolist() for tensor in lora.tensors}
    if not factors:
        raise StageError(f"{adapter}: holds no tensors.")
    for target in sorted({name.rpartition(".lora_")[0] or name for name in factors}):
        if target not in shapes:
            raise of_another_model(adapter, weights, f"these have no {target}")
        a, b = (factors.get(f"{target}.lora_{letter}") for letter in "ab")
        if a is None or b is None:
            raise StageError(f"{adapter}: must hold two tensors for {target}, lora_a and lora_b.")
        if [a[0], b[1], a[1]] != [*shapes[target][:2], b[0]]:
            why = f"{target} has the shape {_shown(shapes[target])}, its update {_shown(b)} times {_shown(a)}"
            raise of_another_model(adapter, weights, why)


def check_same_model(tuned: Path, weights: Path) -> None:
    """Raises StageError if whole weights are no GGUF file, or of a model of another architecture or size."""
    import gguf

    one, other = read_gguf(tuned), read_gguf(weights)
    architecture = _value(other, gguf.Keys.General.ARCHITECTURE)
    _compare(tuned, one, weights, other, [gguf.Keys.General.ARCHITECTURE, *(f"{architecture}.{n}" for n in SIZES)])


def _compare(tuned: Path, one: "gguf.GGUFReader", weights: Path, other: "gguf.GGUFReader", keys: list[str]) -> None:
    for key in keys:
        mine, wanted = _value(one, key), _value(other, key)
        if mine != wanted:
            raise StageError(f"{tuned}: not tuned from {weights}: {key} must be {wanted!r}. Got {mine!r}.")


def _value(reader: "gguf.GGUFReader", key: str) -> Any:
    field = reader.get_field(key)
    return None if field is None else field.contents()


def _shown(shape: list[int]) -> str:
    """In numpy's order: out, in."""
    return "×".join(map(str, reversed(shape)))
