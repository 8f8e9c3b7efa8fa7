"""The training loop on a tiny model: it is right, it repeats itself, and a kill -9 changes nothing."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stages.fine_tune import checkpoint, training
from stages.fine_tune.batches import bucket, steps
from stages.fine_tune.encoding import Branch, Encoded
from stages.fine_tune.model import add_lora, lora_state
from stages.fine_tune.params import LocalParams, LoraParams
from stages.fine_tune.passes import OwnPass, SharedPass
from stages.fine_tune.training import BatchedData, train, validation_loss
from tune_or_retrieve.base.errors import StageError

ROOT = Path(__file__).parents[1]
LORA = LoraParams(rank=4, alpha=8, upper_blocks=1.0)


def tiny_model(dtype: torch.dtype = torch.bfloat16):
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    return add_lora(LlamaForCausalLM(config).to(dtype), LORA, 1)


def sample(rng: random.Random, branches: int) -> Encoded:
    def ids(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(1, 40) for _ in range(rng.randint(low, high)))

    # The answer is always the same: something that can be learnt in a few steps.
    made = [(ids(4, 9), (7, 8, 9)) for _ in range(branches)]
    return Encoded(ids(5, 20), tuple(Branch((*q, *a), len(q)) for q, a in made))


def data(epochs: int = 3) -> BatchedData:
    rng = random.Random(5)
    data = [[sample(rng, 3) for _ in range(12)] for _ in range(epochs)]
    return BatchedData(
        [steps(epoch, 6, str(n), batch_tokens=80) for n, epoch in enumerate(data)],
        {"bare": bucket([sample(rng, 2) for _ in range(4)]), "with_passages": bucket([sample(rng, 2)])},
    )


def local(**changes) -> LocalParams:
    values = {
        "dtype": "bfloat16",
        "epochs": 3,
        "learning_rate": 0.05,
        "warmup_ratio": 0.1,
        "batch_size": 6,
        "gradients_through_context": True,
        "max_gradient_norm": 1.0,
        "max_tokens": 128,
        "validation_pairs": 5,
        "patience": 2,
        "lora": LORA,
    }
    return LocalParams(**values | changes)


def run(folder: Path, kill_at_step: int | None = None) -> None:
    """Train and write the result; with kill_at_step, die there as by kill -9."""
    torch.set_num_threads(1)  # two would wait for each other by spinning, for minutes on a busy machine
    calls = iter(range(10**9))

    def clock() -> float:
        found = checkpoint.load(folder / "checkpoint") if kill_at_step is not None else None
        if found and found[0].step >= kill_at_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return float(next(calls))

    model = tiny_model()
    fast = SharedPass(model, through_context=True)
    with fast.installed():
        progress = train(model, fast, data(), local(), folder / "checkpoint", checkpoint_seconds=1.0, clock=clock)
    from safetensors.torch import save_file

    save_file(lora_state(model), folder / "result.safetensors")
    (folder / "result.json").write_text(
        json.dumps([progress.curve, progress.validation, progress.tokens], sort_keys=True)
    )


def in_processes(folder: Path, kills: list[int | None]) -> subprocess.CompletedProcess:
    """One process a run, one after the other, forked from one that has imported everything.

    A line of stdout each: its exit code, and whether there is a result after it.
    """
    code = f"""
import os
from tests.test_fine_tune_training import run, Path
for kill_at_step in {kills}:
    if (child := os.fork()) == 0:
        run(Path({str(folder)!r}), kill_at_step)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, Path({str(folder)!r}, "result.json").exists(), flush=True)
"""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600)


class TestTraining:
    def test_it_learns_and_keeps_the_best_epoch(self, tmp_path):
        model = tiny_model()
        made = data()
        own = OwnPass(model)
        before = {kind: validation_loss(own, batches) for kind, batches in made.validation.items()}
        progress = train(model, own, made, local(), tmp_path / "checkpoint")
        best = progress.validation[progress.best_epoch - 1]
        after = {kind: validation_loss(own, batches) for kind, batches in made.validation.items()}
        assert progress.before == before | {"mean": sum(before.values()) / 2}
        assert best["mean"] == min(losses["mean"] for losses in progress.validation)
        assert after == {kind: best[kind] for kind in after}
        assert best["mean"] < 0.95 * sum(before.values()) / 2
        sizes = [len(epoch) for epoch in made.epochs]
        assert [row["epoch"] for row in progress.curve if row["split"] == "train"] == [
            epoch for epoch, size in enumerate(sizes, start=1) for _ in range(size)
        ]
        ends = [sum(sizes[:n]) for n in (1, 2, 3)]
        assert [row["step"] for row in progress.curve if row["split"] == "validation"] == [0, *ends]

    def test_it_stops_without_a_better_loss(self, tmp_path, capsys, monkeypatch):
        kept = []

        def losses(one, batches):
            kept.append(torch.cat([p.flatten() for p in lora_state(model).values()]))
            return [4.0, 3.0, 2.0, 2.5, 2.25, 1.0][(len(kept) - 1) // 2]

        monkeypatch.setattr(training, "validation_loss", losses)
        model = tiny_model()
        progress = train(model, OwnPass(model), data(5), local(epochs=5), tmp_path / "checkpoint")
        assert (progress.epoch, progress.best_epoch) == (4, 2)
        assert torch.equal(torch.cat([p.flatten() for p in lora_state(model).values()]), kept[4])
        assert capsys.readouterr().err.endswith("stopped early: no better validation loss in 2 epoch(s)\n")

    def test_a_loss_that_is_no_number_stops_it(self, tmp_path):
        model = tiny_model(torch.float32)
        with torch.no_grad():
            model.get_base_model().model.norm.weight.fill_(float("inf"))
        with pytest.raises(StageError) as fault:
            train(model, OwnPass(model), data(), local(), tmp_path / "checkpoint")
        assert str(fault.value) == (
            "training: the loss of step 1 is nan. Lower fine_tune.local.learning_rate (0.05), or set "
            "fine_tune.local.dtype to float32."
        )

    def test_progress_is_said_by_batch_and_what_to_change_where_it_is_long(self, tmp_path, capsys):
        seconds = iter(range(0, 10**9, 400))  # of each look at the clock
        model = tiny_model()
        made = data(1)
        train(model, OwnPass(model), made, local(epochs=1), tmp_path / "checkpoint", clock=lambda: next(seconds))
        said = capsys.readouterr().err.splitlines()
        begun = [line for line in said if re.search(r": 0/\d+ tokens$", line)]
        assert [line.split(":")[0] for line in begun] == ["validation", "training, epoch 1", "validation"]
        lines = [line for line in said if re.match(rf"training, epoch 1: \d+/{made.tokens} tokens in .* left$", line)]
        assert len(lines) > made.steps, "more than one a step"
        hints = [line for line in said if "To shorten it" in line]
        assert [hint.partition(" To shorten it: ")[2] for hint in hints] == [
            "fewer qa.pairs, a lower fine_tune.raft.share or fine_tune.local.lora.upper_blocks, a smaller model, or a "
            "GPU (run.device). Ctrl-C loses nothing: the next run goes on from here."
        ]

    def test_killed_anywhere_it_resumes_and_ends_with_the_same_bytes(self, tmp_path):
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        whole.mkdir()
        killed.mkdir()
        run(whole)
        done = in_processes(killed, [4, 9, None])
        assert done.stdout.splitlines() == ["-9 False", "-9 False", "0 True"], done.stderr
        resumed = [line for line in done.stderr.splitlines() if line.startswith("resuming")]
        assert [line.rpartition(",")[0] for line in resumed] == [
            f"resuming from step 4 of {data().steps} (epoch 1",
            f"resuming from step 9 of {data().steps} (epoch 2",
        ]
        for name in ("result.safetensors", "result.json"):
            assert (killed / name).read_bytes() == (whole / name).read_bytes()

    def test_a_damaged_checkpoint_is_said_and_ignored(self, tmp_path, capsys):
        path = tmp_path / "checkpoint"
        checkpoint.save(path, checkpoint.State(step=7), {"weights": {"a": torch.ones(3)}})
        found = checkpoint.load(path)
        assert found is not None
        assert (found[0].step, found[1]["weights"]["a"].tolist()) == (7, [1.0, 1.0, 1.0])
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert checkpoint.load(path) is None
        assert capsys.readouterr().err == (
            f"{path}: the checkpoint is damaged (its hash does not match); it is ignored and training starts again.\n"
        )

    def test_no_checkpoint_is_nothing_to_say(self, tmp_path, capsys):
        assert checkpoint.load(tmp_path / "checkpoint") is None
        assert capsys.readouterr().err == ""
