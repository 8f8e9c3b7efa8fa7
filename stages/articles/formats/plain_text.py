"""Plain text: as it is, since most of it is written so that it reads well as Markdown, headings and lists too."""

import re
import textwrap

from stages.articles.formats.converted import Converted
from stages.articles.formats.decoding import decode

# A heading between two lines; Markdown has only the lower one.
OVERLINED = re.compile(r"(?<![^\n]\n)^={3,}[ \t]*\n[ \t]*(?P<title>\S.*)\n(?P<line>={3,})[ \t]*$", re.MULTILINE)


def convert(data: bytes) -> Converted:
    text, encoding = decode(data)
    text = OVERLINED.sub(r"\g<title>\n\g<line>", textwrap.dedent(text))  # what is indented as a whole is no code
    return Converted(text, encoding=encoding)
