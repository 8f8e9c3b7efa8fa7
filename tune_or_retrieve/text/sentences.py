"""A Markdown text as units that are never cut in two: headings, sentences, lines of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

HEADING = re.compile(r"(#{1,6}) +(.*?)[ #]*$")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
ITEM = re.compile(r"[-*+] |\d+[.)] ")
# A sentence ends with . ! or ?, closing marks, white space, and then something that may begin one.
END = re.compile(r"[.!?][\"')\]*”’]*\s+(?=[\"'(\[*“‘`]*[A-Z0-9`\[(])")
ABBREVIATIONS = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Inc|Corp|Ltd|No|Fig|approx|[A-Z])\.)$")
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")


class Break(IntEnum):
    """What comes before a unit, in the order of how well a text may be cut there, best first."""

    SECTION = 0  # a heading of the first or second level
    SUBSECTION = 1  # any other heading
    PARAGRAPH = 2
    ITEM = 3  # a list item
    NESTED_ITEM = 4
    SENTENCE = 5
    BODY = 6  # the first line under a heading
    CLAUSE = 7  # after a comma or the like, inside a sentence that is longer than a chunk may be
    WORD = 8  # anywhere else in such a sentence


@dataclass(frozen=True)
class Unit:
    """``text[start:end]``, no white space at its ends."""

    start: int
    end: int
    before: Break
    path: tuple[str, ...]  # headings above it, without the title of the article; a heading is not above itself
    heading: bool = False


def units(text: str) -> list[Unit]:
    """Units of a Markdown text in order, with nothing but white space between them."""
    found: list[Unit] = []
    stack: list[tuple[int, str]] = []  # level and name of the headings above
    fence: str | None = None
    under_heading = False
    for start, line in _lines(text):
        opening = FENCE.match(line)
        heading = HEADING.match(line) if fence is None else None
        body = line.strip()
        if not body:
            continue
        begin = start + len(line) - len(line.lstrip())
        end = begin + len(body)
        if heading:
            level = len(heading[1])
            while stack and stack[-1][0] >= level:
                stack.pop()
            before = Break.BODY if under_heading else Break.SECTION if level <= 2 else Break.SUBSECTION
            found.append(Unit(begin, end, before, _path(stack), heading=True))
            stack.append((level, heading[2]))
            under_heading = True
            continue
        before = Break.BODY if under_heading else _break(line, body)
        under_heading = False
        if fence is not None or opening:
            found.append(Unit(begin, end, Break.SENTENCE if fence else before, _path(stack)))
            if fence is None:
                fence = opening[1]
            elif opening and opening[1].startswith(fence) and not body.strip(fence[0]):
                fence = None
            continue
        for number, (first, last) in enumerate(sentences(body)):
            found.append(Unit(begin + first, begin + last, Break.SENTENCE if number else before, _path(stack)))
    return found


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


def _path(stack: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(name for level, name in stack if level > 1)


def _break(line: str, body: str) -> Break:
    if not ITEM.match(body):
        return Break.PARAGRAPH if line[0] != " " else Break.NESTED_ITEM
    return Break.ITEM if line[0] != " " else Break.NESTED_ITEM


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1
