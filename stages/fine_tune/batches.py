"""Encoded samples to padded tensors: batches of like lengths, a mask that keeps branches apart, steps of batches."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.fine_tune.tokens import Encoded

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 2048  # of one pass, padding included; more was not faster and takes memory
Batch = tuple[Encoded, ...]


@dataclass(frozen=True)
class Part:
    """b rows of at most t tokens that read k tokens: those before and themselves."""

    ids: "torch.Tensor"  # (b, t)
    positions: "torch.Tensor"  # (b, t), of each token in its own branch
    mask: "torch.Tensor"  # (b, 1, t, k), 0 where a row's token reads a column's, else very negative


@dataclass(frozen=True)
class Tensors:
    """One pass through the model: the shared starts of b samples, then their branches, n answer tokens in all."""

    start: Part
    branches: Part
    reads: "torch.Tensor"  # (n,) places in branches.ids, flattened, from which an answer token is predicted
    labels: "torch.Tensor"  # (n,) those answer tokens


def bucket(samples: Sequence[Encoded], batch_tokens: int = BATCH_TOKENS) -> list[Batch]:
    """Samples of neighbouring lengths together, so that little is padding."""
    batches: list[Batch] = []
    current: list[Encoded] = []
    for sample in sorted(samples, key=lambda sample: sample.tokens):  # stable: equal lengths keep their order
        if current and sample.tokens * (len(current) + 1) > batch_tokens:
            batches.append(tuple(current))
            current = []
        current.append(sample)
    return [*batches, tuple(current)] if current else batches


def steps(
    samples: Sequence[Encoded], batch_size: int, seed: str, batch_tokens: int = BATCH_TOKENS
) -> list[list[Batch]]:
    """One epoch: batches in random order, so many to a step of the optimiser that they hold about batch_size pairs."""
    batches = bucket(samples, batch_tokens)
    random.Random(seed).shuffle(batches)
    grouped: list[list[Batch]] = [[]]
    pairs = 0
    for batch in batches:
        size = sum(len(sample.branches) for sample in batch)
        if grouped[-1] and pairs + size / 2 > batch_size * len(grouped):
            grouped.append([])
        grouped[-1].append(batch)
        pairs += size
    return grouped


def tensors(batch: Batch, dtype: "torch.dtype") -> Tensors:
    import torch

    before = max(len(sample.start) for sample in batch)
    width = max(sample.tokens - len(sample.start) for sample in batch)
    start_ids, start_positions = (torch.zeros(len(batch), before, dtype=torch.long) for _ in range(2))
    ids, positions = (torch.zeros(len(batch), width, dtype=torch.long) for _ in range(2))
    causal = torch.ones(max(before, width), max(before, width), dtype=torch.bool).tril()
    seen = torch.zeros(len(batch), width, before + width, dtype=torch.bool)
    reads, labels = [], []
    for row, sample in enumerate(batch):
        length = len(sample.start)
        start_ids[row, :length] = torch.tensor(sample.start)
        start_positions[row] = torch.arange(before)
        seen[row, :, :length] = True
        low = 0
        for branch in sample.branches:
            high = low + len(branch.ids)
            ids[row, low:high] = torch.tensor(branch.ids)
            positions[row, low:high] = torch.arange(length, length + len(branch.ids))
            seen[row, low:high, before + low : before + high] = causal[: high - low, : high - low]
            reads.append(torch.arange(low + branch.answer - 1, high - 1) + row * width)
            labels.append(torch.tensor(branch.ids[branch.answer :]))
            low = high
    # Padding at the end of a start is read by no branch, and nothing before it reads it.
    start = Part(start_ids, start_positions, _additive(causal[None, :before, :before], dtype))
    return Tensors(start, Part(ids, positions, _additive(seen, dtype)), torch.cat(reads), torch.cat(labels))


def _additive(seen: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
    import torch

    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)[:, None]
