"""Markdown as written, without what only its renderer reads, and with every kind of admonition in one form."""

from stages.articles.formats.blocks import clean
from stages.articles.formats.converted import Converted
from stages.articles.formats.decoding import decode
from stages.articles.formats.front_matter import split_front_matter
from stages.articles.formats.jsx import has_imports, without_jsx


def convert(data: bytes, mdx: bool = False) -> Converted:
    """Markdown or MDX. A file that imports components is MDX, whatever its name: Docusaurus reads .md so."""
    text, encoding = decode(data)
    text, title, notes = split_front_matter(text)
    if mdx or has_imports(text):
        text = without_jsx(text)
    return Converted(clean(text), title, encoding, notes)
