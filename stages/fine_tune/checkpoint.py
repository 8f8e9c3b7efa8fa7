"""Checkpoints of a training: one safetensors file, whole or absent, with a checksum."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tune_or_retrieve.base.files import atomic_file
from tune_or_retrieve.base.progress import say

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]


@dataclass
class State:
    """The state of a training. All randomness derives from the seed and the epoch, so no generator is saved."""

    epoch: int = 0  # from 0
    step: int = 0  # steps of the optimiser done, in all epochs
    step_in_epoch: int = 0
    tokens: int = 0  # read by the model, padding not counted
    curve: list[dict] = field(default_factory=list)  # rows of the training curve
    before: dict | None = None  # validation losses before the first step
    validation: list[dict] = field(default_factory=list)  # losses by epoch
    best_epoch: int | None = None
    seconds: float = 0.0  # of training, over all runs; goes to the timings only


def save(path: Path, state: State, groups: "dict[str, Tensors]") -> None:
    """Write the state and named groups of tensors, replacing an earlier checkpoint."""
    data = packed(state, groups)
    with atomic_file(path, "wb") as file:
        file.write(hashlib.sha256(data).digest())
        file.write(data)


def load(path: Path) -> "tuple[State, dict[str, Tensors]] | None":
    """What :func:`save` wrote; None if there is nothing or, with a message, if it is damaged."""
    from safetensors import SafetensorError

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, data = content[:32], content[32:]
    try:
        if hashlib.sha256(data).digest() != digest:
            raise ValueError("its hash does not match")
        return unpacked(data)
    except (ValueError, KeyError, TypeError, SafetensorError) as fault:
        say(f"{path}: the checkpoint is damaged ({fault}); it is ignored and training starts again.")
        return None


def packed(state: State, groups: "dict[str, Tensors]") -> bytes:
    from safetensors.torch import save as to_bytes

    flat = {f"{group}/{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}
    return to_bytes(flat, {"state": json.dumps(asdict(state), sort_keys=True)})


def unpacked(data: bytes) -> "tuple[State, dict[str, Tensors]]":
    """What :func:`packed` made."""
    from safetensors.torch import load as from_bytes

    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    state = State(**json.loads(header["__metadata__"]["state"]))
    groups: dict[str, Tensors] = {}
    for key, tensor in from_bytes(data).items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return state, groups
