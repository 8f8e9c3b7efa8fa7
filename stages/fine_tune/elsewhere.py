"""A model that was tuned elsewhere: nothing is trained, but it is checked to be what params.yaml says that it is."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.fine_tune import gguf_adapter
from stages.fine_tune.data import Result
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, read_json, sha256_file
from tune_or_retrieve.base.locations import HUB, resolve
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.tuned import Tuned, write_tuned

if TYPE_CHECKING:
    from tune_or_retrieve.providers.embedded.params import Model

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"  # as peft names them
# Keys of peft's configuration by which an adapter is more than LoRA, which is all that llama.cpp applies.
MORE_THAN_LORA = ("use_dora", "lora_bias", "bias", "modules_to_save", "alpha_pattern", "layer_replication",
                  "trainable_token_indices")  # fmt: skip
NOTHING = (None, False, "none", [], {})
MERGE = (
    "Merge it into the weights (peft: merge_and_unload), convert these with llama.cpp's convert_hf_to_gguf.py, and "
    "name that file."
)


def adopt(name: str, model: ModelParams, out: Path) -> Result:
    """Write to `out` what the answer stages need. Time and cost of the training are not known, so nothing holds them.

    Raises:
        StageError: what `tuned` names is missing, damaged, or not tuned from this model.
    """
    with atomic_directory(out) as folder:
        write_tuned(folder, Tuned(tuned=model.tuned, changes=changes(name, model, folder)))
    say(f"{name} was tuned elsewhere ({model.tuned}): nothing is trained")
    where = {"tuned_elsewhere": model.tuned}
    return Result(where, [], dict(where))


def changes(name: str, model: ModelParams, folder: Path) -> dict[str, str]:
    """The keys in which the tuned model differs from its entry. If none does, `folder` gets its adapter.gguf.

    Raises: as adopt.
    """
    if model.provider == "bedrock":
        return {"model": model.tuned, "base_model": model.base_of_tuned}
    if model.provider != "embedded":
        return {"model": model.tuned}  # whether the server has it is seen when it is asked
    try:
        return _embedded(model, folder)
    except StageError as fault:
        raise StageError(f"models.{name}.tuned: {fault}") from None


def _embedded(model: "Model", folder: Path) -> dict[str, str]:
    from tune_or_retrieve.providers.embedded.tuned import check_adapter, check_same_model, is_adapter

    weights, tuned = resolve(model.weights, model.sha256), _resolved(model.tuned)
    adapter = folder / "adapter.gguf"
    if tuned.is_dir():
        _convert(tuned, weights, adapter)
    elif is_adapter(tuned):
        shutil.copyfile(tuned, adapter)
    else:
        check_same_model(tuned, weights)
        found = sha256_file(tuned)
        if found == (model.sha256 or sha256_file(weights)):
            raise StageError(f"{tuned}: must be other weights than {weights}. They are the same.")
        return {"weights": model.tuned, "sha256": found}
    try:
        check_adapter(adapter, weights)
    except StageError as fault:  # it names the copy
        raise StageError(str(fault).replace(str(adapter), str(tuned))) from None
    return {}


def _resolved(location: str) -> Path:
    """A path, or a folder that peft wrote: on the Hub, whatever is no GGUF file is taken for one."""
    if location.startswith(HUB) and not location.endswith(".gguf"):
        resolve(f"{location.rstrip('/')}/{TENSORS}")
        return resolve(f"{location.rstrip('/')}/{CONFIG}").parent  # of the same snapshot
    return resolve(location)


def _convert(folder: Path, weights: Path, adapter: Path) -> None:
    """A folder that peft wrote, as a GGUF adapter."""
    if not (folder / CONFIG).is_file():
        if (folder / "config.json").is_file():
            raise StageError(
                f"{folder}: the embedded engine runs GGUF files, not a Hugging Face folder. Convert it with "
                "llama.cpp's convert_hf_to_gguf.py and name that file."
            )
        raise StageError(f"{folder}: must hold {CONFIG} and {TENSORS}, as peft writes an adapter.")
    if not (folder / TENSORS).is_file():
        raise StageError(f"{folder}: holds {CONFIG} but no {TENSORS}. Save the adapter with safetensors.")
    alpha = _alpha(read_json(folder / CONFIG), folder / CONFIG)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from tune_or_retrieve.providers.embedded.weights import of_another_model

    try:
        tensors = load_file(folder / TENSORS)
    except (SafetensorError, OSError) as fault:
        raise StageError(f"{folder / TENSORS}: not a whole safetensors file ({fault}).") from None
    others = [name for name in tensors if ".lora_A." not in name and ".lora_B." not in name]
    if others or not tensors:
        raise StageError(
            f"{folder / TENSORS}: must hold LoRA of linear layers only. Got {others[0] if others else 'nothing'}. "
            f"{MERGE}"
        )
    try:
        gguf_adapter.write_adapter(adapter, tensors, alpha, *gguf_adapter.geometry(weights))
    except ValueError as fault:  # of a shape that cannot be
        raise of_another_model(folder, weights, str(fault)) from None


def _alpha(config: Any, file: Path) -> float:
    """What llama.cpp divides by the rank to scale the update, as peft does unless it scales by the rank's root."""
    kind, alpha, rank = (
        config.get(key) if isinstance(config, dict) else None for key in ("peft_type", "lora_alpha", "r")
    )
    if kind != "LORA" or not isinstance(alpha, int | float) or not isinstance(rank, int) or rank < 1:
        raise StageError(f"{file}: must be of a LoRA adapter, with peft_type LORA, lora_alpha and r. {MERGE}")
    root = bool(config.get("use_rslora"))
    more = MORE_THAN_LORA + (("rank_pattern",) if root else ())
    if more := next((key for key in more if config.get(key) not in NOTHING), None):
        raise StageError(f"{file}: llama.cpp applies plain LoRA, without {more}. Got {more}: {config[more]!r}. {MERGE}")
    return alpha * rank**0.5 if root else alpha
