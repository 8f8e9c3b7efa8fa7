"""A finished training is kept by content: what does not decide its numbers costs no training. Nor does a changed
document without pairs, and no text of another document is embedded again.
"""

import contextlib
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from pipeline import definitions
from small_study import RUNS, change
from test_pipeline import _imports

from stages.fine_tune import run as fine_tune_run
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Chunk, SeenArticle
from tune_or_retrieve.providers.faiss.indexes import embedded_text

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


def test_one_changed_document_repeats_no_work_of_the_others(stages, study):
    """Nor does it matter for any out what is in the store."""
    change(study / "params.yaml", {"chunking.strategy": "semantic"})
    (study / ".cache/embeddings.sqlite").unlink()  # it knows passages of another chunking
    rebuilt = (("articles",), ("chunks",), ("qa",), ("index",))
    _run(stages, study, rebuilt)
    kept, passages, read = _embeddings(study), _passages(study), _read_by_training(study)
    seen = {article.id for article in read_jsonl(study / "data/qa/seen.jsonl", SeenArticle)}
    corpus = study / "corpus"
    ids = {path.relative_to(corpus).with_suffix("").as_posix() for path in corpus.rglob("*.md")}
    changed = min(ids - seen)
    with (corpus / f"{changed}.md").open("a") as file:
        file.write("\nThe weather does not matter.\n")

    _run(stages, study, rebuilt)
    new = _passages(study) - passages
    assert {article for article, _ in new} == {changed}
    windows = 2  # of neighbouring sentences: around the last one before, and around the new one
    assert _embeddings(study) == kept + len(new) + windows
    assert _read_by_training(study) == read, "dvc repro does not run the stage"

    warm = {run: _outs(study, run) for run in rebuilt}
    (study / ".cache/embeddings.sqlite").unlink()
    _run(stages, study, rebuilt)
    assert {run: _outs(study, run) for run in rebuilt} == warm


def test_the_code_that_trains_is_part_of_the_key():
    """All that its modules import of the stage, but for what the batches hold and what the params say."""
    package = "stages.fine_tune."
    used = {name for module in fine_tune_run.CODE for name in _imports(ROOT / f"stages/fine_tune/{module}.py")}
    ours = {name.removeprefix(package).partition(".")[0] for name in used if name.startswith(package)}
    assert ours - {"params", "encoding"} == {*fine_tune_run.CODE} - {"training"}


def _run(stages, root: Path, runs: tuple[tuple[str, ...], ...]) -> None:
    for run in runs:
        code, said = stages.run(root, *run)
        assert code == 0, said


def _embeddings(root: Path) -> int:
    """How many are in the store."""
    with contextlib.closing(sqlite3.connect(root / ".cache/embeddings.sqlite")) as store:
        return store.execute("SELECT count(*) FROM kept").fetchone()[0]


def _passages(root: Path) -> set[tuple[str, str]]:
    """Article and embedded text of each."""
    chunks = read_jsonl(root / "data/chunks/chunks.jsonl", Chunk)
    return {(chunk.article_id, embedded_text(chunk)) for chunk in chunks}


def _read_by_training(root: Path) -> dict[str, bytes]:
    """The data that the stage declares."""
    return {dep: (root / dep).read_bytes() for dep in definitions()["fine_tune"]["deps"] if dep.startswith("data/")}


def _outs(root: Path, run: tuple[str, ...] = RUN) -> dict[str, str]:
    paths = [path for out in RUNS[run] for path in [root / out, *(root / out).rglob("*")] if path.is_file()]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if "timings" not in path.parts
    }


def _timings(root: Path) -> dict:
    return json.loads((root / "data/timings/fine_tune/micro.json").read_text())
