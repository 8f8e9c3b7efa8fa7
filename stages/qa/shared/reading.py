"""An article as sentences that know what they document: a description, a parameter, a response element or an error.

The headings are those that stages/articles writes for operations. An article without them is prose throughout.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from stages.qa.shared.blocks import Block, Sentence, blocks, plain, split
from stages.qa.shared.subject import Subject, resolve, subject_of
from tune_or_retrieve.base.records import Article

Role = Literal["description", "parameter", "response", "error", "prose"]
SECTIONS: dict[str, Role] = {
    "Description": "description",
    "Request parameters": "parameter",
    "Response elements": "response",
    "Errors": "error",
}
HEAD = re.compile(r"`([\w.:-]+)`(?: \(([^()]*(?:\([^()]*\)[^()]*)*)\))?(?:: |$)")  # "`Name` (type): text"
# Opens a sentence that narrows what those behind it apply to.
NARROWING = re.compile(
    r"(?:For|In|With|On|Although|Unlike|Only|Some|Suppose|Assume|Imagine|Except|Outside|Under"
    r"|Before|After|During|Once|Starting|Beginning|If|When)\b(?! more information| details| help| example)"
    r"|.*\b(?:is not supported|isn't supported|directory bucket)"
)


class Entry(NamedTuple):
    """What a sentence documents."""

    role: Role
    name: str = ""  # of the parameter, response element or error
    path: tuple[str, ...] = ()  # names above a nested parameter

    @property
    def full_name(self) -> str:
        """ "Tags.Key" for a nested one: enough to tell it from others."""
        return f"{self.path[-1]}.{self.name}" if self.path else self.name

    @property
    def parameter(self) -> str:
        """The parameter that is documented here, else ""."""
        return self.full_name if self.role == "parameter" and self.name else ""


class Statement(NamedTuple):
    """A sentence with the entry it documents, and its number in that entry: 0 is the first."""

    sentence: Sentence
    entry: Entry
    number: int
    narrowed: bool = False  # a sentence before it in its block says what it applies to ("For directory buckets, …")

    @property
    def inside(self) -> bool:
        """Is it part of a list with a lead-in, or of an item that another sentence opens?"""
        block = self.sentence.block
        return block.lead_in or block.level > 0 or (block.kind == "item" and self.sentence.start != block.start)


class Reading(NamedTuple):
    """An article and its sentences."""

    article: Article
    text: str
    subject: Subject
    statements: list[Statement]
    siblings: frozenset[str]  # names of the operations of the same service

    def standalone(self, *roles: Role) -> Iterator[tuple[Statement, str]]:
        """Sentences of entries of these roles that need none around them, in plain words that name what "this" is."""
        for statement in self.statements:
            if statement.entry.role in roles and not statement.inside and not statement.narrowed:
                yield statement, resolve(plain(statement.sentence.text), self.subject, statement.entry.parameter)

    def behind(self, statement: Statement) -> Statement | None:
        """The next sentence of its block."""
        block, number = statement.sentence.block, statement.number + 1
        return next((s for s in self.statements if s.sentence.block == block and s.number == number), None)


def read(article: Article, text: str, siblings: frozenset[str] = frozenset()) -> Reading:
    return Reading(article, text, subject_of(article), statements(text, article.kind == "operation"), siblings)


def statements(text: str, is_operation: bool) -> list[Statement]:
    """Every sentence of an article in order. Headings, code and tables hold none."""
    found: list[Statement] = []
    entry = Entry("description" if is_operation else "prose")
    outline: list[tuple[int, str]] = []
    number = 0
    for block in blocks(text):
        if block.kind == "heading":
            title = text[block.start : block.end]
            outline = [(level, name) for level, name in outline if level < block.level] + [(block.level, title)]
            entry, number = _entry(outline, is_operation), 0
            continue
        if block.kind not in ("paragraph", "item"):
            continue
        if entry.role in ("response", "error") and (head := _head(text, block, entry.role)):
            entry, number = Entry(entry.role, head[1], _above(block, entry)), 0
            block = block._replace(start=head.end(), lead_in=False)
        narrowed = False
        for sentence in split(text, block):
            found.append(Statement(sentence, entry, number, narrowed))
            narrowed = narrowed or NARROWING.match(sentence.text) is not None
            number += 1
    return found


def _entry(outline: list[tuple[int, str]], is_operation: bool) -> Entry:
    if not is_operation:
        return Entry("prose")
    section = next((name for level, name in outline if level == 2), "Description")
    role = SECTIONS.get(section, "description")
    names = tuple(name for level, name in outline if level > 2)
    if role == "parameter" and names:
        return Entry(role, names[-1], names[:-1])
    return Entry(role)


def _head(text: str, block: Block, role: Role) -> re.Match | None:
    """The head of a response element (with its type) or of an error; other list items are part of one."""
    match = HEAD.match(text, block.start, block.end) if block.kind == "item" else None
    if match and (match[2] is not None if role == "response" else block.level == 0):
        return match
    return None


def _above(block: Block, entry: Entry) -> tuple[str, ...]:
    """Names above a nested response element. Only that it is nested matters: the element above is named."""
    return () if block.level == 0 else (entry.path or (entry.name,))
