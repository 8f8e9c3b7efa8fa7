"""The reader of Markdown that all stages share."""

import itertools

import pytest

from tune_or_retrieve.text.markdown import blocks, first_title, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\nOne\ntwo.\n", [("heading", "# A"), ("paragraph", "One\ntwo.")]),
        ("A\n===\n\nB\n---\n\nText\n", [("heading", "A\n==="), ("heading", "B\n---"), ("paragraph", "Text")]),
        ("#\tA ##\n", [("heading", "#\tA ##")]),
        ("# Using C#\n", [("heading", "# Using C#")]),
        ("#no heading\n", [("paragraph", "#no heading")]),
        ("```pip install x```\n\n## B\n", [("paragraph", "```pip install x```"), ("heading", "## B")]),
        ("~~~\n```\n~~~\n\n## B\n", [("code", "~~~\n```\n~~~"), ("heading", "## B")]),
        ("````md\n```\n# a\n```\n````\n# B\n", [("code", "````md\n```\n# a\n```\n````"), ("heading", "# B")]),
        ("```\n# never closed\n", [("code", "```\n# never closed")]),
        ("Text\n\n    # code\n", [("paragraph", "Text"), ("code", "# code")]),
        ("<!--\n# Licence\n-->\n# A\n", [("html", "<!--\n# Licence\n-->"), ("heading", "# A")]),
        ("- a\n  b\n\n  c\n- d\n", [("paragraph", "- a\n  b"), ("paragraph", "c"), ("paragraph", "- d")]),
        ("- ```\n  # a\n  ```\n", [("code", "- ```\n  # a\n  ```")]),
        ("> # A\n> b\n", [("heading", "> # A"), ("paragraph", "> b")]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", [("table", "| a | b |\n|---|---|\n| 1 | 2 |")]),
        ("a | b\n--- | ---\n1 | 2\n", [("table", "a | b\n--- | ---\n1 | 2")]),
        ("| no | table |\n", [("paragraph", "| no | table |")]),
        ("a\n\n***\n\nb\n", [("paragraph", "a"), ("rule", "***"), ("paragraph", "b")]),
        ("[a]: http://x\n\nb\n", [("paragraph", "[a]: http://x"), ("paragraph", "b")]),
        ("1.\n\nb\n", [("paragraph", "1."), ("paragraph", "b")]),
        (" \n\n", []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_the_blocks_of_commonmark(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(block.kind, text[block.start : block.end]) for block in blocks(text)] == expected


def test_together_the_blocks_hold_all_that_is_not_blank() -> None:
    text = "[a]: x\n# T\n- \n  - > q\n\n\n\t1) z\n***\n<div>\n\n[b]: y 'z'\n| a |\n|-|\nend [a]\n```\nx"
    found = blocks(text)
    assert "".join("".join(text[block.start : block.end].split()) for block in found) == "".join(text.split())
    assert all(one.end <= two.start for one, two in itertools.pairwise(found))


def test_a_block_knows_its_list_and_where_its_words_begin() -> None:
    text = "# A `b`\n\n- one\n\n  more\n  1. two\n\n> said\n"
    found = [(text[block.content : block.end], block.depth, block.item) for block in blocks(text)]
    assert found == [
        ("A `b`", 0, False),
        ("one", 1, True),
        ("more", 1, False),
        ("two", 2, True),
        ("said", 0, False),
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# [Crate Lock](lock.md)\n", "Crate Lock"),
        ("# [Crate Lock][lock]\n\n[lock]: lock.md\n", "Crate Lock"),
        ("# `crate.lock`\n", "crate.lock"),
        ("# **Crate** _Lock_ ~~old~~\n", "Crate Lock old"),
        ("# ![Logo](a.png) Crates &amp; locks\n", "Logo Crates & locks"),
        ("# snake_case_name and C#\n", "snake_case_name and C#"),
        ("# Get <bucket> <b>now</b>\n", "Get <bucket> now"),
        ("#\n\nSetext\nof two lines\n===\n", "Setext of two lines"),
        ("```\n# code\n```\n\nText\n", None),
        (
            '<h1 align="center">\n  <img src="a.png" alt="logo">\n  Crates &amp; <em>locks</em>\n</h1>\n\n## Limits\n',
            "Crates & locks",
        ),
        ('<div align="center">\n<a href="b"><H1>Crates</H1></a>\n<p>Text.</p>\n</div>\n', "Crates"),
        ("# Limits\n\n<h1>Crates</h1>\n", "Limits"),
        ("```\n<h1>Crates</h1>\n```\n\n## Limits\n", "Limits"),
        ("# {{ page.title }}\n\n## {% block a %}\n\n## Using {{ a }}\n", "Using {{ a }}"),
    ],
)
def test_a_title_is_the_words_of_the_first_heading(text: str, title: str | None) -> None:
    assert first_title(blocks(text)) == title


def test_plain_words_have_no_marks() -> None:
    assert plain("a *b* `c d`  \n<i>e</i> \\* [f](g 'h')<br>") == "a b c d e * f"
