"""A folder of documents: every file is an article or skipped with a reason, under a name of its own."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from permissions import as_nobody

import stages.articles.__main__ as articles
from stages.articles.formats import FORMATS, Converted, Format, Unreadable
from stages.articles.from_folder import read_folder
from stages.articles.names import ids_of
from stages.articles.params import FolderParams
from stages.articles.walk import walk
from tune_or_retrieve.base.corpus import read_articles
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.locations import version_of
from tune_or_retrieve.base.records import Skipped
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.commands import documents


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def write(files: dict[str, str | bytes], root: str = "docs") -> None:
    Path(root).mkdir(exist_ok=True)
    for name, content in files.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def link(path: str, target: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).symlink_to(target)


def read(**params):
    return read_folder(FolderParams(path="docs", **params))


def titles(**params) -> dict[str, str]:
    """By source."""
    return {document.source: document.title for document in read(**params).documents}


def fault(call, *args, **params) -> str:
    with pytest.raises(StageError) as raised:
        call(*args, **params)
    return str(raised.value)


def reasons(**params) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in read(**params).skipped}


@contextlib.contextmanager
def closed(*paths: str):
    """Nobody may read these, not even root."""
    before = {path: Path(path).stat().st_mode for path in (".", *paths)}
    Path().chmod(0o755)
    for path in paths:
        Path(path).chmod(0)
    try:
        with as_nobody():
            yield
    finally:
        for path, mode in before.items():
            Path(path).chmod(mode)


def test_a_document_of_a_folder():
    write({"one.md": "\ufeffIntro.\r\n\r\n# Crates ##\r\nText.  \r\n\r\n", "deep/er/two.txt": "No heading."})
    two, one = read().documents
    assert two[:6] == ("deep/er/two", "two", "deep", "deep", "document", "deep/er/two.txt")
    assert one[:6] == ("one", "Crates", "documents", "documents", "document", "one.md")
    assert two.text == "No heading.\n"


# Titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Text.", "a"),
        ("# One\n\nText.", "One"),
        ("#no\n\n### Three\n# One\nText.", "Three"),
        ("# \n## Two\nText.", "Two"),
        ("#\tTab\n\nText.", "Tab"),
        ("# Using C#\n\nText.", "Using C#"),
        ("Parcel guide\n============\n\nText.", "Parcel guide"),
        ("# [Crate `Lock`](lock.md)\n\nText.", "Crate Lock"),
        ("# *Crate*  **Lock**\n\nText.", "Crate Lock"),
        ("````md\n```sh\n# comment\n```\n````\n\n# Real\n\nText.", "Real"),
        ("```npm i tool```\n\n# Real\n\nText.", "Real"),
        ("<!--\n# Licence\n-->\n# Real\n\nText.", "Real"),
        ("---\ntitle: '{{ page.title }}'\n---\n# Real\n\nText.", "Real"),
        ("---\ntitle: '{% title %}'\n---\n# {{ page.title }}\n\nText.", "a"),
        ('<h1 align="center">Real</h1>\n\n## Two\n\nText.', "Real"),
        ("# Real {/*real*/}\n\nText.", "Real"),
        ("# " + "x" * 300 + "\n\nText.", "x" * 199 + "…"),
    ],
)
def test_the_title_is_the_first_heading_or_the_name_of_the_file(text, title):
    write({"a.md": text})
    assert titles() == {"a.md": title}


def _titled(data: bytes) -> Converted:
    title, text = data.decode().split("|")
    return Converted(text, title or None)


@pytest.mark.parametrize(
    ("data", "title"),
    [("Of the document|# Heading\n\nText.\n", "Of the document"), ("|# Heading\n\nText.\n", "Heading"),
     ("  two\nlines|Text.\n", "two lines"), ("|Text.\n", "a")],
)  # fmt: skip
def test_a_title_that_the_document_gives_comes_first(monkeypatch, data, title):
    monkeypatch.setitem(FORMATS, ".titled", Format("titled", _titled))
    write({"a.titled": data})
    assert titles() == {"a.titled": title}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"a/README.md": "Intro", "b/README.md": "Intro"}, ["Intro (a)", "Intro (b)"]),
        ({"README.md": "Intro", "b/README.md": "Intro"}, ["Intro", "Intro (b)"]),
        ({"a/x/README.md": "Intro", "b/x/README.md": "Intro", "c/README.md": "Intro"},
         ["Intro (a/x)", "Intro (b/x)", "Intro (c)"]),
        ({"a/x.md": "Intro", "a/y.md": "Intro", "b/x.md": "Intro"}, ["Intro (a/x)", "Intro (a/y)", "Intro (b)"]),
        ({"x.md": "Intro", "y.md": "Intro"}, ["Intro (x)", "Intro (y)"]),
        ({"a/x.md": "Intro", "b/x.md": "Intro", "c.md": "Intro (a)"}, ["Intro (a/x)", "Intro (b)", "Intro (a)"]),
        ({"x.md": "Intro", "y.md": "Intro", "z.md": "Intro (x)"}, ["Intro (x, 2)", "Intro (y)", "Intro (x)"]),
        ({"a.md": "Intro", "b.md": "intro"}, ["Intro", "intro"]),
    ],
)  # fmt: skip
def test_equal_titles_are_told_apart_by_their_folders(sources, expected):
    write({path: f"# {title}\n\nText." for path, title in sources.items()})
    assert titles() == dict(zip(sources, expected, strict=True))


# Ids


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["a.md", "b/c.d.txt"], ["a", "b/c.d"]),
        (["a.md", "a.txt", "a.pdf"], ["a", "a.txt", "a.pdf"]),
        (["a.docx", "a.pdf"], ["a.docx", "a"]),
        (["b.txt", "b.md/c.md"], ["b.txt", "b.md/c"]),
        (["a.md", "a.txt", "a.txt.md"], ["a", "a.txt (2)", "a.txt"]),
        (["A.md", "a.txt"], ["A", "a.txt"]),
        (["a.MD"], ["a"]),
        (["x" * 251 + ".md", "x" * 251 + ".txt"], ["x" * 251, "x" * 248 + ".txt"]),
        (["a/" + "ä" * 125 + ".md", "a/" + "ä" * 125 + ".txt"], ["a/" + "ä" * 125, "a/" + "ä" * 124 + ".txt"]),
        (
            ["x" * 250 + "y.md", "x" * 250 + "y.txt", "x" * 250 + "z.md", "x" * 250 + "z.txt"],
            ["x" * 250 + "y", "x" * 248 + ".txt", "x" * 250 + "z", "x" * 244 + ".txt (2)"],
        ),
    ],
)
def test_ids_are_paths_without_the_suffix_and_each_has_a_file_of_its_own(paths, ids):
    assert [ids_of(paths)[path] for path in paths] == ids
    assert ids_of(paths[::-1]) == ids_of(paths)


# What is read, and what is skipped


def test_all_that_is_in_a_folder_is_read_or_told(tmp_path):
    write({"a.md": "# A\n\nText.", "b.txt": "Text.", "c/d.md": "# D\n\nText.", "c/e.Md": "# E\n\nText."})
    write(dict.fromkeys(("1.png", "2.PNG", "3.png", "4.png", "5.zip", "LICENSE"), b"\x89PNG"))
    write({"empty.md": "", "blank.txt": " \n\t\n", "titles.md": "# T\n\nU\n=\n\n---\n", "large.md": "x" * 1001})
    write({".hidden.md": "# H", ".git/x.md": "# H", "drafts/x.md": "# H", "c/line\nbreak.md": "# H"})
    write({os.fsdecode(b"latin\xe9.md"): "# H", os.fsdecode(b"dir\xe9/x.md"): "# H"})
    link("docs/broken.md", "nowhere")
    link("docs/loop", "loop")
    os.mkfifo("docs/fifo.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("docs/socket")
    reading = read(exclude=["drafts/"], max_megabytes=0.001)
    assert [document.id for document in reading.documents] == ["a", "b", "c/d", "c/e"]
    assert "\n".join(reading.told) == (
        "articles: 4 from docs (3 Markdown, 1 plain text), 39 characters\n"
        "skipped: 17, listed in data/articles/skipped.jsonl\n"
        "  not a document: 4 .png, 1 .zip, 1 without suffix (1.png, 2.PNG, 3.png and 3 more)\n"
        "  a link that leads nowhere: 1 Markdown, 1 without suffix (broken.md, loop)\n"
        "  empty: 1 Markdown, 1 plain text (blank.txt, empty.md)\n"
        "  its name is not UTF-8; rename it: 1 Markdown, 1 folder (dir\\xe9/, latin\\xe9.md)\n"
        "  neither a file nor a folder: 1 Markdown, 1 without suffix (fifo.md, socket)\n"
        "  its name holds a line break or another control character; rename it: 1 Markdown (c/line\\nbreak.md)\n"
        "  larger than articles.folder.max_megabytes (0.001): 1 Markdown (large.md)\n"
        "  nothing but headings: 1 Markdown (titles.md)\n"
        "left out: 2 hidden, 1 excluded (a folder counts as one)"
    )
    assert [(skipped.path, skipped.kind) for skipped in reading.skipped] == [
        (".git/", "folder"), (".hidden.md", "Markdown"), ("1.png", ".png"), ("2.PNG", ".png"), ("3.png", ".png"),
        ("4.png", ".png"), ("5.zip", ".zip"), ("LICENSE", "without suffix"), ("blank.txt", "plain text"),
        ("broken.md", "Markdown"), ("c/line\\nbreak.md", "Markdown"), ("dir\\xe9/", "folder"),
        ("drafts/", "folder"), ("empty.md", "Markdown"), ("fifo.md", "Markdown"), ("large.md", "Markdown"),
        ("latin\\xe9.md", "Markdown"), ("loop", "without suffix"), ("socket", "without suffix"),
        ("titles.md", "Markdown"),
    ]  # fmt: skip


def test_what_may_not_be_read_is_skipped():
    write({"a.md": "# A\n\nText.", "b.md": "# B\n\nText.", "closed/c.md": "# C\n\nText."})
    with closed("docs/b.md", "docs/closed"):
        assert reasons() == {
            "b.md": "not readable (Permission denied)",
            "closed/": "not readable (Permission denied)",
        }


def test_the_lines_at_the_end_are_few_and_short(monkeypatch):
    def refuse(data: bytes) -> Converted:
        raise Unreadable(f"damaged at {data.decode()}")

    monkeypatch.setitem(FORMATS, ".bad", Format("bad", refuse))
    write({f"{'long' * 20}{number:02}.bad": f"{number % 14:02}" for number in range(40)} | {"a.md": "Text."})
    write({f"x.{number}": "" for number in range(12)})
    told = read().told
    short = {number: f"…{('long' * 20 + f'{number:02}.bad')[-59:]}" for number in range(40)}
    assert told[1] == "skipped: 52, listed in data/articles/skipped.jsonl"
    assert told[2] == (
        "  not a document: 1 .0, 1 .1, 1 .10, 1 .11, 1 .2, 1 .3, 1 .4, 1 .5, 1 .6, 3 of 3 other kinds "
        "(x.0, x.1, x.10 and 9 more)"
    )
    assert told[3] == f"  damaged at 00: 3 bad ({short[0]}, {short[14]}, {short[28]})"
    assert told[14:] == ["  3 other reasons: 7"]


@pytest.mark.parametrize(
    ("params", "read_too", "left_out"),
    [
        ({}, ["a.md", "b/c.md", "b/d.txt", "drafts/e.md"], {}),
        ({"include": ["*.md"]}, ["a.md", "b/c.md", "drafts/e.md"], {"b/d.txt": "not included"}),
        ({"include": ["b"]}, ["b/c.md", "b/d.txt"], {"a.md": "not included", "drafts/e.md": "not included"}),
        ({"exclude": ["/drafts/", "*.txt"]}, ["a.md", "b/c.md"], {"b/d.txt": "excluded", "drafts/": "excluded"}),
        ({"include": ["*.md"], "exclude": ["b/*", "!c.md"]}, ["a.md", "b/c.md", "drafts/e.md"],
         {"b/d.txt": "excluded"}),
    ],
)  # fmt: skip
def test_patterns_say_what_is_read(params, read_too, left_out):
    write({path: f"# {path}\n\nText." for path in ("a.md", "b/c.md", "b/d.txt", "drafts/e.md")})
    assert list(titles(strict=True, **params)) == read_too  # what is left out on purpose is no fault
    assert reasons(**params) == left_out


def test_patterns_leave_out_odd_names_and_names_that_are_too_long_for_an_id():
    long = "x" * 251
    odd = os.fsdecode(b"latin\xe9")
    write({f"{long}.md": "Text.", f"{long}.txt": "Text.", f"{odd}.md": "", f"{odd}/a.md": "", "a/line\nbreak.md": ""})
    assert list(titles(strict=True, exclude=["latin*", "a/line*"])) == [f"{long}.md", f"{long}.txt"]
    _stage(strict=True, include=["x*"], exclude=["latin*/"])
    assert sorted(path.name for path in Path("data/articles").glob("*.md")) == [f"{'x' * 248}.txt.md", f"{long}.md"]


def test_strict_allows_nothing_to_be_skipped():
    write({"a.md": "# A\n\nText.", "b.md": "", "c.png": "", ".d.md": ""})
    assert fault(read, strict=True) == (
        "docs: articles.folder.strict allows nothing to be skipped.\n"
        "skipped: 2\n"
        "  empty: 1 Markdown (b.md)\n"
        "  not a document: 1 .png (c.png)\n"
        "left out: 1 hidden (a folder counts as one)\n"
        "Put them right, name them in articles.folder.exclude, or set articles.folder.strict to false."
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", " must be a folder. Got 'nowhere', which does not exist."),
        ("file.md", " must be a folder. Got 'file.md', which is a file."),
        ("empty", ": must hold documents. Got 'empty', which is empty."),
        (
            "pictures",
            ": must hold documents. Got 'pictures', in which nothing can be read:\n"
            "skipped: 2\n  empty: 1 Markdown (b.md)\n  not a document: 1 .png (a.png)",
        ),
        (
            ".",
            " must not hold data/articles, where this stage writes. Got '.': "
            "put the documents in a folder of their own.",
        ),
    ],
)
def test_folders_that_are_refused(path, message):
    write({"a.png": "", "b.md": " "}, "pictures")
    Path("empty").mkdir()
    Path("file.md").write_text("# A")
    assert fault(read_folder, FolderParams(path=path)) == f"params.yaml: articles.folder.path{message}"


def _koi8(data: bytes) -> Converted:
    return Converted(data.decode("koi8-r"), None, None if data.isascii() else "koi8-r")


def test_another_encoding_is_told(monkeypatch):
    monkeypatch.setitem(FORMATS, ".koi", Format("koi", _koi8))
    write({f"{number}.koi": "Текст.\n".encode("koi8-r") for number in range(5)} | {"ascii.koi": "Text.\n"})
    assert read().told == [
        "articles: 6 from docs (6 koi), 41 characters",
        "not UTF-8, read as koi8-r: 5 (0.koi, 1.koi, 2.koi and 2 more)",
    ]


def _lossy(data: bytes) -> Converted:
    return Converted(data.decode(), notes=("page 2 has no text",))


def test_what_was_lost_of_a_document_is_told_and_listed(monkeypatch):
    monkeypatch.setitem(FORMATS, ".lossy", Format("lossy", _lossy, ("pytest",)))
    write({"a.lossy": "Text.\n", "b.lossy": "Text.\n"})
    first = read(strict=True)  # as the documents themselves are read
    assert first == read(strict=True)  # from the store
    assert first.told == [
        "articles: 2 from docs (2 lossy), 12 characters",
        "read in part, listed in data/articles/skipped.jsonl:",
        "  page 2 has no text: 2 lossy (a.lossy, b.lossy)",
    ]
    assert first.skipped == [
        Skipped(path=f"{name}.lossy", kind="lossy", reason="page 2 has no text", partly=True) for name in "ab"
    ]


def test_pages_of_text_that_is_kept_elsewhere_are_told_together():
    write({"a.mdx": '---\ntitle: A\n---\n<Typedoc src="a" />', "b.mdx": '<Typedoc src="b" />'})
    write({"c.rst": "C\n=\n\n.. include:: ../c.rst\n", "d.rst": ".. include:: d.txt\n\nText.\n"})
    write({"e.mdx": 'Text.\n\n<Include src="e" />'})
    reading = read()
    assert reading.told == [
        "articles: 2 from docs (1 MDX, 1 reStructuredText), 12 characters",
        "skipped: 3, listed in data/articles/skipped.jsonl",
        "  empty; text that is kept elsewhere is not read: 2 MDX (a.mdx, b.mdx)",
        "  nothing but headings; text that is kept elsewhere is not read: 1 reStructuredText (c.rst)",
        "read in part, listed in data/articles/skipped.jsonl:",
        "  text that is kept elsewhere is not read: 1 MDX, 1 reStructuredText (d.rst, e.mdx)",
    ]
    assert reasons()["b.mdx"] == "empty; text that is kept elsewhere is not read (<Typedoc> b)"
    assert reasons()["d.rst"] == "text that is kept elsewhere is not read (include d.txt)"


# Links


@pytest.mark.parametrize(
    ("links", "sources", "told"),
    [
        ({"docs/b": "../real"}, ["a.md", "b/deep/y.md", "b/x.md"],
         ["links to folders, read where they lead: b",
          "DVC does not notice changes in b: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b": "../real", "docs/c": "../real"}, ["a.md", "b/deep/y.md", "b/x.md"],
         ["links to folders, read where they lead: b", "reached twice, read once: c/",
          "DVC does not notice changes in b: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b": "../real/deep", "docs/c": "../real"}, ["a.md", "b/y.md", "c/x.md"],
         ["links to folders, read where they lead: b, c", "reached twice, read once: c/deep/",
          "DVC does not notice changes in b, c: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b": "../real", "real/back": "../docs", "real/self": "."}, ["a.md", "b/deep/y.md", "b/x.md"],
         ["links to folders, read where they lead: b", "reached twice, read once: b/back/, b/self/",
          "DVC does not notice changes in b: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b": "../real", "real/more": "../other"}, ["a.md", "b/deep/y.md", "b/more/z.md", "b/x.md"],
         ["links to folders, read where they lead: b, b/more",
          "DVC does not notice changes in b, b/more: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b.md": "../real/x.md", "docs/c.md": "../real/x.md", "docs/0.md": "a.md"}, ["a.md", "b.md"],
         ["links to files, read where they lead: b.md", "reached twice, read once: 0.md, c.md"]),
        ({"docs/up": ".."}, ["a.md"],
         ["skipped: 1, listed in data/articles/skipped.jsonl",
          "  a link to a folder that holds this one: 1 folder (up/)"]),
        ({"docs/b": "../data"}, ["a.md", "b/w.md"],
         ["skipped: 1, listed in data/articles/skipped.jsonl", "  where this stage writes: 1 folder (b/articles/)",
          "links to folders, read where they lead: b",
          "DVC does not notice changes in b: after one, run `dvc repro --force articles`, then `dvc repro`."]),
        ({"docs/b": "../data/articles"}, ["a.md"],
         ["skipped: 1, listed in data/articles/skipped.jsonl", "  where this stage writes: 1 folder (b/)"]),
        ({"docs/.b": "../real"}, ["a.md"], ["left out: 1 hidden (a folder counts as one)"]),
    ],
)  # fmt: skip
def test_links_are_followed_once(links, sources, told):
    write({"a.md": "# A\n\nText."})
    write({"x.md": "# X\n\nText.", "deep/y.md": "# Y\n\nText."}, "real")
    write({"z.md": "# Z\n\nText."}, "other")
    write({"w.md": "# W\n\nText.", "articles/a.md": "# A\n\nText."}, "data")
    for path, target in links.items():
        link(path, target)
    reading = read()
    assert [document.source for document in reading.documents] == sources
    assert reading.told[1:] == told


def test_the_folder_itself_may_be_a_link():
    write({"a.md": "# A\n\nText."}, "real")
    link("docs", "real")
    reading = read(strict=True)
    assert (reading.documents[0].source, reading.told) == (
        "a.md",
        ["articles: 1 from docs (1 Markdown), 11 characters"],
    )


def test_an_experiment_in_a_copy_reads_the_same(tmp_path, monkeypatch):
    """`dvc exp run --temp` links what git ignores, so that every file there is a link."""
    write({"b.md": "# B\n\nText."})
    write({"x.md": "# X\n\nText."}, "real")
    link("docs/a.md", "b.md")
    link("docs/c", "../real")
    here = read()
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    Path("params.yaml").write_text(
        "articles: {source: folder, botocore: {version: x, services: [s3]}, folder: {path: docs}}"
    )
    articles.main()
    assert read() == here
    assert [document.source for document in here.documents] == ["b.md", "c/x.md"]
    assert [row.source for row in read_articles()] == ["b.md", "c/x.md"]


# Real DVC


GRAPH = "stages: {articles: {cmd: date +%N > out, deps: [docs], outs: [out]}}"


def dvc(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("dvc"), *command], capture_output=True, text=True, check=False
    )


@pytest.fixture
def pipeline(tmp_path):
    write({"a.md": "# A\n\nText."})
    write({"x.md": "# X\n\nText."}, "real")
    assert dvc("init", "--no-scm", "--quiet").returncode == 0
    Path("dvc.yaml").write_text(GRAPH)


@pytest.mark.parametrize(("place", "noticed"), [("docs/b", False), ("docs/x.md", True), ("docs", True)])
def test_what_dvc_notices_behind_a_link(pipeline, place, noticed):
    if place == "docs":
        Path("docs/a.md").unlink()
        Path("docs").rmdir()
    link(place, os.path.relpath("real/x.md" if place.endswith(".md") else "real", Path(place).parent))
    assert dvc("repro").returncode == 0
    before = Path("out").read_text()
    Path("real/x.md").write_text("# X\n\nAnother text.")
    assert dvc("repro").returncode == 0
    assert (Path("out").read_text() != before) == noticed
    assert bool(read().told[-1].startswith("DVC does not notice")) != noticed
    assert dvc("repro", "--force", "articles").returncode == 0
    assert Path("out").read_text() != before


def _broken() -> None:
    link("docs/b.md", "nowhere")


def _socket() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("docs/b.md")


def _latin() -> None:
    write({os.fsdecode(b"\xe9.md"): ""})


def _dvcignore() -> None:
    write({"b/.dvcignore": ""})


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (_broken, "b.md: a link that leads nowhere"),
        (_socket, "b.md: neither a file nor a folder"),
        (_latin, "\\xe9.md: its name is not UTF-8; rename it"),
        (_dvcignore, "b/.dvcignore: DVC allows it only outside of what it hashes"),
    ],
)
def test_check_tells_what_dvc_refuses(pipeline, make, line):
    documents.refuse_what_dvc_refuses(Path("docs"))
    make()
    rule = "docs: DVC cannot hash this folder. Remove or rename what it refuses, or name it in .dvcignore:"
    assert fault(documents.refuse_what_dvc_refuses, Path("docs")) == f"{rule}\n  {line}"
    assert dvc("repro").returncode == 255


def test_check_tells_what_dvc_would_wait_for_or_may_not_read(pipeline):
    os.mkfifo("docs/fifo")
    write({"closed/x.md": "", "secret.md": ""})
    with closed("docs/closed", "docs/secret.md"):
        assert fault(documents.refuse_what_dvc_refuses, Path("docs")).splitlines()[1:] == [
            "  closed/: not readable (Permission denied)",
            "  fifo: neither a file nor a folder",
            "  secret.md: not readable (Permission denied)",
        ]


def test_what_dvc_does_not_look_at_is_no_fault(pipeline):
    os.mkfifo("docs/fifo")
    Path(".dvcignore").write_text("/docs/fifo\n")
    link("real/broken", "nowhere")
    link("docs/b", "../real")  # DVC does not look behind it
    write({"repository/.dvc/config": "", "repository/y.md": "# Y\n\nText."})
    link("docs/repository/broken", "nowhere")
    documents.refuse_what_dvc_refuses(Path("docs"))
    assert dvc("repro").returncode == 0
    assert read().told[-3:] == [
        "links to folders, read where they lead: b",
        "DVC repositories of their own: repository",
        "DVC does not notice changes in b, repository: after one, run `dvc repro --force articles`, then `dvc repro`.",
    ]


def test_check_tells_what_a_folder_holds():
    write({"a.md": "# A", "b.txt": "B", "c.png": "", "d.png": "", ".e": "", "f/g.md": "# G"})
    assert documents.held("docs", walk(FolderParams(path="docs", exclude=["f/"]))) == (
        "docs: 2 to read (1 Markdown, 1 plain text); skipped: 2 (2 .png); left out: 1 hidden, 1 excluded (a folder "
        "counts as one)"
    )


# Conversions


class Slow:
    """A format whose conversions are counted; `fails` makes one fail."""

    def __init__(self):
        self.converted: list[str] = []
        self.fails: dict[str, BaseException] = {}

    def __call__(self, data: bytes) -> Converted:
        text = data.decode()
        if text in self.fails:
            raise self.fails[text]
        self.converted.append(text)
        return Converted(f"{text}\n", f"Title of {text}")


@pytest.fixture
def slow(monkeypatch) -> Slow:
    convert = Slow()
    monkeypatch.setitem(FORMATS, ".slow", Format("slow", convert, ("pytest",)))
    return convert


def test_one_changed_document_converts_no_other_one(slow):
    write({"a.slow": "A", "b.slow": "B", "c.slow": "C"})
    first = read()
    write({"b.slow": "B2"})
    assert [document.title for document in read().documents] == ["Title of A", "Title of B2", "Title of C"]
    write({"b.slow": "B"})
    assert read() == first
    assert slow.converted == ["A", "B", "C", "B2"]


def test_another_version_of_the_library_converts_again(slow, monkeypatch):
    write({"a.slow": "A"})
    read()
    monkeypatch.setitem(FORMATS, ".slow", Format("slow", slow, ("pydantic",)))
    read()
    assert slow.converted == ["A", "A"]


def test_the_libraries_of_a_format_are_installed():
    assert {name for format in FORMATS.values() for name in format.libraries if version_of(name) is None} == set()


def test_a_run_that_was_stopped_goes_on_where_it_was(slow):
    write({"a.slow": "A", "b.slow": "B", "c.slow": "C"})
    slow.fails["C"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        read()
    slow.fails.clear()
    assert len(read().documents) == 3
    assert slow.converted == ["A", "B", "C"]


def test_what_cannot_be_read_is_not_tried_again(slow):
    write({"a.slow": "A", "b.slow": "B"})
    slow.fails["B"] = Unreadable("encrypted; save it without a password")
    assert reasons() == {"b.slow": "encrypted; save it without a password"}
    slow.fails.clear()
    assert reasons() == {"b.slow": "encrypted; save it without a password"}
    assert slow.converted == ["A"]


def test_what_a_library_converts_is_stored_and_what_takes_no_time_is_not():
    write({"a.md": "# A\n\nText.", "b.txt": "Text."})
    first = read()
    assert not Path(".cache").exists()
    write(
        {"c.html": "<title>C</title><main><h1>C</h1><p>Text.</p></main>", "d.rst": "D\n=\n\nText.\n", "e.pdf": "%PDF"}
    )
    second = read()
    assert second == read()
    assert second.documents[: len(first.documents)] == first.documents
    assert [document.title for document in second.documents[2:]] == ["C", "D"]
    with Store("conversions") as store:
        assert store.size().entries == 3  # the damaged one, too


# The stage


def _stage(**folder) -> None:
    section = {
        "source": "folder",
        "botocore": {"version": "1", "services": ["s3"]},
        "folder": {"path": "docs"} | folder,
    }
    Path("params.yaml").write_text(repr({"articles": section}).replace("True", "true"))
    articles.main()


def test_the_stage_lists_all_that_it_skipped(capsys):
    write({"a.md": "# A\n\nText.", "b.md": "", "c.png": ""})
    _stage()
    assert list(read_jsonl(Path("data/articles/skipped.jsonl"), Skipped)) == [
        Skipped(path="b.md", kind="Markdown", reason="empty"),
        Skipped(path="c.png", kind=".png", reason="not a document"),
    ]
    assert capsys.readouterr().err.splitlines()[2:] == [
        "articles: 1 from docs (1 Markdown), 11 characters",
        "skipped: 2, listed in data/articles/skipped.jsonl",
        "  empty: 1 Markdown (b.md)",
        "  not a document: 1 .png (c.png)",
    ]


def test_a_failing_run_leaves_the_articles_of_the_last_one(capsys):
    write({"a.md": "# A\n\nText."})
    _stage()
    before = Path("data/articles/manifest.jsonl").read_bytes()
    write({"a.md": "# A\n\nAnother text.", "b.md": ""})
    with pytest.raises(SystemExit) as stop:
        _stage(strict=True)
    assert stop.value.code == 1
    assert (
        capsys.readouterr().err.splitlines()[-4] == "error: docs: articles.folder.strict allows nothing to be skipped."
    )
    assert Path("data/articles/manifest.jsonl").read_bytes() == before
    assert sorted(path.name for path in Path("data").iterdir()) == ["articles"]
