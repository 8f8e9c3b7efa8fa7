"""Files of every format that is read, as Markdown: one small adapter for each, around one well-kept library.

An adapter is a module with a function `convert(data: bytes) -> Converted`. It is imported when a file of its format is
read, so that nobody pays for a library they do not need.
"""

import functools
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from typing import NamedTuple

from stages.articles.formats.converted import Converted, Unreadable

__all__ = ["FORMATS", "Converted", "Format", "Unreadable", "convert"]

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Format(NamedTuple):
    name: str  # as people write it, "Markdown"
    convert: Callable[[bytes], Converted]  # raises Unreadable
    libraries: tuple[str, ...] = ()  # packages that do what takes time: their versions, and our code, make the result


def _load_and_convert(module: str, data: bytes, **options: bool) -> Converted:
    return import_module(f"{__name__}.{module}").convert(data, **options)


def _format(name: str, module: str, *libraries: str, **options: bool) -> Format:
    return Format(name, functools.partial(_load_and_convert, module, **options), libraries)


OF_HTML = ("beautifulsoup4", "lxml", "markdownify", "charset-normalizer")
MARKDOWN, HTML = _format("Markdown", "markdown"), _format("HTML", "html", *OF_HTML)
FORMATS: dict[str, Format] = {  # by suffix in lower case
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdx": _format("MDX", "markdown", mdx=True),
    ".txt": _format("plain text", "plain_text"),
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".rst": _format("reStructuredText", "rst", "docutils", *OF_HTML),
    ".ipynb": _format("notebook", "notebook", "nbformat", "charset-normalizer"),
    ".pdf": _format("PDF", "pdf", "pypdfium2"),
    ".docx": _format("DOCX", "docx", "mammoth", *OF_HTML),
}


def convert(name: str, data: bytes) -> Converted:
    """The content of a file as Markdown that can be written as UTF-8.

    Args:
        name: of the file; its suffix says the format.

    Raises:
        Unreadable: the file is damaged, encrypted or binary, has no text, or is of no format that is read.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in FORMATS:
        raise Unreadable(f"of a format that is not read ({suffix or 'no suffix'})")
    try:
        converted = FORMATS[suffix].convert(data)
    except RecursionError:
        raise Unreadable("nested too deeply; split it or make it flatter") from None
    return converted._replace(text=_clean(converted.text), title=_clean(converted.title or "").strip() or None)


def _clean(text: str) -> str:
    """Without control characters, lone surrogates and blanks at the end."""
    text = CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.encode("utf-8", "replace").decode("utf-8").strip("\n").rstrip()
    return text + "\n" if text else ""
