"""Finished work kept by content, outside the stages' outs: what was computed or paid for is not done again.

One SQLite file for each kind, so that damage to one does not affect the others. Each ``put_all`` is committed before
it returns, so kill -9 loses at most the work in progress, and several processes may share a file. To redo all work of
a kind, remove its file.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, Self

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import no_room
from tune_or_retrieve.base.home import cached
from tune_or_retrieve.base.progress import say

Kind = Literal["calls", "conversions", "embeddings", "trainings"]
NOUNS: dict[Kind, str] = {
    "calls": "model call",
    "conversions": "conversion",
    "embeddings": "embedding",
    "trainings": "training",
}
SCHEMA = 1  # PRAGMA user_version of the files; 0: written before there were versions, or empty
CREATE = "CREATE TABLE kept (key TEXT PRIMARY KEY, value NOT NULL, sha256 TEXT NOT NULL, used INTEGER NOT NULL)"
# Before there were versions, calls were kept in a table with the same keys and values.
MIGRATE = ("ALTER TABLE calls RENAME TO kept", "ALTER TABLE kept ADD COLUMN used INTEGER NOT NULL DEFAULT 0")
BUSY_SECONDS = 60.0  # another process holds the file only while it commits
KEYS_AT_ONCE = 500  # in one question; SQLite's limit is above
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Size(NamedTuple):
    entries: int
    bytes: int


class Store:
    """Keys made by tune_or_retrieve.base.files.content_key, values of bytes or text. The first value put stays.

    Raises:
        StageError: the file cannot be used, or a newer version of this project wrote it.
    """

    def __init__(self, kind: Kind, path: Path | None = None):
        self._noun, self._path = NOUNS[kind], path_of(kind) if path is None else path
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._connection = self._open()
        except (OSError, sqlite3.Error) as fault:
            raise self._explained(fault) from None

    def get(self, key: str) -> bytes | None:
        return self.get_all([key]).get(key)

    def get_all(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values found for `keys`; text as UTF-8. A damaged value is dropped, with a message."""
        keys, found, damaged, stale = list(keys), {}, [], []
        today = _today()
        try:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                rows = self._connection.execute(
                    "SELECT key, CAST(value AS BLOB), sha256, used FROM kept "
                    f"WHERE key IN ({', '.join('?' * len(some))})",
                    some,
                )
                for key, value, digest, used in rows:
                    if sha256(value).hexdigest() == digest:
                        found[key] = value
                        stale += [key] if used < today else []
                    else:
                        damaged.append(key)
            if damaged:
                one = len(damaged) == 1
                what = f"one stored {self._noun} is" if one else f"{len(damaged)} stored {self._noun}s are"
                say(f"{self._path}: {what} damaged and made again.")
                with self._connection:
                    self._connection.executemany("DELETE FROM kept WHERE key = ?", [(key,) for key in damaged])
        except sqlite3.Error as fault:
            raise self._explained(fault) from None
        # Only `tidy` needs it, and on a full disk the values found are still useful.
        with contextlib.suppress(sqlite3.OperationalError), self._connection:
            self._connection.executemany("UPDATE kept SET used = ? WHERE key = ?", [(today, key) for key in stale])
        return found

    def put(self, key: str, value: bytes | str) -> None:
        """Keep `value`, committed when this returns. A value that another process put first stays."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, bytes | str]) -> None:
        """As `put` for each: all of them or, if it fails or is killed, none."""
        today = _today()
        rows = [(key, value, sha256(_bytes(value)).hexdigest(), today) for key, value in values.items()]
        try:
            with self._connection:
                self._connection.executemany("INSERT INTO kept VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", rows)
        except sqlite3.Error as fault:
            raise self._explained(fault) from None

    def size(self, unused_days: int = 0) -> Size:
        """Size of what was last used at least this many days ago."""
        try:
            row = self._connection.execute(
                "SELECT count(*), coalesce(sum(length(CAST(value AS BLOB))), 0) FROM kept WHERE used <= ?",
                (_today() - unused_days,),
            ).fetchone()
        except sqlite3.Error as fault:
            raise self._explained(fault) from None
        return Size(*row)

    def remove(self, unused_days: int) -> None:
        """Remove what was last used at least this many days ago, and free its disk space."""
        try:
            with self._connection:
                self._connection.execute("DELETE FROM kept WHERE used <= ?", (_today() - unused_days,))
            self._connection.execute("VACUUM")
        except sqlite3.Error as fault:
            raise self._explained(fault) from None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
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
        say(
            f"{self._path}: damaged. Set aside as {aside.name}; a new store is started and {self._noun}s are made "
            "again."
        )
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
            # last of it), and a commit takes microseconds, so that it never weighs on the next call's latency.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            self._bring_up_to_date(connection)
            connection.execute("SELECT key, value, sha256, used FROM kept LIMIT 1")
        except BaseException:
            connection.close()
            raise
        return connection

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise StageError(
                f"{self._path}: a newer version of this project wrote this store: its schema must be at most {SCHEMA}. "
                f"Got {version}. Update this project, or move the file away: then {self._noun}s are made again."
            )
        if version == SCHEMA:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
                for statement in MIGRATE:
                    connection.execute(statement)
                connection.execute("UPDATE kept SET used = ?", (_today(),))
            else:
                connection.execute(CREATE)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time checks the file and sets it aside, so that none sets aside another's new one."""
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
        return StageError(f"{self._path}: the store of {self._noun}s cannot be used ({fault}). Check its folder.")


def path_of(kind: Kind) -> Path:
    return cached(f"{kind}.sqlite")


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value


def _today() -> int:
    """Days since 1970: precise enough to see what is no longer used, and written only once a day."""
    return int(time.time() // 86400)
