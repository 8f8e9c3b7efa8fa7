"""A Markdown text as units that are never cut in two: headings, sentences, rows of tables, lines of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import regex

from tune_or_retrieve.text.markdown import Block, blocks

ITEM = re.compile(r"[-*+] |\d+[.)] ")
# A sentence ends with . ! ? or the like of its script, closing marks, white space, and then something that may begin
# one: an upper case letter, or any of a script without case. Chinese and Japanese need no white space. The classes are
# those of Unicode (SB: UAX #29, "Unicode Text Segmentation").
END = regex.compile(
    r"""\p{STerm}["'*\p{Pe}\p{Pf}\p{Pi}]*\s+(?=["'*`¿¡\p{Ps}\p{Pi}\p{Pf}]*[\p{SB=Upper}\p{SB=OLetter}\p{SB=Numeric}`\[(])"""
    r"""|[。｡！？]+["'*\p{Pe}\p{Pf}]*\s*(?=\S)"""
)
# The commonest that a capital letter often follows. A single letter is one, too: z. B., т. е., J. Smith.
ABBREVIATIONS = regex.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|Inc|Corp|Ltd|No|Fig|Mr|Mrs|Ms|Dr|Prof|St|bzw|Nr|Abb|рис|табл|стр|[A-Z])"
    r"|(?<![^\s.\p{Ps}\p{Pi}])\p{L})\.$"
)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")


class Break(IntEnum):
    """What comes before a unit, in the order of how well a text may be cut there, best first."""

    SECTION = 0  # a heading of the first or second level
    SUBSECTION = 1  # any other heading
    PARAGRAPH = 2
    ITEM = 3  # a list item
    NESTED_ITEM = 4
    SENTENCE = 5
    ROW = 6  # of a table
    CODE = 7  # a line of code
    BODY = 8  # the first line under a heading
    CLAUSE = 9  # after a comma or the like, inside a sentence that is longer than a chunk may be
    WORD = 10  # anywhere else in such a sentence


@dataclass(frozen=True)
class Unit:
    """``text[start:end]``, no white space at its ends."""

    start: int
    end: int
    before: Break
    path: tuple[str, ...]  # headings above it, without the title of the article; a heading is not above itself
    heading: bool = False
    table: tuple[int, int] | None = None  # of a row, the offsets of its table's header


def units(text: str) -> list[Unit]:
    """Units of a Markdown text in order, with nothing but white space between them."""
    found: list[Unit] = []
    above: list[Block] = []  # headings above
    path: tuple[str, ...] = ()
    for block in blocks(text):
        before = _break(block, after=found[-1] if found else None)
        if block.kind == "heading":
            above = [one for one in above if one.level < block.level]
            found.append(Unit(block.start, block.end, before, _path(above), heading=True))
            above.append(block)
            path = _path(above)
            continue
        if block.kind == "table":
            found += _rows(block, text, before, path)
            continue
        inside = Break.CODE if block.kind == "code" else Break.SENTENCE
        spans = _line_spans(block, text) if block.kind == "code" else sentences(text[block.start : block.end])
        for number, (start, end) in enumerate(spans):
            found.append(Unit(block.start + start, block.start + end, inside if number else before, path))
    return found


def _rows(block: Block, text: str, before: Break, path: tuple[str, ...]) -> Iterator[Unit]:
    """The header of a table with the line below it, then each row."""
    (start, _), (_, end), *rows = _line_spans(block, text)
    header = (block.start + start, block.start + end)
    yield Unit(*header, before, path)
    for number, (start, end) in enumerate(rows):
        between = Break.ROW if number else Break.BODY
        yield Unit(block.start + start, block.start + end, between, path, table=header)


def _line_spans(block: Block, text: str) -> list[tuple[int, int]]:
    """Offsets in a block of its lines that are not blank."""
    lines = re.finditer(r"\S.*", text[block.start : block.end])
    return [(match.start(), match.start() + len(match[0].rstrip())) for match in lines]


def sentences(line: str) -> list[tuple[int, int]]:
    """Offsets of the sentences of one line. Full stops in code and in abbreviations do not end one."""
    code = [match.span() for match in CODE_SPAN.finditer(line)]
    spans, start = [], 0
    for match in END.finditer(line):
        stop = match.start() + 1
        if any(low < match.start() < high - 1 for low, high in code) or ABBREVIATIONS.search(line[start:stop]):
            continue
        if ITEM.fullmatch(line[start : match.end()]):  # "1. " begins an item and is no sentence
            continue
        spans.append((start, match.start() + len(match[0].rstrip())))
        start = match.end()
    spans.append((start, len(line)))
    return spans


def _path(headings: list[Block]) -> tuple[str, ...]:
    return tuple(heading.title for heading in headings if heading.level > 1)


def _break(block: Block, after: Unit | None) -> Break:
    if after is not None and after.heading:
        return Break.BODY
    if block.kind == "heading":
        return Break.SECTION if block.level <= 2 else Break.SUBSECTION
    if block.depth > 1 or (block.depth and not block.item):
        return Break.NESTED_ITEM
    return Break.ITEM if block.item else Break.PARAGRAPH
