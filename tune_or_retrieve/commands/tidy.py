"""``tune-or-retrieve tidy``: show the size of the store of finished work, and remove what was not used lately."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.home import cached, home
from tune_or_retrieve.base.params import PARAMS_FILE
from tune_or_retrieve.base.store import NOUNS, Kind, Size, Store, path_of
from tune_or_retrieve.commands.asking import confirmed, refuse_without_terminal

# Folders named by content next to the store: served copies of weights, also with an adapter, and checkpoints.
FOLDERS = {"weights": ("weights/*-*", "weights/merged/*"), "unfinished trainings": ("fine_tune/*",)}
DAY_SECONDS = 86400.0


class Part(NamedTuple):
    """What the store keeps of one kind."""

    kind: str
    all: Size
    unused: Size
    remove: Callable[[], None]  # the unused


def tidy(unused_days: int, calls: bool = False, yes: bool = False) -> None:
    """Show the store, ask, and remove what was unused for `unused_days`. Raises StageError if not confirmed.

    Args:
        calls: remove model calls, too.
        yes: do not ask. Without it and without a terminal, exit with code 2.
    """
    if not (home() / PARAMS_FILE).is_file():
        raise StageError("no params.yaml here, so this is not the study. Run from the root of the repository.")
    found = list(parts(unused_days))
    if not found:
        print("The store is empty.")
        return
    print(table(found, unused_days))
    unused = [part for part in found if part.unused.entries and (calls or part.kind != "calls")]
    spared = next((part.unused.entries for part in found if part.kind == "calls" and part not in unused), 0)
    if spared:
        print(f"Model calls stay, as they may have been paid for: --calls removes the {spared} not used, too.")
    if not unused:
        print("There is nothing to remove.")
        return
    what = ", ".join(part.kind for part in unused)
    if not yes:
        refuse_without_terminal(f"there is no terminal to ask at. Remove {what} with --yes.")
        if not confirmed(f"Remove what was not used for {unused_days} days of {what}?"):
            raise StageError("not confirmed: nothing was removed.")
    for part in unused:
        part.remove()
    print(f"removed: {megabytes(sum(part.unused.bytes for part in unused))}.")


def parts(unused_days: int = 0) -> Iterator[Part]:
    """The kinds of which anything is stored. Raises StageError if a part of the store cannot be read."""
    for kind in NOUNS:
        if path_of(kind).exists():
            with Store(kind) as store:
                part = Part(kind, store.size(), store.size(unused_days), lambda kind=kind: _remove(kind, unused_days))
            if part.all.entries:
                yield part
    before = time.time() - unused_days * DAY_SECONDS
    for kind, patterns in FOLDERS.items():
        folders = [path for pattern in patterns for path in cached("").glob(pattern) if path.is_dir()]
        unused = [path for path in folders if path.stat().st_mtime <= before]
        if folders:
            yield Part(kind, _size(folders), _size(unused), lambda unused=unused: list(map(shutil.rmtree, unused)))


def table(found: Sequence[Part], unused_days: int | None = None) -> str:
    """One line for each kind; with `unused_days`, also what was not used."""
    rows = []
    for part in found:
        row = f"{part.kind:<22}{part.all.entries:>9,}{megabytes(part.all.bytes):>12}"
        if unused_days is not None and part.unused.entries:
            row += f"   not used for {unused_days} days: {part.unused.entries:,}, {megabytes(part.unused.bytes)}"
        rows.append(row)
    return "\n".join(rows)


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _remove(kind: Kind, unused_days: int) -> None:
    with Store(kind) as store:
        store.remove(unused_days)


def _size(folders: Sequence[Path]) -> Size:
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return Size(len(folders), sum(file.stat().st_size for file in files))
