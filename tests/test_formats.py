"""Files of every format to Markdown: what is kept, what goes, titles, encodings, and files that cannot be read."""

import io
import json
import re
import zipfile

import docx
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from stages.articles.formats import FORMATS, Converted, Unreadable, convert
from tune_or_retrieve.text.markdown import blocks, first_title

WORDS = "A crate can hold at most 64 KB of data."


def squeezed(text: str) -> str:
    """At most one empty line in a row, none at the ends."""
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", text).strip()


def markdown(name: str, text: str) -> str:
    return squeezed(convert(name, text.encode()).text)


# Markdown


@pytest.mark.parametrize(
    ("front", "title", "text"),
    [
        ("---\ntitle: Parcels\n---\n", "Parcels", "Text."),
        ("\n \n---\ntitle: Parcels\n---\n", "Parcels", "Text."),
        ("---\n# generated, do not edit\ntitle: Parcel limits\n---\n", "Parcel limits", "Text."),
        ("---\ntitle: 'The `put` *command*, [linked](x.md)'\n...\n", "The put command, linked", "Text."),
        ("---\ntitle: 404\n---\n", "404", "Text."),
        ("+++\ntitle = 'Parcels'\n+++\n", "Parcels", "Text."),
        ("---\ntitle: [a, b]\ndraft: true\n---\n", None, "Text."),
        ("---\n---\n", None, "Text."),
        ("", None, "Text."),
        ("---\nA sentence between rules.\n---\n", None, "---\nA sentence between rules.\n---\nText."),
        ("---\ntitle: Parcels: a guide\n---\n", None, "```\ntitle: Parcels: a guide\n```\nText."),
    ],
)
def test_front_matter_gives_the_title_and_goes(front, title, text):
    converted = convert("a.md", f"{front}Text.\n".encode())
    assert (converted.title, converted.text) == (title, f"{text}\n")


def test_front_matter_that_cannot_be_read_is_kept_and_said():
    assert convert("a.md", b"---\ntitle: a: b\n---\nText.").notes == ("its front matter is no valid YAML and was kept",)
    assert convert("a.md", b"+++\ntitle = b\n+++\nText.").notes == ("its front matter is no valid TOML and was kept",)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("# Crate Lock {#lock}\n\nText.", "# Crate Lock\n\nText."),
        ('## Crate { #lock .wide data-x="a b" } ##', "## Crate"),
        ("Crate {#lock}\n===", "Crate\n==="),
        ("# Using C#\n\n## Issue {1}", "# Using C#\n\n## Issue {1}"),
        ("# The mark `{#id}`", "# The mark `{#id}`"),
        ("# Crate\n{: .no_toc }\n\nText.", "# Crate\n\nText."),
        ("<!--\n# Licence\n```\n-->\n# Real title", "# Real title"),
        ("A <!-- b\nc --> d, `<!-- e -->`", "A  d, `<!-- e -->`"),
        ("A <!-- without an end", "A <!-- without an end"),
        ("![the words](data:image/png;base64,AAAA) and ![b](c.png)", "the words and ![b](c.png)"),
        ("![a][i]\n\n[i]: data:image/png;base64,AAAA\n[j]: j.png", "![a][i]\n\n[j]: j.png"),
        ('<p><img alt="logo" src="data:image/png;base64,AA"></p>', "<p>logo</p>"),
        ("Write <p> and <bucket>.", "Write <p> and <bucket>."),
        ("<script setup>\nimport A from 'a'\n\n# b\n</script>\n\n# Crate\n\n`<script>` c", "# Crate\n\n`<script>` c"),
        ("A&nbsp;b `&nbsp;`", "A b `&nbsp;`"),
        ("[TOC]\n\n[[_TOC_]]\n\nA [TOC] b", "A [TOC] b"),
        ("{{< toc >}}\n\nA {{< b >}} c.\n\n{% include d.html %}", "A {{< b >}} c."),
        (
            "```md\n# A {#b}\n<!-- c -->\n!!! note\n```\n\n    <!-- d -->",
            "```md\n# A {#b}\n<!-- c -->\n!!! note\n```\n\n    <!-- d -->",
        ),
    ],
)
def test_what_only_a_renderer_reads_goes_but_never_from_code(written, kept):
    assert markdown("a.md", written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("!!! note\n    Body.\n\n    More.\n\nAfter.", "**Note:** Body.\n\nMore.\n\nAfter."),
        ('!!! warning "Data loss"\n\n    Body.', "**Warning: Data loss.** Body."),
        ("??? tip\n    ```sh\n    # x\n    ```", "**Tip:**\n\n```sh\n# x\n```"),
        ("???+ danger\n    - a\n    - b", "**Danger:**\n\n- a\n- b"),
        ("!!! note\n    A.\n\n    !!! tip\n        B.", "**Note:** A.\n\n**Tip:** B."),
        ("!!! note\n    A.\n\n\n    B.\n\nC.", "**Note:** A.\n\nB.\n\nC."),
        ("Text\n!!! note\n    A.\nAfter", "Text\n\n**Note:** A.\n\nAfter"),
        ("- item\n\n    !!! note\n        A.", "- item\n\n    **Note:** A."),
        (
            '=== "Linux"\n\n    Use apt.\n\n=== "Mac"\n\n    ```\n    brew\n    ```',
            "**Linux.** Use apt.\n\n**Mac.**\n\n```\nbrew\n```",
        ),
        (":::note\nBody.\n:::\nAfter", "**Note:** Body.\n\nAfter"),
        ("::: tip My title\nBody.\n:::", "**Tip: My title.** Body."),
        (":::caution[Sure?]\n\nBody.\n\n:::", "**Caution: Sure?** Body."),
        ("::::warning\n:::info\nBody.\n:::\n::::", "**Warning:**\n\n**Info:** Body."),
        ('::: {.callout-note title="Quarto"}\nBody.\n:::', "**Note: Quarto.** Body."),
        ("::: tabs\nBody.\n:::", "Body."),
        ("> [!NOTE]\n> Body.\n> More.", "**Note:** Body.\nMore."),
        ("> [!WARNING]- Its title\n>\n> ```\n> x\n> ```", "**Warning: Its title.**\n\n```\nx\n```"),
        ("> A quote.", "> A quote."),
        ("```{note}\n:class: x\nBody `x`.\n```", "**Note:**\n\nBody `x`."),
        ("```{important} Read\nBody.\n```", "**Important: Read.** Body."),
        ('{% hint style="info" %}\nBody.\n{% endhint %}', "**Info:**\nBody."),
        ("{{< note >}}\nBody.\n{{< /note >}}", "**Note:**\nBody."),
    ],
)
def test_admonitions_of_all_kinds_become_labelled_text(written, kept):
    assert markdown("a.md", written) == kept


MDX = """import Tabs from '@theme/Tabs';
import {
  Card,
} from 'cards'

export const limits = () => {

  return <b>{64}</b>
}

# Crates {/* #crates */}

import taxes are due.

{/* A comment
# with a heading

*/}

<Tabs data={[
  {a: 1},

  {b: {c: 2}}]}>
  <TabItem value="l" label="Linux">

    A `<Crate>` holds <b>64 KB</b>.

    ```jsx
    import x from 'y'
    <Foo/>
    ```

  </TabItem>
</Tabs>

<Note>Be careful.</Note>

<Admonition type="tip" title="Locks">
Use them if a < b.
</Admonition>

<Card title="Setup" onClick={() => 2 > 1} /> Text.
"""
WITHOUT_JSX = """# Crates

import taxes are due.

**Linux.**

A `<Crate>` holds 64 KB.

```jsx
import x from 'y'
<Foo/>
```

**Note:** Be careful.

**Tip: Locks.**
Use them if a < b.

**Setup.**  Text."""


@pytest.mark.parametrize("name", ["a.mdx", "a.md"])  # Docusaurus reads .md as MDX
def test_of_mdx_the_text_inside_components_stays(name):
    assert re.sub(r"[ ]+$", "", markdown(name, MDX), flags=re.MULTILINE) == WITHOUT_JSX


def test_an_escaped_tag_of_mdx_is_text():
    assert markdown("a.mdx", "A Promise\\<void> or <b>nothing</b>.") == "A Promise\\<void> or nothing."


def test_markdown_that_shows_imports_in_code_is_no_mdx():
    written = "```js\nimport x from 'y'\n```\n\n<Crate> stays."
    assert markdown("a.md", written) == written


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('import hints from "X" are text\n\n<Crate>', 'import hints from "X" are text\n\n<Crate>'),
        ("import 'x' to begin\n\n<Crate>", "import 'x' to begin\n\n<Crate>"),
        ("import X, * as y from 'y';\nText.\n\n<Crate>", "Text."),
        ("import type { X,\n  Y } from \"y\" // why\nimport 'z'\n\nText <Crate/>.", "Text ."),
        ("# Guide {/*guide*/}\n\n<Intro>\n\nText.\n\n</Intro>", "# Guide\n\nText."),  # as react.dev writes it
        ("```\n# Guide {/*guide*/}\n```\n\n<Crate>", "```\n# Guide {/*guide*/}\n```\n\n<Crate>"),
    ],
)
def test_imports_and_marked_headings_make_markdown_mdx_and_prose_does_not(written, kept):
    assert re.sub(r" +$", "", markdown("a.md", written), flags=re.MULTILINE) == kept


@pytest.mark.parametrize(
    ("name", "written", "named"),
    [
        ("a.mdx", '<Typedoc src="shared/limits" />', "<Typedoc> shared/limits"),
        ("a.mdx", "import Intro from './_intro.mdx'\n\nText.\n\n<Intro />", "<Intro> ./_intro.mdx"),
        ("a.mdx", "<Include src='a.mdx' />\n\nText.\n\n<Code file={'b.py'}></Code>", "<Include> a.mdx and 1 more"),
        ("a.mdx", "<DocCardList />", "<DocCardList>"),
        ("a.mdx", "Text.\n\n<DocCardList />\n\n<Image src='a.png' />\n\n<Frame src='https://a.b/c' />", None),
        ("a.mdx", "`<Include src='a' />`\n\n```\n<Include src='a' />\n```", None),
        ("a.md", "{% include a.html b=1 %}\n\n{%- include_relative 'c.md' -%}", "include a.html and 1 more"),
        ("a.md", "<!--@include: ./a.md-->\n\nText.", "include ./a.md"),
        ("a.md", "{{< include a.qmd >}}", "include a.qmd"),
        ("a.md", "```{literalinclude} a.py\n:lines: 1\n```", "literalinclude a.py"),
        ("a.md", "````\n{% include a.html %}\n```{include} a.md\n```\n````", None),
        (
            "a.rst",
            ".. include:: a.rst\n\n.. note::\n\n   .. literalinclude:: b.py\n\nText.",
            "include a.rst and 1 more",
        ),
        ("a.rst", ".. automodule:: depot.crates\n   :members:", "automodule depot.crates"),
        ("a.rst", "Text::\n\n   .. include:: a.rst", None),
    ],
)
def test_text_that_is_kept_elsewhere_is_said(name, written, named):
    expected = (f"text that is kept elsewhere is not read ({named})",) if named else ()
    assert convert(name, written.encode()).notes == expected


# Plain text and encodings

GERMAN = "Eine Kiste faßt höchstens 64 KB, außer über die Übersicht. Gelöschte Kisten können nicht zurückkehren."
RUSSIAN = "Посылка может содержать не более 64 КБ данных. Заблокированный ящик нельзя удалить до срока."
SERVER = "Настройка. Сервер хранит журналы в каталоге. Проверьте файл перед запуском."
FRENCH = "Le fichier a été déplacé à côté du dossier. La clé de la boîte est prête, et elle reste valable après l'été."
POLISH = "Ustawienia. Serwer przechowuje dzienniki w katalogu. Sprawdź plik przed uruchomieniem, a następnie włącz."
JAPANESE = "木箱には最大64KBのデータを入れることができます。ロックされた木箱は、期限が切れるまで削除できません。"


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (GERMAN, "utf-8", None),
        (GERMAN, "utf-8-sig", None),
        (GERMAN, "utf-16", "utf-16"),
        (GERMAN, "utf-32", "utf-32"),
        (GERMAN, "cp1252", "cp1252"),
        (RUSSIAN, "cp1251", "cp1251"),
        (SERVER, "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (FRENCH, "cp1252", "cp1252"),
        (POLISH, "cp1250", "cp1250"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "iso2022_jp", "iso2022_jp"),
        (f"ｷﾊﾞｺ {JAPANESE}", "iso2022_jp_ext", "iso2022_jp_ext"),
        ("상자에는 최대 64KB의 데이터를 넣을 수 있습니다.", "iso2022_kr", "iso2022_kr"),
    ],
)
def test_encodings_are_detected_and_said(text, encoding, said):
    data = f"{text}\r\n{text}\r".encode(encoding)
    assert convert("a.txt", data) == Converted(f"{text}\n{text}\n", None, said)


def test_colours_of_a_terminal_are_no_encoding():
    assert convert("a.txt", "\x1b[31m“No”\x1b[0m costs $B".encode()) == Converted("[31m“No”[0m costs $B\n")


def test_utf_8_with_a_wrong_byte_is_still_utf_8():
    text = f"{RUSSIAN}\n\n“It’s”."
    found = convert("a.md", text.encode().replace("“".encode(), b"\x93"))
    assert found.text == text.replace("“", "�") + "\n"
    assert found.encoding == "utf-8 with wrong bytes, shown as �"


def test_plain_text_that_is_indented_as_a_whole_is_no_code():
    assert convert("a.TXT", b"     Title\n     =====\n\n       Text.\n").text == "Title\n=====\n\n  Text.\n"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("=====\n Title\n=====\n\nText.", "Title\n=====\n\nText."),
        ("=====  ===\nA      B\n=====  ===", "=====  ===\nA      B\n=====  ==="),
        ("Title\n=====\nText.\n=====", "Title\n=====\nText.\n====="),
    ],
)
def test_a_heading_of_plain_text_between_two_lines_is_one(written, kept):
    assert convert("a.txt", written.encode()).text == f"{kept}\n"


# HTML


def html(body: str, head: str = "") -> Converted:
    return convert("a.html", f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>".encode())


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('<h2>Limits<a class="headerlink" href="#l">¶</a></h2><h3>A <a href="#a">#</a></h3>', "## Limits\n\n### A"),
        (
            "<p>A <a href=/x>linked</a>\n<em>word</em>, <b>bold</b>, <code>x_y</code>.",
            "A linked word, **bold**, `x_y`.",
        ),
        ("<ul><li>A<ul><li>B<ol><li>C</ol></ul><li><p>D<p>E</ul>", "- A\n  - B\n    1. C\n- D\n\n  E"),
        (
            '<div class="highlight-python"><div><pre><span>def</span> f():\n    x\n\n# y\n</pre></div></div>',
            "```python\ndef f():\n    x\n\n# y\n```",
        ),
        ('<pre><code class="language-sh">a<br>b</code></pre>', "```sh\na\nb\n```"),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
        (
            "<table><thead><tr><th>A<th>B|C</thead><tr><td>1<td><code>a|b</code></table>",
            "| A | B\\|C |\n| --- | --- |\n| 1 | `a\\|b` |",
        ),
        (
            "<table><tr><th>A<th>B<th>C<tr><td rowspan=2>1<td>2<td rowspan=3>3<tr><td>4<tr><td colspan=2>5</table>",
            "| A | B | C |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 1 | 4 | 3 |\n| 5 | | 3 |",
        ),
        (
            f"<table><tr><th>A<th>B<tr><td rowspan=2>{'x ' * 200}<td colspan={'9' * 5000}>2<tr><td>3</table>",
            f"| A | B |\n| --- | --- |\n| {'x ' * 200}| 2 |\n|  | 3 |",
        ),
        ("<table><tr><td><pre>1</pre><td class=code><pre>x</pre></table>", "```\n1\n```\n\n```\nx\n```"),
        (
            "<dl><dt>Lock<dd>Keeps it.<dt>Key<dd><p>Opens.<p>More.</dl>",
            "**Lock**\n\nKeeps it.\n\n**Key**\n\nOpens.\n\nMore.",
        ),
        (
            '<div class="admonition note"><p class="admonition-title">Note</p><p>Text.</div>'
            '<aside class="admonition tip"><p class="admonition-title">Mine</p><ul><li>a</ul></aside>',
            "**Note:** Text.\n\n**Tip: Mine.**\n\n- a",
        ),
        ("<blockquote><p>A.<p>B.</blockquote>", "> A.\n>\n> B."),
        ("<p># a<p>1. b<p>- c<br>``` d<p>&lt;p&gt; e &lt;p&gt;", "\\# a\n\n1\\. b\n\n\\- c  \n\\``` d\n\n\\<p> e <p>"),
        ("<p>10<sup>6</sup> or x<sup>n</sup>, 1<sup>st</sup>", "10^6 or x^n, 1st"),
        ('<img alt="a picture" src="data:image/png;base64,AA"><svg><text>x</text></svg>', "a picture"),
        ("<nav>A</nav><header>B</header><p>C</p><aside>D</aside><footer>E</footer><script>F</script>", "C"),
        (
            "<header><h1>Site</h1></header><main><header><h1>Page</h1></header><p>C</main><footer>E</footer>",
            "# Page\n\nC",
        ),
        ("<div role=main><p>C</div><div>E</div>", "C"),
        ("<header>A</header><section><header><h1>B</h1></header><p>C</section>", "# B\n\nC"),
        ("<main><p>C<div class=search-results><h1>results matching</h1></div></main>", "C"),
    ],
)
def test_html_keeps_the_structure_of_its_main_content(body, kept):
    assert squeezed(html(body).text) == kept


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Limits | Depot</title>", "<h1>Limits <a href='#x'>¶</a></h1>", "Limits"),
        ("<title>Limits - Depot</title>", "<header><h1>Limits</h1></header><p>A", "Limits"),
        ("<title>Limits | Depot</title>", "<p>A", "Limits | Depot"),
        ("<title>Depot</title>", "<main><h1>Limits</h1></main>", "Limits"),
        ("", "<p>A", None),
        ("", "<header><h1>Limits</h1></header><p>A", "Limits"),
        (
            "<title>Demo · Depot</title>",
            "<main><h2>A</h2><div class=search-results><h1>No results</h1></div></main>",
            "Demo · Depot",
        ),
    ],
)
def test_a_page_is_titled_by_its_heading(head, body, title):
    assert html(body, head).title == title


@pytest.mark.parametrize(
    ("declared", "encoding", "said"),
    [
        ("iso-8859-1", "cp1252", "cp1252"),
        ("koi8-r", "koi8-r", "koi8-r"),
        ("utf-16", "utf-8", None),
        ("iso-2022-jp", "iso2022_jp", "iso2022_jp"),
        ("utf-8", "iso2022_jp", "iso2022_jp"),
    ],
)
def test_the_encoding_that_a_page_declares_is_honoured(declared, encoding, said):
    word = {"koi8-r": "Ящик", "iso2022_jp": "木箱"}.get(encoding, "“Größe”")
    page = f'<meta charset="{declared}"><p>{word}</p>'.encode(encoding)
    assert convert("a.htm", page) == Converted(f"{word}\n", None, said)


# reStructuredText


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (":orphan:\n\nCrates\n======\n\nText.\n\nLimits\n------\n\nMore.", "# Crates\n\nText.\n\n## Limits\n\nMore."),
        (".. code-block:: python\n   :linenos:\n\n   x = 1", "```python\nx = 1\n```"),
        ("Example::\n\n  a *b*", "Example:\n\n```\na *b*\n```"),
        (".. note:: Text.", "**Note:** Text."),
        (".. versionadded:: 3.1 Text.", "**New in version 3.1:** Text."),
        (".. versionchanged:: 2.0\n   The default\n   is 64.", "**Changed in version 2.0:** The default is 64."),
        (".. deprecated:: 2.0", "**Deprecated since version 2.0:**"),
        (".. only:: html and not man\n\n   Text.", "Text."),
        (".. hlist:: 2\n\n   - a", "- a"),
        (".. automodule:: depot.crates\n   :members:\n\nText.", "Text."),
        (".. autoclass:: depot.Crate\n   :members:\n\n   Text.", "`depot.Crate`\n\nText."),
        (".. unknown:: Words\n   :option: x\n\n   - a *b*", "Words\n\n- a b"),
        (".. py:function:: open(name, *, mode)\n\n   Opens.", "`open(name, *, mode)`\n\nOpens."),
        (":ref:`The limits <lim>`, :class:`~depot.Crate`, :new:`x`, ``y``", "The limits, `Crate`, `x`, `y`"),
        (".. include:: /etc/passwd\n\n.. raw:: html\n\n   <b>x</b>\n\n.. toctree::\n\n   a\n\nText.", "Text."),
        (".. csv-table:: T\n   :file: /etc/passwd", "```\n.. csv-table:: T\n   :file: /etc/passwd\n```"),
        ("|undefined| and broken_", "|undefined| and broken_"),
        (
            "==== ====\nA    B\n==== ====\n1    2\n==== ====",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
        ),
        ("term\n  Definition.", "**term**\n\nDefinition."),
    ],
)
def test_restructuredtext_keeps_what_only_sphinx_knows(written, kept):
    assert markdown("a.rst", written) == kept


def test_a_role_of_one_text_means_nothing_in_the_next():
    before = markdown("a.rst", ":mine:`x`")
    markdown("a.rst", ".. role:: mine(strong)\n\n:mine:`x`")
    assert markdown("a.rst", ":mine:`x`") == before == "`x`"


# Notebooks


def notebook(*cells: dict, **metadata) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": metadata, "cells": cells}).encode()


def code(source, *outputs: dict) -> dict:
    return {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs}


def text_cell(source) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def test_a_notebook_is_its_text_code_and_short_outputs():
    stream = {"output_type": "stream", "name": "stdout", "text": ["\x1b[31m64\x1b[0m\n"]}
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA", "text/plain": "<Figure>"}}
    long = {"output_type": "stream", "name": "stdout", "text": "x" * 2000}
    data = notebook(
        text_cell(["# Crates {#c}\n", "\n", "Text."]),
        code("limit(```x```)", stream, picture, long),
        language_info={"name": "R"},
    )
    assert convert("a.ipynb", data).text == "# Crates\n\nText.\n\n````r\nlimit(```x```)\n````\n\n```\n64\n```\n"


def test_a_notebook_of_an_old_version_is_read():
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Limits", "metadata": {}},
        {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": [], "metadata": {}},
    ]
    data = json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})
    assert markdown("a.ipynb", data) == "## Limits\n\n```python\nx = 1\n```"


def test_a_notebook_may_hold_half_a_character():
    data = notebook(text_cell("a \ud800 b"))
    assert convert("a.ipynb", data).text == "a ? b\n"


# PDF


def pdf(*stories: list, title: str = "", edges: bool = False) -> bytes:
    styles, out = getSampleStyleSheet(), io.BytesIO()

    def draw(canvas: Canvas, document: SimpleDocTemplate) -> None:
        if edges:
            canvas.drawString(72, 800, "Depot manual")
            canvas.drawString(72, 30, f"Page {document.page} of {len(stories)}")

    story = []
    for page in stories:
        story += [*(Paragraph(words, styles[style]) for style, words in page), PageBreak()]
    SimpleDocTemplate(out, title=title or None).build(story, onFirstPage=draw, onLaterPages=draw)
    return out.getvalue()


def canvas(*lines: str, **options) -> bytes:
    out = io.BytesIO()
    page = Canvas(out, **options)
    for number, line in enumerate(lines):
        page.drawString(72, 700 - 14 * number, line)
    page.save()
    return out.getvalue()


def test_a_pdf_is_headings_and_paragraphs_without_headers_and_page_numbers():
    long = " ".join([WORDS] * 5)
    pages = [
        [
            ("Heading1", f"Part {name}"),
            ("BodyText", long),
            ("Heading2", "Limits"),
            ("BodyText", long),
            ("BodyText", f"# {name}"),
        ]
        for name in ("A", "B", "C")
    ]
    expected = [f"# Part {name}\n\n{long}\n\n## Limits\n\n{long}\n\n\\# {name}" for name in ("A", "B", "C")]
    assert convert("a.pdf", pdf(*pages, edges=True)).text == "\n\n".join(expected) + "\n"


def test_words_that_a_pdf_breaks_are_one_again():
    lines = ("The depot keeps contain-", "ers and well-", "Known things.")
    assert convert("a.pdf", canvas(*lines)).text == "The depot keeps containers and well-Known things.\n"


@pytest.mark.parametrize(
    ("property", "title"),
    [
        ("Crate manual", "Crate manual"),
        ("Microsoft Word - manual.doc", None),
        ("manual_v2.indd", None),
        ("untitled", None),
        ("C:\\docs\\manual", None),
    ],
)
def test_a_pdf_is_titled_by_its_properties_if_these_have_a_title(property, title):
    assert convert("a.pdf", pdf([("BodyText", WORDS)], title=property)).title == title


def scan(*, words: str = "") -> bytes:
    out = io.BytesIO()
    page = Canvas(out)
    if words:
        page.drawString(72, 700, words)
        page.showPage()
    page.drawImage(ImageReader(Image.new("RGB", (20, 20), "gray")), 72, 72)
    page.save()
    return out.getvalue()


def test_scanned_pages_of_a_pdf_are_said():
    converted = convert("a.pdf", scan(words=WORDS))
    assert converted.text == f"{WORDS}\n"
    assert converted.notes == ("1 of 2 pages have no text (scanned?; 2); run OCR on it first",)


# DOCX


def word(title: str = "", heading: str = "") -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.core_properties.title = title
    if heading:
        document.add_heading(heading, 0)
    document.add_heading("Limits", 1)
    document.add_paragraph("# " + WORDS)
    document.add_paragraph("One", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, words in zip([*table.rows[0].cells, *table.rows[1].cells], ("A", "B", "1", "2"), strict=True):
        cell.text = words
    document.add_picture(io.BytesIO(_picture()))
    document.save(out)
    return out.getvalue()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (5, 5)).save(out, "PNG")
    return out.getvalue()


def test_a_docx_is_what_its_styles_mean():
    table = "| A | B |\n| --- | --- |\n| 1 | 2 |"
    converted = convert("a.docx", word(heading="Crates"))
    assert squeezed(converted.text) == f"# Crates\n\n# Limits\n\n\\# {WORDS}\n\n- One\n\n{table}"
    assert converted.title is None  # the first heading is


def test_merged_cells_of_a_docx_shift_no_column():
    document, out = docx.Document(), io.BytesIO()
    cells = document.add_table(3, 2).rows
    for row, words in zip(cells, (("A", "B"), ("1", "2"), ("", "3")), strict=True):
        for cell, word in zip(row.cells, words, strict=True):
            cell.text = word
    cells[1].cells[0].merge(cells[2].cells[0]).text = "1"
    document.save(out)
    assert squeezed(convert("a.docx", out.getvalue()).text) == "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 1 | 3 |"


def test_a_docx_without_a_heading_is_titled_by_its_properties():
    document, out = docx.Document(), io.BytesIO()
    document.core_properties.title = "Crate manual"
    document.add_paragraph(WORDS)
    document.save(out)
    assert convert("a.docx", out.getvalue()) == Converted(f"{WORDS}\n", "Crate manual")


def test_a_docx_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked():
    data = io.BytesIO(word())
    with (
        zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/media/zeros.bmp", "w") as part,
    ):
        for _ in range(250):
            part.write(bytes(1_000_000))
    with pytest.raises(Unreadable, match=r"^unpacks to 25\d megabytes; must be at most 200; split it$"):
        convert("a.docx", data.getvalue())


def test_a_docx_whose_header_lies_about_the_size_is_read_no_further():
    data = word()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("word/document.xml").file_size
    at = data.rindex(b"word/document.xml") - 46 + 24  # of the uncompressed size, in the central directory
    assert int.from_bytes(data[at : at + 4], "little") == size
    lying = data[:at] + (100).to_bytes(4, "little") + data[at + 4 :]
    with pytest.raises(
        Unreadable, match=r"^damaged, or no DOCX file \(BadZipFile: Bad CRC-32 for file 'word/document.xml'\)$"
    ):
        convert("a.docx", lying)


# What cannot be read


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.xyz", b"", "of a format that is not read (.xyz)"),
        ("a", b"", "of a format that is not read (no suffix)"),
        ("a.md", b"abc\0def", "binary, not text (a zero byte at offset 3); save it as text in UTF-8"),
        ("a.txt", bytes(range(1, 256)) * 20, "binary, or text in an unknown encoding; save it as text in UTF-8"),
        ("a.txt", b"\xff\xfea", "not the utf-16 that its first bytes announce; save it as text in UTF-8"),
        ("a.html", b"<div>" * 10_000, "nested too deeply; split it or make it flatter"),
        ("a.rst", b"Text\n" + b"a" * 20_000, "has 20,000 characters in line 2; must be at most 10,000; break it"),
        ("a.ipynb", b"null", "damaged, or no notebook (AttributeError: 'NoneType' object has no attribute 'get')"),
        (
            "a.docx",
            bytes.fromhex("d0cf11e0a1b11ae1"),
            "encrypted, or an old Word file (.doc); save it as .docx without a password",
        ),
        ("a.docx", b"text", "damaged, or no DOCX file (BadZipFile: File is not a zip file)"),
        ("a.pdf", b"text", "damaged, or no PDF (PdfiumError: Failed to load document (PDFium: Data format error).)"),
        ("a.pdf", canvas("x", encrypt=StandardEncryption("secret")), "encrypted; save it without a password"),
        ("a.pdf", scan(), "its page has no text (scanned?); run OCR on it first"),
    ],
)
def test_what_cannot_be_read_is_said(name, data, reason):
    with pytest.raises(Unreadable) as refused:
        convert(name, data)
    assert str(refused.value) == reason


WHOLE = {
    ".md": MDX.encode(),
    ".mdx": MDX.encode(),
    ".html": b"<html><body><table><tr><td>x</table><pre>y</pre></body></html>" * 20,
    ".rst": b"Crates\n======\n\n.. note:: x\n\n   - `a`:b:\n\n+--+--+\n|a |b |\n+--+--+\n" * 5,
    ".ipynb": notebook(text_cell("# A"), code("x = 1")),
    ".pdf": pdf([("Heading1", "A"), ("BodyText", WORDS)]),
    ".docx": word("A", "B"),
}


@pytest.mark.parametrize("suffix", sorted(WHOLE))
def test_damaged_files_raise_nothing_but_unreadable(suffix):
    data = WHOLE[suffix]
    assert outcome(f"a{suffix}", data) == "read"
    for part in range(1, 20):
        cut = len(data) * part // 20
        for damaged in (data[:cut], data[:cut] + b"\xfe\x01" * 8 + data[cut + 16 :], data[cut:]):
            assert outcome(f"a{suffix}", damaged)


def outcome(name: str, data: bytes) -> str:
    """ "read", or the reason why not; any other exception is a fault of ours."""
    try:
        convert(name, data).text.encode()
    except Unreadable as fault:
        return str(fault)
    return "read"


@pytest.mark.parametrize("suffix", [".md", ".mdx", ".txt", ".html", ".rst"])
@pytest.mark.parametrize(
    "piece", [">", "[", "![", "`", "*a ", "<!--", "<a {", "- ", "> ", "<script>", "!!! note\n", ":::note\n", "x"]
)
def test_pathological_texts_of_100_000_characters_end(suffix, piece):
    text = piece * (100_000 // len(piece))
    allowed = {"read", "nested too deeply; split it or make it flatter"}
    if suffix == ".rst" and "\n" not in piece:
        allowed = {f"has {len(text):,} characters in line 1; must be at most 10,000; break it"}
    assert outcome(f"a{suffix}", text.encode()) in allowed


# The cases of ../shared/cases


@pytest.mark.parametrize(
    ("written", "title", "headings"),
    [
        ("# Crate Lock {#lock}\n\nText.", "Crate Lock", ["Crate Lock"]),
        ("# [Crate Lock](lock.md)\n\nText.", "Crate Lock", ["Crate Lock"]),
        ("# Lock\n\n```pip install lock```\n\n## Limits\n\nText.", "Lock", ["Lock", "Limits"]),
        ("# Lock\n\n~~~\n```\n~~~\n\n## Limits\n\nText.", "Lock", ["Lock", "Limits"]),
        ("<!--\n# Licence\n-->\n# Real title\n\nText.", "Real title", ["Real title"]),
        ("````md\n```sh\n# a comment\n```\n````\n\n# Real title\n\nText.", "Real title", ["Real title"]),
        ("Parcel guide\n============\n\nText.", "Parcel guide", ["Parcel guide"]),
        ("# Using C#\n\nText.", "Using C#", ["Using C#"]),
        ("#\tTabbed title\n\nText.", "Tabbed title", ["Tabbed title"]),
    ],
)
def test_titles_and_headings_of_what_is_converted(written, title, headings):
    found = blocks(convert("a.md", written.encode()).text)
    assert (first_title(found), [block.title for block in found if block.title]) == (title, headings)


def test_every_format_has_an_adapter():
    for suffix, format in FORMATS.items():
        assert format.name
        with pytest.raises(Unreadable):
            format.convert(b"\0")
        assert suffix == suffix.lower()
