"""MDX to Markdown: its JavaScript goes, the text inside its components stays."""

import functools
import re
from typing import NamedTuple

from markdown_it import MarkdownIt

from stages.articles.formats.blocks import KINDS, label, lines_of_code

# An import declaration of JavaScript or TypeScript, and nothing else on its lines: prose may begin with "import", too.
IMPORT = re.compile(
    r"^import\b\s*+(?:(?:type\s++)?(?:(?P<name>[\w$]++)\s*+(?:,\s*+)?)?(?:\*\s*+as\s++[\w$]++|\{[^{}'\"]*+\})?\s*+from\s*+)?"
    r"(?P<quote>['\"])(?P<file>[^'\"\n]++)(?P=quote)(?:\s*+(?:with|assert)\s*+\{[^{}]*+\})?[ \t]*+;?[ \t]*+(?://.*)?$",
    re.MULTILINE,
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
    rf"|(?<!\\)<(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*+)?(?P<attributes>(?:\s++(?:[\w:.$-]++(?:\s*+=\s*+(?:{STRING}|{BRACES}))?+"
    rf"|{BRACES}))*+)\s*+/?>",
    re.DOTALL,
)
WORDS = re.compile(r"\b(title|label|type|alt)=(?:\{\s*)?[\"']([^\"'{}]+)[\"']")
SOURCE = re.compile(r"\b(?:src|file)=(?:\{\s*)?[\"']([^\"'{}]+)[\"']")
NO_TEXT = re.compile(
    r"\w+:|//|.*\.(?:avif|gif|ico|jpe?g|m4[av]|mov|mp[34]|og[agv]|pdf|png|svg|wav|web[mp])$", re.IGNORECASE
)
TEXT = (".md", ".mdx", ".markdown")
MARKED_HEADING = re.compile(r"^#{1,6}[ \t][^\n{]*\{/\*[^\n}]*\*/\}[ \t]*$", re.MULTILINE)
INLINE = {*("a", "abbr", "b", "code", "em", "i", "kbd", "mark", "small", "span", "strong", "sub", "sup", "u")}


class Component(NamedTuple):
    """A component without text of its own."""

    name: str
    source: str | None  # the file of text that it stands for; None: it does not say


def is_mdx(text: str) -> bool:
    """Whether a Markdown text imports components at its top level, or has a heading with a comment of MDX."""
    if IMPORT.search(text) and _without_javascript(text)[1]:
        return True
    if not MARKED_HEADING.search(text):
        return False
    code = lines_of_code(_parser().parse(text))
    return any(MARKED_HEADING.match(line) for n, line in enumerate(text.split("\n")) if n not in code)


def without_jsx(text: str) -> tuple[str, list[Component]]:
    """Markdown of MDX: without imports, exports, comments and tags. Of tags, titles, labels and alt texts are kept.

    Returns:
        The Markdown, and the components that leave nothing in it.
    """
    body, imports = _without_javascript(text)
    texts = {found["name"]: found["file"] for found in imports if found["file"].endswith(TEXT)}
    lines = body.split("\n")
    code = lines_of_code(_parser().parse(body))
    components: list[Component] = []

    def kept(found: re.Match) -> str:
        words = _kept(found)
        name = found["name"] or ""
        if name[:1].isupper() and not found["close"] and not words.strip():
            attribute = SOURCE.search(found["attributes"])
            source = attribute[1] if attribute and not NO_TEXT.match(attribute[1]) else texts.get(name)
            if source or found[0].endswith("/>"):
                components.append(Component(name, source))
        return words

    parts: list[str] = []
    start = 0
    for line in range(len(lines) + 1):  # runs of lines that are all code, or none
        if line == len(lines) or (line > start and (line in code) != (start in code)):
            run = "\n".join(lines[start:line])
            parts.append(run if start in code else JSX.sub(kept, run))
            start = line
    return _flat("\n".join(parts)), components


@functools.cache
def _parser() -> MarkdownIt:
    """In MDX nothing is code because it is indented, and nothing is HTML."""
    return MarkdownIt("commonmark").enable("table").disable(["inline", "code", "html_block"])


def _without_javascript(text: str) -> tuple[str, list[re.Match]]:
    """The text without top-level imports and exports, and the imports."""
    lines = text.split("\n")
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    code = lines_of_code(_parser().parse(text))
    imports: list[re.Match] = []
    inside, depth, free = False, 0, True
    for n, (line, start) in enumerate(zip(lines, starts, strict=True)):
        if imports and start < imports[-1].end():
            lines[n] = ""
            continue
        if not inside and free and n not in code:
            if found := IMPORT.match(text, start):
                imports.append(found)
                lines[n] = ""
                continue
            inside = EXPORT.match(line) is not None
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
