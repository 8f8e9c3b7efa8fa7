"""Names that tell articles apart: ids of files and titles of documents."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from stages.articles.formats import FORMATS
from stages.articles.write import Document

LONGEST_NAME = 255  # bytes of a file name, on the file systems of Linux and macOS
SUFFIX = ".md"


def ids_of(paths: Sequence[str]) -> dict[str, str]:
    """An id for each file: its path without the suffix.

    Of files that only the suffix tells apart, the first in the order of FORMATS has that id, and the others keep their
    suffix. No `<id>.md` has the name of a folder or of another one, whatever the case of letters, or one that is too
    long for a file.
    """
    formats = list(FORMATS)
    folders = {str(parent).casefold() for path in paths for parent in PurePosixPath(path).parents}
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for path in sorted(paths, key=lambda path: (formats.index(PurePosixPath(path).suffix.lower()), path)):
        suffix = PurePosixPath(path).suffix
        for end in itertools.chain(["", suffix], (f"{suffix} ({number})" for number in itertools.count(2))):
            one = _id(path, end)
            if one.casefold() not in taken and f"{one}{SUFFIX}".casefold() not in folders:
                break
        ids[path] = one
        taken.add(one.casefold())
    return ids


def _id(path: str, end: str) -> str:
    """The path with another end instead of the suffix. A name that would be too long is cut before it."""
    place = PurePosixPath(path)
    room = LONGEST_NAME - len(f"{end}{SUFFIX}".encode())
    return (place.parent / f"{place.stem.encode()[:room].decode(errors='ignore')}{end}").as_posix()


def told_apart(documents: Sequence[Document]) -> list[Document]:
    """The documents with a title of its own each: to equal ones is added, in brackets, what tells them apart: the name
    of their folder, its path or the id. One in no folder keeps the title."""
    same = defaultdict(list)
    for document in documents:
        same[document.title].append(document)
    taken, titles = set(same), {}
    for title, left in same.items():
        for label in _labels():
            labels = {document.id: label(document) for document in left}
            count = Counter(labels.values())
            for key, one in labels.items():
                name = f"{title} ({one})" if one else title
                if count[one] == 1 and (name == title or name not in taken):
                    titles[key] = name
                    taken.add(name)
            left = [document for document in left if document.id not in titles]
            if not left:
                break
    return [document._replace(title=titles[document.id]) for document in documents]


def _labels() -> Iterator[Callable[[Document], str]]:
    yield lambda document: ""
    yield lambda document: PurePosixPath(document.source).parent.name
    yield lambda document: str(PurePosixPath(document.source).parent).removeprefix(".")
    yield lambda document: document.id
    for number in itertools.count(2):  # someone has a title that looks like one of ours
        yield lambda document, number=number: f"{document.id}, {number}"
