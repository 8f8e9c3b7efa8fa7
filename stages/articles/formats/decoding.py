"""Bytes of a text file to text."""

import codecs
import re
from typing import NamedTuple

from stages.articles.formats.converted import Unreadable

MARKS = {  # byte-order marks; UTF-32's begins with UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GUESSED_FROM = 1_000_000  # bytes that an encoding is guessed from: guessing is slow
BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # control characters that no text has
ADVICE = "save it as text in UTF-8"


class Decoded(NamedTuple):
    text: str  # lines end with a line feed
    encoding: str | None  # None for UTF-8


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text by its byte-order mark, else as UTF-8, else as declared, else as charset-normalizer guesses.

    Args:
        declared: the encoding that the file itself names.

    Raises:
        Unreadable: the file is binary, or its encoding cannot be told.
    """
    marked = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    if marked is None and b"\0" in data:
        raise Unreadable(f"binary, not text (a zero byte at offset {data.index(0):,}); {ADVICE}")
    for name in (marked,) if marked else ("utf-8", declared):
        try:
            if name:
                return _decoded(data.decode(name), name)
        except (LookupError, UnicodeError):
            if marked:
                raise Unreadable(f"not the {marked} that its first bytes announce; {ADVICE}") from None
    return _guessed(data)


def _guessed(data: bytes) -> Decoded:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:GUESSED_FROM]).best()
    if best is None or BINARY.search(str(best)):
        raise Unreadable(f"binary, or text in an unknown encoding; {ADVICE}")
    # Of encodings that give the same text the most usual is named.
    name = "cp1252" if "cp1252" in best.could_be_from_charset else best.encoding
    return _decoded(data.decode(name, "replace"), name)


def _decoded(text: str, name: str) -> Decoded:
    if "\0" in text:
        raise Unreadable(f"binary, not text (a zero character at offset {text.index(chr(0)):,}); {ADVICE}")
    name = codecs.lookup(name).name.removesuffix("-sig")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), None if name == "utf-8" else name)
