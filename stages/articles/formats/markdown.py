"""Markdown as written, without what only its renderer reads, and with every kind of admonition in one form."""

import re

from stages.articles.formats.blocks import clean, parser
from stages.articles.formats.converted import Converted, elsewhere
from stages.articles.formats.decoding import decode
from stages.articles.formats.front_matter import split_front_matter
from stages.articles.formats.jsx import is_mdx, without_jsx

# A line that stands for the text of a file: of Liquid, Quarto or Hugo, of VuePress, of MyST.
INCLUDE = re.compile(
    r"[ \t]*(?:\{[{%]+[-<]?|<!--|[`:]{3,}\{)[ \t]*@?((?:literal)?include)(?:[\w-]*[ \t]|:|\})"
    r"[ \t]*(?:file=)?[\"']?([^\s\"'<>%}]+?)(?=-->|[\s\"'<>%}]|$)"
)


def convert(data: bytes, mdx: bool = False) -> Converted:
    """Markdown or MDX. A file that imports components is MDX, whatever its name: Docusaurus reads .md so."""
    text, encoding = decode(data)
    text, title, notes = split_front_matter(text)
    included, components = _included(text), []
    if mdx or is_mdx(text):
        text, components = without_jsx(text)
    text = clean(text)
    for component in components:
        if component.source:
            included.append(f"<{component.name}> {component.source}")
        elif not text.strip():  # beside text, a component is rather a picture or a rule
            included.append(f"<{component.name}>")
    return Converted(text, title, encoding, notes + elsewhere(included))


def _included(text: str) -> list[str]:
    """ "include a.md" """
    if "include" not in text:
        return []
    tokens = parser().parse(text)
    fences = ((t.map[0] + (t.type == "fence"), t.map[1]) for t in tokens if t.type in ("fence", "code_block"))
    code = {line for start, end in fences for line in range(start, end)}
    lines = (INCLUDE.match(line) for n, line in enumerate(text.split("\n")) if n not in code)
    return [f"{found[1]} {found[2]}" for found in lines if found]
