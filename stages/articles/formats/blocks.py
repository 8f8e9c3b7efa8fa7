"""Edits of the blocks of a Markdown text.

markdown-it-py says what is code, a heading or a container; edits are made in the lines that its tokens point to, since
a text that is parsed and written again would change everywhere.
"""

import functools
import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin

ATTRIBUTE = r"(?:[#.][^\s{}]+|[\w:-]+=(?:\"[^\"{}]*\"|[^\s{}\"]*)|-)"
HEADING_ATTRIBUTES = re.compile(
    rf"(?<![ \t])[ \t]*\{{:?[ \t]*(?=[#.-]){ATTRIBUTE}(?:[ \t]+{ATTRIBUTE})*[ \t]*\}}[ \t]*#*[ \t]*$"
)
SCRIPT = re.compile(r"<(script|style)\b[^<>]*>[\s\S]*?(?:(?P<end></\1\s*>)|\Z)", re.IGNORECASE)  # of Vue
COMMENT = re.compile(r"<!--[\s\S]*?(?:-->|\Z)")
# What is removed. Code spans come first, since they are kept; a comment without an end is kept, too.
REMOVED = re.compile(
    r"(?P<code>(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\2(?!`))"
    rf"|{COMMENT.pattern}"
    r"|!\[(?P<alt>[^\[\]]*)\]\(\s*<?data:[^)]*\)"  # an embedded image, of which the words stay
    r"|(?P<tag><img\b[^<>]*?\bsrc=[\"']data:[^<>]*>)"
    r"|^[ ]{0,3}\[[^\[\]\n]+\]:[ \t]*<?data:.*$"
    r"|(?P<blank>&nbsp;)"
    r"|^[ ]{0,3}\[(?:TOC|toc|\[_?TOC_?\]|\[toc\])\][ \t]*$"  # where a table of contents goes
    r"|^[ \t]*(?P<template>\{\{[<%].*[%>]\}\}|\{%.*%\})[ \t]*$"  # a line for Hugo or Liquid
    r"|^[ \t]*\{(?::|[ \t]*[#.](?=[\w-]))[^{}\n]*\}[ \t]*$",  # attributes of the block above
    re.MULTILINE,
)
ALT = re.compile(r"\balt=[\"']([^\"'<>]*)")
ALERT = re.compile(r"\[!([\w-]+)\][+-]?[ \t]*(.*)")
# ":::note[Title]", "::: note Title", ":::{note} Title", '::: {.callout-note title="Title"}', and so for fences
DIRECTIVE = re.compile(
    r"\s*(?:\{[^{}.]*\.(?:callout-)?(?P<style>[\w-]+)(?:[^{}]*\btitle=\"(?P<quoted>[^\"{}]*))?[^{}]*\}"
    r"|\{?(?P<kind>[\w-]+)\}?)\s*(?:\[(?P<bracketed>.*)\]|(?P<bare>[^{]*))\s*(?:\{.*)?$"
)
TAB = re.compile(r"^([\s>]*)={3}[!+]*[ \t]+(\".+\")[ \t]*$", re.MULTILINE)  # of MkDocs; its body is as an admonition's
CLOSING = re.compile(r"[\s>]*:{3,}\s*$")
OPTION = re.compile(r"\s*:[\w-]+:(?:\s|$)")
INDENT = re.compile(r"^([\s>]*?)(?: {4}|\t)")
MARKER = re.compile(r"[\s>]*(?P<item>(?:[-*+]|\d+[.)])\s+)?")
KINDS = {
    *("abstract", "attention", "bug", "caution", "danger", "error", "example", "failure", "hint", "important", "info"),
    *("note", "question", "quote", "seealso", "success", "summary", "tip", "todo", "warning"),
}
TEMPLATE_KIND = re.compile(rf"(?<![\w./-])({'|'.join(sorted(KINDS))})(?![\w./-])")
TEMPLATE_TITLE = re.compile(r"\btitle=[\"']([^\"']*)")
NAMES = {"seealso": "See also", "todo": "To do"}
DEEPEST = 10  # levels of admonitions in one another that are unfolded


def clean(text: str) -> str:
    """Markdown without comments, heading attributes and embedded images, with admonitions as labelled paragraphs."""
    for _ in range(DEEPEST):  # what stands in an admonition can be read once that is unfolded
        text, unfolded = _edit(text, parser().parse(text))
        if not unfolded:
            break
    return text


def label(kind: str, title: str = "", any_kind: bool = False) -> str:
    """ "**Note:**", "**Note: Its title.**", or the title alone for what is no kind of admonition."""
    kind, title = kind.lower(), title.strip().strip('"').strip()
    known = (any_kind and kind != "tab") or kind in KINDS
    name = NAMES.get(kind, kind.replace("-", " ").capitalize()) if known else ""
    if not title:
        return f"**{name}:**" if name else ""
    return f"**{name}{': ' if name else ''}{title}{'' if title[-1] in '.!?:。！？' else '.'}**"


@functools.cache
def parser() -> MarkdownIt:
    """Blocks only, with tables and containers."""
    md = MarkdownIt("commonmark").enable("table").disable("inline").use(admon_plugin)
    return md.use(container_plugin, "any", validate=lambda params, _: DIRECTIVE.match(params) is not None)


def lines_of_code(tokens: list[Token]) -> set[int]:
    return {line for t in tokens if t.type in ("fence", "code_block") and t.map for line in range(*t.map)}


class _Lines:
    """The lines of a text while they are edited; None is a line that is gone."""

    def __init__(self, text: str) -> None:
        self.lines: list[str | None] = list(text.split("\n"))

    def text(self, start: int = 0, end: int | None = None) -> str:
        return "\n".join(line for line in self.lines[start:end] if line is not None)

    def edit(self, start: int, end: int, change: Callable[[str], str]) -> None:
        """Change each line."""
        self.lines[start:end] = [line if line is None else change(line) for line in self.lines[start:end]]

    def replace(self, start: int, end: int, text: str) -> None:
        self.lines[start:end] = [text, *[None] * (end - start - 1)]

    def end_of_indented(self, start: int, end: int) -> int:
        """Where the lines end that are indented below a line; mdit-py-plugins stops at two blank ones."""
        first = self.lines[start] or ""
        deeper = " " * (len(first) - len(first.lstrip()) + 4)
        for n in range(end, len(self.lines)):
            line = self.lines[n] or ""
            if line.startswith(deeper) and line.strip():
                end = n + 1
            elif line.strip():
                break
        return end

    def open(self, start: int, end: int, label: str, before_paragraph: bool) -> None:
        """Put the label of a block in front of its first paragraph, else on its own line, and set the block apart."""
        marker = MARKER.match(self.lines[start] or "")
        apart = "\n" if start and (self.lines[start - 1] or "").strip() and not marker["item"] else ""
        body = next((line for line in range(start + 1, end) if (self.lines[line] or "").strip(" \t>")), None)
        if not label or body is None or not before_paragraph or TAB.match(self.lines[body]):
            spaced = start + 1 == end or not (self.lines[start + 1] or "").strip()
            self.lines[start] = apart + marker[0] + label + ("" if spaced else "\n")
        elif marker["item"]:
            self.replace(start, body, marker[0] + label)
        else:
            self.replace(start, body + 1, f"{apart}{marker[0]}{label} {self.lines[body].strip()}")
        if end < len(self.lines) and (self.lines[end] or "").strip():
            self.lines[end] = f"\n{self.lines[end]}"


def _edit(text: str, tokens: list[Token]) -> tuple[str, bool]:
    """The text with all edits, and whether an admonition was unfolded. Tokens are in order, outer ones first."""
    lines = _Lines(text)
    count = len(lines.lines)
    done = lines_of_code(tokens)
    unfolded = False
    for n, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map[0], min(token.map[1], count)
        if token.type in ("paragraph_open", "heading_open", "html_block", "table_open"):
            if done.isdisjoint(range(start, end)):
                if token.type == "heading_open":
                    last = end - 1 if token.markup[0] == "#" else max(start, end - 2)
                    lines.edit(last, last + 1, lambda line: HEADING_ATTRIBUTES.sub("", line))
                before = lines.text(start, end)
                after = _clean_block(before, html=token.type == "html_block")
                if after != before:
                    unfolded |= TAB.search(before) is not None
                    lines.replace(start, end, after)
                done |= set(range(start, end))
            continue
        if token.type == "admonition_open":
            end = lines.end_of_indented(start, end)
        opened = _opened(tokens, n, lines, end)
        if opened:
            unfolded = True
            lines.open(start, end, *opened)
    for line in range(count):  # definitions of links have no token
        if line not in done:
            lines.edit(line, line + 1, _clean_block)
    return lines.text(), unfolded


def _opened(tokens: list[Token], n: int, lines: _Lines, end: int) -> tuple[str, bool] | None:
    """The label of an admonition and whether a paragraph follows it; its body is unfolded. None for anything else."""
    token = tokens[n]
    start = token.map[0]
    if token.type == "admonition_open":
        kind = token.meta["tag"]
        lines.edit(start + 1, end, lambda line: INDENT.sub(r"\1", line, count=1))
        first = tokens[n + 4 if token.content else n + 1]
        title = "" if token.content.lower() == kind else token.content
        return label(kind, title, any_kind=True), first.type == "paragraph_open"
    if token.type == "blockquote_open" and tokens[n + 1].type == "paragraph_open":
        found = ALERT.match(tokens[n + 2].content)
        if not found:
            return None
        lines.edit(start, end, lambda line: re.sub(r"^(\s*)> ?", r"\1", line, count=1))
        follows = "\n" in tokens[n + 2].content or tokens[n + 4].type == "paragraph_open"
        return label(found[1], found[2], any_kind=True), follows
    if token.type not in ("container_any_open", "fence"):
        return None
    found = DIRECTIVE.match(token.info)
    if not found or (
        token.type == "fence" and not (found["kind"] in {*KINDS, "admonition"} and token.info.lstrip().startswith("{"))
    ):
        return None
    if token.type == "fence":  # as MyST writes it
        closing, follows = end - 1, token.content.strip()[:1].isalnum()
        lines.edit(closing, end, lambda line: "" if set(line.strip(" \t>")) == {token.markup[0]} else line)
        lines.edit(start + 1, closing, lambda line: "" if OPTION.match(line) else line)
    else:
        closing, follows = end, tokens[n + 1].type == "paragraph_open"
        lines.edit(closing, closing + 1, lambda line: line.replace(":", "") if CLOSING.match(line) else line)
    title = found["quoted"] or found["bracketed"] or found["bare"] or ""
    return label(found["kind"] or found["style"], title), follows


def _clean_block(block: str, html: bool = False) -> str:
    if html:  # where backticks mean nothing
        block = COMMENT.sub(_kept, SCRIPT.sub(lambda found: "" if found["end"] else found[0], block))
    return TAB.sub(r"\1!!! tab \2", REMOVED.sub(_kept, block))


def _kept(found: re.Match) -> str:
    """What stays of a match of REMOVED or COMMENT."""
    groups = found.groupdict()
    if groups.get("code") or (found[0].startswith("<!--") and not found[0].endswith("-->")):
        return found[0]
    if groups.get("template"):  # {% hint style="info" %}, {{< note >}}, {% tab title="Linux" %}
        title = TEMPLATE_TITLE.search(found[0])
        kinds = TEMPLATE_KIND.findall(TEMPLATE_TITLE.sub("", found[0]))
        return label(kinds[-1] if kinds else "", title[1] if title else "")
    if groups.get("blank"):
        return " "
    if groups.get("tag"):
        alt = ALT.search(found[0])
        return alt[1] if alt else ""
    return groups.get("alt") or ""
