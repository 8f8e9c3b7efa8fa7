"""The HTML of AWS service models to Markdown: lists, notes, definitions and code kept, links and italics as text."""

import functools
import re

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

LABELS = {"note": "Note", "important": "Important", "caution": "Caution", "warning": "Warning", "tip": "Tip"}
BLOCKS = ("p", "ul", "ol", "dl", "dt", "dd", "li", "div", "pre", "table", *LABELS)
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# Tags that the models use, HTML's and DocBook's. Others are text: "arn:aws:kms:<region>:<account>".
TAGS = (
    *("a", "b", "br", "code", "dd", "div", "dl", "dt", "em", "i", "li", "ol", "p", "pre", "span", "strong", "sub"),
    *("sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul", "filename", "fullname", "link", "para"),
    *("replaceable", "text", "value", "xhtml", "zonbook", *HEADINGS, *LABELS),
)
NOT_A_TAG = re.compile(rf"<(?!/?(?:{'|'.join(TAGS)})[\s/>])", re.IGNORECASE)
# Spaces before a full stop; at the start of a text they follow a code span, unless it begins the line.
BEFORE_STOP_INSIDE = re.compile(r"(?<=\S) +(?=[.,;:!?)](?:\s|$))")
BEFORE_STOP = re.compile(r"(?:^|(?<=\S)) +(?=[.,;:!?)](?:\s|$))")
CODE_SPAN = re.compile(r"((?<!`)(`+)(?!`).+?(?<!`)\2(?!`))")


# Addresses of links and italics (titles of guides, placeholders) are left out: only their text says something.
# Nothing is escaped: `foo_bar` is read by models and by people as text, not rendered.
CONVERTER = MarkdownConverter(
    bullets="-", escape_asterisks=False, escape_underscores=False, escape_misc=False, strip=["a", "i", "em"]
)


@functools.lru_cache(maxsize=8192)  # a service says the same of many parameters
def to_markdown(html: str | None) -> str:
    """Markdown of one documentation string, "" for none. No line is wrapped, so a sentence never crosses a line."""
    if not html:
        return ""
    soup = BeautifulSoup(NOT_A_TAG.sub("&lt;", html), "html.parser")
    for tag in soup.find_all("fullname"):
        tag.decompose()  # the service's own name, which is the title of the article
    for string in soup.find_all(string=re.compile(r"\n")):
        if string.find_parent("pre") is None:
            string.replace_with(re.sub(r"\s+", " ", string))
    for tag in soup.find_all(("dt", *HEADINGS)):  # headings are those of the article alone
        _as_strong_paragraph(soup, tag)
    for tag in soup.find_all(("dl", "dd")):
        tag.name = "div"
    for tag in soup.find_all(list(LABELS)):
        _label(soup, tag)
    for strong in soup.find_all(("b", "strong")):
        if isinstance(strong.next_sibling, str) and strong.next_sibling[:1].isalnum():
            strong.insert_after(" ")  # <b>Standard queues:</b>Use
    for code in soup.find_all("code"):
        code.string = " ".join(code.get_text().split()) if code.find_parent("code") is None else code.get_text()
    return _tidy(CONVERTER.convert_soup(soup))


def indent(markdown: str) -> str:
    """The body of a list item: every line but the first and the empty ones moved right."""
    return re.sub(r"\n(?=[^\n])", "\n  ", markdown)


def _as_strong_paragraph(soup: BeautifulSoup, tag: Tag) -> None:
    tag.name = "p"
    strong = soup.new_tag("b")
    strong.string = " ".join(tag.get_text().split())
    tag.clear()
    tag.append(strong)


def _label(soup: BeautifulSoup, tag: Tag) -> None:
    """``<note> <p>Text</p> </note>`` to ``**Note:** Text``; before a list the label is a paragraph of its own."""
    strong = soup.new_tag("b")
    strong.string = f"{LABELS[tag.name]}:"
    first = next((child for child in tag.children if not isinstance(child, str) or child.strip()), None)
    if isinstance(first, Tag) and first.name == "p":
        first.insert(0, strong, " ")
    elif isinstance(first, Tag) and first.name in BLOCKS:
        paragraph = soup.new_tag("p")
        paragraph.append(strong)
        tag.insert(0, paragraph)
    else:
        tag.insert(0, strong, " ")
    tag.name = "div"


def _tidy(markdown: str) -> str:
    """One space between words, none before a full stop, at most one empty line. Code spans stay as they are."""
    lines = []
    for line in markdown.replace("\u00a0", " ").splitlines():
        body = line.lstrip()
        lead = line[: len(line) - len(body)] if body else ""
        parts = CODE_SPAN.split(body)
        # split() gives text, code, fence, text, code, fence, ..., text.
        texts = [re.sub(r"\s+", " ", part) for part in parts[0::3]]
        texts = [re.sub(BEFORE_STOP if n else BEFORE_STOP_INSIDE, "", text) for n, text in enumerate(texts)]
        joined = "".join(text + code for text, code in zip(texts, [*parts[1::3], ""], strict=True))
        lines.append((lead + joined).rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
