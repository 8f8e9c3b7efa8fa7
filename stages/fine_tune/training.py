"""The training loop: plain, so that what happens between two checkpoints is exactly repeatable."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.fine_tune import checkpoint
from stages.fine_tune.batches import Batch, tensors
from stages.fine_tune.checkpoint import Progress
from stages.fine_tune.model import load_lora_state, lora_state, loss_sum
from stages.fine_tune.params import LocalParams
from stages.progress import LOG_EVERY_SECONDS, say

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

CHECKPOINT_SECONDS = 20.0  # of work that a kill -9 may cost


@dataclass(frozen=True)
class Plan:
    """What is trained on, made before the first step: its length sets the learning-rate schedule."""

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
    plan: Plan,
    params: LocalParams,
    saved: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Train the LoRA weights of `model` in place; it ends with those of the epoch with the lowest validation loss.

    Args:
        saved: file of the checkpoint. If it is there, training goes on from it and ends as if never interrupted.
    """
    import torch

    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(weights.values(), lr=params.learning_rate, weight_decay=0.0, foreach=False)
    schedule = _schedule(optimiser, params, plan.steps)
    progress, best = Progress(), None
    if (found := checkpoint.load(saved)) is not None:
        progress, groups = found
        load_lora_state(model, groups["weights"])
        _load_moments(optimiser, weights, groups, progress.step)
        best = groups.get("best")
        say(
            f"resuming from step {progress.step} of {plan.steps} (epoch {progress.epoch + 1}, "
            f"{progress.seconds:.0f} s of training done)"
        )
    report = _Report(plan, progress, clock)
    written = clock()

    def keep() -> None:
        nonlocal written
        groups = {"weights": lora_state(model), **_moments(optimiser, weights)}
        checkpoint.save(saved, progress, groups | ({"best": best} if best else {}))
        written = clock()

    while progress.epoch < len(plan.epochs) and not _out_of_patience(progress, params.patience):
        epoch = plan.epochs[progress.epoch]
        while progress.step_in_epoch < len(epoch):
            batches = epoch[progress.step_in_epoch]
            schedule(progress.step)
            loss = _accumulate(model, batches, params.gradients_through_context)
            torch.nn.utils.clip_grad_norm_(weights.values(), params.max_gradient_norm, foreach=False)
            optimiser.step()
            optimiser.zero_grad()
            progress.step += 1
            progress.step_in_epoch += 1
            progress.tokens += _tokens(batches)
            progress.curve.append(_row(progress, "train", loss))
            report.step(progress, loss)
            if clock() - written >= checkpoint_seconds:
                keep()
        losses = {kind: validation_loss(model, batches) for kind, batches in plan.validation.items()}
        total = sum(losses.values()) / len(losses)
        progress.epoch, progress.step_in_epoch = progress.epoch + 1, 0
        progress.validation.append(losses | {"mean": total})
        progress.curve.append(_row(progress, "validation", total))
        if progress.best_epoch is None or total < progress.validation[progress.best_epoch - 1]["mean"]:
            progress.best_epoch, best = progress.epoch, lora_state(model)
        report.epoch(progress, losses)
        keep()
    if progress.epoch < len(plan.epochs):
        say(f"stopped early: no better validation loss in {params.patience} epoch(s)")
    load_lora_state(model, best)
    return progress


def validation_loss(model: "PeftModel", batches: Sequence[Batch]) -> float:
    """Mean cross-entropy of an answer token."""
    import torch

    with torch.no_grad():
        total = sum(loss_sum(model, tensors(batch, model.dtype)).item() for batch in batches)
    return total / sum(sample.answer_tokens for batch in batches for sample in batch)


def _accumulate(model: "PeftModel", batches: Sequence[Batch], through_context: bool) -> float:
    """Gradients of the mean loss of the step's answer tokens, however they are spread over batches."""
    count = sum(sample.answer_tokens for batch in batches for sample in batch)
    total = 0.0
    for batch in batches:
        loss = loss_sum(model, tensors(batch, model.dtype), through_context) / count
        loss.backward()
        total += loss.item()
    return total


def _schedule(optimiser: "torch.optim.Optimizer", params: LocalParams, steps: int) -> Callable[[int], None]:
    """transformers' linear warm-up and cosine, set for a step by its number: nothing of it needs to be kept."""
    from transformers import get_cosine_schedule_with_warmup

    factor = get_cosine_schedule_with_warmup(optimiser, round(params.warmup_ratio * steps), steps).lr_lambdas[0]

    def set_rate(step: int) -> None:
        # One step further than transformers counts: the first step would have rate 0.
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
            **{key: groups[key][name].clone() for key in ("exp_avg", "exp_avg_sq")},
        }


def _out_of_patience(progress: Progress, patience: int) -> bool:
    return progress.best_epoch is not None and progress.epoch - progress.best_epoch >= patience


def _row(progress: Progress, split: str, loss: float) -> dict:
    epoch = progress.epoch + (1 if split == "train" else 0)
    return {"step": progress.step, "epoch": epoch, "split": split, "loss": round(loss, 6)}


def _tokens(batches: Sequence[Batch]) -> int:
    return sum(sample.tokens for batch in batches for sample in batch)


class _Report:
    """Progress for the person who watches; also keeps the time, over all runs."""

    def __init__(self, plan: Plan, progress: Progress, clock: Callable[[], float]):
        self._plan, self._clock = plan, clock
        self._total = plan.tokens
        self._before, self._began, self._from = progress.seconds, clock(), progress.tokens
        self._said = clock()

    def step(self, progress: Progress, loss: float) -> None:
        now = self._clock()
        progress.seconds = self._before + now - self._began
        if now - self._said >= LOG_EVERY_SECONDS:
            self._said = now
            speed = (progress.tokens - self._from) / max(now - self._began, 1e-9)
            left = (self._total - progress.tokens) / speed
            say(
                f"training: step {progress.step}/{self._plan.steps}, epoch {progress.epoch + 1}, loss {loss:.3f}, "
                f"{speed:.0f} tokens/s, {left:.0f} s left"
            )

    def epoch(self, progress: Progress, losses: dict[str, float]) -> None:
        progress.seconds = self._before + self._clock() - self._began
        shown = ", ".join(f"{kind} {loss:.4f}" for kind, loss in losses.items())
        say(f"epoch {progress.epoch}/{len(self._plan.epochs)}: validation loss {shown}")
