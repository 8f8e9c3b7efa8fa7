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
# How Japanese and Korean text of 7 bits begins, which is UTF-8, too, but means something else.
ESCAPES = re.compile(rb"\x1b\$(?:[@B]|\([D@B]|\)C)")
ISO_2022 = ("iso2022_jp", "iso2022_jp_ext", "iso2022_kr")
WRONG_IN = 10  # one wrong sequence of bytes in so many characters beyond ASCII: still UTF-8
# Of the shares that charset-normalizer measures: how much worse a Windows code page may be than the best encoding.
# Those of DOS and old Macs look as well, but are rarely found.
CHAOS, COHERENCE = 0.05, 0.1
GUESSED_FROM = 1_000_000  # bytes that an encoding is guessed from: guessing is slow
BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # control characters that no text has
ADVICE = "save it as text in UTF-8"


class Decoded(NamedTuple):
    text: str  # lines end with a line feed
    encoding: str | None  # None for UTF-8


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text by its byte-order mark or the escapes of ISO 2022, else as UTF-8, else as declared, else as
    charset-normalizer guesses.

    Args:
        declared: the encoding that the file itself names.

    Raises:
        Unreadable: the file is binary, or its encoding cannot be told.
    """
    marked = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    if marked is None and b"\0" in data:
        raise Unreadable(f"binary, not text (a zero byte at offset {data.index(0):,}); {ADVICE}")
    for name in (marked,) if marked else (*(ISO_2022 if ESCAPES.search(data) else ()), "utf-8", declared):
        try:
            if name:
                return _decoded(data.decode(name), name)
        except (LookupError, UnicodeError):
            if marked:
                raise Unreadable(f"not the {marked} that its first bytes announce; {ADVICE}") from None
    return _nearly_utf8(data) or _guessed(data)


def _nearly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 in which a few bytes are not: a quote that was pasted in, an emoji that was cut."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if sum(character > "\x7f" for character in text) < wrong * WRONG_IN:
        return None
    return _decoded(text, "utf-8")._replace(encoding=f"utf-8 with wrong bytes, shown as {chr(0xFFFD)}")


def _guessed(data: bytes) -> Decoded:
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:GUESSED_FROM])
    best = matches.best()
    if best is not None:
        usual = [
            match
            for match in matches
            if match.encoding.startswith("cp125")
            and match.chaos <= best.chaos + CHAOS
            and match.coherence >= best.coherence - COHERENCE
        ]
        best = min(usual, key=lambda match: (match.chaos, -match.coherence, match.encoding != "cp1252"), default=best)
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
