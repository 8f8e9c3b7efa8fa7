"""Articles: HTML to Markdown, service models to documents, the files written and read again."""

import functools
import json
import random
import re

import pytest
import yaml
from botocore.loaders import Loader
from bs4 import BeautifulSoup

import stages.articles.__main__ as articles
from stages.articles.botocore_html import LABELS, NOT_A_TAG, to_markdown
from stages.articles.from_botocore import read_botocore, service_documents, slug
from stages.articles.params import ArticlesParams, BotocoreParams
from stages.articles.shapes import describe
from stages.articles.write import Document, write_articles
from tune_or_retrieve.base.corpus import read_articles, read_text
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import load

VERSION = load("articles", ArticlesParams).botocore.version


# HTML to Markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        (None, ""),
        ("", ""),
        ("<p>Makes a  shelf. </p> <p>It is\n   empty.</p>", "Makes a shelf.\n\nIt is empty."),
        ("<p>Use <code> <a>PutCrate</a> </code>.</p>", "Use `PutCrate`."),
        ('<p>See <a href="https://x.test/y">The rules </a> , in the <i>Guide</i>.</p>', "See The rules, in the Guide."),
        (
            "<p>A name such as <code>my_*_crate</code> or my_own_crate</p>",
            "A name such as `my_*_crate` or my_own_crate",
        ),
        ("<p><code>a  &amp;&amp;  b</code>&nbsp;&lt; 3</p>", "`a && b` < 3"),
        ("<p><code>arn:<i>partition</i>:x</code></p>", "`arn:partition:x`"),
        ("<p>One of <code>* + , - . / : ; &lt; ? )</code> .</p>", "One of `* + , - . / : ; < ? )`."),
        ("<p>First <code>a</code> , then <code>b</code> !</p>", "First `a`, then `b`!"),
        ("<p><code>a`b</code></p>", "`` a`b ``"),
        ("<p><b>Light:</b>Use it.</p>", "**Light:** Use it."),
        ("<ul> <li> <p>One.</p> </li> <li> <p>Two.</p> </li> </ul>", "- One.\n- Two."),
        ("<ol> <li>One.</li> <li>Two.</li> </ol>", "1. One.\n2. Two."),
        ("<ul><li><p>One:</p><ul><li>Inner.</li></ul></li></ul>", "- One:\n\n  - Inner."),
        ("<p>A.</p> <note> <p>B.</p> <p>C.</p> </note> <p>D.</p>", "A.\n\n**Note:** B.\n\nC.\n\nD."),
        ("<important> <ul> <li>B.</li> </ul> </important>", "**Important:**\n\n- B."),
        ("<note>Bare.</note>", "**Note:** Bare."),
        ("<dl> <dt>Rights</dt> <dd> <p>None.</p> </dd> </dl>", "**Rights**\n\nNone."),
        ("<h2>Behaviour</h2><p>Good.</p>", "**Behaviour**\n\nGood."),
        ("<fullname>Shelves</fullname> <p>Keeps crates.</p>", "Keeps crates."),
        ("<p>arn:aws:x:<region>:<account-id>/y, a < b</p>", "arn:aws:x:<region>:<account-id>/y, a < b"),
    ],
)
def test_html_becomes_clean_markdown(html, markdown):
    assert to_markdown(html) == markdown


def _documentation(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "documentation" and isinstance(inner, str):
                yield inner
            else:
                yield from _documentation(inner)


def _words(text):
    return "".join(re.findall(r"\w+", text))


def test_no_text_of_the_real_documentation_is_lost():
    """Sampled over all services: the letters and digits of the HTML are those of the Markdown, in order."""
    loader, choose = Loader(), random.Random(5)
    seen = 0
    for service in [*choose.sample(loader.list_available_services("service-2"), 25), "sqs", "dynamodb", "kms"]:
        texts = list(dict.fromkeys(_documentation(loader.load_service_model(service, "service-2"))))
        for html in choose.sample(texts, min(20, len(texts))):
            soup = BeautifulSoup(NOT_A_TAG.sub("&lt;", html), "html.parser")
            for tag in soup.find_all("fullname"):
                tag.decompose()
            for tag in soup.find_all(list(LABELS)):
                tag.insert(0, LABELS[tag.name])
            for tag in soup.find_all("ol"):
                for number, item in enumerate(tag.find_all("li", recursive=False), start=1):
                    item.insert(0, str(number))
            markdown = to_markdown(html)
            assert _words(markdown) == _words(soup.get_text()), (service, html)
            outside = re.sub(r"(`+)[^`]+\1", "code", markdown)
            assert not re.search(r"\S  |&(nbsp|lt|gt|amp|quot|#\d+);", outside), (service, markdown)
            seen += 1
    assert seen > 400


# Service models

MODEL = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2026-01-01",
        "serviceId": "Shelf",
        "serviceFullName": "Shelf Keeping Service",
        "serviceAbbreviation": "Amazon Shelf",
        "protocol": "json",
        "endpointPrefix": "shelf",
    },
    "documentation": "<fullname>Shelf</fullname> <p>Keeps crates on shelves.</p>",
    "operations": {
        "PutCrate": {
            "name": "PutCrate",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "PutCrateRequest"},
            "output": {"shape": "PutCrateResult"},
            "errors": [{"shape": "ShelfFull"}, {"shape": "Silent"}],
            "documentation": "<p>Puts a crate on a shelf.</p>",
        },
        "Ping": {"name": "Ping", "http": {"method": "POST", "requestUri": "/"}},
    },
    "shapes": {
        "PutCrateRequest": {
            "type": "structure",
            "required": ["Name"],
            "members": {
                "Name": {"shape": "Name", "documentation": "<p>The name of the crate.</p>"},
                "Weight": {"shape": "Weight"},
                "Tags": {"shape": "Tags"},
                "OldTags": {"shape": "Tags"},
                "Inside": {"shape": "Crate"},
            },
        },
        "PutCrateResult": {
            "type": "structure",
            "members": {"Crate": {"shape": "Crate", "documentation": "<p>What was put.</p>"}},
        },
        "Crate": {"type": "structure", "members": {"Id": {"shape": "Name"}, "Inside": {"shape": "Crate"}}},
        "Name": {"type": "string", "min": 3, "max": 63, "pattern": "[a-z]+"},
        "Weight": {"type": "integer", "min": 0, "max": 900},
        "Tags": {"type": "list", "min": 1, "max": 50, "member": {"shape": "Tag"}},
        "Tag": {
            "type": "structure",
            "required": ["Key"],
            "members": {"Key": {"shape": "Colour", "documentation": "<p>A colour.</p> <ul> <li>Any.</li> </ul>"}},
        },
        "Colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "ShelfFull": {
            "type": "structure",
            "members": {},
            "exception": True,
            "documentation": "<p>No room:</p> <ul> <li>Now.</li> </ul>",
        },
        "Silent": {"type": "structure", "members": {}, "exception": True},
    },
}
PUT_CRATE = """\
# PutCrate (Amazon Shelf)

## Description

Puts a crate on a shelf.

## Request parameters

### Name

`Name` is a required string of 3 to 63 characters. `Name` must match the pattern `[a-z]+`.

The name of the crate.

### Weight

`Weight` is an optional integer from 0 to 900.

### Tags

`Tags` is an optional list of 1 to 50 structures.

#### Key

`Key` in `Tags` is a required string. The valid values of `Key` are `red`, `green`, and `blue`.

A colour.

- Any.

### OldTags

`OldTags` is an optional list of 1 to 50 structures. Its members are described under `Tags`.

### Inside

`Inside` is an optional structure.

#### Id

`Id` in `Inside` is an optional string of 3 to 63 characters. `Id` must match the pattern `[a-z]+`.

#### Inside

`Inside` in `Inside` is an optional structure. Its members are described under `Inside`.

## Response elements

- `Crate` (structure): What was put.

  - `Id` (string of 3 to 63 characters)

  - `Inside` (structure)

## Errors

- `ShelfFull`: No room:

  - Now.

- `Silent`
"""


def test_a_service_becomes_an_overview_and_an_article_per_operation():
    overview, ping, put = sorted(service_documents("shelf", MODEL, "9.9.9"), key=lambda document: document.id)
    assert overview._replace(text="") == (
        *("shelf/overview", "Overview of Amazon Shelf", "shelf", "Amazon Shelf", "overview"),
        *("botocore 9.9.9 shelf/2026-01-01", "", "en"),
    )
    assert overview.text == "# Overview of Amazon Shelf\n\nKeeps crates on shelves.\n"
    assert (
        ping.text == "# Ping (Amazon Shelf)\n\n## Description\n\nThe service model does not describe this operation.\n"
    )
    assert (put.id, put.title, put.kind) == ("shelf/put-crate", "PutCrate (Amazon Shelf)", "operation")
    assert put.source == "botocore 9.9.9 shelf/2026-01-01 PutCrate"
    assert put.text == PUT_CRATE


@pytest.mark.parametrize(
    ("shape", "sentences"),
    [
        ({"type": "string", "min": 1, "max": 1}, "string of exactly 1 character."),
        ({"type": "string", "min": 1}, "string of at least 1 character."),
        ({"type": "string", "min": 0, "max": 20}, "string of at most 20 characters."),
        ({"type": "string", "pattern": ".*"}, "string."),
        ({"type": "string", "pattern": "a" * 81}, "string."),
        ({"type": "string", "enum": ["on"]}, "string. The only valid value of `X` is `on`."),
        ({"type": "string", "enum": ["a", "b"]}, "string. The valid values of `X` are `a` and `b`."),
        ({"type": "blob", "max": 4096}, "binary value of at most 4096 bytes."),
        ({"type": "long", "min": 5}, "integer of at least 5."),
        ({"type": "integer", "min": 5, "max": 5}, "integer that must be 5."),
        ({"type": "float", "max": 5}, "number of at most 5."),
        ({"type": "boolean"}, "Boolean."),
        ({"type": "timestamp"}, "timestamp."),
        (
            {"type": "list", "member": {"shape": "Name"}, "min": 1},
            "list of at least 1 string. Each item is a string of 3 to 63 characters. "
            "Each item must match the pattern `[a-z]+`.",
        ),
        (
            {"type": "map", "key": {"shape": "Colour"}, "value": {"shape": "Tags"}, "max": 9},
            "map of strings to lists of structures with at most 9 entries. The valid values of each key are "
            "`red`, `green`, and `blue`. Each value is a list of 1 to 50 structures.",
        ),
    ],
)
def test_types_and_limits_are_plain_sentences(shape, sentences):
    from botocore.model import ShapeResolver

    resolver = ShapeResolver({**MODEL["shapes"], "It": shape})
    assert describe("X", resolver.get_shape_by_name("It"), required=True) == f"`X` is a required {sentences}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PutObject", "put-object"),
        ("CreateDBCluster", "create-db-cluster"),
        ("ListSAMLProviders", "list-saml-providers"),
    ],
)
def test_slugs(name, expected):
    assert slug(name) == expected


@functools.cache
def _default_corpus():
    return read_botocore(load("articles", ArticlesParams).botocore)


def test_the_default_corpus_is_fourteen_services_with_an_article_per_operation():
    documents = _default_corpus()
    assert len({document.service for document in documents}) == 14
    assert len(documents) >= 900
    assert len({document.id for document in documents}) == len({document.title for document in documents})
    assert len({document.title for document in documents}) == len(documents)


def test_the_default_corpus_has_no_html_and_no_headings_but_its_own():
    for document in _default_corpus():
        outside = re.sub(r"(`+)[^`]+\1", "code", document.text)
        assert not re.search(r"</?(p|li|ul|code|a|i|b|note|important|dl|dt|dd)>", outside), document.id
        assert not re.search(r"\S  ", outside), document.id
        assert not re.search(r"\n\n\n|[ \t]\n", document.text), document.id
        headings = re.findall(r"(?m)^(#+) (.*)$", document.text)
        assert headings[0] == ("#", document.title)
        assert [name for level, name in headings if level == "##"] == [
            name for name in ("Description", "Request parameters", "Response elements", "Errors")
            if ("##", name) in headings
        ]  # fmt: skip
        assert all(re.fullmatch(r"[A-Za-z0-9_.:-]+", name) for level, name in headings if len(level) > 2), document.id


def test_another_botocore_is_refused():
    with pytest.raises(StageError) as fault:
        read_botocore(BotocoreParams(version="1.0.0", services=["s3"]))
    assert str(fault.value) == (
        f"params.yaml: 1 fault:\n  articles.botocore.version: must be the installed botocore's, {VERSION}. "
        f"Got '1.0.0'. Run `.venv/bin/pip install botocore==1.0.0`, or set it to {VERSION}: other articles, and other "
        "results."
    )


def test_every_unknown_service_is_named_with_the_nearest():
    with pytest.raises(StageError) as fault:
        read_botocore(BotocoreParams(version=VERSION, services=["dynamo", "s3", "zzqqzz"]))
    assert str(fault.value) == (
        "params.yaml: 2 faults:\n"
        "  articles.botocore.services: unknown service 'dynamo'. Nearest: dynamodb, dynamodbstreams.\n"
        "  articles.botocore.services: unknown service 'zzqqzz'. Names are those that boto3.client() takes."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "web"}, "articles.source: must be 'botocore' or 'folder'. Got 'web'."),
        ({"botocore": {"version": "1", "services": []}},
         "articles.botocore.services: must name at least one service. Got []."),
        ({"botocore": {"version": "1", "services": ["s3", "s3"]}},
         "articles.botocore.services: must name each service once, s3 is named more than once. Got ['s3', 's3']."),
        ({"botocore": {"version": 1.44, "services": ["s3"]}},
         "articles.botocore.version: must be text. Got 1.44."),
        ({"folder": {"path": "x", "glob": "*"}},
         "articles.folder.glob: unknown key. Known: path, include, exclude, strict, max_megabytes."),
        ({"folder": {"path": "x", "include": []}},
         'articles.folder.include: must hold at least one pattern; ["**"] includes all files. Got [].'),
        ({"folder": {"path": "x", "exclude": ["a/", "!"]}},
         "articles.folder.exclude: must hold patterns as in a .gitignore, '!' is none. Got ['a/', '!']."),
        ({"folder": {"path": "x", "max_megabytes": 0}},
         "articles.folder.max_megabytes: must be greater than 0. Got 0."),
    ],
)  # fmt: skip
def test_bad_params(tmp_path, changes, message):
    section = {
        "source": "botocore",
        "botocore": {"version": "1", "services": ["s3"]},
        "folder": {"path": "data/documents"},
    }
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"articles": {**section, **changes}}))
    with pytest.raises(StageError) as fault:
        load("articles", ArticlesParams, path)
    assert str(fault.value).split("\n  ")[1:] == [message]


# Files


def test_the_stage_writes_the_same_bytes_twice_and_they_are_read_again(tmp_path, monkeypatch):
    (tmp_path / "docs" / "keys").mkdir(parents=True)
    (tmp_path / "docs" / "keys" / "b.md").write_text("# B\n\nBee “é” 🗝.", encoding="utf-8")
    (tmp_path / "docs" / "a.txt").write_text("A text.")
    written = []
    section = {"source": "folder", "botocore": {"version": "1", "services": ["s3"]}, "folder": {"path": "docs"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"articles": section}))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        articles.main()
        files = [path for path in sorted((tmp_path / "data" / "articles").rglob("*")) if path.is_file()]
        written.append([(path.relative_to(tmp_path).as_posix(), path.read_bytes()) for path in files])
    assert written[0] == written[1]
    assert [name for name, _ in written[0]] == [
        *("data/articles/a.md", "data/articles/keys/b.md", "data/articles/manifest.jsonl"),
        "data/articles/skipped.jsonl",
    ]
    rows = read_articles()
    assert [(row.id, row.title, row.service, row.characters) for row in rows] == [
        ("a", "a", "documents", 8),
        ("keys/b", "B", "keys", 16),
    ]
    assert read_text(rows[1]) == "# B\n\nBee “é” 🗝.\n"


def test_a_changed_or_missing_article_is_noticed(tmp_path):
    folder = tmp_path / "articles"
    write_articles([Document(id, id, "x", "x", "document", f"{id}.md", "Text.\n", "en") for id in ("a", "b")], folder)
    first, second = read_articles(folder)
    (folder / "a.md").write_text("# A!\n")
    (folder / "b.md").unlink()
    for article, what in ((first, "was changed after it was written"), (second, "is missing or unreadable")):
        with pytest.raises(StageError) as fault:
            read_text(article, folder)
        assert str(fault.value) == (
            f"{folder}/{article.id}.md: article {article.id!r} {what}. Remove {folder} and run `dvc repro`."
        )


def test_a_damaged_manifest_is_noticed(tmp_path):
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"id": "a"}) + "\n")
    with pytest.raises(StageError) as fault:
        read_articles(tmp_path)
    assert str(fault.value) == f"{tmp_path}/manifest.jsonl, line 1: title: missing."
