"""The training loop, kept plain so that everything between two checkpoints is exactly reproducible."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.fine_tune import checkpoint
from stages.fine_tune.batches import Batch
from stages.fine_tune.checkpoint import State
from stages.fine_tune.model import load_lora_state, lora_state
from stages.fine_tune.params import LocalParams
from stages.fine_tune.passes import Pass, loss_sum
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import Progress, say

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

CHECKPOINT_SECONDS = 20.0  # of work that kill -9 may lose
SHORTER = (
    "fewer qa.pairs, a lower fine_tune.raft.share or fine_tune.local.lora.upper_blocks, a smaller model, or a GPU "
    "(run.device). Ctrl-C loses nothing: the next run goes on from here"
)


@dataclass(frozen=True)
class BatchedData:
    """All batches of a training, made before the first step: their number sets the learning-rate schedule."""

    epochs: list[list[list[Batch]]]  # epoch, step, batch
    validation: dict[str, list[Batch]]  # kind of prompt → batches

    @property
    def steps(self) -> int:
        return sum(map(len, self.epochs))

    @property
    def tokens(self) -> int:
        return sum(_tokens(batches) for epoch in self.epochs for batches in epoch)


def train(
    model: "PeftModel",
    forward: Pass,
    data: BatchedData,
    params: LocalParams,
    saved: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> State:
    """Train the LoRA weights of `model` in place; it ends with those of the epoch with the lowest validation loss.

    Args:
        forward: the forward pass through `model`.
        saved: file of the checkpoint. If it exists, training continues from it and ends as if never interrupted.

    Raises:
        StageError: a loss is NaN or infinite.
    """
    import torch

    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(weights.values(), lr=params.learning_rate, weight_decay=0.0, foreach=False)
    schedule = _schedule(optimiser, params, data.steps)
    state, best = State(), None
    if (found := checkpoint.load(saved)) is not None:
        state, groups = found
        load_lora_state(model, groups["weights"])
        _load_moments(optimiser, weights, groups, state.step)
        best = groups.get("best")
        say(
            f"resuming from step {state.step} of {data.steps} (epoch {state.epoch + 1}, "
            f"{state.seconds:.0f} s of training done)"
        )
    written = clock()
    if state.before is None:
        state.before = _validate(forward, data, clock)
        state.curve.append(_row(state, "validation", state.before["mean"]))
        say(f"before training: validation loss {_shown(state.before)}")

    def keep() -> None:
        nonlocal written
        groups = {"weights": lora_state(model), **_moments(optimiser, weights)}
        checkpoint.save(saved, state, groups | ({"best": best} if best else {}))
        written = clock()

    while state.epoch < len(data.epochs) and not _out_of_patience(state, params.patience):
        epoch = data.epochs[state.epoch]
        left = sum(map(_tokens, epoch[state.step_in_epoch :]))
        loop = Progress(f"training, epoch {state.epoch + 1}", left, "tokens", shorter=SHORTER, clock=clock)
        while state.step_in_epoch < len(epoch):
            began = clock()
            batches = epoch[state.step_in_epoch]
            schedule(state.step)
            loss = _accumulate(forward, batches, loop)
            if not math.isfinite(loss):
                raise StageError(
                    f"training: the loss of step {state.step + 1} is {loss}. Lower fine_tune.local.learning_rate "
                    f"({params.learning_rate:g}), or set fine_tune.local.dtype to float32."
                )
            torch.nn.utils.clip_grad_norm_(weights.values(), params.max_gradient_norm, foreach=False)
            optimiser.step()
            optimiser.zero_grad()
            state.step += 1
            state.step_in_epoch += 1
            state.tokens += _tokens(batches)
            state.curve.append(_row(state, "train", loss))
            state.seconds += clock() - began
            if clock() - written >= checkpoint_seconds:
                keep()
        loop.close()
        losses = _validate(forward, data, clock)
        state.epoch, state.step_in_epoch = state.epoch + 1, 0
        state.validation.append(losses)
        state.curve.append(_row(state, "validation", losses["mean"]))
        if state.best_epoch is None or losses["mean"] < state.validation[state.best_epoch - 1]["mean"]:
            state.best_epoch, best = state.epoch, lora_state(model)
        say(f"epoch {state.epoch}/{len(data.epochs)}: validation loss {_shown(losses)}")
        keep()
    if state.epoch < len(data.epochs):
        say(f"stopped early: no better validation loss in {params.patience} epoch(s)")
    load_lora_state(model, best)
    return state


def validation_loss(forward: Pass, batches: Iterable[Batch]) -> float:
    """Mean cross-entropy of an answer token, in nats."""
    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            total += loss_sum(forward, batch).item()
            count += sum(sample.answer_tokens for sample in batch)
    return total / count


def _validate(forward: Pass, data: BatchedData, clock: Callable[[], float]) -> dict[str, float]:
    """The loss by kind of prompt, and the mean of these."""
    with Progress("validation", sum(map(_tokens, data.validation.values())), "tokens", clock=clock) as loop:

        def read(batches: Iterable[Batch]) -> Iterator[Batch]:
            for batch in batches:
                yield batch
                loop.advance(_tokens([batch]))

        losses = {kind: validation_loss(forward, read(batches)) for kind, batches in data.validation.items()}
    return losses | {"mean": sum(losses.values()) / len(losses)}


def _accumulate(forward: Pass, batches: Sequence[Batch], loop: Progress) -> float:
    """Accumulate gradients of the mean loss over the step's answer tokens, regardless of its batches."""
    count = sum(sample.answer_tokens for batch in batches for sample in batch)
    total = 0.0
    for batch in batches:
        loss = loss_sum(forward, batch) / count
        loss.backward()
        total += loss.item()
        loop.advance(_tokens([batch]))
    return total


def _schedule(optimiser: "torch.optim.Optimizer", params: LocalParams, steps: int) -> Callable[[int], None]:
    """transformers' linear warm-up and cosine decay, computed from the step's number, so it has no state to save."""
    from transformers import get_cosine_schedule_with_warmup

    factor = get_cosine_schedule_with_warmup(optimiser, round(params.warmup_ratio * steps), steps).lr_lambdas[0]

    def set_rate(step: int) -> None:
        # One step ahead of transformers, whose first step has rate 0.
        for group in optimiser.param_groups:
            group["lr"] = params.learning_rate * factor(min(step + 1, steps - 1) if steps > 1 else 0)

    return set_rate


def _moments(optimiser: "torch.optim.Optimizer", weights: dict) -> dict:
    state = {name: optimiser.state[p] for name, p in weights.items() if p in optimiser.state}
    return {key: {name: values[key] for name, values in state.items()} for key in ("exp_avg", "exp_avg_sq")}


def _load_moments(optimiser: "torch.optim.Optimizer", weights: dict, groups: dict, step: int) -> None:
    import torch

    for name, p in weights.items():
        optimiser.state[p] = {
            "step": torch.tensor(float(step)),
            **{key: groups[key][name].to(p.device, copy=True) for key in ("exp_avg", "exp_avg_sq")},
        }


def _out_of_patience(state: State, patience: int) -> bool:
    return state.best_epoch is not None and state.epoch - state.best_epoch >= patience


def _row(state: State, split: str, loss: float) -> dict:
    epoch = state.epoch + (1 if split == "train" else 0)
    return {"step": state.step, "epoch": epoch, "split": split, "loss": round(loss, 6)}


def _tokens(batches: Sequence[Batch]) -> int:
    return sum(sample.tokens for batch in batches for sample in batch)


def _shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{kind} {loss:.4f}" for kind, loss in losses.items())
