"""Reading and writing files. Every output is written to a temporary file and renamed, so it is whole or absent."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import string
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tune_or_retrieve.base.errors import CANNOT_WRITE, NO_ROOM, StageError
from tune_or_retrieve.base.validation import described

Row = TypeVar("Row", bound=BaseModel)
PROBE_BYTES = 64 * 1024  # after a write that failed for lack of room, less than a block is free
MADE = "Run `dvc repro`, which makes it."
BLANK = string.whitespace + "\u00a0\ufeff"  # no-break spaces, and byte-order marks, also of files that were joined
NOT_UTF8 = re.compile("[\udc80-\udcff]")
TMP_PREFIX = ".tmp-"  # .gitignore and .dvcignore know this prefix: what a kill -9 leaves is never hashed


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on a clean exit it replaces `path`, otherwise it is removed.

    Raises:
        StageError: nothing can be written there.
        OSError: there is no room for it, see :func:`no_room`.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{TMP_PREFIX}{path.name}-")
    tmp = Path(name)
    try:
        with _writing(path):
            with os.fdopen(handle, mode, **({} if "b" in mode else {"encoding": "utf-8", "newline": "\n"})) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            tmp.chmod(0o644)
            tmp.replace(path)
    finally:
        tmp.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside `path`; on a clean exit it replaces `path`, otherwise it is removed.

    Of a link it is the folder behind it. Raises as :func:`atomic_file`.
    """
    path = path.resolve() if path.is_symlink() else path
    with _temporary(path.parent, path) as tmp:
        yield tmp
        tmp.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        tmp.replace(path)


@contextlib.contextmanager
def atomic_files(folder: Path) -> Iterator[Path]:
    """Yield an empty directory; on a clean exit its files move to `folder`, one by one, else it is removed.

    Raises as :func:`atomic_file`.
    """
    with _temporary(folder, folder) as tmp:
        yield tmp
        for file in sorted(tmp.iterdir()):
            file.replace(folder / file.name)


@contextlib.contextmanager
def _temporary(folder: Path, path: Path) -> Iterator[Path]:
    """An empty directory in `folder` that is to become `path`, removed at the end if it is still there."""
    with _writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        tmp = folder / Path(tempfile.mkdtemp(dir=folder, prefix=f"{TMP_PREFIX}{path.name}-")).name
    try:
        with _writing(path):
            yield tmp
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Explain a fault of the disk or folder that `path` is written to; any other fault is raised as it is."""
    try:
        yield
    except StageError:
        raise
    except Exception as fault:
        final = Path(*(part for part in path.parts if not part.startswith(TMP_PREFIX)))
        if number := no_room(path.parent, fault):
            if TMP_PREFIX not in str(getattr(fault, "filename", None) or TMP_PREFIX):
                raise  # it names a file in this folder, which was written by these functions, too
            raise OSError(number, os.strerror(number), str(final)) from fault
        if isinstance(fault, OSError) and fault.errno in CANNOT_WRITE and _is_about(fault, path):
            raise StageError(
                f"{final}: cannot be written: {CANNOT_WRITE[fault.errno]}. Nothing was left half-written: put that "
                "right and run the same command again."
            ) from fault
        raise


def _is_about(fault: OSError, path: Path) -> bool:
    """Whether it concerns `path`, a folder above it or a temporary file. Faults of an open file name no file."""
    at, path = Path(os.path.abspath(fault.filename or path)), Path(os.path.abspath(path))
    return path.is_relative_to(at) or any(part.startswith(TMP_PREFIX) for part in at.parts)


def no_room(folder: Path, fault: Exception) -> int | None:
    """The error number if `fault` was caused by a lack of room in `folder`, else None.

    Libraries word it in their own ways, or only say that writing failed, so the disk itself is tested.
    """
    if isinstance(fault, OSError) and fault.errno in NO_ROOM:
        return fault.errno
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=TMP_PREFIX) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as probed:
        return probed.errno if probed.errno in NO_ROOM else None
    return None


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON. Raises StageError if the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path}: no such file. {MADE}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise StageError(f"{path}: not readable as JSON ({fault}). Remove it and run `dvc repro`.") from None


def write_jsonl(path: Path, rows: Iterable[BaseModel]) -> int:
    """Write one row a line and return how many."""
    count = 0
    with atomic_file(path) as file:
        for row in rows:
            file.write(row.model_dump_json() + "\n")
            count += 1
    return count


def read_jsonl(path: Path, kind: type[Row], missing: str = MADE) -> Iterator[Row]:
    """Stream typed rows; see :func:`numbered_rows`."""
    return (row for _, row in numbered_rows(path, kind, missing))


def numbered_rows(path: Path, kind: type[Row], missing: str = MADE) -> Iterator[tuple[int, Row]]:
    """Stream typed rows, each with its line number. People edit such files, too: see :func:`text_lines`.

    Args:
        missing: what to do if there is no such file.

    Raises:
        StageError: the file is missing, unreadable or not UTF-8, or a line is not one valid row.
    """
    for number, line in text_lines(path, missing):
        where = f"{path}, line {number}"
        if not line.startswith("{"):
            array = " Write the objects of an array without its brackets and commas." if line.startswith("[") else ""
            raise StageError(f"{where}: must be one JSON object a line (JSON Lines). Got {line[:40]!r}.{array}")
        try:
            yield number, kind.model_validate_json(line)
        except ValidationError as fault:
            first = fault.errors()[0]
            if first["type"] == "json_invalid":
                reason = first["ctx"]["error"].replace(" at line 1 column", " at byte")
                raise StageError(
                    f"{where}: must be one JSON object a line (JSON Lines), but is not JSON ({reason})."
                ) from None
            key = ".".join(map(str, first["loc"]))
            raise StageError(described(f"{where}: {key}" if key else where, first)) from None


def text_lines(path: Path, missing: str = MADE) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that are not blank, stripped, each with its number.

    Byte-order marks and other line ends, which editors add unasked, are left out.

    Raises:
        StageError: the file is missing, unreadable or in another encoding.
    """
    try:
        with path.open("rb") as file:
            encoding = json.detect_encoding(file.read(4))
        if not encoding.startswith("utf-8"):
            raise StageError(f"{path}: must be UTF-8. Got {encoding.upper()}. Save it as UTF-8.")
        # What is not UTF-8 becomes lone surrogates, so that the line at fault can be named.
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if found := NOT_UTF8.search(line):
                    byte = ord(found[0]) - 0xDC00
                    raise StageError(
                        f"{path}, line {number}: must be UTF-8, but holds the byte 0x{byte:02x} at character "
                        f"{found.start() + 1}. Save the file as UTF-8."
                    )
                if text := line.strip(BLANK):
                    yield number, text
    except FileNotFoundError:
        raise StageError(f"{path}: no such file. {missing}") from None
    except OSError as fault:
        raise StageError(f"{path}: cannot be read ({os.strerror(fault.errno)}).") from None


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_folder(path: Path) -> str:
    """Of the names and contents of all files below."""
    files = (file for file in path.rglob("*") if file.is_file())
    return content_key({file.relative_to(path).as_posix(): sha256_file(file) for file in files})


def content_key(*parts: Any) -> str:
    """A name derived from content: the sha256 of the parts as canonical JSON."""
    return sha256_text(json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":")))
