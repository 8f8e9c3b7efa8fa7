"""Plain text: as it is, since most of it is written so that it reads well as Markdown, headings and lists too."""

import textwrap

from stages.articles.formats.converted import Converted
from stages.articles.formats.decoding import decode


def convert(data: bytes) -> Converted:
    text, encoding = decode(data)
    return Converted(textwrap.dedent(text), encoding=encoding)  # what is indented as a whole is no code
