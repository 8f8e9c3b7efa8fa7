"""Pairs of two facts of one article, and comparisons of two operations."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import HashingEmbedder
from test_end_to_end import CHANGES
from test_qa import EMBEDDING, make, pair, params, question, quote
from test_qa_facts import article, operation
from test_qa_prose import CORPUS, document

from stages.qa.balance import KINDS, pick
from stages.qa.build import build
from stages.qa.deduplicate import MOST_TOGETHER, exact
from stages.qa.extractive import generate
from stages.qa.leakage import gate, hits
from stages.qa.params import LeakageParams
from stages.qa.prose import phrasings as prose
from stages.qa.reference import phrasings as reference
from stages.qa.reference.comparison import related
from stages.qa.split import split_articles
from stages.qa.verify import verify
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Article, Pair

LEAKAGE = LeakageParams(ngram=8, similarity=0.97)
SEEDS = range(25)  # so many give each phrasing of a form a chance


def combined(text: str, kind: str = "two_facts") -> list[Pair]:
    """What the generator makes of one operation and each of many seeds, and verification lets through."""
    row = article(text)
    pairs = [p for seed in SEEDS for p in generate([row], {row.id: text}, seed) if p.kind == kind]
    sound, _ = verify(pairs, [row], {row.id: text})
    return sound


def twins(first: str, second: str, names=("CreateBoat", "DeleteBoat")) -> tuple[list[Article], dict[str, str]]:
    articles, texts = [], {}
    for name, text in zip(names, (first, second), strict=True):
        id_ = f"harbour/{name.lower()}"
        texts[id_] = text.replace("RentBoat", name)
        articles.append(article(texts[id_], f"{name} (Harbour)").model_copy(update={"id": id_, "path": f"{id_}.md"}))
    return articles, texts


def compared(first: str, second: str) -> list[Pair]:
    articles, texts = twins(first, second)
    pairs = [p for seed in SEEDS for p in generate(articles, texts, seed) if p.kind == "comparison"]
    sound, rejected = verify(pairs, articles, texts)
    assert rejected == []
    return sound


# Two facts of one article


@pytest.mark.parametrize(
    ("parts", "asked", "answer"),
    [
        (
            {"parameter": "`Colour` is an optional string of 3 to 10 characters.\n\nThe paint. The default is `RED`."},
            ("how long can it be, and what is its default?", "be, and what is the default?"),
            "The Colour parameter of RentBoat (Harbour) must be 3 to 10 characters long. The default value is RED.",
        ),
        (
            {"parameter": "`Colour` is an optional string of 3 to 10 characters."},
            ("can I leave it out, and how long can it be?", "Is it OK to call"),
            "The Colour parameter of RentBoat (Harbour) is optional; it is a string. The value must be 3 to 10 "
            "characters long.",
        ),
        (
            {
                "parameter": "`Colour` is a required string. The valid values of `Colour` are `RED` and `BLUE`.\n\n"
                "- `RED` - Applies lead to the hull of the boat."
            },
            ("what does RED mean", "what does the value RED do"),
            "The valid values of the Colour parameter of RentBoat (Harbour) are RED and BLUE. The RED value applies "
            "lead to the hull of the boat.",
        ),
        (
            {"parameter": "`Colour` is an optional string.\n\nIf you omit this parameter, the boat stays white."},
            ("what happens if I leave it out?", "what happens without it?"),
            "The Colour parameter of RentBoat (Harbour) is optional; it is a string. If you omit the Colour parameter, "
            "the boat stays white.",
        ),
        (
            {
                "description": "Assigns a free boat to the caller.",
                "errors": "- `BoatTaken`: The specified boat is at sea already.",
            },
            ("which error do I get if the specified boat is at sea already?",),
            "Call the RentBoat operation of Harbour, which assigns a free boat to the caller. RentBoat returns "
            "BoatTaken if the specified boat is at sea already.",
        ),
        (
            {
                "description": "Assigns a free boat to the caller.\n\n"
                "To use this operation, you must have the `harbour:RentBoat` permission."
            },
            ("and which permission do I need?", "and which permission is required?"),
            "The RentBoat operation of Harbour assigns a free boat to the caller. To call RentBoat, you must have the "
            "harbour:RentBoat permission.",
        ),
        (
            {
                "description": "You cannot rent a boat that is at sea already. Instead, use ReturnBoat to free the "
                "boat first."
            },
            ("if not, what do I do?", "and what should I do if not?", "what can I do if I cannot?"),
            "No, you cannot rent a boat that is at sea already. Use ReturnBoat to free the boat first.",
        ),
        (
            {"errors": "- `A1`: The specified boat is at sea already.\n\n- `B2`: The specified harbour is frozen."},
            ("and when does it return B2?", "and why would it return B2?"),
            "RentBoat (Harbour) returns A1 if the specified boat is at sea already. RentBoat returns B2 if the "
            "specified harbour is frozen.",
        ),
    ],
)
def test_two_facts_in_one_question_and_two_sentences(parts, asked, answer):
    pairs = [p for p in combined(operation(**parts)) if p.answer == answer]
    assert any(words in p.question for p in pairs for words in asked), {p.question for p in pairs}
    assert all(p.question.count("?") == 1 for p in pairs)


def test_a_pair_of_two_facts_quotes_both():
    text = operation(
        description="Assigns a free boat to the caller.", errors="- `Taken`: The specified boat is at sea already."
    )
    (quotes,) = {tuple(q.text for q in p.evidence) for p in combined(text) if p.phrasing == "two_facts.error"}
    assert quotes == ("Assigns a free boat to the caller.", "The specified boat is at sea already.")


def test_all_required_parameters_are_quoted():
    text = operation(
        description="Assigns a free boat to the caller.",
        parameter="`Colour` is a required string.\n\n### Size\n\n`Size` is a required integer.\n\n"
        "### Name\n\n`Name` is an optional string.",
    )
    pairs = [p for p in combined(text) if p.answer.endswith("The Colour and Size parameters of RentBoat are required.")]
    assert {tuple(q.text for q in p.evidence[1:]) for p in pairs} == {
        ("`Colour` is a required string.", "`Size` is a required integer.")
    }


# Comparisons


@pytest.mark.parametrize(
    ("first", "second", "answers"),
    [
        (
            {"description": "Adds a boat to the harbour."},
            {"description": "Removes a boat from the harbour."},
            {
                "The CreateBoat operation of Harbour adds a boat to the harbour. DeleteBoat removes a boat from the "
                "harbour.",
                "The DeleteBoat operation of Harbour removes a boat from the harbour. CreateBoat adds a boat to the "
                "harbour.",
            },
        ),
        (
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            {"parameter": "`Colour` is a required string of 3 to 20 characters."},
            {
                "The Colour parameter of CreateBoat (Harbour) must be 3 to 10 characters long. With DeleteBoat, the "
                "value must be 3 to 20 characters long.",
                "The Colour parameter of DeleteBoat (Harbour) must be 3 to 20 characters long. With CreateBoat, the "
                "value must be 3 to 10 characters long.",
            },
        ),
        (
            {"parameter": "`Colour` is a required string."},
            {"parameter": "`Colour` is an optional string."},
            {
                "The Colour parameter of CreateBoat (Harbour) is required; it is a string. With DeleteBoat, the "
                "parameter is optional.",
                "The Colour parameter of DeleteBoat (Harbour) is optional; it is a string. With CreateBoat, the "
                "parameter is required.",
            },
        ),
        (  # nothing to tell apart
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            {"parameter": "`Colour` is a required string of 3 to 10 characters."},
            set(),
        ),
    ],
)
def test_the_same_kind_of_fact_in_two_operations(first, second, answers):
    pairs = compared(operation(**first), operation(**second))
    assert {p.answer for p in pairs} == answers
    assert all("CreateBoat" in p.question and "DeleteBoat" in p.question for p in pairs)
    assert all(p.articles == {"harbour/createboat", "harbour/deleteboat"} for p in pairs)


@pytest.mark.parametrize(
    ("a", "b", "akin"),
    [
        ("CreateAlias", "DeleteAlias", True),
        ("CreateAlias", "ListAliases", True),
        ("SendMessage", "SendMessageBatch", True),
        ("PutRolePolicy", "PutUserPolicy", True),
        ("CreateKey", "CreateAlias", False),  # the verb alone makes no kin
        ("TagResource", "GetPolicy", False),
    ],
)
def test_which_operations_are_compared(a, b, akin):
    assert related(a, b) == related(b, a) == akin


def test_a_comparison_must_name_both_operations():
    articles, texts = twins(
        operation(description="Adds a boat to the harbour."), operation(description="Removes a boat from the harbour.")
    )
    (good,) = [p for p in generate(articles, texts, 1) if p.kind == "comparison"]
    assert verify([good], articles, texts) == ([good], [])
    one = good.model_copy(update={"question": "What does CreateBoat in Harbour do, and what not?", "answer": "A boat."})
    assert [row.reason for row in verify([one], articles, texts)[1]] == ["question without its subject"]


# Deduplication, balance, split, gate


def test_a_sentence_stands_alone_once_and_in_few_combined_pairs():
    first = quote(text="First.")
    pairs = [pair(), pair(id="again", question="Another one?")]
    pairs += [
        pair(id=f"c{n}", question=f"Number {n}?", kind="two_facts", evidence=[first, quote(text=f"Second {n}.")])
        for n in range(MOST_TOGETHER + 2)
    ]
    kept, rejected = exact(pairs)
    assert [p.id for p in kept] == ["p1", *(f"c{n}" for n in range(MOST_TOGETHER))]
    assert {r.reason for r in rejected} == {"same evidence"}


def test_a_comparison_counts_for_each_of_its_articles():
    both = [quote(article_id="a"), quote(article_id="b")]
    pairs = [
        pair(id="1", evidence=both),
        pair(id="2", evidence=[quote(article_id="a")]),
        pair(id="3", evidence=[quote(article_id="b")]),
        pair(id="4", evidence=[quote(article_id="c")]),
    ]
    picked = pick(pairs, 9, max_per_article=1, characters=dict.fromkeys("abc", 100))
    counts = Counter(id_ for p in picked for id_ in p.articles)
    assert max(counts.values()) == 1
    assert "c" in counts


def test_kinds_come_in_their_shares():
    share = {kind: parts / sum(KINDS.values()) for kind, parts in KINDS.items()}
    assert 0.18 <= sum(share[kind] for kind in share if kind.startswith("two_facts")) <= 0.23
    assert 0.05 <= sum(share[kind] for kind in share if kind.startswith("comparison")) <= 0.08
    pairs = [
        pair(id=f"{kind}{n}", kind=kind.partition(".")[0], phrasing=kind, evidence=[quote(article_id=f"{kind}{n}")])
        for kind in KINDS
        for n in range(60)
    ]
    picked = pick(pairs, 200, 1, {p.evidence[0].article_id: 100 for p in pairs})
    for kind, expected in share.items():
        assert sum(p.phrasing == kind for p in picked) == pytest.approx(200 * expected, abs=2)


def test_compared_articles_go_to_the_same_part():
    articles, _ = twins(operation(), operation())
    articles = [row.model_copy(update={"id": f"{row.id}{n}"}) for n in range(20) for row in articles]
    twin = {frozenset({a.id, b.id}) for a, b in zip(articles[::2], articles[1::2], strict=True)}
    parts = split_articles(articles, {a.id: 3 for a in articles}, 6, 6, 1, twin)
    assert [len(part) for part in (parts.unseen, parts.validation, parts.train)] == [6, 6, 28]
    assert all(any(ids <= part for part in parts) for ids in twin)


def test_any_quote_of_a_pair_can_leak():
    second = quote(article_id="sky/moon", start=4, end=20)
    both = pair(kind="comparison", evidence=[*pair().evidence, second])
    (hit,) = hits([both], [question()], np.array([[0.1]]), LEAKAGE)
    assert (hit.reason, hit.detail) == ("evidence overlap", "sky/moon 4–20")
    elsewhere = pair(kind="comparison", evidence=[*pair().evidence, second.model_copy(update={"start": 30, "end": 40})])
    with pytest.raises(StageError, match="question q1 is unseen, but there are pairs from sky/moon"):
        gate([elsewhere], [], [question()], HashingEmbedder(), LEAKAGE)


def test_pairs_of_two_articles_stay_in_one_part():
    sets = make()
    combined_ = [p for p in [*sets.train, *sets.validation] if len(p.evidence) > 1]
    assert combined_
    trained = {a for p in sets.train for a in p.articles}
    validated = {a for p in sets.validation for a in p.articles}
    assert not trained & validated


# Phrasings, and corpora of documents


def test_every_form_has_several_phrasings():
    assert {form: len(phrasings) for form, phrasings in reference.PHRASINGS.items() if len(set(phrasings)) < 6} == {}
    assert all(prose.PHRASINGS.values())


def test_the_corpus_of_the_end_to_end_test_suffices_for_what_it_asks():
    texts = {str(path.relative_to(CORPUS))[:-3]: path.read_text() for path in sorted(Path(CORPUS).rglob("*.md"))}
    articles = [document(text, id_, text.split("\n")[0][2:]) for id_, text in texts.items()]
    wanted = {name: CHANGES[f"qa.{name}"] for name in ("pairs", "validation_pairs", "test_questions")}
    chosen = params(**wanted, leakage=LeakageParams(ngram=8, similarity=0.999), embedding=EMBEDDING)
    sets = build(generate(articles, texts, 7), articles, texts, HashingEmbedder(), chosen)
    assert [len(sets.train), len(sets.validation), len(sets.test)] == list(wanted.values())
    assert "two_facts" in {p.kind for p in sets.train}
