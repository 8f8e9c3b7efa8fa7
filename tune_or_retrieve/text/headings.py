"""Headings of passages."""

from collections.abc import Sequence
from typing import Protocol


class HasHeading(Protocol):
    title: str
    section: str


def heading(passage: HasHeading) -> str:
    """Title and section as one line, carried into what is embedded and what the model is given."""
    return f"{passage.title} > {passage.section}" if passage.section else passage.title


def shared_headings(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all of several units of a text stand under, from the outermost in."""
    shared = []
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return tuple(shared)
