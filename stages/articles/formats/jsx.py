"""MDX to Markdown: its JavaScript goes, the text inside its components stays."""

import functools
import re

from markdown_it import MarkdownIt

from stages.articles.formats.blocks import KINDS, label, lines_of_code

IMPORT = re.compile(
    r"import\s+(?:[\w$*{][^'\"\n]*(?:\bfrom\s*['\"]|[,{]\s*$)|['\"][^'\"\n]+['\"]\s*;?\s*$)", re.MULTILINE
)
EXPORT = re.compile(r"export\s+(?:(?:const|let|var|function|class|async|default)\b|[*{])")
BRACES = r"\{[^{}]*+\}"
for _ in range(6):  # levels of braces in one another, as many as people write
    BRACES = rf"\{{(?:[^{{}}]++|{BRACES})*+\}}"
STRING = r"\"[^\"]*+\"|'[^']*+'"
# Code spans come first, since they are kept; a comment without an end is kept, too.
JSX = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:[^\n]|\n(?![ \t]*\n))*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<comment>\{/\*.*?(?:\*/\}|\Z))"
    rf"|<(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*+)?(?P<attributes>(?:\s++(?:[\w:.$-]++(?:\s*+=\s*+(?:{STRING}|{BRACES}))?+"
    rf"|{BRACES}))*+)\s*+/?>",
    re.DOTALL,
)
WORDS = re.compile(r"\b(title|label|type|alt)=(?:\{\s*)?[\"']([^\"'{}]+)[\"']")
INLINE = {*("a", "abbr", "b", "code", "em", "i", "kbd", "mark", "small", "span", "strong", "sub", "sup", "u")}


def has_imports(text: str) -> bool:
    """Whether a Markdown text imports components at its top level."""
    return IMPORT.search(text) is not None and _without_javascript(text)[1]


def without_jsx(text: str) -> str:
    """Markdown of MDX: without imports, exports, comments and tags. Of tags, titles, labels and alt texts are kept."""
    lines = _without_javascript(text)[0].split("\n")
    code = lines_of_code(_parser().parse("\n".join(lines)))
    parts: list[str] = []
    start = 0
    for line in range(len(lines) + 1):  # runs of lines that are all code, or none
        if line == len(lines) or (line > start and (line in code) != (start in code)):
            run = "\n".join(lines[start:line])
            parts.append(run if start in code else JSX.sub(_kept, run))
            start = line
    return _flat("\n".join(parts))


@functools.cache
def _parser() -> MarkdownIt:
    """In MDX nothing is code because it is indented, and nothing is HTML."""
    return MarkdownIt("commonmark").enable("table").disable(["inline", "code", "html_block"])


def _without_javascript(text: str) -> tuple[str, bool]:
    """The text without top-level imports and exports, and whether it had imports."""
    lines = text.split("\n")
    code = lines_of_code(_parser().parse(text))
    imports, inside, depth, free = False, False, 0, True
    for n, line in enumerate(lines):
        if not inside and free and n not in code:
            imported = IMPORT.match("\n".join(lines[n : n + 2])) is not None
            inside = imported or EXPORT.match(line) is not None
            imports |= imported
            depth = 0
        free = not line.strip()
        if inside:
            depth += sum(line.count(c) for c in "([{") - sum(line.count(c) for c in ")]}")
            inside = depth > 0 or not free
            lines[n] = ""
    return "\n".join(lines), imports


def _kept(found: re.Match) -> str:
    if found["code"] or (found["comment"] and not found["comment"].endswith("*/}")):
        return found[0]
    name = found["name"] or ""
    if found["comment"] or name in INLINE:
        return ""
    words = dict(WORDS.findall(found["attributes"]))
    if name == "img":
        return words.get("alt", "")
    ends_line = found.end() == len(found.string) or found.string[found.end()] == "\n"
    if name[:1].isupper() and not found["close"]:
        kind = name.lower() if name.lower() in KINDS else words.get("type", "")
        named = label(kind, words.get("title") or words.get("label") or "")
        return named + (" " if named and not ends_line else "")
    return "\n" if ends_line and found["close"] else " "


def _flat(text: str) -> str:
    """Without the indentation that blocks have from the components around them, which Markdown reads as code."""
    lines = text.split("\n")
    for token in _parser().parse(text):
        if token.level == 0 and token.map and token.nesting >= 0:
            start, end = token.map
            width = len(lines[start]) - len(lines[start].lstrip())
            for n in range(start, min(end, len(lines))):
                lines[n] = lines[n][min(width, len(lines[n]) - len(lines[n].lstrip())) :]
    return "\n".join(lines)
