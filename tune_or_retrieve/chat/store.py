"""Model calls kept by content, outside the stages' outs: work that was done and paid for is not done again.

One SQLite file. Each ``put`` is committed before it returns, so a kill -9 loses at most the call under way, and
several processes may share the file. To measure again from nothing, remove the file.
"""

import contextlib
import errno
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import no_room, sha256_text
from tune_or_retrieve.base.progress import say

CALLS = Path(".cache/calls.sqlite")
BUSY_SECONDS = 60.0  # another process holds the file only while it commits
SCHEMA = "CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, value TEXT NOT NULL, sha256 TEXT NOT NULL)"
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class CallStore:
    """Keys made by tune_or_retrieve.base.files.content_key, JSON values. The first value put under a key stays."""

    def __init__(self, path: Path = CALLS):
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._connection = self._open()
        except (OSError, sqlite3.Error) as fault:
            raise self._explained(fault) from None

    def get(self, key: str) -> Any | None:
        """The value under `key`, or None. A row whose text is not what was put is dropped and said."""
        try:
            row = self._connection.execute("SELECT value, sha256 FROM calls WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if sha256_text(row[0]) == row[1]:
                return json.loads(row[0])
            say(f"{self._path}: one stored call is damaged and is made again.")
            with self._connection:
                self._connection.execute("DELETE FROM calls WHERE key = ?", (key,))
            return None
        except sqlite3.Error as fault:
            raise self._explained(fault) from None

    def put(self, key: str, value: Any) -> None:
        """Keep `value`, committed when this returns. A value that another process put first is left as it is."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, Any]) -> None:
        """As `put` of each, all of them or, if it fails or is killed, none."""
        texts = {key: json.dumps(value, sort_keys=True, ensure_ascii=False) for key, value in values.items()}
        rows = [(key, text, sha256_text(text)) for key, text in texts.items()]
        try:
            with self._connection:
                self._connection.executemany("INSERT INTO calls VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING", rows)
        except sqlite3.Error as fault:
            raise self._explained(fault) from None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "CallStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as fault:
            if fault.sqlite_errorcode not in DAMAGED:
                raise
        aside = self._path.with_name(f"{self._path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        for ending in ("", "-wal", "-shm"):  # the log of a damaged file must not be played into a new one
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._path}{ending}").replace(f"{aside}{ending}")
        say(f"{self._path}: damaged. Set aside as {aside.name}; a new store is started and calls are made again.")
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            problems = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problems != "ok":
                fault = sqlite3.DatabaseError(problems)
                fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise fault
            # A write-ahead log, not waited for on the disk: whole after a kill -9 or a power cut (which may cost the
            # last calls), and a commit takes microseconds, so that it never weighs on the next call's latency.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(SCHEMA)
            connection.execute("SELECT key, value, sha256 FROM calls LIMIT 1")
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time looks at the file and sets it aside, so that none sets aside another's new one."""
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _explained(self, fault: Exception) -> Exception:
        code = getattr(fault, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if number := no_room(self._path.parent, fault):
            return OSError(number, os.strerror(number), str(self._path))
        if code in DAMAGED:
            return StageError(
                f"{self._path}: became damaged during the run ({fault}). Run `dvc repro` again: it is set aside then."
            )
        return StageError(f"{self._path}: the store of model calls cannot be used ({fault}). Check its folder.")
