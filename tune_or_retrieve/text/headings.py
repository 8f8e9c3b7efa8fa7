"""Headings of passages."""

from typing import Protocol


class HasHeading(Protocol):
    title: str
    section: str


def heading(passage: HasHeading) -> str:
    """Title and section as one line, carried into what is embedded and what the model is given."""
    return f"{passage.title} > {passage.section}" if passage.section else passage.title
