"""A finished training is kept by content: what does not decide its numbers costs no training."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from small_study import RUNS, change
from test_pipeline import _imports

from stages.fine_tune import run as fine_tune_run

ROOT = Path(__file__).resolve().parent.parent
RUN = ("fine_tune", "micro")
TAKEN = "training: taken from the store, as everything it depends on is the same ("


@pytest.fixture
def study(finished, tmp_path) -> Path:
    """The small study with its training done."""
    root = tmp_path / "study"
    shutil.copytree(finished, root, copy_function=shutil.copy)
    return root


def test_a_finished_training_is_loaded_and_gives_the_same_outs(stages, study):
    outs, timings = _outs(study), _timings(study)
    for out in RUNS[RUN]:
        shutil.rmtree(study / out) if (study / out).is_dir() else (study / out).unlink()
    code, said = stages.run(study, *RUN)
    assert code == 0, said
    assert TAKEN in said
    assert "training, epoch" not in said
    assert _outs(study) == outs
    again = _timings(study)
    for key in ("training_seconds", "tokens_per_second"):
        assert again[key] == timings[key] > 0


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [("fine_tune.parity.prompts", 22, True), ("run.threads", 2, True), ("fine_tune.local.learning_rate", 0.001, False)],
)
def test_only_what_decides_its_numbers_trains_again(stages, study, key, value, taken):
    change(study / "params.yaml", {key: value})
    code, said = stages.run(study, *RUN)
    assert code == 0, said
    assert (TAKEN in said, "training, epoch" in said) == (taken, not taken)


def test_the_code_that_trains_is_part_of_the_key():
    """All that its modules import of the stage, but for what the batches hold and what the params say."""
    package = "stages.fine_tune."
    used = {name for module in fine_tune_run.CODE for name in _imports(ROOT / f"stages/fine_tune/{module}.py")}
    ours = {name.removeprefix(package).partition(".")[0] for name in used if name.startswith(package)}
    assert ours - {"params", "encoding"} == {*fine_tune_run.CODE} - {"training"}


def _outs(root: Path) -> dict[str, str]:
    paths = [path for out in RUNS[RUN] for path in [root / out, *(root / out).rglob("*")] if path.is_file()]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if "timings" not in path.parts
    }


def _timings(root: Path) -> dict:
    return json.loads((root / "data/timings/fine_tune/micro.json").read_text())
