"""Encoded samples to padded tensors: batches of similar lengths, a mask that separates branches, optimiser steps."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.fine_tune.encoding import Encoded

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 1024  # in one forward pass, with padding; more needs memory and is no faster
Batch = tuple[Encoded, ...]


@dataclass(frozen=True)
class Part:
    """b rows of at most t tokens that attend to k tokens: those before and themselves."""

    ids: "torch.Tensor"  # (b, t)
    positions: "torch.Tensor"  # (b, t), of each token in its own branch
    mask: "torch.Tensor"  # (b, 1, t, k), 0 where a row's token reads a column's, else very negative

    def to(self, device: "torch.device") -> "Part":
        return Part(self.ids.to(device), self.positions.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Tensors:
    """One pass through the model: the shared starts of b samples, then their branches, n answer tokens in all."""

    start: Part
    branches: Part
    reads: "torch.Tensor"  # (n,) places in branches.ids, flattened, from which an answer token is predicted

    def to(self, device: "torch.device") -> "Tensors":
        return Tensors(self.start.to(device), self.branches.to(device), self.reads.to(device))


@dataclass(frozen=True)
class Rows:
    """b plain sequences of at most t tokens, padded at their ends, with n answer tokens in all."""

    ids: "torch.Tensor"  # (b, t)
    mask: "torch.Tensor"  # (b, t), 1 where there is a token
    kept: int  # places at the end of the rows that hold all answers
    reads: "torch.Tensor"  # (n,) of these places, flattened, those from which an answer token is predicted

    def to(self, device: "torch.device") -> "Rows":
        return Rows(self.ids.to(device), self.mask.to(device), self.kept, self.reads.to(device))


def labels(batch: Batch) -> "torch.Tensor":
    """The n answer tokens of a batch, sample by sample and branch by branch."""
    import torch

    return torch.tensor(
        [token for sample in batch for branch in sample.branches for token in branch.ids[branch.answer :]]
    )


def rows(batch: Batch, batch_tokens: int) -> list[Rows]:
    """Every branch after its start, as a sequence of its own, in groups of about `batch_tokens`."""
    sequences = [
        ((*sample.start, *branch.ids), len(sample.start) + branch.answer)
        for sample in batch
        for branch in sample.branches
    ]
    groups: list[list[tuple[tuple[int, ...], int]]] = [[]]
    for sequence in sequences:
        longest = max(len(ids) for ids, _ in [*groups[-1], sequence])
        if groups[-1] and longest * (len(groups[-1]) + 1) > batch_tokens:
            groups.append([])
        groups[-1].append(sequence)
    return [_rows(group) for group in groups]


def _rows(sequences: Sequence[tuple[tuple[int, ...], int]]) -> Rows:
    import torch

    width = max(len(ids) for ids, _ in sequences)
    kept = width - min(answer - 1 for _, answer in sequences)
    ids, mask = (torch.zeros(len(sequences), width, dtype=torch.long) for _ in range(2))
    reads = []
    for row, (tokens, answer) in enumerate(sequences):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        reads.append(torch.arange(answer - 1, len(tokens) - 1) - (width - kept) + row * kept)
    return Rows(ids, mask, kept, torch.cat(reads))


def bucket(samples: Sequence[Encoded], batch_tokens: int = BATCH_TOKENS) -> list[Batch]:
    """Group samples of similar lengths, so that little is padding."""
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
    """One epoch: batches in random order, grouped into optimiser steps of about batch_size pairs."""
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
    reads = []
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
            low = high
    # No branch attends to the padding at the end of a start, and nothing before it does.
    start = Part(start_ids, start_positions, _additive(causal[None, :before, :before], dtype))
    return Tensors(start, Part(ids, positions, _additive(seen, dtype)), torch.cat(reads))


def _additive(seen: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
    import torch

    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)[:, None]
