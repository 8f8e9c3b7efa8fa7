"""DOCX: mammoth makes HTML of what the styles of a document mean, from which Markdown is made as of any HTML."""

import io
import zipfile
from xml.etree import ElementTree

import mammoth
from bs4 import BeautifulSoup

from stages.articles.formats.converted import Converted, Unreadable, reading
from stages.articles.formats.html import to_markdown

MAX_UNPACKED = 200  # megabytes
COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")  # how old and encrypted files of Office begin
TITLE = "{http://purl.org/dc/elements/1.1/}title"
STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh > strong
p[style-name='Code'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
r[style-name='Verbatim Char'] => code
r[style-name='HTML Code'] => code
"""


def convert(data: bytes) -> Converted:
    """
    Raises:
        Unreadable: it unpacks to more than MAX_UNPACKED. zipfile reads no more of a part than its header says, and
            finds out if that was not all, so that the sizes there can be trusted.
    """
    if data.startswith(COMPOUND):
        raise Unreadable("encrypted, or an old Word file (.doc); save it as .docx without a password")
    with reading("DOCX file"), zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(part.file_size for part in archive.infolist()) / 1e6
        if unpacked > MAX_UNPACKED:
            raise Unreadable(f"unpacks to {unpacked:,.0f} megabytes; must be at most {MAX_UNPACKED}; split it")
        title = _title(archive)
        pictures = mammoth.images.img_element(lambda image: {"src": ""})  # their alternative texts only
        html = mammoth.convert_to_html(io.BytesIO(data), style_map=STYLES, convert_image=pictures).value
    text = to_markdown(BeautifulSoup(html, "lxml")).strip()
    return Converted(text, None if text.startswith("#") else title)  # templates leave titles that are not the text's


def _title(archive: zipfile.ZipFile) -> str | None:
    """What the properties of the document say."""
    if "docProps/core.xml" not in archive.namelist():
        return None
    found = ElementTree.fromstring(archive.read("docProps/core.xml")).findtext(f".//{TITLE}") or ""
    return " ".join(found.split()) or None
