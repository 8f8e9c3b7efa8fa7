"""HTML to Markdown: the main content of a page, by markdownify, which the project has for botocore's documentation.

trafilatura was compared on pages of documentation. It finds the main content of news pages better, but here it lost
languages and empty lines of code, paragraphs of list items, quotes and the labels of notes, and kept the marks of
permalinks; and it brings lxml, babel, dateparser, htmldate, courlan and justext, 60 MB. Documentation says where its
content is: in <main>, <article> or [role=main]. lxml parses, since Python's own parser leaves <p>, <li>, <dt> and <td>
without an end tag, which HTML allows, within one another.
"""

import copy
import re
import warnings
from collections.abc import Iterator

from bs4 import BeautifulSoup, NavigableString, Tag, XMLParsedAsHTMLWarning
from markdownify import MarkdownConverter

from stages.articles.formats.blocks import KINDS, label
from stages.articles.formats.converted import Converted
from stages.articles.formats.decoding import decode
from stages.articles.formats.escaping import escape, fenced

DECLARED = re.compile(
    rb"<meta[^>]{1,200}?charset=[\"']?([\w:.-]{1,40})|<\?xml[^>]{1,100}?encoding=[\"']([\w:.-]{1,40})"
)
# What browsers read for these names: the larger sets that pages in fact use.
AS_BROWSERS = {
    "iso-8859-1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
}
MAIN = ("main", "[role=main]", "article")
NEVER = (
    "script, style, template, noscript, svg, iframe, button, input, select, textarea, [hidden], nav, [role=navigation]"
    ", [role=doc-toc], div.contents.topic, .search-results"  # of docutils, of GitBook
)
AROUND = (
    "header:not(article *, main *, section *), footer, aside, [role=banner], [role=contentinfo], [role=search]"
    ", [role=complementary]"
)
PERMALINKS = "a.headerlink, a.hash-link, a.anchorjs-link, a.permalink, a.headerlink-icon"
LINE_NUMBERS = "td.linenos, td.gutter, span.linenos, span.lineno, .linenodiv"
ADMONITIONS = "[class~=admonition], [class*=theme-admonition], .markdown-alert, .callout, .alert"
TITLES = "[class*=admonition-title], [class*=admonitionHeading], [class*=alert-title], [class*=callout-title]"
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "nav"),
    *("ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", *HEADINGS),
}
LANGUAGE = re.compile(
    r"(?:^|\s)(?:(?:language|lang|highlight|highlight-source|brush:)[- ]|code (?=\S+ literal-block))([\w+#.-]+)"
)
NO_LANGUAGE = {"default", "none", "notranslate", "text", "plaintext"}
LONGEST_REPEATED = 200  # characters of a cell that is written again
MOST_REPEATED = 10_000  # cells of a table
EXPONENT = re.compile(r"[+−-]?[\dn]+")


def convert(data: bytes) -> Converted:
    declared = DECLARED.search(data[:4096])
    name = (declared[1] or declared[2]).decode("ascii").lower() if declared else None
    text, encoding = decode(data, AS_BROWSERS.get(name, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is read as browsers read it
        soup = BeautifulSoup(text, "lxml")
    first = soup.find("h1")
    main = _main(soup)
    text = to_markdown(main)
    return Converted(text, _title(main.find("h1"), first, soup.title), encoding)


def _main(soup: BeautifulSoup) -> Tag:
    """The main content, else the body without what is around it."""
    for selector in MAIN:
        found = soup.select(selector)
        if len(found) == 1 and found[0].get_text(strip=True):
            return found[0]
    body = soup.body or soup
    for tag in body.select(AROUND):
        if "admonition" not in tag.get("class", ()):
            tag.extract()
    return body


def _title(heading: Tag | None, around: Tag | None, title: Tag | None) -> str | None:
    """The heading of the content; else what <title> says, less the name of the site if the page's heading agrees."""
    named = _words(title)
    outer = _words(around)
    return _words(heading) or (named if named and not named.startswith(outer) else outer) or named or None


def _words(tag: Tag | None) -> str:
    return " ".join(tag.get_text().split()) if tag else ""


def to_markdown(root: Tag) -> str:
    """Markdown of HTML, a paragraph a line. Of links, italics and images the words stay."""
    soup = root if isinstance(root, BeautifulSoup) else BeautifulSoup("", "lxml")
    for tag in root.select(f"{PERMALINKS}, {LINE_NUMBERS}"):
        tag.extract()
    for tag in root.select(ADMONITIONS):
        _label(soup, tag)
    for tag in root.select(NEVER):
        tag.extract()
    for tag in root.select("pre br"):
        tag.replace_with("\n")
    for heading in root.find_all(HEADINGS):
        for link in heading.find_all("a"):
            if link.get_text(strip=True) in ("", "¶", "#", "§", "🔗"):
                link.extract()
    for tag in root.find_all(["dt", "summary", "legend", "caption", "figcaption"]):
        _as_strong_paragraph(soup, tag)
    layout = {id(table) for table in root.find_all("table") if table.find(["pre", "table", *HEADINGS])}
    for tag in root.find_all(["table", "tbody", "thead", "tr", "td", "th"]):
        if id(tag if tag.name == "table" else tag.find_parent("table")) in layout:
            tag["class"] = "layout"
    for table in root.find_all("table"):
        if id(table) not in layout:
            _spread(table)
    for tag in root.select(".layout"):
        tag.name = "div"
    return _Converter().convert_soup(root)


def _as_strong_paragraph(soup: BeautifulSoup, tag: Tag) -> None:
    words = _words(tag)
    code = tag.name == "dt" and ("sig" in tag.get("class", ()) or tag.find(["code", "tt"]))
    tag.name = "p"
    tag.clear()
    strong = soup.new_tag("code" if code else "strong")
    strong.string = words
    if words:
        tag.append(strong)


def _spread(table: Tag) -> None:
    """A cell that spans rows is written in each of them, empty if it is long: a row of Markdown has all its cells."""
    cells = table.find_all(["td", "th"])
    if sum(_span(cell, "rowspan") - 1 for cell in cells) > MOST_REPEATED:
        return
    spanning: dict[int, tuple[Tag, int]] = {}  # by column: a cell to be written again, and in how many rows
    for row in table.find_all("tr"):
        column = 0
        for cell in [*row.find_all(["td", "th"], recursive=False), None]:
            while column in spanning:
                again, rows = spanning.pop(column)
                row.append(again) if cell is None else cell.insert_before(again)
                if rows > 1:
                    spanning[column] = copy.copy(again), rows - 1
                column += _span(again, "colspan")
            if cell is not None:
                if (rows := _span(cell, "rowspan") - 1) > 0:
                    again = copy.copy(cell)
                    if len(_words(cell)) > LONGEST_REPEATED:
                        again.clear()
                    spanning[column] = again, rows
                column += _span(cell, "colspan")


def _span(cell: Tag, attribute: str) -> int:
    """How many rows or columns a cell spans, from 1 to 999."""
    value = cell.get(attribute, "").strip()
    return max(int(value), 1) if re.fullmatch("[0-9]{1,3}", value) else 1


def _label(soup: BeautifulSoup, tag: Tag) -> None:
    """The title of an admonition to the head of its first paragraph."""
    heading = tag.select_one(TITLES)
    classes = " ".join(tag.get("class", ())).lower()
    kind = next((kind for kind in sorted(KINDS) if re.search(rf"(?:^|[\s-]){kind}(?:$|\s)", classes)), "")
    title = _words(heading) if heading else ""
    if heading:
        heading.extract()
    tag.name = "div"
    words = label(kind, "" if title.lower() in (kind, f"{kind}:") else title)
    if not words:
        return
    strong = soup.new_tag("strong")
    strong.string = words.strip("*")
    first = next((child for child in tag.descendants if isinstance(child, Tag) and child.name in BLOCKS), None)
    if first is not None and first.name == "p":
        first.insert(0, strong, " ")
    else:
        paragraph = soup.new_tag("p")
        paragraph.append(strong)
        tag.insert(0, paragraph)


class _Converter(MarkdownConverter):
    """markdownify with what is missing there: marks in words, long fences, languages of code, bars in cells."""

    def __init__(self) -> None:
        super().__init__(
            bullets="-",
            heading_style="atx",
            escape_asterisks=False,
            escape_underscores=False,
            escape_misc=False,
            strip=["a", "i", "em", "cite", "dfn"],
            table_infer_header=True,
            wrap=True,
            wrap_width=None,
        )

    def process_text(self, el: NavigableString, parent_tags: set[str] | None = None) -> str:
        text = super().process_text(el, parent_tags)
        tags = parent_tags or set()
        if "_noformat" in tags or "_inline" in tags or not _starts_line(el):
            return text
        words = text.lstrip()
        return text[: len(text) - len(words)] + escape(words)

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        code = el.get_text().strip("\n")
        return f"\n\n{fenced(code.rstrip(), _language(el))}\n\n" if code.strip() else ""

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        el["colspan"] = str(_span(el, "colspan"))
        return super().convert_td(el, re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|"), parent_tags)

    convert_th = convert_td
    convert_tt = MarkdownConverter.convert_code
    convert_dd = MarkdownConverter.convert_div

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return " ".join((el.get("alt") or "").split())

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"^{text}" if EXPONENT.fullmatch(text) and not el.find("a") else text


def _starts_line(node: NavigableString) -> bool:
    """Whether a text is the first of its block or of a line of it."""
    at: NavigableString | Tag | None = node
    while at is not None and (at is node or at.name not in BLOCKS):
        before = at.previous_sibling
        while isinstance(before, NavigableString) and not before.strip():
            before = before.previous_sibling
        if before is not None:
            return isinstance(before, Tag) and (before.name == "br" or before.name in BLOCKS)
        at = at.parent
    return True


def _language(pre: Tag) -> str:
    """What the code is written in, by the classes of <pre>, of <code> in it and of what is around it."""
    for classes in _classes(pre):
        found = LANGUAGE.search(classes)
        if found:
            return "" if found[1].lower() in NO_LANGUAGE else found[1].lower()
    return ""


def _classes(pre: Tag) -> Iterator[str]:
    code = pre.find("code")
    around = [parent for parent in list(pre.parents)[:3] if parent.name in ("div", "figure")]
    for tag in [pre, *([code] if code else []), *around]:
        yield " ".join(tag.get("class") or ())
