"""Experiments in a copy (`dvc exp run --temp`, `--queue`) find what git does not carry: real DVC, stages and model.

No environment is active: of that of the repository, only `dvc` can be called by its name, as DVC's own workers do. The
repository's path holds a space.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from short_model import cut
from small_study import CHANGES, HANDWRITTEN, SHORT, write_small_study

from stages.fine_tune.params import FineTuneParams
from tune_or_retrieve.base.params import load

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = CHANGES["qa.test_questions"] + len(HANDWRITTEN)
STAGES = ("answer_base@micro", "index")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """What a user has after `make`, with documents of their own where .gitignore keeps them out of git."""
    root = tmp_path_factory.mktemp("experiments") / "my study"
    write_small_study(root, {**SHORT, "articles.folder.path": "data/documents"})
    (root / "corpus").rename(root / "data/documents")
    cut(root / "short.gguf")
    for name in ("stages", "tune_or_retrieve", ".dvc/plots"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "data/documents/.gitkeep"):
        shutil.copy(ROOT / name, root / name)
    with (root / ".gitignore").open("a") as file:
        file.write("short.gguf\n/.venv\n")
    (root / ".venv").symlink_to(sys.prefix)
    _git(root, "init", "-q")
    _git(root, "config", "user.name", "test")
    _git(root, "config", "user.email", "test@example.org")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "start")
    assert "data/documents" not in _git(root, "ls-files").replace("data/documents/.gitkeep", "")
    return root


@pytest.fixture(scope="module")
def first(study) -> Path:
    _dvc(study, "exp", "run", "--temp", "--name", "first", *STAGES)
    return study


def test_a_temporary_copy_finds_environment_documents_model_and_store(first):
    assert len(_articles(first, "first")) == len(_documents(first))
    assert _calls(first) == QUESTIONS
    assert [path.name for path in (first / ".cache/weights").glob("*/*")] == ["weights.gguf"]
    assert not list((first / ".dvc/tmp/exps").glob("tmp*")), "the copy is gone"


def test_it_records_the_documents_that_it_read(first):
    try:
        assert "Stage 'articles' is cached - skipping run" in _dvc(first, "repro", "articles")
    finally:
        _git(first, "clean", "-qfd")


def test_queued_experiments_find_them_too_and_make_no_call_again(first):
    _dvc(first, "exp", "run", "--queue", "--force", "--name", "second", *STAGES)
    _dvc(first, "exp", "run", "--run-all")
    assert _articles(first, "second") == _articles(first, "first")
    assert _calls(first) == QUESTIONS


def test_a_document_added_since_is_read(first):
    (first / "data/documents/gates.md").write_text("# Gates\n\nA gate opens at five. It closes at nine.\n")
    _dvc(first, "exp", "run", "--temp", "--name", "third", "articles")
    assert _articles(first, "third") == sorted([*_articles(first, "first"), "gates.md"])


def test_a_small_learning_rate_is_read_as_dvc_writes_it(first):
    _dvc(first, "exp", "run", "--temp", "--name", "fourth", "-S", "fine_tune.local.learning_rate=1e-5", "articles")
    written = first.parent / "params.yaml"
    written.write_text(_git(first, "show", f"{_ref(first, 'fourth')}:params.yaml"))
    assert "learning_rate: 1e-05\n" in written.read_text()
    assert load("fine_tune", FineTuneParams, written).local.learning_rate == 1e-5


def _documents(root: Path) -> list[Path]:
    return list((root / "data/documents").rglob("*.md"))


def _articles(root: Path, experiment: str) -> list[str]:
    """Files of the articles of an experiment, as DVC keeps them."""
    lock = yaml.safe_load(_git(root, "show", f"{_ref(root, experiment)}:dvc.lock"))
    [out] = lock["stages"]["articles"]["outs"]
    listed = root / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
    return sorted(row["relpath"] for row in yaml.safe_load(listed.read_text()) if row["relpath"].endswith(".md"))


def _ref(root: Path, experiment: str) -> str:
    [ref] = _git(root, "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{experiment}").split()
    return ref


def _calls(root: Path) -> int:
    with contextlib.closing(sqlite3.connect(root / ".cache/calls.sqlite")) as store:
        return store.execute("SELECT count(*) FROM kept").fetchone()[0]


def _dvc(root: Path, *command: str) -> str:
    only_dvc = root.parent / "bin"
    only_dvc.mkdir(exist_ok=True)
    if not (only_dvc / "dvc").exists():
        (only_dvc / "dvc").symlink_to(Path(sys.prefix) / "bin/dvc")
    path = [part for part in os.environ["PATH"].split(":") if Path(part) != Path(sys.prefix) / "bin"]
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "DVC_ROOT")}
    done = subprocess.run(
        ["dvc", *command],
        cwd=root,
        env={**kept, "PATH": ":".join([str(only_dvc), *path]), "DVC_NO_ANALYTICS": "true", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


def _git(root: Path, *command: str) -> str:
    return subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, text=True).stdout
