"""PDF: pdfium's text in reading order, its lines joined to paragraphs.

pypdfium2 reads what browsers read, fast, and has wheels for every platform and a licence without strings. Tables come
as lines. Headings are what is larger than most of the text.
"""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from stages.articles.formats.converted import Converted, Unreadable, reading
from stages.articles.formats.escaping import escape

LARGER = 1.15  # times the size of most of the text: a heading
LONGEST_HEADING = 200  # characters
APART = 1.25  # times the usual distance of lines: another paragraph
SHORT = 0.8  # of the width of the text: a line that a sentence may end
EDGE = 4  # lines at the top and at the bottom of a page that may be a header or footer
REPEATED = 0.4  # of the pages: a header or footer, which may differ on left and right pages
CONTENTS = re.compile(r".*(?:\.\s?){5,}\s*\d+")  # a line of a table of contents
HYPHEN = re.compile(r"(?<=[^\W\d_])(?:\ufffe|\u00ad\s?)(?=[^\W\d_])")  # pdfium's mark of a hyphen at the end of a line
NUMBER_OF_PAGE = re.compile(r"\W*(?:page\s+)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of)\s*\d{1,4})?\W*", re.IGNORECASE)
BULLET = re.compile(r"[•‣◦▪▫●○■□⁃∙·–][ \t]+")
ITEM = re.compile(r"\d{1,2}[.)]\s")
SENTENCE_END = re.compile(r"[.!?:;。！？][\"'”’)\]]*$")
FILE = r"\S+\.\w{2,5}|.*\.(?:docx?|dvi|fm|html?|indd|md|odt|pdf|pptx?|ps|qxd|rtf|tex|txt|xlsx?)"
NO_TITLE = re.compile(  # what programs put there
    r"Microsoft (?:Word|PowerPoint|Excel)\b.*|untitled\b.*|\(?(?:anonymous|unspecified)\)?"
    rf"|(?:document|slide|presentation) ?\d*|\S*[/\\]\S*|{FILE}|[\W\d_]*",
    re.IGNORECASE,
)


class Line(NamedTuple):
    text: str
    left: float  # points, from the left and from the bottom of the page, as all below
    right: float
    first: float  # the baseline of its first row; words broken by a hyphen make it more than one
    last: float
    size: float  # of the font


def convert(data: bytes) -> Converted:
    with reading("PDF"):
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as fault:
            if getattr(fault, "err_code", None) == raw.FPDF_ERR_PASSWORD:
                raise Unreadable("encrypted; save it without a password") from None
            raise
        try:
            pages, scanned = [], []
            for number in range(len(document)):
                page = document[number]
                pages.append(list(_lines(page)))
                if not pages[-1] and any(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE])):
                    scanned.append(number + 1)
                page.close()
            title = " ".join(document.get_metadata_value("Title").split())
        finally:
            document.close()
    if not any(pages):
        count = "its page has" if len(pages) == 1 else f"none of its {len(pages):,} pages has"
        raise Unreadable(f"{count} {'no ' if len(pages) == 1 else ''}text (scanned?); run OCR on it first")
    notes = ()
    if scanned:
        listed = ", ".join(f"{number:,}" for number in scanned[:5]) + (", ..." if len(scanned) > 5 else "")
        notes = (f"{len(scanned):,} of {len(pages):,} pages have no text (scanned?; {listed}); run OCR on it first",)
    return Converted(_markdown(_without_edges(pages)), None if NO_TITLE.fullmatch(title) else title, None, notes)


def _lines(page: pypdfium2.PdfPage) -> Iterator[Line]:
    words = page.get_textpage()
    text = words.get_text_range()
    count = words.count_chars()
    at = 0
    for row in re.split(r"(\r\n|\n|\r)", text):
        stripped = row.strip()
        start = at + len(row) - len(row.lstrip())
        at += len(row)
        if stripped and start + len(stripped) <= count and not CONTENTS.fullmatch(stripped):
            bullet = BULLET.match(stripped)
            first, last = start + (bullet.end() if bullet else 0), start + len(stripped) - 1
            joined = HYPHEN.sub(_hyphen, stripped).replace("\ufffe", "-")
            left, right = words.get_charbox(start)[0], words.get_charbox(last)[2]
            yield Line(joined, left, right, _baseline(words, first), _baseline(words, last), _size(words, first))
    words.close()


def _baseline(words: pypdfium2.PdfTextPage, character: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(words, character, x, y)
    return y.value


def _size(words: pypdfium2.PdfTextPage, character: int) -> float:
    """Of the font, in points as it is shown, whatever scale the text is set in."""
    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(words, character, matrix)
    return max(raw.FPDFText_GetFontSize(words, character) * math.hypot(matrix.c, matrix.d), 0.1)


def _hyphen(found: re.Match) -> str:
    """A word that was broken is one again; before a capital the hyphen is the writer's."""
    return "-" if found.string[found.end()].isupper() else ""


def _without_edges(pages: list[list[Line]]) -> list[list[Line]]:
    """Pages without headers, footers and page numbers: what stands at the same place of many pages, from outside in."""
    edges = [_edges(page) for page in pages]
    seen = Counter(key for page in edges for key in {_key(n, line) for edge in page for n, line in enumerate(edge)})
    often = max(3, REPEATED * len(pages))
    kept = []
    for page, around in zip(pages, edges, strict=True):
        gone = set()
        for edge in around:
            for n, line in enumerate(edge):
                if seen[_key(n, line)] < often and not NUMBER_OF_PAGE.fullmatch(line.text):
                    break
                gone.add(line)
        kept.append([line for line in page if line not in gone])
    return kept


def _edges(page: list[Line]) -> tuple[list[Line], list[Line]]:
    """The lines at the top and at the bottom, the outermost first."""
    upward = sorted(page, key=lambda line: line.first)
    return upward[::-1][:EDGE], upward[:EDGE]


def _key(n: int, line: Line) -> tuple[str, int]:
    """The text and place of a line of an edge; in the outermost one a number may differ from page to page."""
    return re.sub(r"\d+", "0", line.text) if n == 0 else line.text, round(line.first / 4)


def _markdown(pages: list[list[Line]]) -> str:
    lines = [line for page in pages for line in page]
    if not lines:
        return ""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[_rounded(line.size)] += len(line.text)
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= LARGER * body), reverse=True)
    distances = [(a.last - b.first) / a.size for page in pages for a, b in pairwise(page) if a.last > b.first]
    usual = median(distances) if distances else 1.0
    widest = max(line.right for line in lines) - min(line.left for line in lines)

    blocks: list[list[Line]] = []
    for page in pages:
        for number, line in enumerate(page):
            if blocks and _goes_on(blocks[-1][-1], line, number == 0, usual, widest):
                blocks[-1].append(line)
            else:
                blocks.append([line])
    return "\n\n".join(_block(block, larger) for block in blocks)


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _goes_on(above: Line, line: Line, new_page: bool, usual: float, widest: float) -> bool:
    """Whether a line goes on with the paragraph of the one above."""
    if abs(above.size - line.size) > 0.1 * above.size or BULLET.match(line.text) or ITEM.match(line.text):
        return False
    ended = SENTENCE_END.search(above.text) is not None
    distance = above.last - line.first
    if new_page or distance <= 0:  # another page or column
        return not ended and line.text[0].islower()
    if distance > APART * usual * above.size:
        return False
    indented = line.left - above.left > 0.5 * line.size and line.left - above.left < 0.2 * widest
    return not ended or (above.right - above.left >= SHORT * (line.right - line.left) and not indented)


def _block(lines: list[Line], larger: list[float]) -> str:
    text = " ".join(line.text for line in lines)
    bullet = BULLET.match(text)
    if bullet:
        return f"- {text[bullet.end() :]}"
    size = _rounded(lines[0].size)
    if size in larger and len(text) <= LONGEST_HEADING and any(character.isalpha() for character in text):
        return f"{'#' * min(larger.index(size) + 1, 6)} {text}"
    return text if ITEM.match(text) else escape(text)
