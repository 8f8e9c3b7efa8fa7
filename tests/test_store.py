"""The store of finished work survives what happens to files and processes."""

import contextlib
import errno
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.store import Store, path_of
from tune_or_retrieve.chat.call_store import CallStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "calls.sqlite"


def test_what_was_put_is_found_again_by_another_run(path):
    value = {"text": "Zwölf — 12\n", "tokens": 3, "none": None, "seconds": 0.25}
    with CallStore(path) as store:
        assert store.get("a") is None
        store.put("a", value)
    with CallStore(path) as store:
        assert store.get("a") == value


def test_the_first_value_stays(path):
    with CallStore(path) as store:
        store.put("a", 1)
        store.put("a", 2)
        assert store.get("a") == 1


def test_an_empty_value_is_a_value(path):
    with CallStore(path) as store:
        store.put("a", "")
        assert store.get("a") == ""


def test_a_damaged_file_is_set_aside_and_said(path, capsys):
    path.parent.mkdir()
    path.write_bytes(b"no database at all " * 100)
    with CallStore(path) as store:
        assert store.get("a") is None
        store.put("a", 1)
    aside = list(path.parent.glob("calls.sqlite.damaged-*"))
    assert [file.read_bytes()[:11] for file in aside] == [b"no database"]
    assert capsys.readouterr().err == (
        f"{path}: damaged. Set aside as {aside[0].name}; a new store is started and model calls are made again.\n"
    )
    with CallStore(path) as store:
        assert store.get("a") == 1
    assert len(list(path.parent.glob("calls.sqlite.damaged-*"))) == 1


def test_a_file_damaged_in_its_middle_is_set_aside(path):
    with CallStore(path) as store:
        for number in range(200):
            store.put(f"key {number}", "x" * 500)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with CallStore(path) as store:
        assert store.get("key 1") is None
    assert len(list(path.parent.glob("calls.sqlite.damaged-*"))) == 1


def test_a_value_changed_on_disk_is_not_believed(path, capsys):
    with CallStore(path) as store:
        store.put("a", "the limit is 256 KB")
    connection = sqlite3.connect(path)
    connection.execute("""UPDATE kept SET value = '"the limit is 999 KB"'""")
    connection.commit()
    connection.close()
    with CallStore(path) as store:
        assert store.get("a") is None
        assert capsys.readouterr().err == f"{path}: one stored model call is damaged and made again.\n"
        store.put("a", "the limit is 256 KB")
        assert store.get("a") == "the limit is 256 KB"


def test_a_folder_in_its_place_is_a_clear_fault(path):
    path.mkdir(parents=True)
    with pytest.raises(StageError) as caught:
        CallStore(path)
    assert str(caught.value) == (
        f"{path}: the store of model calls cannot be used (unable to open database file). Check its folder."
    )


WRITER = """
    import sys
    from pathlib import Path
    from tune_or_retrieve.chat.call_store import CallStore
    store = CallStore(Path(sys.argv[1]))
    for number in range(int(sys.argv[3])):
        store.put(f"{sys.argv[2]} {number}", number)
        print(number, flush=True)
"""


def writer(path, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_write_at_once(path):
    processes = [writer(path, name, 60) for name in ("a", "b")]
    assert [process.communicate()[1] or process.returncode for process in processes] == [0, 0]
    with CallStore(path) as store:
        assert [store.get(f"{name} {n}") for name in "ab" for n in range(60)] == [*range(60), *range(60)]


def test_kill_9_loses_no_call_that_was_put(path):
    process = writer(path, "a", 1_000_000)
    for _ in range(20):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with CallStore(path) as store:
        assert [store.get(f"a {n}") for n in range(last + 1)] == list(range(last + 1))
    assert list(path.parent.glob("*.damaged-*")) == []


def test_no_room_for_another_call_is_a_full_disk(path):
    with CallStore(path) as store:
        store.put("a", 1)
        store._store._connection.execute("PRAGMA max_page_count = 3")  # SQLite says then what it says of a full disk
        with pytest.raises(OSError, match="No space left on device") as fault:
            store.put("b", "x" * 100_000)
        assert (fault.value.errno, fault.value.filename) == (errno.ENOSPC, str(path))
        assert store.get("a") == 1


def test_calls_kept_before_schemas_were_counted_are_found(path):
    path.parent.mkdir()
    text = '{"text": "Zwölf", "tokens": 3}'
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.execute("PRAGMA journal_mode = WAL")
        old.execute("CREATE TABLE calls (key TEXT PRIMARY KEY, value TEXT NOT NULL, sha256 TEXT NOT NULL)")
        old.execute("INSERT INTO calls VALUES ('a', ?, ?)", (text, sha256_text(text)))
    for _ in range(2):  # the second time, it is a file of today
        with CallStore(path) as store:
            assert store.get("a") == {"text": "Zwölf", "tokens": 3}
            store.put("b", 1)
            assert store.get("b") == 1
    with Store("calls", path) as store:
        assert store.size().entries == 2
        assert store.size(unused_days=1).entries == 0, "they count as used on the day on which they are taken over"


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(path):
    CallStore(path).__exit__()
    with contextlib.closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(StageError) as caught:
        CallStore(path)
    assert str(caught.value) == (
        f"{path}: a newer version of this project wrote this store: its schema must be at most 1. Got 2. Update this "
        "project, or move the file away: then model calls are made again."
    )
    assert path.read_bytes() == before


def test_bytes_are_kept_as_they_are_however_many_are_asked_for_at_once(tmp_path):
    values = {f"key {number}": number.to_bytes(2, "big") * 3 for number in range(1200)}
    with Store("embeddings", tmp_path / "some.sqlite") as store:
        store.put_all(values)
        assert store.get_all([*values, "none"]) == values
        assert store.size() == (1200, 7200)


def test_what_was_not_used_for_some_days_is_removed(tmp_path, monkeypatch):
    day = [20_000]
    monkeypatch.setattr("tune_or_retrieve.base.store._today", lambda: day[0])
    with Store("embeddings", tmp_path / "some.sqlite") as store:
        store.put_all({"old": bytes(100_000), "read since": b"2"})
        day[0] += 20
        store.put("new", b"3")
        assert store.get("read since") == b"2"
        day[0] += 10
        assert store.size(unused_days=30) == (1, 100_000)
        store.remove(unused_days=30)
        assert store.get_all(["old", "read since", "new"]) == {"read since": b"2", "new": b"3"}
    assert (tmp_path / "some.sqlite").stat().st_size < 50_000, "its room is free again"


@pytest.mark.parametrize(
    ("root", "cache"),
    [(None, ".cache/calls.sqlite"), ("here", ".cache/calls.sqlite"), ("there", "{there}/.cache/calls.sqlite")],
    ids=["outside of DVC", "in the repository", "in a copy"],
)
def test_the_store_lies_in_the_users_own_repository(tmp_path, monkeypatch, root, cache):
    places = {name: tmp_path / f"{name} it is" for name in ("here", "there")}
    for place in places.values():
        place.mkdir()
    monkeypatch.chdir(places["here"])
    monkeypatch.delenv("DVC_ROOT", raising=False)
    if root:
        monkeypatch.setenv("DVC_ROOT", str(places[root]))
    assert str(path_of("calls")) == cache.format(**places)
    with CallStore() as store:
        store.put("a", 1)
    assert Path(cache.format(**places)).is_file()
