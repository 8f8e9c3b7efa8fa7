"""reStructuredText: docutils makes HTML, from which Markdown is made as of any HTML.

Directives and roles that only Sphinx knows keep their content. No file is included, and nothing raw; a note says what
would be.
"""

import re
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en
from docutils.utils import unescape

from stages.articles.formats.blocks import KINDS, label
from stages.articles.formats.converted import Converted, Unreadable, elsewhere, reading
from stages.articles.formats.decoding import decode
from stages.articles.formats.html import to_markdown

DIRECTIVES = re.compile(r"\.\.[ \t]+(?:\|[^|\n]*\|[ \t]+)?([\w:.+-]+)[ \t]*::")
ROLES = re.compile(r":([a-zA-Z][\w:.+-]*):(?=`)|`:([a-zA-Z][\w:.+-]*):")
LONGEST_LINE = 10_000  # characters, as docutils has it: a longer line of markup can take minutes
SETTINGS = {
    "_disable_config": True,
    "doctitle_xform": False,  # a document's title is its first section, as in Markdown
    "docinfo_xform": False,
    "embed_stylesheet": False,
    "file_insertion_enabled": False,
    "halt_level": 5,
    "initial_header_level": 1,
    "line_length_limit": LONGEST_LINE,
    "math_output": "LaTeX",
    "raw_enabled": False,
    "report_level": 5,
    "syntax_highlight": "none",
    "warning_stream": False,
}
INCLUDES = {"include", "literalinclude"}
DROPPED = {  # directives that have no text, or read it from elsewhere
    *("contents", "currentmodule", "default-domain", "default-role", "highlight", "index", "meta", "module", "raw"),
    *("sectnum", "tabularcolumns", "target-notes", "toctree", *INCLUDES),
}
CODE = {
    "code",
    "code-block",
    "sourcecode",
    "prompt",
    "testcode",
    "ipython",
    "console",
    "mermaid",
    "graphviz",
    "digraph",
}
VERSIONS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
SIGNATURES = {  # directives of Sphinx that describe what they name, as those with a domain do (py:class)
    *("attribute", "class", "classmethod", "confval", "data", "describe", "envvar", "exception", "function", "method"),
    *("module", "object", "option", "program", "property", "staticmethod"),
}
AUTO = re.compile(r"auto(?:attribute|class|data|exception|function|method|module|property)")  # text is in docstrings
NO_WORDS = {"automodule", "hlist", "only"}  # directives with an argument that is no text
TEXT_ROLES = {"abbr", "any", "dfn", "doc", "download", "guilabel", "menuselection", "numref", "ref", "term"}
METADATA = {"orphan", "tocdepth", "nocomments", "nosearch"}  # fields that Sphinx reads


def convert(data: bytes) -> Converted:
    text, encoding = decode(data)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise Unreadable(
                f"has {len(line):,} characters in line {number:,}; must be at most {LONGEST_LINE:,}; break it"
            )
    _know(text)
    with reading("reStructuredText"):
        tree = publish_doctree(text, settings_overrides=SETTINGS)
        _tidy(tree)
        html = publish_from_doctree(tree, writer="html5", settings_overrides={**SETTINGS, "output_encoding": "unicode"})
    soup = BeautifulSoup(html, "lxml")
    notes = elsewhere(tree.get("elsewhere", ()))
    return Converted(to_markdown(soup.main or soup.body or soup), tree.get("title"), encoding, notes)


class _Options(dict):
    """Any option is allowed, and none is looked at."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Kept(Directive):
    """A directive of which the argument and the content stay."""

    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = _Options(name=directives.unchanged)
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.name.lower()
        argument = " ".join(" ".join(self.arguments).split())
        if name in INCLUDES or AUTO.fullmatch(name):
            self.state.document.setdefault("elsewhere", []).append(f"{name} {argument}")
        if name in DROPPED:
            return []
        if name in CODE:
            return _code("\n".join(self.content), argument.split(" ")[0])
        parsed = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        children = parsed.children
        if name in VERSIONS:
            version, _, words = argument.partition(" ")
            return _labelled(f"{VERSIONS[name]} {version}:", [*self._paragraph(words), *children])
        if name in KINDS:
            return _labelled(label(name).strip("*"), [*self._paragraph(argument), *children])
        if not argument or name in NO_WORDS:
            return children
        if ":" in name or name in SIGNATURES or AUTO.fullmatch(name):
            lines = [line for line in self.block_text.split("\n")[0].split("::", 1)[-1:] if line.strip()]
            return [nodes.paragraph("", "", _literal(line.strip())) for line in lines] + children
        return [*self._paragraph(argument), *children]

    def _paragraph(self, words: str) -> list[nodes.Node]:
        if not words:
            return []
        inline, _ = self.state.inline_text(words, self.lineno)
        return [nodes.paragraph("", "", *inline)]


def _know(text: str) -> None:
    """Make docutils know the directives and roles of a text. Its tables are global: each is set for each text."""
    for name in sorted(set(DIRECTIVES.findall(text))):
        plain = name.lower()
        if plain in DROPPED or plain in CODE or plain not in en.directives:
            directives.register_directive(plain, _Kept)
    for name in sorted({first or second for first, second in ROLES.findall(text)}):
        if name.lower() not in en.roles:
            roles.register_local_role(name.lower(), _role)


def _role(name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()) -> Any:
    """Of "Words <target>" the words, of "~package.Name" the name."""
    words = unescape(text)
    titled = re.fullmatch(r"(.*\S)\s*<[^<>]*>", words, re.DOTALL)
    words = titled[1] if titled else words.lstrip("!")
    if words.startswith("~"):
        words = words[1:].rsplit(".", 1)[-1]
    return [nodes.Text(words) if name.lower() in TEXT_ROLES else _literal(words)], []


def _literal(words: str) -> nodes.literal:
    return nodes.literal("", words, classes=["code"])


def _code(text: str, language: str) -> list[nodes.Node]:
    return [nodes.literal_block(text, text, classes=["code", language] if language else [])]


def _labelled(words: str, children: list[nodes.Node]) -> list[nodes.Node]:
    if children and isinstance(children[0], nodes.paragraph):
        children[0].insert(0, [nodes.strong("", words), nodes.Text(" ")])
        return children
    return [nodes.paragraph("", "", nodes.strong("", words)), *children]


def _tidy(tree: nodes.document) -> None:
    """No messages of docutils; what they are about stays, as it was written."""
    for message in list(tree.findall(nodes.system_message)):
        message.parent.replace(message, [part for part in message.children if isinstance(part, nodes.literal_block)])
    for problem in list(tree.findall(nodes.problematic)):
        problem.parent.replace(problem, nodes.Text(problem.astext()))
    for literal in tree.findall(nodes.literal):
        literal["classes"] = ["code"]  # for <code> instead of <span>
    for fields in list(_metadata(tree)):
        fields.parent.remove(fields)


def _metadata(tree: nodes.document) -> Iterator[nodes.field_list]:
    for fields in tree.findall(nodes.field_list):
        if fields.parent is tree and all(field[0].astext() in METADATA for field in fields):
            yield fields
