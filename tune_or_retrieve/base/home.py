"""Where to find what git does not track: the store, the caches and the user's own files, in their repository.

`dvc exp run --temp` and `--queue` run stages in a copy of the tracked files, which is removed afterwards. DVC sets
DVC_ROOT to the root of the user's own repository in every stage it runs. Outside DVC, home is the working directory.
"""

import os
from pathlib import Path


def home() -> Path:
    """Root of the user's own repository: relative where it is the working directory, else absolute."""
    root = Path(os.environ.get("DVC_ROOT", ""))
    return Path() if root.resolve() == Path.cwd() else root


def cached(name: str) -> Path:
    """A file or folder in the cache, which a copy shares with the repository that it was made from."""
    return home() / ".cache" / name


def found(path: Path) -> Path:
    """`path`, or that of the same name at home if it is only there."""
    there = home() / path
    return there if not path.exists() and there.exists() else path


def bring(folder: Path) -> None:
    """In a copy, link the files of the same folder at home that git ignores, and its links. Elsewhere, do nothing.

    DVC hashes dependencies again after a stage, so the experiment records what it read.
    """
    there = home() / folder
    if there == folder:
        return
    for file in there.rglob("*"):
        link = folder / file.relative_to(there)
        if (file.is_file() or (file.is_symlink() and file.is_dir())) and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)


def is_link(path: Path) -> bool:
    """Whether a file or folder is a link; in a copy, whether it is one at home, for what :func:`bring` put here."""
    there = home() / path if path.is_symlink() else path
    if there != path and Path(os.readlink(path)) == there:
        return there.is_symlink()
    return path.is_symlink()
