"""What an adapter of a format returns, and what it raises."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ELSEWHERE = "text that is kept elsewhere is not read"  # followed, in brackets, by what stands for it


class Converted(NamedTuple):
    """A file as Markdown.

    Attributes:
        text: Markdown without front matter, lines end with a line feed. It may be empty.
        title: in plain words, from front matter or the properties of the document; None if these have none.
        encoding: what a text file was read as, if that was not UTF-8.
        notes: what the reader of a log should know, as clauses, such as "pages 2 and 3 have no text".
    """

    text: str
    title: str | None = None
    encoding: str | None = None
    notes: tuple[str, ...] = ()


class Unreadable(ValueError):
    """A file has no text that could be read. Its text is the reason as a clause: "encrypted; save it without ..."."""


def elsewhere(what: Sequence[str]) -> tuple[str, ...]:
    """The note on what stands for such text, as "include a.rst" and "<Include> b.mdx"; none if nothing does."""
    more = f" and {len(what) - 1:,} more" if len(what) > 1 else ""
    return (f"{ELSEWHERE} ({what[0]}{more})",) if what else ()


@contextlib.contextmanager
def reading(kind: str) -> Iterator[None]:
    """What a library raises on a damaged file of a kind, which can be anything, is :class:`Unreadable`."""
    try:
        yield
    except (Unreadable, RecursionError, MemoryError):
        raise
    except Exception as fault:
        why = " ".join(str(fault).split())[:200]
        raise Unreadable(f"damaged, or no {kind} ({type(fault).__name__}{': ' if why else ''}{why})") from None
