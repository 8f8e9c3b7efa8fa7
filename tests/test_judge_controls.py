"""Controls: what each maker makes, and what counts as ordered."""

import pytest

from stages.judge.controls.choosing import choose
from stages.judge.controls.controls import (
    FLATTERY,
    KINDS,
    Control,
    babble,
    flattery,
    flip_negation,
    half,
    make_controls,
    ordering,
    swap_name,
    swap_number,
    swap_unit,
)
from stages.judge.controls.paraphrase import paraphrase
from stages.judge.controls.role_swaps import swap_roles
from tune_or_retrieve.base.records import Pair, Quote


def pair(number: int, question: str, answer: str, service: str = "s3", kind: str = "limit") -> Pair:
    quote = Quote(article_id=f"{service}/{number}", start=0, end=1, text="x")
    return Pair(id=str(number), question=question, answer=answer, evidence=[quote], service=service,
                kind=kind, phrasing="p")  # fmt: skip


PAIRS = [
    pair(1, "How long is a lease?", "A lease lasts 900 seconds by default. It cannot be renewed with RenewLease."),
    pair(2, "Which call makes a topic?", "CreateTopic makes a topic.", "sns", "purpose"),
    pair(3, "What does a key do?", "The key encrypts a data key.", "kms", "behaviour"),
]


@pytest.mark.parametrize(
    ("make", "text", "made"),
    [
        (swap_number, "Up to 10 items.", "Up to 21 items."),
        (swap_number, "No amount here.", None),
        (swap_number, "Uses SHA256 and s3:Get2.", None),
        (swap_roles, "It copies from the source to the destination.", "It copies from the destination to the source."),
        (swap_roles, "It moves items from a list to a table.", "It moves items from a table to a list."),
        (swap_roles, "It moves.", None),
        (
            swap_roles,
            "GetItem reads one item, whereas ScanAll reads all.",
            "ScanAll reads one item, whereas GetItem reads all.",
        ),
        (
            swap_roles,
            "The Name parameter of ListKeys is optional. With GetKey, it is required.",
            "The Name parameter of GetKey is optional. With ListKeys, it is required.",
        ),
        (
            swap_roles,
            "GetKey returns NoKeyException if it is gone. GetKey returns BadKeyException if it is locked.",
            "GetKey returns BadKeyException if it is gone. GetKey returns NoKeyException if it is locked.",
        ),
        (swap_roles, "Call GetKey, which reads a key. GetKey returns NoKeyException if it is gone.", None),
        (swap_roles, "The KeyName parameter of GetKey names it. The NewName parameter is free.", None),
        (flip_negation, "It cannot be renewed.", "It can be renewed."),
        (flip_negation, "It must be set.", "It must not be set."),
        (flip_negation, "It is returned.", "It is not returned."),
        (flip_negation, "If it is not set, it fails.", None),
        (lambda text: half(text, "What?"), "One thing is so. Another thing is so.", "One thing is so."),
        (lambda text: half(text, "What?"), "One thing only.", None),
        (
            lambda text: half(text, "What makes a new list of items?"),
            "Call MakeList, which makes a new list of items.",
            None,
        ),
        (paraphrase, "It lasts 900 seconds.", "It lasts 15 minutes."),
        (paraphrase, "If a key is lost, data cannot be read.", "Data can't be read if a key is lost."),
        (paraphrase, "Blue sky.", None),
        (lambda text: swap_name(text, ["OtherName", "OneName"]), "Call OneName first.", "Call OtherName first."),
        (lambda text: swap_name(text, ["OneName"]), "Call OneName first.", None),
        (swap_unit, "No unit: 12.", None),
    ],
)
def test_maker(make, text, made):
    assert make(text) == made


def test_a_swapped_unit_keeps_the_number():
    made = swap_unit("Wait 30 seconds.")
    assert made in {"Wait 30 minutes.", "Wait 30 hours.", "Wait 30 days."}


def test_babble_is_the_head_over_and_over():
    assert babble("One two three four five six.").count("One two three four five") == 12


def test_every_pair_gives_its_controls_and_always_the_same():
    controls = make_controls(PAIRS)
    assert controls == make_controls(PAIRS)
    first = {c.kind: c.answer for c in controls if c.pair_id == "1"}
    assert set(first) == set(KINDS) - {"swapped_role"}
    assert first["reference"] == PAIRS[0].answer
    assert first["half"] == "A lease lasts 900 seconds by default."
    assert first["other"] in {PAIRS[1].answer, PAIRS[2].answer}
    assert first["echo"] == PAIRS[0].question
    assert first["empty"] == ""


@pytest.mark.parametrize(
    ("question", "answer", "made"),
    [
        (
            "What is the maximum length of a name?",
            "Names have up to 80 characters.",
            ("It is the maximum length of a name.", "Yes, it is the maximum length of a name.", "Yes.", "No."),
        ),
        (
            "My call fails. Why does GetKey fail with NoKey?",
            "NoKey means that the key was deleted.",
            ("GetKey fail with NoKey.", "Yes, GetKey fail with NoKey.", "Yes.", "No."),
        ),
        (
            "Can a queue be renamed?",
            "No, its name is fixed at creation.",
            ("A queue can be renamed.", "Yes, a queue can be renamed.", "Yes.", "No."),
        ),
        # right as far as they go
        ("Can a queue be renamed?", "Yes, by its owner, 10 times a day.", (None, None, "Yes.", "No.")),
        ("Can a queue be renamed?", "Yes, a queue can be renamed.", (None, None, None, None)),
    ],
)
def test_flattery_says_nothing_or_the_contrary(question, answer, made):
    assert tuple(flattery(question, answer)[kind] for kind in FLATTERY) == made


def test_ordering_counts_ties_as_wrong_and_leaves_out_the_unscored():
    kinds = {"reference": 9.0, "half": 9.0, "babble": 1.0, "empty": None}
    controls = [Control("1", "q", "r", kind, kind) for kind in kinds]
    assert ordering(controls, kinds.values()) == {
        "reference>half": (0, 1),
        "reference>babble": (1, 1),
        "half>babble": (1, 1),
    }


def test_control_pairs_are_spread_over_the_file():
    alike = [pair(n, f"What is {n}?", "It is blue.") for n in range(9)]
    assert [p.id for p in choose(alike, 3)] == ["0", "3", "6"]
    assert len(choose(alike[:2], 3)) == 2


def test_a_kind_that_only_one_pair_allows_is_among_them():
    alike = [pair(n, f"What is {n}?", "It is blue.") for n in range(9)]
    alike[4] = pair(4, "What do they do?", "GetKey reads a key. MakeKey makes one.")
    chosen = choose(alike, 3)
    assert [p.id for p in chosen] == ["0", "4", "6"]
    assert "swapped_role" in {control.kind for control in make_controls(chosen)}
    assert choose(alike, 3) == chosen
