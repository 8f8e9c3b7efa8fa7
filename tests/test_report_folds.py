"""What the page says below its first screen of costs and of how sure it is, and what a reader is warned of."""

import re

import pytest
from bs4 import BeautifulSoup
from report_rows import question, study_params, write_json, write_study
from test_report_first_screen import DEAR, made, write_four
from test_report_page import fold, text
from test_report_summary import MEANS, PRICES, REPORT, judged, many, outputs, steady

from stages.report.cautions import about_the_lead
from stages.report.decision import decide
from stages.report.inputs import read_study
from stages.report.interaction import carried_by
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.prices import TokenPrice

BEDROCK = PRICES.model_copy(
    update={
        "compute_per_hour": 0.36,
        "storage_per_model_month": 1.95,
        "per_million_tokens": {
            "amazon.nova-micro-v1:0": TokenPrice(input=0.04, output=0.1),
            "amazon.titan-embed-text-v2:0": TokenPrice(input=0.02),
            "anthropic.claude": TokenPrice(input=3.0, output=15.0),
        },
    }
)
TUNED = {"training_dollars": 12.0, "hosting_seconds": 30.0}  # by a job of Bedrock
PROVISIONED = TUNED | {"hosting_dollars_per_hour": 10.0}


def page_of(result):
    return BeautifulSoup(result["metrics/report.html"], "html.parser")


def write_hosted(root, training_on):
    """The small study, its models on Bedrock, its base there, too, and one judge that is paid by tokens."""
    write_four(root, billed_as="us.amazon.nova-micro-v1:0", training_on=training_on)
    titan, claude = "amazon.titan-embed-text-v2:0", "anthropic.claude"
    write_json(root / "data/timings/index.json", {"input_tokens": 3_000_000, "billed_as": titan})
    asked = {"seconds": 90.0, "input_tokens": 20_000, "output_tokens": 2_000, "billed_as": claude}
    write_json(root / "data/timings/judge/semantic.json", asked)
    return root


def costs_of(result):
    costs = fold(page_of(result), "costs")
    return [text(row) for row in costs.tbody.find_all("tr")], [text(one) for one in costs.find_all("p")]


def test_costs_of_a_study_on_this_machine_are_apart_by_what_they_are_spent_on(tmp_path):
    rows, said = costs_of(made(write_four(tmp_path))[0])
    # Training, index, hosting; retrieval, generation and all of 1,000 answers; of 1,000 right ones; seconds to one.
    assert rows == [
        "base 0 0 0 0 2 2 – –",
        "rag 0 0.36 0 0.5 1.5 2 4.01 [2.12, 36.7] 4.0",
        "ft 0.72 0 0 0 0.5 0.506 1.52 [0.564, 18] 1.5",
        "ft_rag 0.72 0.36 0 0.5 1 1.51 2.01 [1.57, 5.89] 2.0",
    ]
    assert said == [
        "Judging is of the study, not of an approach: facts 0.0072 USD, semantic 0.0072 USD. Fine-tuning micro took "
        "12.0 min, once. Prices as of 2026-11-22: 3.6 USD an hour of this machine.",
        # Training costs 0.06 USD a month, the index 0.03 USD.
        "Below 40 questions a month (0.08 USD) base costs less than ft, above more.",
        "Below 180 questions a month (0.36 USD) base costs less than ft_rag, above more.",
        "Below 20 questions a month (0.07 USD) rag costs less than ft, above more.",
        "Below 120 questions a month (0.27 USD) rag costs less than ft_rag, above more.",
        "Dominated, that is, another is at least as good, as fast and as cheap: base by ft_rag and rag by ft_rag.",
        "What it costs, against base on the synthetic questions: rag takes 0% mean latency, −80% output tokens and "
        "+196% tokens in all; ft takes −75% mean latency, −90% output tokens and −72% tokens in all; ft_rag takes −25% "
        "mean latency, −90% output tokens and +188% tokens in all.",
    ]


@pytest.mark.parametrize(
    ("training_on", "changed", "rows"),
    [
        (
            TUNED, {},
            [  # by the tokens of answers, the tokens of the index, the job's price and a month of storage
                "base 0 0 0 0 0.022 0.022 – –",
                "rag 0 0.06 0 0.05 0.032 0.0825 0.165 [0.0873, 1.51] 4.0",
                "ft 12 0 1.95 0 0.004 0.299 0.897 [0.334, 10.6] 1.5",
                "ft_rag 12 0.06 1.95 0.05 0.03 0.375 0.501 [0.39, 1.47] 2.0",
            ],
        ),
        (
            PROVISIONED, {},
            [  # and 730 hours of what is hosted, asked or not
                "base 0 0 0 0 0.022 0.022 – –",
                "rag 0 0.06 0 0.05 0.032 0.0825 0.165 [0.0873, 1.51] 4.0",
                "ft 12 0 7,302 0 0.004 730 2,191 [815, 26,010] 1.5",
                "ft_rag 12 0.06 7,302 0.05 0.03 730 974 [758, 2,852] 2.0",
            ],
        ),
        (
            {**TUNED, "training_dollars": None}, {},
            [
                "base 0 0 0 0 0.022 0.022 – –",
                "rag 0 0.06 0 0.05 0.032 0.0825 0.165 [0.0873, 1.51] 4.0",
                "ft – 0 1.95 0 0.004 – – 1.5",
                "ft_rag – 0.06 1.95 0.05 0.03 – – 2.0",
            ],
        ),
        (
            TUNED, {"storage_per_model_month": None, "compute_per_hour": None, "per_million_tokens": {}},
            [
                "base 0 0 0 0 – – – –",
                "rag 0 – 0 – – – – 4.0",
                "ft 12 0 – 0 – – – 1.5",
                "ft_rag 12 – – – – – – 2.0",
            ],
        ),
    ],
)  # fmt: skip
def test_costs_of_a_study_on_bedrock(tmp_path, training_on, changed, rows):
    result, _ = made(write_hosted(tmp_path, training_on), prices=BEDROCK.model_copy(update=changed))
    assert costs_of(result)[0] == rows


def test_judging_is_paid_by_tokens_or_by_the_hour(tmp_path):
    result, _ = made(write_hosted(tmp_path, TUNED), prices=BEDROCK)
    assert costs_of(result)[1][0] == (
        "Judging is of the study, not of an approach: facts 0.00072 USD, semantic 0.09 USD. Fine-tuning micro took "
        "12.5 min, once. Prices as of 2026-11-22: 0.36 USD an hour of this machine."
    )
    unknown = BEDROCK.model_copy(update={"compute_per_hour": None, "per_million_tokens": {}})
    assert costs_of(made(tmp_path, prices=unknown)[0])[1][0] == (
        "Judging is of the study, not of an approach: facts –, semantic –. Fine-tuning micro took 12.5 min, once. "
        "Prices as of 2026-11-22: no price for this machine."
    )


def test_a_model_tuned_elsewhere_costs_no_training(tmp_path):
    write_four(tmp_path)
    for file in ("metrics/fine_tune/micro.json", "data/timings/fine_tune/micro.json"):
        write_json(tmp_path / file, {"tuned_elsewhere": "my-lora"})
    rows, said = costs_of(made(tmp_path)[0])
    assert rows[2] == "ft 0 0 0 0 0.5 0.5 1.5 [0.558, 17.8] 1.5"
    assert said[0] == (
        "Judging is of the study, not of an approach: facts 0.0072 USD, semantic 0.0072 USD. micro was tuned "
        "elsewhere; its training is not part of these costs. Prices as of 2026-11-22: 3.6 USD an hour of this machine."
    )


def test_costs_of_a_month_are_drawn_by_the_number_of_questions(tmp_path):
    (picture,) = fold(page_of(made(write_four(tmp_path))[0]), "costs").find_all("figure")
    assert text(picture.h3) == "Cost of a month"
    assert {mark["class"][0]: bool(mark.path) for mark in picture.find_all("g")} == dict.fromkeys(MEANS, True)
    assert picture.find("line", class_="volume")  # at the questions a month of params
    assert text(picture.desc).startswith("below 40 questions a month (0.08 USD) base costs less than ft, above more; ")


def test_latency_against_base_is_no_trade_off_where_seconds_are_not_to_be_compared(tmp_path):
    said = costs_of(made(write_four(tmp_path, replayed=("rag",)))[0])[1]
    assert not [one for one in said if one.startswith("What it costs")]


def rows_of(result, label):
    table = page_of(result).find(attrs={"aria-label": label})
    return [text(row) for row in table.find_all("tr")] if table else None


def test_how_many_questions_show_a_difference(tmp_path):
    result, _ = made(write_four(tmp_path))
    # base and rag: (12.706 + 1.376) * 1.5 points, where 12.706 and 1.376 are t quantiles of two articles
    assert rows_of(result, "Questions needed") == [
        "comparison 0.5 points 1 point 2 points with these 4",
        "base and rag 7,140 1,785 447 21.12 points",
        "base and ft 4,231 1,058 265 18.78 points",
        "base and ft_rag 794 199 50 7.04 points",
        "rag and ft 16,924 4,231 1,058 37.55 points",
        "rag and ft_rag 3,174 794 199 14.08 points",
        "ft and ft_rag 7,522 1,881 471 25.04 points",
    ]


def test_models_are_not_compared_in_power_and_no_spread_gives_no_number(tmp_path):
    models = {"micro": ["base", "rag"], "lite": ["base", "ft"]}
    write_study(tmp_path, many(), judged(MEANS, 0.0), models=models)
    result = outputs(tmp_path, models, ("facts", "semantic"))
    assert rows_of(result, "Questions needed") == [
        "comparison 0.5 points 1 point 2 points with these 12",
        "micro: base and rag – – – – points",
        "lite: base and ft – – – – points",
    ]


# Scores by kind of question; ft_rag - rag - ft + base is 1 for limits and -2 for names.
KINDS = {
    "limit": {"base": 2.0, "rag": 4.0, "ft": 3.0, "ft_rag": 6.0},
    "name": {"base": 3.0, "rag": 7.0, "ft": 5.0, "ft_rag": 7.0},
}


def by_kind(model, approach, q):
    return KINDS[q.kind][approach], None


def write_kinds(root, **options):
    """Four limits, of which two ask for yes or no, of articles that were seen, and two names of unseen ones."""
    yes = "Does it boil?"
    questions = [
        *(question(f"q{i}", asked=yes if i < 2 else None) for i in range(4)),
        *(question(f"q{i}", slice_="unseen", kind="name") for i in range(4, 6)),
    ]
    return write_study(root, questions, dict.fromkeys(("facts", "semantic"), by_kind), **options)


EACH = [
    "questions n interaction",
    "all questions 6 0.00 [−1.50, +1.00]",
    "seen articles 4 +1.00 [+1.00, +1.00]",
    "unseen articles 2 −2.00 [−2.00, −2.00]",
    "yes/no questions 2 +1.00 [+1.00, +1.00]",
    "other questions 4 −0.50 [−2.00, +1.00]",
    "kind: limit 4 +1.00 [+1.00, +1.00]",
    "kind: name 2 −2.00 [−2.00, −2.00]",
]


def test_whether_both_are_more_than_the_sum_by_groups_of_questions(tmp_path):
    result, _ = made(write_kinds(tmp_path))
    assert rows_of(result, "Interaction") == EACH


def test_articles_that_another_training_may_have_seen_are_no_groups(tmp_path):
    write_kinds(tmp_path, trained={"tuned_elsewhere": "my-lora"})
    result, _ = made(tmp_path)
    assert rows_of(result, "Interaction") == [row for row in EACH if "articles" not in row]


def test_questions_of_one_group_are_not_repeated_and_those_without_a_score_are_left_out(tmp_path):
    result, _ = made(write_four(tmp_path))
    assert rows_of(result, "Interaction") == ["questions n interaction", "all questions 3 −2.33 [−3.00, −2.00]"]


def test_there_is_no_interaction_without_the_four_approaches(tmp_path):
    models = {"micro": ["base", "rag", "ft"], "lite": list(MEANS)}
    write_study(tmp_path, many(), judged(MEANS), models=models)
    result = outputs(tmp_path, models, ("facts", "semantic"))
    assert rows_of(result, "Interaction of micro") is None
    assert rows_of(result, "Interaction of lite")[1] == "all questions 12 +2.00 [+2.00, +2.00]"


def lead(kinds, leads):
    """A judge by which rag leads by so much on the questions of each kind, and the questions, so many of each kind."""
    names = [kind for kind, n in kinds.items() for _ in range(n)]
    questions = [question(f"q{i}", kind=kind) for i, kind in enumerate(names)]
    return questions, lambda model, approach, q: (3.0 + (leads[q.kind] if approach == "rag" else 0.0), None)


@pytest.mark.parametrize(
    ("kinds", "leads", "found"),
    [
        ({"limit": 6, "name": 2}, {"limit": 1.0, "name": 6.0}, ("name", 2, 12 / 18)),
        ({"limit": 6, "name": 2}, {"limit": -1.0, "name": 6.0}, ("name", 2, 2.0)),  # it alone makes the lead
        ({"limit": 6, "name": 2}, {"limit": 1.0, "name": 3.0}, None),  # half of it
        ({"limit": 2, "name": 2}, {"limit": 1.0, "name": 6.0}, None),  # half of the questions
        ({"limit": 6, "name": 2}, {"limit": -2.0, "name": 6.0}, None),  # no lead
        ({"limit": 8}, {"limit": 3.0}, None),
    ],
)
def test_which_kind_of_question_carries_a_lead(tmp_path, kinds, leads, found):
    questions, opinion = lead(kinds, leads)
    own = {"micro": ["base", "rag"]}
    write_study(tmp_path, questions, {"facts": opinion}, models=own)
    study = read_study(study_params(own), tmp_path)
    assert carried_by(study, Arm("micro", "rag"), Arm("micro", "base")) == found


@pytest.mark.parametrize(
    ("kinds", "leads", "notes"),
    [
        (
            {"limit": 6, "name": 2}, {"limit": 1.0, "name": 6.0},
            [
                "2 questions of kind name carry 67% of the lead of rag over base: does it hold for the questions that "
                "your users ask?"
            ],
        ),
        (
            {"limit": 9, "name": 3}, {"limit": 0.0, "name": 6.0},
            [
                "3 questions of kind name carry 100% of the lead of rag over base: does it hold for the questions that "
                "your users ask?",
                "base and rag differ in 3 of 12 questions only. Intervals that rest on so few are too narrow.",
            ],
        ),
        ({"limit": 2, "name": 10}, {"limit": 1.0, "name": 2.0}, []),
        (  # base is recommended, which has no lead
            {"limit": 8}, {"limit": 0.0},
            ["base and rag differ in 0 of 8 questions only. Intervals that rest on so few are too narrow."],
        ),
    ],
)  # fmt: skip
def test_what_a_lead_rests_on_is_said(tmp_path, kinds, leads, notes):
    questions, opinion = lead(kinds, leads)
    own = {"micro": ["base", "rag"]}
    write_study(tmp_path, questions, {"facts": opinion}, models=own)
    study = read_study(study_params(own), tmp_path)
    assert about_the_lead(study, decide(study, DEAR, REPORT).recommendation) == notes
    result = outputs(tmp_path, own)
    shown = [text(one) for one in page_of(result).find("details", class_="notes").find_all("li")]
    assert shown[: len(notes)] == notes
    assert all(f"- {note}\n" in result["metrics/table.md"] for note in notes)


@pytest.mark.parametrize(
    ("card", "note"),
    [
        ({"control_flattered": 0.1}, True),
        ({"control_flattered": 0.0}, False),
        ({"control_flattered": None}, False),
        ({}, False),
        ({"control_flattered": 0.1, "reliable": None}, False),  # it does not count in any case
    ],
)
def test_a_judge_that_can_be_pleased_is_named(tmp_path, card, note):
    cards = {"facts": {"reliable": True, "control_accuracy": 0.95, "coverage": 1.0} | card}
    write_study(tmp_path, many(), {"facts": steady()}, cards=cards)
    result = outputs(tmp_path)
    said = [line for line in result["metrics/table.md"].splitlines() if "pleased" in line]
    expected = (
        "Judge facts can be pleased: it gives 7 or more to 10% of the controls that only repeat the question or say a "
        "bare yes or no."
    )
    assert said == [f"- {expected}"] * note
    assert (f"<li>{expected}</li>" in result["metrics/report.html"]) == note


def test_questions_that_a_pair_leaks_are_named(tmp_path):
    write_study(tmp_path, many(2, 4), {"facts": steady()})
    write_json(tmp_path / "metrics/qa.json", {"train_pairs": 1000, "handwritten_left_out": "h3, h4"})
    assert (
        "- Handwritten questions that a training or validation pair leaks are left out: h3, h4.\n"
        in outputs(tmp_path)["metrics/table.md"]
    )


@pytest.mark.parametrize("like_the_study", [False, True])
def test_the_study_of_aws_is_compared_with_on_its_own_documentation_only(tmp_path, like_the_study):
    write_study(tmp_path, many(), judged(MEANS))
    page = page_of(outputs(tmp_path, judges=("facts", "semantic"), like_the_study=like_the_study))
    assert bool(page.find(id="study")) == ("Amazon Nova" in text(page)) == like_the_study


@pytest.mark.parametrize(("comparisons", "said"), [(16, True), (100, False), (None, False)])
def test_a_judge_that_was_hardly_tested_is_named(tmp_path, comparisons, said):
    card = {"reliable": True, "control_accuracy": 0.95, "coverage": 1.0, "control_comparisons": comparisons}
    write_study(tmp_path, many(), {"facts": steady()}, cards={"facts": card})
    note = "Judge facts was tested on 16 comparisons of controls only, which is too few to know how well it judges."
    assert (note in outputs(tmp_path)["metrics/table.md"]) is said


def test_judges_that_hardly_agree_are_named(tmp_path):
    flat = lambda model, approach, q: (4.5 + 0.1 * (hash_of(q.id) % 3), None)  # noqa: E731
    write_study(tmp_path, many(), {"facts": steady(), "mine": flat})
    notes = outputs(tmp_path, judges=("facts", "mine"))["metrics/table.md"]
    assert "- Judges facts and mine hardly agree (rank correlation " in notes
    assert "): their mean says little. Leave out the one that you trust less." in notes


def hash_of(text):
    return sum(map(ord, text))


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"model": "qwen", "scoring": "points"}, "mine is the chat model qwen. It grades each answer from 0 to 10"),
        ({"model": "qwen", "scoring": "logprob"}, "mine is the chat model qwen. It gives one digit. Its score is"),
        ({"model": "qwen", "scoring": "pairwise"}, "mine is the chat model qwen. It compares every two answers"),
    ],
)
def test_a_chat_model_as_judge_is_described(tmp_path, card, words):
    cards = {"mine": {"reliable": True, "control_accuracy": 0.95, "coverage": 1.0} | card}
    write_study(tmp_path, many(), {"mine": steady()}, cards=cards)
    page = re.sub(r"<[^>]+>", "", outputs(tmp_path, judges=("mine",))["metrics/report.html"])
    assert words in page
