"""What `check` says of the folder of documents, from the names of its files alone."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stages.articles import summary
from stages.articles.params import FolderParams
from stages.articles.walk import (
    NOT_REGULAR,
    NOT_UTF8,
    Found,
    is_utf8,
    kind_of,
    printable,
    reason_of,
    reason_of_stat,
    walk,
)
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import ParamsFaults

DVC = Path(".dvc")
UNSEEN = (".git", ".hg", ".dvc")  # DVC never looks into them
SHOWN = 10


def held(folder: str, found: Found) -> str:
    """ "docs: 118 to read (100 Markdown, 18 PDF); skipped: 4 (4 .png); left out: 2 hidden (a folder counts as one)"."""
    parts = [f"{folder}: {len(found.files):,} to read ({summary.kinds(map(kind_of, found.files))})"]
    if skipped := summary.unchosen(found.skipped):
        parts.append(f"skipped: {len(skipped):,} ({summary.kinds(one.kind for one in skipped)})")
    return "; ".join([*parts, *summary.chosen_lines(found.skipped)])


def refuse_a_folder_without(params: FolderParams) -> None:
    """Raises StageError if the folder holds no documents, or holds the articles that are made from them."""
    found = walk(params)
    if not found.files:
        why = [*summary.skipped_lines(found.skipped, listed=False), *summary.chosen_lines(found.skipped)]
        raise ParamsFaults(["\n    ".join([summary.nothing(params.path, bool(why)), *why])])


def refuse_what_dvc_refuses(folder: Path) -> None:
    """DVC hashes the whole folder before it runs a stage, and stops with less clear words, or never ends.

    Raises:
        StageError: names what it cannot hash, or takes for its own.
    """
    if not DVC.is_dir():
        return
    refused = [(path, reason) for path, reason in _refused(folder) if not _is_ignored(folder / path)]
    if refused:
        rule = f"{folder}: DVC cannot hash this folder. Remove or rename what it refuses, or name it in .dvcignore:"
        lines = [f"  {printable(path)}: {reason}" for path, reason in refused[:SHOWN]]
        more = [f"  and {len(refused) - SHOWN:,} more"] if len(refused) > SHOWN else []
        raise StageError("\n".join([rule, *lines, *more]))


def _refused(folder: Path, at: str = "") -> Iterator[tuple[str, str]]:
    """Paths below the folder, and why DVC refuses them. As DVC, it looks behind links to files, not to folders."""
    try:
        entries = sorted(os.scandir(folder / at), key=lambda entry: entry.name)
    except OSError as fault:
        yield at or ".", reason_of(fault)
        return
    if at and any(entry.name == ".dvc" for entry in entries):
        return  # another repository: DVC does not look into it
    for entry in entries:
        path = f"{at}{entry.name}"
        if not is_utf8(entry.name):
            yield path, NOT_UTF8
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in UNSEEN:
                yield from _refused(folder, f"{path}/")
        elif entry.name == ".dvcignore":
            yield path, "DVC allows it only outside of what it hashes"
        elif reason := _unreadable(entry.path):
            yield path, reason


def _unreadable(path: str) -> str | None:
    """Why a file cannot be read, also behind a link."""
    try:
        mode = os.stat(path).st_mode
    except OSError as fault:
        return reason_of_stat(path, fault)
    if stat.S_ISDIR(mode):
        return None
    if not stat.S_ISREG(mode):
        return NOT_REGULAR
    if os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        return None
    return reason_of(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _is_ignored(path: Path) -> bool:
    """Whether .dvcignore keeps a file from DVC."""
    from dvc.exceptions import DvcException
    from dvc.fs import localfs
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            return repo.dvcignore.is_ignored(localfs, os.path.abspath(path))
    except DvcException:
        return False  # `dvc repro` says what is wrong
