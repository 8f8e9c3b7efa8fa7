"""Outputs are whole or absent."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest
from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError, exits_cleanly
from tune_or_retrieve.base.files import (
    atomic_directory,
    atomic_file,
    content_key,
    read_json,
    read_jsonl,
    write_json,
    write_jsonl,
    write_text,
)


class Row(BaseModel):
    name: str
    count: int


def test_jsonl_comes_back_as_it_was(tmp_path):
    rows = [Row(name="é", count=1), Row(name="line\nbreak", count=2)]
    assert write_jsonl(tmp_path / "deep" / "rows.jsonl", rows) == 2
    assert list(read_jsonl(tmp_path / "deep" / "rows.jsonl", Row)) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "a", "count": 1}\n{"name": "b"', r"line 2: not a valid Row \(line: Invalid JSON: .*\)\.$"),
        ('{"name": "a", "count": "x"}\n', r"line 1: not a valid Row \(count: Input should be a valid integer.*\)\.$"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, text, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(StageError, match=f"^{re.escape(str(path))}, {message}"):
        list(read_jsonl(path, Row))


def test_missing_and_damaged_json_are_named(tmp_path):
    with pytest.raises(StageError, match=r"x\.json: no such file\. Run `dvc repro`, which makes it\.$"):
        read_json(tmp_path / "x.json")
    with pytest.raises(StageError, match=r"x\.jsonl: no such file\. Run `dvc repro`, which makes it\.$"):
        list(read_jsonl(tmp_path / "x.jsonl", Row))
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(StageError, match=r"x\.json: not readable as JSON \(.*\)\. Remove it and run `dvc repro`\.$"):
        read_json(tmp_path / "x.json")


def test_equal_values_are_equal_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "b.json", {"a": [1.5, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert content_key({"b": 1, "a": 2}, "x") == content_key({"a": 2, "b": 1}, "x")
    assert content_key("ab", "c") != content_key("a", "bc")


def _fail_inside(context, act):
    with context as target:
        act(target)
        raise RuntimeError("full")


def test_a_failed_write_keeps_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError, match="full"):
        _fail_inside(atomic_file(tmp_path / "a.txt"), lambda file: file.write("new"))
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_directory_keeps_the_old_one(tmp_path):
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "old").touch()
    with pytest.raises(RuntimeError, match="full"):
        _fail_inside(atomic_directory(tmp_path / "d"), lambda folder: (folder / "new").touch())
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["old"]
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "newer").touch()
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["newer"]
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_kill_in_the_middle_leaves_no_half_file(tmp_path):
    script = f"""
        import os, signal
        from pathlib import Path
        from tune_or_retrieve.base.files import atomic_file
        with atomic_file(Path({str(tmp_path)!r}) / "a.txt") as file:
            file.write("half"); file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=os.getcwd(), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.txt").exists()
    assert all(p.name.startswith(".tmp-") for p in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (StageError("params.yaml: no."), 1, "error: params.yaml: no.\n"),
        (
            KeyboardInterrupt(),
            130,
            "\ninterrupted: what was finished is kept; `dvc repro` goes on from there.\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "data/x"),
            1,
            "error: no space left on the disk while writing data/x. "
            "Nothing was left half-written: make room and run `dvc repro` again.\n",
        ),
        (
            OSError(errno.EFBIG, "File too large"),
            1,
            "error: the file system or a limit (ulimit -f) allows no larger file while writing a file. "
            "Nothing was left half-written: make room and run `dvc repro` again.\n",
        ),
    ],
)
def test_faults_become_one_message_and_an_exit_code(capsys, fault, code, message):
    @exits_cleanly
    def main():
        raise fault

    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == code
    assert capsys.readouterr().err == message


def test_our_own_faults_keep_their_traceback():
    @exits_cleanly
    def main():
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        main()
