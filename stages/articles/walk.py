"""What is in a folder of documents, without reading any: the files to read, and all others with the reason.

Links are followed once. What stands in the folder itself counts before what a link leads to, so that a file has the id
of its own place.
"""

import errno
import os
import stat
import unicodedata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.articles.formats import FORMATS
from stages.articles.params import FolderParams, matcher
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.home import is_link
from tune_or_retrieve.base.records import Skipped

KEY = "articles.folder.path"
BYTES = 1_000_000  # a megabyte
# By the user's choice, so `strict` accepts it.
HIDDEN, EXCLUDED, NOT_INCLUDED = "hidden", "excluded", "not included"
TWICE = "read already, in another place"
CHOSEN = (HIDDEN, EXCLUDED, NOT_INCLUDED, TWICE)
EMPTY = "empty"
FOLDER_KIND = "folder"  # as `kind_of` a file
NO_DOCUMENT = "not a document"
NOT_REGULAR = "neither a file nor a folder"
NOWHERE = "a link that leads nowhere"
ABOVE = "a link to a folder that holds this one"
OUTPUT = "where this stage writes"
NOT_UTF8 = "its name is not UTF-8; rename it"
CONTROL = "its name holds a line break or another control character; rename it"
CONTROLS = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters and line breaks

Identity = tuple[int, int]  # device and inode


class Found(NamedTuple):
    """Paths are relative to the folder, with "/" between their parts."""

    files: list[str]  # to be read, sorted
    skipped: list[Skipped]  # sorted by path
    linked_files: list[str]  # links that are followed, in the order in which they are
    linked_folders: list[str]
    repositories: list[str]  # folders that are DVC repositories of their own

    @property
    def unwatched(self) -> list[str]:
        """Folders in which DVC does not see changes."""
        return [*self.linked_folders, *self.repositories]


def walk(params: FolderParams, output: Path = Path("data/articles")) -> Found:
    """Look at every file below the folder.

    Args:
        output: where articles will be written. A folder that contains it would read its own output.

    Raises:
        StageError: there is no such folder, or it contains `output`.
    """
    folder = Path(params.path)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise StageError(f"params.yaml: {KEY} must be a folder. Got {params.path!r}, which {what}.")
    if output.resolve().is_relative_to(folder.resolve()):
        raise StageError(
            f"params.yaml: {KEY} must not hold {output}, where this stage writes. Got {params.path!r}: "
            "put the documents in a folder of their own."
        )
    return _Walk(folder, params, output).found()


def kind_of(path: str) -> str:
    """ "Markdown", or the suffix of a file that is not read."""
    suffix = PurePosixPath(path).suffix.lower()
    return FORMATS[suffix].name if suffix in FORMATS else printable(suffix) or "without suffix"


def printable(path: str) -> str:
    """A path in one line of UTF-8, with escapes for what is not."""
    return "".join(one if one.isprintable() else _escaped(one) for one in path)


def reason_of(fault: OSError) -> str:
    return f"not readable ({fault.strerror})"


def reason_of_stat(path: str | Path, fault: OSError) -> str:
    """Why `os.stat` failed: a link leads nowhere, or the file cannot be read."""
    return NOWHERE if os.path.islink(path) and fault.errno != errno.EACCES else reason_of(fault)


def _escaped(character: str) -> str:
    """As in Python; a byte that is not UTF-8, for which Python has a lone surrogate, as the byte."""
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else character.encode("unicode_escape").decode()


class _Walk:
    def __init__(self, folder: Path, params: FolderParams, output: Path):
        self._folder, self._real, self._output = folder, folder.resolve(), output.resolve()
        self._included, self._excluded = matcher(params.include), matcher(params.exclude)
        self._most_bytes = params.max_megabytes * BYTES
        self._too_large = f"larger than articles.folder.max_megabytes ({params.max_megabytes:g})"
        self._read: set[Identity] = set()  # files
        self._entered: set[Identity] = set()  # folders
        self._folders = [""]  # still to be entered
        self._folder_links: list[str] = []  # still to be followed, as _file_links
        self._file_links: list[str] = []
        self._found = Found([], [], [], [], [])

    def found(self) -> Found:
        self._enter_all()
        for link in self._folder_links:  # those found meanwhile, too
            self._follow(link)
        for link in sorted(self._file_links):
            self._file(link, link=True)
        self._found.skipped.sort(key=lambda skipped: skipped.path)
        return self._found._replace(files=sorted(self._found.files))

    def _enter_all(self) -> None:
        while self._folders:
            at = self._folders.pop()
            try:
                self._entered.add(_identity(os.stat(self._folder / at)))
                names = sorted(os.listdir(self._folder / at))
            except OSError as fault:
                self._skip(at or "./", reason_of(fault), FOLDER_KIND)
                continue
            if at and ".dvc" in names:
                self._found.repositories.append(at.removesuffix("/"))
            for name in names:
                self._look(f"{at}{name}", name)

    def _look(self, path: str, name: str) -> None:
        """Note a file or folder, for now or for later."""
        there = self._folder / path
        try:
            status = os.stat(there)
        except OSError as fault:
            if not self._is_left_out(path, name):
                self._skip(path, reason_of_stat(there, fault))
            return
        folder = stat.S_ISDIR(status.st_mode)
        if self._is_left_out(path + "/" * folder, name):
            return
        if is_link(there):
            (self._folder_links if folder else self._file_links).append(path)
        elif not folder:
            self._file(path)
        elif _identity(status) in self._entered:  # in a folder that a link leads to
            self._skip(f"{path}/", TWICE, FOLDER_KIND)
        elif there.resolve() == self._output:
            self._skip(f"{path}/", OUTPUT, FOLDER_KIND)
        else:
            self._folders.append(f"{path}/")

    def _is_left_out(self, path: str, name: str) -> bool:
        """Whether its name or a pattern says so, which is noted then."""
        if name.startswith("."):
            reason = HIDDEN
        elif self._excluded.match_file(path):
            reason = EXCLUDED
        elif not path.endswith("/") and not self._included.match_file(path):
            reason = NOT_INCLUDED
        elif not is_utf8(name):
            reason = NOT_UTF8
        elif any(unicodedata.category(one) in CONTROLS for one in name):
            reason = CONTROL
        else:
            return False
        self._skip(path, reason, FOLDER_KIND if path.endswith("/") else None)
        return True

    def _follow(self, link: str) -> None:
        target = (self._folder / link).resolve()
        if _identity(target.stat()) in self._entered:
            self._skip(f"{link}/", TWICE, FOLDER_KIND)
        elif self._real.is_relative_to(target):
            self._skip(f"{link}/", ABOVE, FOLDER_KIND)
        elif target.is_relative_to(self._output):
            self._skip(f"{link}/", OUTPUT, FOLDER_KIND)
        else:
            self._found.linked_folders.append(link)
            self._folders.append(f"{link}/")
            self._enter_all()

    def _file(self, path: str, link: bool = False) -> None:
        status = os.stat(self._folder / path)
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, NOT_REGULAR)
        elif PurePosixPath(path).suffix.lower() not in FORMATS:
            self._skip(path, NO_DOCUMENT)
        elif link and _identity(status) in self._read:
            self._skip(path, TWICE)
        elif status.st_size > self._most_bytes:
            self._skip(path, self._too_large)
        elif status.st_size == 0:
            self._skip(path, EMPTY)
        else:
            self._read.add(_identity(status))
            self._found.files.append(path)
            if link:
                self._found.linked_files.append(path)

    def _skip(self, path: str, reason: str, kind: str | None = None) -> None:
        self._found.skipped.append(Skipped(path=printable(path), kind=kind or kind_of(path), reason=reason))


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
