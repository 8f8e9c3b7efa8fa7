"""Notebooks: cells of text as they are, code in fences with what it printed, if that is short. nbformat reads them.

Pictures and tables of the output, and what is base64, are left out.
"""

import re
from collections.abc import Iterator

from nbformat import converter, reader

from stages.articles.formats.blocks import clean
from stages.articles.formats.converted import Converted, reading
from stages.articles.formats.decoding import decode
from stages.articles.formats.escaping import fenced
from stages.articles.formats.front_matter import split_front_matter

LONGEST_OUTPUT = 1000  # characters
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
OBJECT = re.compile(r"<[^\n]*>|\[<[^\n]*>\]")  # a repr that says where an object is


def convert(data: bytes) -> Converted:
    text, encoding = decode(data)
    with reading("notebook"):
        notebook = converter.convert(reader.reads(text), 4)
        language = _language(notebook.metadata)
        parts = [part for cell in notebook.cells for part in _cell(cell, language)]
        titled = notebook.metadata.get("title")
    text, title, notes = split_front_matter("\n\n".join(parts))
    return Converted(clean(text), title or (titled if isinstance(titled, str) else None), encoding, notes)


def _language(metadata: dict) -> str:
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        if isinstance(name := metadata.get(section, {}).get(key), str):
            return name.lower()
    return "python"


def _cell(cell: dict, language: str) -> Iterator[str]:
    source = cell["source"].strip("\n")
    if cell["cell_type"] == "markdown" or (cell["cell_type"] == "raw" and source.startswith("---")):
        yield source
    elif source.strip():
        yield fenced(source, language if cell["cell_type"] == "code" else "")
    for output in cell.get("outputs", ()):
        text = output.get("text") or output.get("data", {}).get("text/plain") or ""
        text = ANSI.sub("", text if isinstance(text, str) else "".join(text)).strip("\n").rstrip()
        if text and len(text) <= LONGEST_OUTPUT and output.get("name") != "stderr" and not OBJECT.fullmatch(text):
            yield fenced(text)
