"""Outputs are whole or absent."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from permissions import as_nobody
from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError, exits_cleanly
from tune_or_retrieve.base.files import (
    atomic_directory,
    atomic_file,
    atomic_files,
    content_key,
    numbered_rows,
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


CAFE, TEA = '{"name": "café", "count": 1}', '{"name": "tea\u2028", "count": 2}'


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (f"{CAFE}\n{TEA}\n", [1, 2]),
        (f"{CAFE}\n{TEA}", [1, 2]),
        (f"\ufeff{CAFE}\n\ufeff{TEA}\n", [1, 2]),  # two files joined, each with a byte-order mark
        (f"{CAFE}\r\n{TEA}\r\n", [1, 2]),
        (f"{CAFE}\r{TEA}\r", [1, 2]),
        (f"\n \t\n{CAFE}\n\n\r\n{TEA}\n\n\n", [3, 6]),
        (f"{CAFE} \t\u00a0\n  {TEA}", [1, 2]),
    ],
)
def test_rows_are_read_however_an_editor_saved_them(tmp_path, written, lines):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(written.encode())
    rows = [Row(name="café", count=1), Row(name="tea\u2028", count=2)]
    assert list(numbered_rows(path, Row)) == list(zip(lines, rows, strict=True))
    assert list(read_jsonl(path, Row)) == rows


@pytest.mark.parametrize("blank", [b"", b"\n", b"\xef\xbb\xbf", b"\r\n \n"])
def test_a_blank_file_has_no_rows(tmp_path, blank):
    (tmp_path / "rows.jsonl").write_bytes(blank)
    assert list(read_jsonl(tmp_path / "rows.jsonl", Row)) == []


NO_JSON = ", line {}: must be one JSON object a line (JSON Lines), but is not JSON ({})."
NO_OBJECT = ", line {}: must be one JSON object a line (JSON Lines). Got {!r}.{}"
ARRAY = " Write the objects of an array without its brackets and commas."


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            CAFE.encode("latin-1"),
            ", line 1: must be UTF-8, but holds the byte 0xe9 at character 14. Save the file as UTF-8.",
        ),
        (
            f"{TEA}\n\n{CAFE}".encode().replace("é".encode(), b"\x82"),
            ", line 3: must be UTF-8, but holds the byte 0x82 at character 14. Save the file as UTF-8.",
        ),
        (CAFE.encode("utf-16"), ": must be UTF-8. Got UTF-16. Save it as UTF-8."),
        (CAFE.encode("utf-16-le"), ": must be UTF-8. Got UTF-16-LE. Save it as UTF-8."),
        (CAFE.encode("utf-16-be"), ": must be UTF-8. Got UTF-16-BE. Save it as UTF-8."),
        (CAFE.encode("utf-32"), ": must be UTF-8. Got UTF-32. Save it as UTF-8."),
        (f"[{CAFE}]", NO_OBJECT.format(1, f"[{CAFE}]", ARRAY)),
        (f"\n[\n  {CAFE},\n  {TEA}\n]\n", NO_OBJECT.format(2, "[", ARRAY)),
        (f"{CAFE},\n{TEA}\n", NO_JSON.format(1, "trailing characters at byte 30")),
        ('{\n  "name": "a",\n  "count": 1\n}\n', NO_JSON.format(1, "EOF while parsing an object at byte 1")),
        (f'{CAFE}\n{{"name": "b"', NO_JSON.format(2, "EOF while parsing an object at byte 12")),
        (f"{CAFE}\nname: b\n", NO_OBJECT.format(2, "name: b", "")),
        ('{"name": "a"}\n', ", line 1: count: missing."),
        (
            '{"name": "a", "count": "x"}\n',
            ", line 1: count: must be a whole number. Got 'x'.",
        ),
    ],
)
def test_a_damaged_row_is_named(tmp_path, written, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(written.encode() if isinstance(written, str) else written)
    with pytest.raises(StageError) as fault:
        list(read_jsonl(path, Row))
    assert str(fault.value) == f"{path}{message}"


def test_a_folder_in_place_of_a_file_of_rows_is_named(tmp_path):
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(StageError) as fault:
        list(read_jsonl(tmp_path / "rows.jsonl", Row))
    assert str(fault.value) == f"{tmp_path}/rows.jsonl: cannot be read (Is a directory)."


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


@contextlib.contextmanager
def read_only(folder: Path):
    folder.chmod(0o555)
    try:
        with as_nobody():
            yield
    finally:
        folder.chmod(0o755)


def _file(path: Path) -> None:
    with atomic_file(path) as file:
        file.write("new")


def _directory(path: Path) -> None:
    with atomic_directory(path) as folder:
        (folder / "new").touch()


def _files(path: Path) -> None:
    with atomic_files(path.parent) as folder:
        (folder / path.name).touch()


FOLDER_NEEDED = "a file is in the way where a folder is needed"
FILE_NEEDED = "a folder is in the way where a file is needed"


@pytest.mark.parametrize(
    ("write", "path", "standing", "reason"),
    [
        (_file, "data/qa/a.txt", "data", FOLDER_NEEDED),
        (_file, "data/qa/a.txt", "data/qa", FOLDER_NEEDED),
        (_file, "data/qa/a.txt", "data/qa/a.txt/", FILE_NEEDED),
        (_file, f"data/{'a' * 300}", None, "the name is too long"),
        (_directory, "data/index", "data", FOLDER_NEEDED),
        (_directory, "data/index", "data/index", FOLDER_NEEDED),
        (_files, "data/qa/a.txt", "data/qa", FOLDER_NEEDED),
        (_files, "data/qa/a.txt", "data/qa/a.txt/", FILE_NEEDED),
        (_file, "data/qa/a.txt", "read-only", "permission denied"),
        (_directory, "data/index", "read-only", "permission denied"),
        (_files, "data/qa/a.txt", "read-only", "permission denied"),
    ],
)
def test_an_output_that_cannot_be_written_is_named(tmp_path, monkeypatch, write, path, standing, reason):
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    path = Path(path)
    if standing == "read-only":
        path.parent.mkdir(parents=True)
    elif standing and standing.endswith("/"):
        Path(standing).mkdir(parents=True)
    elif standing:
        Path(standing).parent.mkdir(exist_ok=True)
        Path(standing).write_text("mine")
    place = read_only(path.parent) if standing == "read-only" else contextlib.nullcontext()
    with place, pytest.raises(StageError) as fault:
        write(path)
    named = path.parent if write is _files else path
    assert str(fault.value) == (
        f"{named}: cannot be written: {reason}. Nothing was left half-written: put that right and run the same "
        "command again."
    )
    assert list(tmp_path.rglob(".tmp-*")) == []
    assert not standing or standing == "read-only" or Path(standing).is_dir() or Path(standing).read_text() == "mine"


def test_what_cannot_be_read_meanwhile_is_not_put_down_to_the_output(tmp_path):
    (tmp_path / "input").mkdir()
    with pytest.raises(IsADirectoryError), atomic_file(tmp_path / "output"):
        (tmp_path / "input").read_bytes()


def test_a_folder_behind_a_link_is_written_where_it_is(tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "index").symlink_to(tmp_path / "large disk")
    _directory(tmp_path / "index")
    assert (tmp_path / "index").is_symlink()
    assert [path.name for path in (tmp_path / "large disk").iterdir()] == ["new"]


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
    assert [p.name[:11] for p in tmp_path.iterdir()] == [".tmp-a.txt-"]


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
        (
            PermissionError(errno.EACCES, "Permission denied", "data/x"),
            1,
            "error: data/x: permission denied. Put that right and run the same command again.\n",
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
