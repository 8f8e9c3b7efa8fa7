"""`tune-or-retrieve tidy` and `make clean`: what is kept, and that nothing that was paid for goes unasked."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tune_or_retrieve.__main__ import main
from tune_or_retrieve.base import store as stores
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.chat.call_store import CallStore

ROOT = Path(__file__).resolve().parent.parent
DAY = 86400


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of which half was used 40 days ago."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").touch()
    monkeypatch.delenv("DVC_ROOT", raising=False)
    today = stores._today()
    for age in (40, 0):
        monkeypatch.setattr(stores, "_today", lambda age=age: today - age)
        with CallStore() as calls:
            calls.put(f"call {age}", "x" * 999_998)
        for kind, size in (("conversions", 500_000), ("embeddings", 1_500_000), ("trainings", 9_000_000)):
            with Store(kind) as store:
                store.put(f"{kind} {age}", bytes(size))
        for name in (f"weights/{age}-Q8_0", f"weights/merged/{age}-Q8_0", f"fine_tune/{age}"):
            folder = tmp_path / ".cache" / name
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(bytes(2_000_000))
            os.utime(folder, (time.time() - age * DAY,) * 2)
    return tmp_path / ".cache"


@pytest.fixture
def tidy(monkeypatch, capsys):
    def command(*arguments: str, answer: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tune-or-retrieve", "tidy", *arguments])
        monkeypatch.setattr(sys.stdin, "isatty", lambda: answer is not None, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: print(question) or answer)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return command


def kept() -> dict[str, int]:
    def entries(kind) -> int:
        with Store(kind) as store:
            return store.size().entries

    return {kind: entries(kind) for kind in stores.NOUNS} | {
        name: len(list(Path(".cache").glob(pattern)))
        for name, pattern in (("weights", "weights/*-*"), ("merged", "weights/merged/*"), ("unfinished", "fine_tune/*"))
    }


SHOWN = """\
calls                         2      2.0 MB   not used for 30 days: 1, 1.0 MB
conversions                   2      1.0 MB   not used for 30 days: 1, 0.5 MB
embeddings                    2      3.0 MB   not used for 30 days: 1, 1.5 MB
trainings                     2     18.0 MB   not used for 30 days: 1, 9.0 MB
weights                       4      8.0 MB   not used for 30 days: 2, 4.0 MB
unfinished trainings          2      4.0 MB   not used for 30 days: 1, 2.0 MB
"""
SPARED = "Model calls stay, as they may have been paid for: --calls removes the 1 not used, too.\n"
UNUSED = "conversions, embeddings, trainings, weights, unfinished trainings"  # but for calls
QUESTION = f"Remove what was not used for 30 days of {UNUSED}? [y/N] \n"
BOTH = {"calls": 2, "conversions": 2, "embeddings": 2, "trainings": 2, "weights": 2, "merged": 2, "unfinished": 2}
ONE = dict.fromkeys(BOTH, 1)


def test_what_was_not_used_for_long_is_shown_and_removed_but_for_calls(cache, tidy):
    assert tidy(answer="y") == (0, SHOWN + SPARED + QUESTION + "removed: 17.0 MB.\n", "")
    assert kept() == ONE | {"calls": 2}


def test_calls_are_removed_where_that_is_asked_for(cache, tidy):
    assert tidy("--calls", "--yes") == (0, SHOWN + "removed: 18.0 MB.\n", "")
    assert kept() == ONE
    with CallStore() as calls:
        assert (calls.get("call 40"), calls.get("call 0")) == (None, "x" * 999_998)


@pytest.mark.parametrize("answer", ["", "n", "yess"])
def test_another_answer_removes_nothing(cache, tidy, answer):
    assert tidy(answer=answer) == (1, SHOWN + SPARED + QUESTION, "error: not confirmed: nothing was removed.\n")
    assert kept() == BOTH


def test_without_a_terminal_nothing_is_removed(cache, tidy):
    message = f"error: there is no terminal to ask at. Remove {UNUSED} with --yes.\n"
    assert tidy() == (2, SHOWN + SPARED, message)
    assert kept() == BOTH


def test_what_is_used_stays(cache, tidy):
    code, out, _ = tidy("--unused-days", "60", "--yes")
    assert (code, out.splitlines()[-1], "not used" in out) == (0, "There is nothing to remove.", False)
    assert kept() == BOTH


def test_an_empty_store(tmp_path, monkeypatch, tidy):
    monkeypatch.chdir(tmp_path)
    elsewhere = "no params.yaml here, so this is not the study. Run from the root of the repository."
    assert tidy() == (1, "", f"error: {elsewhere}\n")
    (tmp_path / "params.yaml").touch()
    assert tidy() == (0, "The store is empty.\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


# make clean


@pytest.fixture
def repository(cache) -> Path:
    shutil.copy(ROOT / "Makefile", cache.parent)
    (cache.parent / ".venv").symlink_to(sys.prefix)
    entries = [{"stage": "judge@claude", "tokens": 10, "dollars": dollars} for dollars in (0.25, 1.5, None)]
    (cache / "spent.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return cache.parent


def make(repository: Path, *arguments: str, answer: str | None = None) -> tuple[int, str, str]:
    """`make clean`; with `answer`, from a terminal."""
    ours, theirs = os.openpty()
    if answer is not None:
        os.write(ours, f"{answer}\n".encode())
    # As a user's shell has it: the make that runs these tests would have its own words on what the inner one prints.
    inner = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        ["make", "clean", *arguments],
        cwd=repository,
        env={**inner, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL if answer is None else theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    return done.returncode, done.stdout, "\n".join(said)


TOLD = """\
make clean removes .venv and .cache, which holds finished work:
calls                         2      2.0 MB
conversions                   2      1.0 MB
embeddings                    2      3.0 MB
trainings                     2     18.0 MB
weights                       4      8.0 MB
unfinished trainings          2      4.0 MB
Paid for it, as .cache/spent.jsonl tells: $1.7500, and what 1 of its lines paid for at a price not known.
"""
REFUSED = (
    "error: make clean removes what may have been paid for, and there is no terminal to ask at. To remove it all the "
    "same: make clean YES=1"
)


def left(repository: Path) -> set[str]:
    return {path.name for path in repository.iterdir()} - {"Makefile", "params.yaml"}


def test_make_clean_tells_what_was_paid_for_and_asks(repository):
    assert make(repository, answer="n") == (
        2,
        TOLD + "Remove all of this? [y/N] ",
        "error: not confirmed: nothing was removed.",
    )
    assert left(repository) == {".venv", ".cache"}
    assert make(repository, answer="y")[0] == 0
    assert left(repository) == set()


def test_make_clean_without_a_terminal_refuses(repository):
    assert make(repository) == (2, TOLD, REFUSED)
    assert left(repository) == {".venv", ".cache"}
    assert make(repository, "YES=1")[0] == 0
    assert left(repository) == set()


def test_make_clean_calls_embeddings_finished_work_and_no_more(repository):
    for path in (repository / ".cache").glob("*"):
        if path.stem != "embeddings":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    code, told, said = make(repository)
    assert (code, told.splitlines()[1:], said) == (
        2,
        ["embeddings                    2      3.0 MB"],
        "error: make clean removes this, and there is no terminal to ask at. To remove it all the same: "
        "make clean YES=1",
    )


def test_make_clean_without_an_environment_to_look_with_refuses(repository):
    (repository / ".venv").unlink()
    assert make(repository) == (
        2,
        "",
        "error: .cache may hold what was paid for, and there is no .venv to look with. To remove it all the same: make "
        "clean YES=1",
    )
    assert left(repository) == {".cache"}


def test_make_clean_does_not_ask_where_nothing_was_paid_for(repository):
    for path in (repository / ".cache").glob("*.*"):
        path.unlink()
    assert make(repository) == (0, "rm -rf .venv .cache\n", "")
    assert left(repository) == set()
