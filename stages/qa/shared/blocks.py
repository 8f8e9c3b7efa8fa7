"""Markdown to sentences with offsets into the article, and Markdown to plain words."""

import re
from collections.abc import Iterator
from typing import NamedTuple

BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+")
HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*$")
LABEL = re.compile(r"(?:\*\*)?(?:Note|Important|Caution|Warning|Tip)s?:?(?:\*\*)?:?[ \t]+", re.IGNORECASE)
# A full stop after one of these ends no sentence.
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|no|approx|incl|fig|mr|ms|mrs|dr|inc|st)|\b[A-Z])\.$", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?][\"'”’)\]*_]*(?=\s+[\"'“‘(\[*`A-Z0-9])")


class Block(NamedTuple):
    """A paragraph, list item or heading: ``text[start:end]``, markers left out."""

    start: int
    end: int
    kind: str  # "paragraph" | "item" | "heading" | "code" | "table"
    level: int  # of a heading; else the indentation in characters
    lead_in: bool  # stands in a list that a line ending with ":" introduces


class Sentence(NamedTuple):
    """``text[start:end]`` of the article, and its block."""

    start: int
    end: int
    text: str
    block: Block


def blocks(text: str) -> Iterator[Block]:
    """Blocks of a Markdown text in order. Lines of one paragraph (wrapped prose) are one block."""
    position, fence, lead_in = 0, False, False
    pending: Block | None = None
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        body = line.rstrip()
        stripped = body.strip()
        if stripped.startswith(("```", "~~~")):
            fence = not fence
            if pending:
                yield pending
            pending = None
            continue
        if fence or not stripped or (heading := HEADING.match(body)):
            if pending:
                yield pending
            pending = None
            if not fence and stripped:
                lead_in = False
                yield Block(start + heading.start(2), start + heading.end(2), "heading", len(heading[1]), False)
            continue
        indentation = len(body) - len(body.lstrip())
        bullet = BULLET.match(body)
        if pending and not bullet and pending.kind != "table" and not stripped.startswith("|"):
            pending = pending._replace(end=start + len(body))
            continue
        if pending:
            yield pending
        kind = "item" if bullet else "table" if stripped.startswith("|") else "paragraph"
        begin = start + (bullet.end() if bullet else indentation)
        if kind == "paragraph" and not indentation:
            lead_in = False
        pending = Block(begin, start + len(body), kind, indentation, lead_in and kind == "item")
        if kind == "paragraph":
            lead_in = stripped.endswith(":")
    if pending:
        yield pending


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
