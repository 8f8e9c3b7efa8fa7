"""A full disk, Ctrl-C, kill -9 and a wrong output in each stage: one message, nothing half-written, and it goes on.

Each stage is the real one with real models on a small corpus; only the chat model is the real one cut short.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from small_study import RUNS

from tune_or_retrieve.base.errors import INTERRUPTED, exits_cleanly

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 64  # bytes of a file
ROOM_FOR_A_STORE = 60_000  # as long as it is empty: less than a checkpoint has
# Ctrl-C comes as the first output is begun, kill -9 as it is whole and not yet in its place.
BEGUN = {
    "articles": "tempfile.mkdtemp",
    "qa": "tempfile.mkdtemp",
    "index": "tempfile.mkdtemp",
}  # all others: the temporary file
STORES = {"qa": "embeddings", "index": "embeddings", "answer": "calls"}  # opened before anything is written
REPLY = "httpcore/_backends/sync.py:read"  # where the client of a chat model waits for what the engine writes


@pytest.fixture(params=RUNS, ids="-".join)
def run(request) -> tuple[str, ...]:
    return request.param


@pytest.fixture
def study(finished, run, tmp_path) -> Path:
    """The study before `run`, as `dvc repro` has it then: its outs removed."""
    root = tmp_path / "study"
    shutil.copytree(finished, root, copy_function=shutil.copy)
    for out in RUNS[run]:
        shutil.rmtree(root / out) if (root / out).is_dir() else (root / out).unlink()
    shutil.rmtree(root / ".cache")
    return root


def test_full_disk_ctrl_c_kill_9_and_an_output_that_cannot_be_written(stages, finished, study, run):
    code, said = stages.run(study, *run, limit=ROOM_FOR_A_STORE if run[0] == "fine_tune" else LIMIT)
    where = f".cache/{STORES[run[0]]}.sqlite" if run[0] in STORES else RUNS[run][0]
    where = ".cache/fine_tune/*/checkpoint" if run[0] == "fine_tune" else where
    where = tempfile.gettempdir() if run[0] == "articles" else where  # where the model of languages is unpacked
    last = re.sub(r"(?<=fine_tune/)[0-9a-f]{32}", "*", said.splitlines()[-1])
    assert (code, last) == (
        1,
        f"error: the file system or a limit (ulimit -f) allows no larger file while writing {where}. "
        "Nothing was left half-written: make room and run `dvc repro` again.",
    )
    assert (_outs(study, run), _left_over(study), "Traceback" in said) == ({}, [], False)

    code, said = stages.run(study, *run, signal=signal.SIGINT, event=BEGUN.get(run[0], "tempfile.mkstemp"))
    assert (code, said[-len(INTERRUPTED) - 1 :]) == (130, f"{INTERRUPTED}\n"), said
    assert (_outs(study, run), _left_over(study), "Traceback" in said) == ({}, [], False)

    code, _ = stages.run(study, *run, signal=signal.SIGKILL, event="os.rename")
    assert (code, _outs(study, run)) == (-signal.SIGKILL, {})

    killed, obstacle = _left_over(study), study / RUNS[run][0]
    obstacle.mkdir(parents=True) if obstacle.suffix else obstacle.touch()
    there, needed = ("folder", "file") if obstacle.suffix else ("file", "folder")
    code, said = stages.run(study, *run)
    named = "data/qa" if run == ("qa",) else RUNS[run][0]  # its files are written together
    assert (code, said.splitlines()[-1]) == (
        1,
        f"error: {named}: cannot be written: a {there} is in the way where a {needed} is needed. Nothing was left "
        "half-written: put that right and run the same command again.",
    )
    assert (set(_left_over(study)) - set(killed), "Traceback" in said) == (set(), False)
    obstacle.rmdir() if obstacle.suffix else obstacle.unlink()

    code, said = stages.run(study, *run)
    assert code == 0, said
    ours, theirs = _outs(study, run), _outs(finished, run)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name] and not _holds_timings(name)] == []


@pytest.mark.parametrize("run", [("answer", "base", "micro")], indirect=True)
def test_ctrl_c_while_the_engine_writes(stages, study, run):
    code, said = stages.run(study, *run, signal=signal.SIGINT, event="socket.connect", within=REPLY)
    assert (code, said[-len(INTERRUPTED) - 1 :]) == (130, f"{INTERRUPTED}\n"), said
    assert (_outs(study, run), _left_over(study)) == ({}, [])


@pytest.mark.parametrize("module", ["datetime", "langchain_core.retrievers", "stages.retrieve.metrics"])
def test_ctrl_c_while_modules_are_loaded(tmp_path, module):
    """It comes as `module` is imported; the first is imported by compiled code, which makes a panic of an exception."""
    script = (
        "import os, runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.argv = ['-m']\n"  # as `python -m` does
        f"came = lambda event, about: event == 'import' and about[0] == {module!r} and os.kill(os.getpid(), 2)\n"
        "import stages\n"
        "sys.modules.pop('datetime', None)\n"
        "sys.addaudithook(came)\n"
        "runpy.run_module('stages.retrieve', run_name='__main__', alter_sys=True)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, f"{INTERRUPTED}\n")


def test_a_library_that_hides_the_interrupt_changes_nothing(capsys):
    @exits_cleanly
    def main():
        try:
            signal.raise_signal(signal.SIGINT)  # to this thread, whatever others there are
            time.sleep(10)
        except KeyboardInterrupt:
            raise ImportError("half-initialised module") from None

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert (end.value.code, capsys.readouterr().err) == (130, f"{INTERRUPTED}\n")


def _outs(root: Path, run: tuple[str, ...]) -> dict[str, bytes]:
    """Every file of the outs, by path."""
    paths = [path for out in RUNS[run] for path in [root / out, *(root / out).rglob("*")] if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _left_over(root: Path) -> list[Path]:
    return list(root.rglob(".tmp-*"))


def _holds_timings(name: str) -> bool:
    return name.startswith("data/timings/") or name in {
        *("metrics/summary.json", "metrics/details.json", "metrics/table.md", "metrics/report.html"),
        "plots/latency.csv",
    }
