"""The one reader of Markdown: a CommonMark text, with tables, as blocks of lines; and inline Markdown as plain words.

markdown-it-py finds the blocks, so that fences, setext headings, nested lists and indented code are what CommonMark
says they are. What it swallows (definitions of links, markers without text) becomes a block of its own: together the
blocks hold every line that is not blank.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# HTML inside a line that says how words look; any other tag there is the writer's own text, such as <bucket>.
STYLE = re.compile(
    r"</?(?:a|abbr|b|br|code|del|em|font|i|img|ins|kbd|mark|s|small|span|strong|sub|sup|u)\b[^>]*>", re.IGNORECASE
)
# An HTML heading, as the readme of many a project has it above everything else.
H1 = re.compile(r"<h1\b[^<>]*>((?:(?!<h1\b).)*?)</h1\s*>", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[^<>]*>")
TEMPLATE = re.compile(r"(?:\{\{.*\}\}|\{%.*%\})")  # that a site generator fills in: {{ page.title }}
KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "fence": "code",
    "code_block": "code",
    "html_block": "html",
    "table_open": "table",
    "hr": "rule",
}


@dataclass(frozen=True)
class Block:
    """Whole lines of a text: ``text[start:end]``, without white space at its ends. Lists and quotes are no blocks: the
    blocks within them are.

    A block in a list item or quote starts with its marker, if that stands on the same line.
    """

    kind: Literal["heading", "paragraph", "code", "html", "table", "rule"]
    start: int
    end: int
    content: int  # where the words begin: behind the marks of a heading, list item or quote
    depth: int  # how many lists it is in
    item: bool  # whether it is the first of a list item
    level: int = 0  # of a heading, 1 to 6
    title: str = ""  # words of a heading, see `plain`; of an HTML block, those of its <h1>


@functools.lru_cache(maxsize=16)  # a stage asks for the blocks of an article several times in a row
def blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a Markdown text in order, with nothing but white space between them."""
    env: dict[str, Any] = {}
    lines = _Lines(text)
    found: list[Block] = []
    done = 0  # lines that are in a block
    depth = 0
    item = False
    tokens = _parser(inline=False).parse(text, env)
    for number, token in enumerate(tokens):
        if token.type.endswith("_list_open"):
            depth += 1
        elif token.type.endswith("_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            item = True
        elif token.type == "list_item_close":
            item = False
        if token.type not in KINDS or token.map is None:
            continue
        first, last = token.map
        found += lines.rest(done, first)
        done = max(done, last)
        if (block := lines.block(KINDS[token.type], first, last, depth, item)) is None:
            continue
        item = False
        if block.kind in ("heading", "paragraph"):
            block = _with_words(block, token, tokens[number + 1].content, text, env)
        elif block.kind == "html" and (h1 := H1.search(token.content)):
            block = replace(block, title=plain(" ".join(TAG.sub(" ", h1[1]).split())))
        found.append(block)
    return (*found, *lines.rest(done, len(lines)))


def plain(inline: str, env: dict[str, Any] | None = None) -> str:
    """The words of inline Markdown: no code marks, emphasis, addresses or HTML of style; white space as single blanks.

    Args:
        env: definitions of links, as the parser of the whole text left them.
    """
    (token,) = _parser(inline=True).parseInline(inline, {} if env is None else env)
    return " ".join("".join(_words(token.children or ())).split())


def first_title(found: Iterable[Block]) -> str | None:
    """The words of the first heading that has any, and is no template."""
    return next((block.title for block in found if is_title(block.title)), None)


def is_title(words: str) -> bool:
    """Whether there are words, and not only a template."""
    return bool(words) and not TEMPLATE.fullmatch(words)


class _Lines:
    """A text by its lines, as markdown-it counts them."""

    def __init__(self, text: str):
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def __len__(self) -> int:
        return len(self._starts)

    def block(self, kind: str, first: int, last: int, depth: int, item: bool) -> Block | None:
        """The lines from `first` up to `last`, or None if all are blank."""
        start = self._starts[first]
        end = self._starts[last] if last < len(self._starts) else len(self._text)
        piece = self._text[start:end]
        body = piece.strip()
        if not body:
            return None
        start += len(piece) - len(piece.lstrip())
        return Block(kind, start, start + len(body), start, depth, item)

    def rest(self, first: int, last: int) -> list[Block]:
        """Lines that belong to no token, as paragraphs of a line each."""
        found = (self.block("paragraph", line, line + 1, 0, False) for line in range(first, last))
        return [block for block in found if block is not None]


def _with_words(block: Block, token: "Token", inline: str, text: str, env: dict[str, Any]) -> Block:
    first = inline.split("\n", 1)[0].strip()
    line = text[block.start : block.end].split("\n", 1)[0]
    content = block.start + max(line.rfind(first), 0)
    if block.kind == "paragraph":
        return replace(block, content=content)
    return replace(block, content=content, level=int(token.tag[1]), title=plain(inline, env))


def _words(tokens: "list[Token] | tuple[()]") -> Iterator[str]:
    for token in tokens:
        if token.type == "image":
            yield from _words(token.children or ())
        elif token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type != "html_inline" or not STYLE.fullmatch(token.content):
            yield token.content


@functools.cache
def _parser(*, inline: bool) -> "MarkdownIt":
    """What is inside a line costs most of the time, so it is read only where words are asked for."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return parser if inline else parser.disable("inline")
