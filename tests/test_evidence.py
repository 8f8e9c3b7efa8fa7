"""Evidence is found by a quote, and found again when its article changed around it."""

import json
from pathlib import Path

import pytest

from tune_or_retrieve.__main__ import main
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text, write_jsonl
from tune_or_retrieve.base.records import Article, Evidence, Question
from tune_or_retrieve.commands import evidence

TEXT = "# StoreCrate\n\nStores a crate. A shelf holds\nat most 40 crates.\n\n- Crates are stored. A crate is red.\n"


def span_of(quote: str, text: str = TEXT) -> Evidence:
    start = text.index(quote)
    return Evidence(article_id="depot/store-crate", start=start, end=start + len(quote), sha256=sha256_text(quote))


def question(*evidence: Evidence) -> Question:
    row = {"question": "?", "reference": "!", "service": "depot", "kind": "limit", "slice": "seen"}
    return Question(id="q1", set="handwritten", evidence=list(evidence), **row)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("A shelf holds\nat most 40 crates.", "A shelf holds\nat most 40 crates."),
        ("  A shelf holds at most   40 crates. ", "A shelf holds\nat most 40 crates."),
        ("Stores a crate.", "Stores a crate."),
        ("a crate", "a crate"),  # "A crate" is another word
    ],
)
def test_locate(quote, found):
    assert evidence.locate("depot/store-crate", TEXT, quote) == span_of(found)


@pytest.mark.parametrize(
    ("quote", "says"),
    [
        ("A shelf holds 41", "does not hold the quote: 'A shelf holds 41'."),
        ("rate", "holds the quote 5 times; make it longer: 'rate'."),
        (" \n", ": the quote is empty."),
    ],
)
def test_locate_refuses(quote, says):
    with pytest.raises(StageError) as fault:
        evidence.locate("depot/store-crate", TEXT, quote)
    joined = "" if says.startswith(":") else " "
    assert str(fault.value) == f"article depot/store-crate{joined}{says}"


@pytest.mark.parametrize(
    "text", [TEXT, "Preface.\n" + TEXT, TEXT.removeprefix("# StoreCrate\n\n"), TEXT + TEXT[:13] + "More."]
)
def test_refresh_finds_a_passage_that_moved(text):
    quotes = ("A shelf holds\nat most 40 crates.", "A crate is red.")
    [refreshed] = evidence.refresh([question(*map(span_of, quotes))], {"depot/store-crate": text})
    assert refreshed.evidence == [span_of(quote, text) for quote in quotes]


def test_refresh_takes_the_nearest_of_equal_passages():
    text = "Red. Blue. Red. "
    second = Evidence(article_id="depot/store-crate", start=10, end=14, sha256=sha256_text("Red."))
    [refreshed] = evidence.refresh([question(second)], {"depot/store-crate": text})
    assert (refreshed.evidence[0].start, refreshed.evidence[0].end) == (11, 15)


def test_refresh_names_every_passage_that_is_gone():
    other = span_of("A crate is red.").model_copy(update={"article_id": "depot/lost"})
    with pytest.raises(StageError) as fault:
        evidence.refresh(
            [question(span_of("A crate is red."), other)], {"depot/store-crate": TEXT.replace("red", "blue")}
        )
    assert str(fault.value) == (
        "2 passages lost:\n"
        "  question q1, evidence 1: no longer in article depot/store-crate.\n"
        "  question q1, evidence 2: no longer in article depot/lost.\n"
        "  Find each of them again: tune-or-retrieve evidence locate <article id> <quote>"
    )


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    article = Article(
        id="depot/store-crate",
        title="StoreCrate (Depot)",
        service="depot",
        service_name="Depot",
        kind="operation",
        source="by hand",
        path="store-crate.md",
        characters=len(TEXT),
        sha256=sha256_text(TEXT),
    )
    write_jsonl(Path("data/articles/manifest.jsonl"), [article])
    Path("data/articles/store-crate.md").write_text(TEXT, encoding="utf-8")


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["tune-or-retrieve", "evidence", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    if end.value.code:
        raise end.value


def test_command_locate(workspace, monkeypatch, capsys):
    run(monkeypatch, "locate", "depot/store-crate", "A crate is red.")
    assert Evidence(**json.loads(capsys.readouterr().out)) == span_of("A crate is red.")


def test_command_refresh(workspace, monkeypatch, capsys):
    stale = span_of("A crate is red.", "A crate is red.")
    write_jsonl(Path("q.jsonl"), [question(stale)])
    run(monkeypatch, "refresh", "q.jsonl")
    run(monkeypatch, "refresh", "q.jsonl")
    assert capsys.readouterr().out == (
        "q.jsonl: 1 of 1 questions had moved evidence.\nq.jsonl: 0 of 1 questions had moved evidence.\n"
    )
    assert [row.evidence for row in read_jsonl(Path("q.jsonl"), Question)] == [[span_of("A crate is red.")]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["locate", "depot/none", "x"],
            "article depot/none: not in data/articles/manifest.jsonl, which lists all ids.",
        ),
        (
            ["refresh", "none.jsonl"],
            "none.jsonl: no such file. Name a file of questions, such as data/eval/questions.jsonl.",
        ),
    ],
)
def test_command_refuses(workspace, monkeypatch, capsys, arguments, says):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert capsys.readouterr().err == f"error: {says}\n"
