"""The training loop on a tiny model: it is right, it repeats itself, and a kill -9 changes nothing."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stages.fine_tune import checkpoint, training
from stages.fine_tune.batches import bucket, steps, tensors
from stages.fine_tune.model import add_lora, fast_passes, load_lora_state, lora_state, loss_sum
from stages.fine_tune.params import LocalParams, LoraParams
from stages.fine_tune.tokens import Branch, Encoded
from stages.fine_tune.training import Plan, train, validation_loss

ROOT = Path(__file__).parents[1]


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
    return add_lora(LlamaForCausalLM(config).to(dtype), LoraParams(rank=4, alpha=8), 1)


def sample(rng: random.Random, branches: int) -> Encoded:
    def ids(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(1, 40) for _ in range(rng.randint(low, high)))

    # The answer is always the same: something that can be learnt in a few steps.
    made = [(ids(4, 9), (7, 8, 9)) for _ in range(branches)]
    return Encoded(ids(5, 20), tuple(Branch((*q, *a), len(q)) for q, a in made))


def plan(epochs: int = 3) -> Plan:
    rng = random.Random(5)
    data = [[sample(rng, 3) for _ in range(12)] for _ in range(epochs)]
    return Plan(
        [steps(epoch, 6, str(n), batch_tokens=80) for n, epoch in enumerate(data)],
        {"bare": bucket([sample(rng, 2) for _ in range(4)]), "with_passages": bucket([sample(rng, 2)])},
    )


def local(**changes) -> LocalParams:
    values = {
        "epochs": 3,
        "learning_rate": 0.05,
        "warmup_ratio": 0.1,
        "batch_size": 6,
        "gradients_through_context": True,
        "max_gradient_norm": 1.0,
        "max_tokens": 128,
        "validation_pairs": 5,
        "patience": 2,
        "lora": LoraParams(rank=4, alpha=8),
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
    with fast_passes(model):
        progress = train(model, plan(), local(), folder / "checkpoint", checkpoint_seconds=1.0, clock=clock)
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


@pytest.fixture(scope="module")
def model():
    """In float32, with random LoRA weights."""
    model = tiny_model(torch.float32)
    torch.manual_seed(7)
    load_lora_state(model, {name: torch.randn_like(p) * 0.2 for name, p in lora_state(model).items()})
    return model


class TestPasses:
    def test_loss_and_gradients_are_those_of_peft_and_transformers(self, model):
        rng = random.Random(1)
        batch = tensors((sample(rng, 3), sample(rng, 2)), torch.float32)
        results = []
        for fast in (True, False):
            model.zero_grad()
            if fast:
                with fast_passes(model):
                    loss = loss_sum(model, batch)
                    loss.backward()
            else:
                loss = loss_sum(model, batch)
                loss.backward()
            results.append((loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])))
        assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
        assert torch.allclose(results[0][1], results[1][1], atol=1e-4)

    def test_a_shared_start_is_as_each_question_alone(self, model):
        whole = sample(random.Random(2), 4)
        alone = [Encoded(whole.start, (branch,)) for branch in whole.branches]
        with torch.no_grad():
            together = loss_sum(model, tensors((whole,), torch.float32)).item()
            apart = sum(loss_sum(model, tensors((one,), torch.float32)).item() for one in alone)
            padded = loss_sum(model, tensors((*alone, whole), torch.float32)).item()
        assert together == pytest.approx(apart, rel=1e-5)
        assert padded == pytest.approx(2 * apart, rel=1e-5)

    def test_not_differentiating_through_the_context_changes_gradients_and_no_loss(self, model):
        batch = tensors((sample(random.Random(4), 3),), torch.float32)
        found = []
        for through in (True, False):
            model.zero_grad()
            loss = loss_sum(model, batch, through)
            loss.backward()
            found.append((loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])))
        assert found[0][0] == found[1][0]
        assert 0.3 < torch.cosine_similarity(found[0][1], found[1][1], dim=0) < 0.99

    def test_only_lora_is_trained_and_on_all_linear_layers(self, model):
        trained = {name.split(".lora_")[0].rpartition(".")[2] for name in lora_state(model)}
        assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
        assert {p.dtype for p in lora_state(model).values()} == {torch.float32}


class TestTraining:
    def test_it_learns_and_keeps_the_best_epoch(self, tmp_path):
        model = tiny_model()
        made = plan()
        before = {kind: validation_loss(model, batches) for kind, batches in made.validation.items()}
        progress = train(model, made, local(), tmp_path / "checkpoint")
        best = progress.validation[progress.best_epoch - 1]
        after = {kind: validation_loss(model, batches) for kind, batches in made.validation.items()}
        assert best["mean"] == min(losses["mean"] for losses in progress.validation)
        assert after == {kind: best[kind] for kind in after}
        assert best["mean"] < 0.95 * sum(before.values()) / 2
        sizes = [len(epoch) for epoch in made.epochs]
        assert [row["epoch"] for row in progress.curve if row["split"] == "train"] == [
            epoch for epoch, size in enumerate(sizes, start=1) for _ in range(size)
        ]
        ends = [sum(sizes[:n]) for n in (1, 2, 3)]
        assert [row["step"] for row in progress.curve if row["split"] == "validation"] == ends

    def test_it_stops_without_a_better_loss(self, tmp_path, capsys, monkeypatch):
        kept = []

        def losses(model, batches):
            kept.append(torch.cat([p.flatten() for p in lora_state(model).values()]))
            return [3.0, 2.0, 2.5, 2.25, 1.0][(len(kept) - 1) // 2]

        monkeypatch.setattr(training, "validation_loss", losses)
        model = tiny_model()
        progress = train(model, plan(5), local(epochs=5), tmp_path / "checkpoint")
        assert (progress.epoch, progress.best_epoch) == (4, 2)
        assert torch.equal(torch.cat([p.flatten() for p in lora_state(model).values()]), kept[2])
        assert capsys.readouterr().err.endswith("stopped early: no better validation loss in 2 epoch(s)\n")

    def test_killed_anywhere_it_resumes_and_ends_with_the_same_bytes(self, tmp_path):
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        whole.mkdir()
        killed.mkdir()
        run(whole)
        done = in_processes(killed, [4, 9, None])
        assert done.stdout.splitlines() == ["-9 False", "-9 False", "0 True"], done.stderr
        resumed = [line for line in done.stderr.splitlines() if line.startswith("resuming")]
        assert [line.rpartition(",")[0] for line in resumed] == [
            f"resuming from step 4 of {plan().steps} (epoch 1",
            f"resuming from step 9 of {plan().steps} (epoch 2",
        ]
        for name in ("result.safetensors", "result.json"):
            assert (killed / name).read_bytes() == (whole / name).read_bytes()

    def test_a_damaged_checkpoint_is_said_and_ignored(self, tmp_path, capsys):
        path = tmp_path / "checkpoint"
        checkpoint.save(path, checkpoint.Progress(step=7), {"weights": {"a": torch.ones(3)}})
        found = checkpoint.load(path)
        assert found is not None
        assert (found[0].step, found[1]["weights"]["a"].tolist()) == (7, [1.0, 1.0, 1.0])
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert checkpoint.load(path) is None
        assert capsys.readouterr().err == (
            f"{path}: the checkpoint is damaged (its hash does not fit); it is ignored and training starts anew.\n"
        )

    def test_no_checkpoint_is_nothing_to_say(self, tmp_path, capsys):
        assert checkpoint.load(tmp_path / "checkpoint") is None
        assert capsys.readouterr().err == ""
