"""Markdown to sentences with offsets into the article, and Markdown to plain words."""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from tune_or_retrieve.text import markdown

LABEL = re.compile(r"(?:\*\*)?(?:Note|Important|Caution|Warning|Tip)s?:?(?:\*\*)?:?[ \t]+", re.IGNORECASE)
# A full stop after one of these ends no sentence.
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|no|approx|incl|fig|mr|ms|mrs|dr|inc|st)|\b[A-Z])\.$", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]*_]*(?=\s+[\"'“‘(\[*`A-Z0-9])")


class Block(NamedTuple):
    """A paragraph, list item or heading: ``text[start:end]``, without the marker before it."""

    start: int
    end: int
    kind: str  # "paragraph" | "item" | "heading"
    level: int  # of a heading; else the indentation in characters
    lead_in: bool  # stands in a list that a line ending with ":" introduces
    title: str = ""  # words of a heading


class Sentence(NamedTuple):
    """``text[start:end]`` of the article, and its block."""

    start: int
    end: int
    text: str
    block: Block


@functools.lru_cache(maxsize=16)  # each pair of an article is verified by them
def blocks(text: str) -> tuple[Block, ...]:
    """Headings, and blocks with prose, of a Markdown text in order. Code, tables and HTML hold no sentences."""
    return tuple(_blocks(text))


def _blocks(text: str) -> Iterator[Block]:
    lead_in = False
    for block in markdown.blocks(text):
        if block.kind == "heading":
            lead_in = False
            yield Block(block.content, block.end, "heading", block.level, False, block.title)
        if block.kind != "paragraph":
            continue
        indentation = block.start - text.rfind("\n", 0, block.start) - 1
        if block.item:
            yield Block(block.content, block.end, "item", indentation, lead_in)
        else:
            yield Block(block.content, block.end, "paragraph", indentation, False)
            lead_in = text[block.end - 1] == ":"


def split(text: str, block: Block) -> Iterator[Sentence]:
    """Sentences of one block. A label such as "**Note**:" is no part of one."""
    start = block.start
    if label := LABEL.match(text, start, block.end):
        start = label.end()
    for match in SENTENCE_END.finditer(text, start, block.end):
        piece = text[start : match.end()]
        if (
            ABBREVIATION.search(piece.rstrip("\"'”’)]*_"))
            or piece.count("`") % 2
            or piece.count("(") > piece.count(")")
        ):
            continue
        yield Sentence(start, match.end(), piece, block)
        start = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip())
    if start < block.end and text[start : block.end].strip():
        yield Sentence(start, block.end, text[start : block.end], block)


def plain(markdown: str) -> str:
    """The words of a Markdown passage: no code marks, emphasis or links, white space as single blanks."""
    words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    words = re.sub(r"(?<!\w)(\*\*|__)(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", words)
    words = re.sub(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])", r"\1", words)
    # A backslash is an escape of Markdown only outside code; inside, it belongs to the code.
    parts = re.split(r"(`+[^`]*`+)", words)
    words = "".join(p if p.startswith("`") else re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", p) for p in parts).replace("`", "")
    return re.sub(r"\s+", " ", words).strip()
