"""Where each sentence of an article stands: in a description, a parameter, a response element, an error or prose.

The headings are those that stages/articles writes for operations. An article without them is prose throughout.
"""

import re
from typing import Literal, NamedTuple

from stages.qa.text import Block, Sentence, blocks, split

Role = Literal["description", "parameter", "response", "error", "prose"]
SECTIONS: dict[str, Role] = {
    "Description": "description",
    "Request parameters": "parameter",
    "Response elements": "response",
    "Errors": "error",
}
ENTRY = re.compile(r"`([\w.:-]+)`(?: \(([^()]*(?:\([^()]*\)[^()]*)*)\))?(?:: |$)")  # "`Name` (type): text"
# Opens a sentence that narrows what those behind it apply to.
NARROWING = re.compile(
    r"(?:For|In|With|On|Directory|Although|Unlike|Only|General purpose|Some|Suppose|Assume|Imagine|Except|Outside|Under"
    r"|Before|After|During|Once|Starting|Beginning|If|When)\b(?! more information| details| help| example)"
    r"|.*\b(?:is not supported|isn't supported|directory bucket)"
)


class Place(NamedTuple):
    """What a sentence is about."""

    role: Role
    name: str = ""  # of the parameter, response element or error; of the nearest heading in prose
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
    """A sentence with its place, and its number in that place: 0 is the first."""

    sentence: Sentence
    place: Place
    number: int
    narrowed: bool = False  # a sentence before it in its block says what it applies to ("For directory buckets, …")

    @property
    def inside(self) -> bool:
        """Is it part of a list with a lead-in, or of an item that another sentence opens?"""
        block = self.sentence.block
        return block.lead_in or block.level > 0 or (block.kind == "item" and self.sentence.start != block.start)


def statements(text: str, is_operation: bool) -> list[Statement]:
    """Every sentence of an article in order. Headings, code and tables hold none."""
    found: list[Statement] = []
    place = Place("description" if is_operation else "prose")
    outline: list[tuple[int, str]] = []
    number = 0
    for block in blocks(text):
        if block.kind == "heading":
            title = text[block.start : block.end]
            outline = [(level, name) for level, name in outline if level < block.level] + [(block.level, title)]
            place, number = _place(outline, is_operation, place), 0
            continue
        if block.kind not in ("paragraph", "item"):
            continue
        if place.role in ("response", "error") and (entry := _entry(text, block, place.role)):
            place, number = Place(place.role, entry[1], _entry_path(block, place, found)), 0
            block = block._replace(start=entry.end(), lead_in=False)
        narrowed = False
        for sentence in split(text, block):
            found.append(Statement(sentence, place, number, narrowed))
            narrowed = narrowed or NARROWING.match(sentence.text) is not None
            number += 1
    return found


def _place(outline: list[tuple[int, str]], is_operation: bool, before: Place) -> Place:
    if not is_operation:
        return Place("prose", outline[-1][1] if outline[-1][0] > 1 else "")
    section = next((name for level, name in outline if level == 2), "Description")
    role = SECTIONS.get(section, before.role if section == "Description" else "description")
    names = tuple(name for level, name in outline if level > 2)
    if role == "parameter" and names:
        return Place(role, names[-1], names[:-1])
    return Place(role)


def _entry(text: str, block: Block, role: Role) -> re.Match | None:
    """The head of a response element (with its type) or of an error; other list items are part of one."""
    match = ENTRY.match(text, block.start, block.end) if block.kind == "item" else None
    if match and (match[2] is not None if role == "response" else block.level == 0):
        return match
    return None


def _entry_path(block: Block, place: Place, found: list[Statement]) -> tuple[str, ...]:
    """Names above a nested response element. Only that it is nested matters: the element above is named."""
    return () if block.level == 0 else (place.path or (place.name,))
