"""From files to metrics/details.json, comparisons, verdict, table and plots, on made-up studies."""

import csv
import io
import json
import re

import pytest
from report_rows import question, study_params, write_json, write_study

from stages.report.cautions import cautions
from stages.report.comparisons import Paired, call, compare
from stages.report.details import details
from stages.report.inputs import read_study
from stages.report.measures import cost_per_1000, measure
from stages.report.outputs import make_outputs
from stages.report.params import ReportParams
from stages.report.statistics import Interval, holm
from stages.report.verdict import verdicts
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.prices import Prices, TokenPrice

PRICES = Prices(as_of="2026-11-22", currency="USD", compute_per_hour=0.09, per_million_tokens={})
REPORT = ReportParams(seed=3, confidence=0.95, bootstrap_samples=400, permutation_samples=400, power=0.8)
MEANS = {"base": 2.0, "rag": 5.0, "ft": 3.0, "ft_rag": 8.0}

# h0 and h1 rest on articles of their own, q0 and q1 on the same one.
FIVE = [
    question("h0", "handwritten"),
    question("h1", "handwritten"),
    question("q0", article="kettle/lid"),
    question("q1", article="kettle/lid"),
    question("q2", article="kettle/base"),
]
FIVE_SCORES = {
    "base": {"h0": 2.0, "h1": 4.0, "q0": 0.0, "q1": 0.0, "q2": 0.0},
    "rag": {"h0": 6.0, "h1": 8.0, "q0": 5.0, "q1": 7.0, "q2": 9.0},
    "ft": {"h0": 3.0, "h1": 3.0, "q0": 1.0, "q1": 1.0, "q2": 1.0},
    "ft_rag": {"h0": 9.0, "h1": None, "q0": 8.0, "q1": 8.0, "q2": 2.0},
}


TWO = {"machine": "A CPU (avx2), 2 cores", "device": "cpu", "threads": 2}
ON = dict.fromkeys(("base", "rag", "ft", "ft_rag", "retrieval"), TWO)
ANEW = "To measure all anew, remove .cache/calls.sqlite and run `dvc repro --force` for these stages."


def steady(means=None, spread=0.5):
    """A judge for which every question gets the mean of its approach, a little more or less in turn."""
    means = means or MEANS
    return lambda model, approach, q: (means[approach] + spread * (int(q.id[1:]) % 3 - 1), 0.5)


def many(handwritten=0, synthetic=12):
    return [question(f"h{i}", "handwritten") for i in range(handwritten)] + [
        question(f"q{i}", slice_="unseen" if i % 2 else "seen") for i in range(synthetic)
    ]


def outputs(root, models=("micro",), judges=("facts",), prices=PRICES, report=REPORT, like_the_study=False):
    return make_outputs(read_study(study_params(models, judges), root), prices, report, like_the_study)


def details_of(result):
    return json.loads(result["metrics/details.json"])


def test_details_of_a_small_study_computed_by_hand(tmp_path):
    write_study(
        tmp_path,
        FIVE,
        {"facts": lambda model, approach, q: (FIVE_SCORES[approach][q.id], 0.5 if approach == "rag" else None)},
        seconds={"base": (1.0, 3.0), "rag": 1.5, "ft": 0.5, "ft_rag": 1.0},
        replayed=("ft",),
    )
    constant = {
        # tokens, limit, and the latency of approaches whose calls all take the same time
        "base": {"input_tokens": 50.0, "output_tokens": 200.0, "at_token_limit": 1.0},
        "rag": {
            "input_tokens": 700.0, "output_tokens": 40.0, "at_token_limit": 0.0, "output_tokens_change_pct": -80.0,
            "latency_p50_s": 1.5, "latency_p95_s": 1.5, "total_p50_s": 2.0, "total_p95_s": 2.0,
            "cost_per_1000": 0.05,  # 2 s * 0.09 / 3600 * 1000
        },
        "ft": {
            "input_tokens": 50.0, "output_tokens": 20.0, "at_token_limit": 0.0, "output_tokens_change_pct": -90.0,
            "latency_p50_s": 0.5, "latency_p95_s": 0.5, "total_p50_s": 0.5, "total_p95_s": 0.5,
            "cost_per_1000": 0.0125,
        },
        "ft_rag": {
            "input_tokens": 700.0, "output_tokens": 20.0, "at_token_limit": 0.0, "output_tokens_change_pct": -90.0,
            "latency_p50_s": 1.0, "latency_p95_s": 1.0, "total_p50_s": 1.5, "total_p95_s": 1.5,
            "cost_per_1000": 0.0375,
        },
    }  # fmt: skip
    varying = {
        # With two clusters the interval spans the cluster means.
        "base.handwritten": {
            "facts.score": 3.0, "facts.score_low": 2.0, "facts.score_high": 4.0, "facts.n_scored": 2,
            "latency_p50_s": 2.0, "latency_p95_s": 2.9, "total_p50_s": 2.0, "total_p95_s": 2.9,  # 1 s and 3 s
            "cost_per_1000": 0.05,
        },
        "base.synthetic": {
            "facts.score": 0.0, "facts.score_low": 0.0, "facts.score_high": 0.0, "facts.n_scored": 3,
            "latency_p50_s": 1.0, "latency_p95_s": 2.8, "total_p50_s": 1.0, "total_p95_s": 2.8,  # 1, 3 and 1 s
            "cost_per_1000": 0.0417,
        },
        "rag.handwritten": {
            "facts.score": 7.0, "facts.score_low": 6.0, "facts.score_high": 8.0, "facts.n_scored": 2,
            "facts.uplift_pct": 133.3, "facts.fact_recall": 0.5, "total_change_pct": 0.0,
        },
        "rag.synthetic": {  # 5 and 7 are of one article: resamples are 6, 7 and 9; uplift over 0 is left out
            "facts.score": 7.0, "facts.score_low": 6.0, "facts.score_high": 9.0, "facts.n_scored": 3,
            "facts.fact_recall": 0.5, "total_change_pct": 20.0,
        },
        "ft.handwritten": {
            "facts.score": 3.0, "facts.score_low": 3.0, "facts.score_high": 3.0, "facts.n_scored": 2,
            "facts.uplift_pct": 0.0, "total_change_pct": -75.0,
        },
        "ft.synthetic": {
            "facts.score": 1.0, "facts.score_low": 1.0, "facts.score_high": 1.0, "facts.n_scored": 3,
            "total_change_pct": -70.0,
        },
        "ft_rag.handwritten": {  # h1 is unscored: out of the mean, and out of the base that h0 is compared with
            "facts.score": 9.0, "facts.n_scored": 1, "facts.uplift_pct": 350.0, "total_change_pct": -25.0,
        },
        "ft_rag.synthetic": {
            "facts.score": 6.0, "facts.score_low": 2.0, "facts.score_high": 8.0, "facts.n_scored": 3,
            "total_change_pct": -10.0,
        },
    }  # fmt: skip
    expected = {
        "handwritten.n": 2,
        "synthetic.n": 3,
        **{f"{s}.retrieval_p{p}_s": 0.5 for s in ("handwritten", "synthetic") for p in (50, 95)},
        "micro.fine_tune_s": 720.0,
        "micro.fine_tune_cost": 0.018,
        "micro.replayed": 5,
    }
    for place, values in varying.items():
        for name, value in {**constant[place.split(".")[0]], **values}.items():
            expected[f"micro.{place}.{name}"] = value
    assert details_of(outputs(tmp_path)) == expected


def test_equal_inputs_give_equal_bytes_and_order_of_rows_does_not_matter(tmp_path):
    for name, questions in (("a", many(4, 8)), ("b", many(4, 8))):
        write_study(tmp_path / name, questions, {"facts": steady(), "semantic": steady(spread=1.0)})
    for path in sorted((tmp_path / "b/data").rglob("*.jsonl")):
        if path.parent.name not in ("eval", "qa"):
            path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(True))), encoding="utf-8")
    first, second = (outputs(tmp_path / name, judges=("facts", "semantic")) for name in "ab")
    assert first == second


MADE = {"metrics/summary.json", "metrics/details.json", "metrics/table.md", "metrics/report.html"}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"seed": 4}, MADE),
        ({"confidence": 0.8}, MADE),
        ({"bootstrap_samples": 101}, MADE),
        ({"permutation_samples": 101}, {"metrics/report.html"}),
        ({"power": 0.5}, {"metrics/table.md", "metrics/report.html"}),
    ],
)
def test_each_report_param_changes_something(tmp_path, change, differs):
    values = {"base": 5.0, "rag": 5.3, "ft": 5.1, "ft_rag": 5.5}
    opinion = lambda m, a, q: (values[a] + (int(q.id[1:]) * 7 + len(a) * 3) % 5 - 2, None)  # noqa: E731
    write_study(tmp_path, many(0, 20), {"facts": opinion})
    before, after = outputs(tmp_path), outputs(tmp_path, report=REPORT.model_copy(update=change))
    assert differs <= {path for path in before if before[path] != after[path]}


TABLE = {"lite": TokenPrice(input=1.0, output=10.0)}


@pytest.mark.parametrize(
    ("model", "approach", "hour", "seconds", "cost"),
    [
        ("micro", "base", 3.6, 2.0, 2.0),  # local: by the second
        ("micro", "rag", 3.6, 2.0, 2.0),
        ("micro", "base", None, 2.0, None),  # price not known
        ("micro", "base", 3.6, None, None),  # time not known
        ("lite", "base", 3.6, 2.0, 1.1),  # by tokens: 100 * 1 / 1e6 + 100 * 10 / 1e6, a thousand times
        ("lite", "rag", 3.6, 2.0, 1.6),  # and this machine for the retrieval
        ("lite", "rag", None, None, 1.1),
    ],
)
def test_cost(model, approach, hour, seconds, cost):
    prices = Prices(as_of="2026-11-22", currency="USD", compute_per_hour=hour, per_million_tokens=TABLE)
    found = cost_per_1000(model, 100.0, 100.0, seconds, 0.5, approach, prices)
    assert found == (None if cost is None else pytest.approx(cost))


def paired(low, high, p=0.001):
    return Paired("j", 9, (low + high) / 2, Interval(low, high), p, p, 1.0)


@pytest.mark.parametrize(
    ("reliable", "expected"),
    [
        ([], (None, False, "no call: no reliable judge")),
        ([Paired("j", 1, 2.0, None, None, None, None)], (None, False, "no call: too few scored questions")),
        ([paired(1, 2), paired(1, 3)], ("rag", True, "rag is better by all reliable judges")),
        ([paired(-2, -1), paired(-3, -1)], ("base", True, "base is better by all reliable judges")),
        ([paired(1, 2), paired(1, 3, p=0.06)], ("rag", False, "rag is better by all reliable judges, not after Holm")),
        ([paired(1, 2)], ("rag", True, "rag is better by its one reliable judge")),
        ([paired(1, 2), paired(-1, 3)], (None, False, "no call: the judges do not agree")),
        ([paired(1, 2), paired(-3, -1)], (None, False, "no call: the judges contradict each other")),
        ([paired(1, 2), paired(-3, -1), paired(-1, 1)], (None, False, "no call: the judges contradict each other")),
        ([paired(-1, 2), paired(-1, 3)], (None, False, "not told apart")),
    ],
)
def test_a_winner_is_called_only_where_all_reliable_judges_agree(reliable, expected):
    assert call("rag", "base", reliable, 0.95) == expected


def test_an_unreliable_judge_has_no_say(tmp_path):
    against = steady({"base": 9.0, "rag": 5.0, "ft": 3.0, "ft_rag": 1.0})
    card = {"reliable": False, "control_accuracy": 0.5, "coverage": 1.0}
    write_study(tmp_path, many(), {"facts": steady(), "semantic": against}, cards={"semantic": card})
    study = read_study(study_params(judges=("facts", "semantic")), tmp_path)
    whys = {(c.first, c.second): c.why for c in compare(study, REPORT)}
    assert whys["rag", "base"] == "rag is better by its one reliable judge"
    assert "Judge semantic is unreliable on its controls (accuracy 0.50) and does not count in any call." in cautions(
        study, measure(study, PRICES, REPORT)
    )


def test_a_doubtful_training_stands_in_notes_and_details(tmp_path):
    write_study(tmp_path, many(), {"facts": steady()}, trained={"warning": "training did not lower the loss"})
    study = read_study(study_params(), tmp_path)
    cells = measure(study, PRICES, REPORT)
    assert "The training of micro is doubtful: training did not lower the loss." in cautions(study, cells)
    assert details(study, cells, {}, PRICES)["micro.fine_tune_warning"] == "training did not lower the loss"


def test_a_model_tuned_elsewhere_has_no_training_figures_and_a_caution(tmp_path):
    write_study(tmp_path, many(), {"facts": steady()})
    for file in ("metrics/fine_tune/micro.json", "data/timings/fine_tune/micro.json"):
        write_json(tmp_path / file, {"tuned_elsewhere": "my-lora"})
    study = read_study(study_params(), tmp_path)
    cells = measure(study, PRICES, REPORT)
    assert (
        "micro was tuned elsewhere (my-lora): what it was trained on is not known here, so it may have seen the test "
        "questions. The time and cost of its training are not known either."
    ) in cautions(study, cells)
    rows = details(study, cells, {}, PRICES)
    assert rows["micro.tuned_elsewhere"] == "my-lora"
    assert [name for name in rows if "fine_tune" in name] == []
    page = outputs(tmp_path)["metrics/report.html"]
    assert "micro was tuned elsewhere; its training is not part of these costs." in page
    assert "Fine-tuning micro took" not in page
    assert "articles that fine-tuning has seen" not in page


def judged(means, spread=0.5):
    return {"facts": steady(means, spread), "semantic": steady(means, spread * 0.9)}


EQUAL = dict.fromkeys(MEANS, 5.0)


@pytest.mark.parametrize(
    ("handwritten", "synthetic", "means", "headline", "because"),
    [
        (0, 12, MEANS, "Both.", "{12}, ft_rag beats each of the other three."),
        (0, 12, {**MEANS, "rag": 9.0}, "Retrieve.", "{12}, rag beats each of the other three."),
        (0, 12, {**MEANS, "ft": 9.0}, "Fine-tune.", "{12}, ft beats each of the other three."),
        (0, 12, {**MEANS, "base": 9.0}, "Neither.", "{12}, base beats each of the other three."),
        (
            0, 12, EQUAL, "Not settled: no approach can be told from another.",
            "{12}, no approach can be told from another.",
        ),
        (
            0, 12, {**MEANS, "rag": 8.0}, "Not settled between retrieve and both.",
            "{12}, rag and ft_rag are not told apart; each of base and ft is beaten by another.",
        ),
        (
            0, 12, {**EQUAL, "base": 1.0}, "Not settled between retrieve, fine-tune and both.",
            "{12}, rag, ft and ft_rag are not told apart; base is beaten by another.",
        ),
        (
            5, 12, MEANS, "Both, probably.",  # 5 questions: no p below 2 / 32, so nothing stands after Holm
            "On the 5 handwritten questions, ft_rag beats each of the other three (not in every comparison after "
            "Holm's correction); on the 12 synthetic questions, ft_rag beats each of the other three.",
        ),
    ],
)  # fmt: skip
def test_headline(tmp_path, handwritten, synthetic, means, headline, because):
    write_study(tmp_path, many(handwritten, synthetic), judged(means))
    study = read_study(study_params(judges=("facts", "semantic")), tmp_path)
    (verdict,) = verdicts(study, compare(study, REPORT))
    because = because.replace("{12}", "On the 12 synthetic questions")
    assert (verdict.headline, verdict.because) == (headline, because)


@pytest.mark.parametrize(
    ("handwritten", "synthetic", "pairs", "worth"),
    [
        (10, 20, 300, ""),
        (10, 20, 299, "Fine-tuning had 299 pairs only; more of them may teach a model more."),
        (
            2,
            16,
            1000,
            "This is a quick look, with 18 questions. On the synthetic ones, a difference usually has to be 1.5 to 1.9 "
            "points to be seen (the minimum detectable effects), and intervals over so few articles tend to be too "
            "narrow. What is not told apart here may still differ.",
        ),
        (0, 1, 1000, "This is a quick look, with 1 question."),
    ],
)
def test_a_small_study_says_what_it_is_worth(tmp_path, handwritten, synthetic, pairs, worth):
    opinion = lambda m, a, q: (5 + (int(q.id[1:]) * 7 + len(a) * 3) % 5 - 2, None)  # noqa: E731
    write_study(tmp_path, many(handwritten, synthetic), {"facts": opinion})
    write_json(tmp_path / "metrics/qa.json", {"train_pairs": pairs})
    study = read_study(study_params(), tmp_path)
    (verdict,) = verdicts(study, compare(study, REPORT))
    assert verdict.worth == worth
    made = outputs(tmp_path)
    assert [worth in made[path] for path in ("metrics/table.md", "metrics/report.html")] == [True, True]


def test_headline_when_the_sets_contradict_each_other(tmp_path):
    def opinion(model, approach, q):
        means = MEANS if q.set == "synthetic" else {**MEANS, "rag": 10.0}
        return means[approach] + int(q.id[1:]) % 3 * 0.1, None

    write_study(tmp_path, many(12, 12), {"facts": opinion, "semantic": opinion})
    study = read_study(study_params(judges=("facts", "semantic")), tmp_path)
    assert verdicts(study, compare(study, REPORT))[0].headline == "It depends on the questions."


def test_one_judge_is_never_certain(tmp_path):
    write_study(tmp_path, many(), {"facts": steady()})
    result = outputs(tmp_path)
    assert "\nWho beats whom, micro: Both, probably. On the 12 synthetic questions, " in result["metrics/table.md"]
    assert "- Only one judge is reliable: no call here is confirmed by a second one." in result["metrics/table.md"]
    assert not [key for key in details_of(result) if key.startswith("agreement")]


def test_no_judge_is_reliable(tmp_path):
    write_study(tmp_path, many(), {"facts": steady()}, cards={"facts": {"reliable": False, "coverage": 1.0}})
    because = "None of the judges (facts) did well enough on its controls to be believed."
    result = outputs(tmp_path)
    assert f"\n**No answer yet.** {because}\n" in result["metrics/table.md"]
    assert f"\nWho beats whom, micro: No answer yet. {because}\n" in result["metrics/table.md"]
    assert f'<p class="answer-line">No answer yet.</p>\n<p>{because}</p>' in result["metrics/report.html"]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({}, "There are no handwritten questions in this run."),
        (
            {"replayed": ("ft", "rag")},
            "24 of 48 generation timings of micro are replayed: the call was not made again and its first measurement "
            "is shown.",
        ),
        (
            {"seconds": {"base": 2.0, "rag": 1.0, "ft": None, "ft_rag": 1.0}},
            "Latency of micro is missing for some questions of ft (synthetic).",
        ),
        (
            {"retrieval": None},
            "Latency of micro is missing for some questions of rag (synthetic) and ft_rag (synthetic).",
        ),
        (
            {"on": ON | {"ft": TWO | {"threads": 4}}},
            "Seconds of micro were measured on unlike machines or settings, so no change against base is given for ft: "
            "base on A CPU (avx2), 2 cores, cpu with 2 threads; ft on A CPU (avx2), 2 cores, cpu with 4 threads. "
            f"{ANEW}",
        ),
        (
            {"on": ON | {"retrieval": TWO | {"machine": "B CPU (bf16), 8 cores"}}},
            "Seconds of micro were measured on unlike machines or settings, so no change against base is given for rag "
            "and ft_rag: base on A CPU (avx2), 2 cores, cpu with 2 threads; rag on A CPU (avx2), 2 cores, cpu with 2 "
            "threads and B CPU (bf16), 8 cores, cpu with 2 threads; ft_rag on A CPU (avx2), 2 cores, cpu with 2 "
            f"threads and B CPU (bf16), 8 cores, cpu with 2 threads. {ANEW}",
        ),
        (
            {"on": ON | {"base": {}}},  # written before what they were measured on was recorded
            "Seconds of micro were measured on unlike machines or settings, so no change against base is given for "
            "rag, ft and ft_rag: base on a machine that is not known; "
            + "; ".join(f"{one} on A CPU (avx2), 2 cores, cpu with 2 threads" for one in ("rag", "ft", "ft_rag"))
            + f". {ANEW}",
        ),
        ({"cards": {"facts": {}}}, "Judge facts was not tested on controls, so it does not count in any call."),
    ],
)
def test_what_a_reader_must_know_is_said(tmp_path, options, note):
    write_study(tmp_path, many(), {"facts": steady()}, **options)
    result = outputs(tmp_path)
    assert f"- {note}\n" in result["metrics/table.md"]
    assert f"<li>{note}</li>" in result["metrics/report.html"]


@pytest.mark.parametrize(
    ("on", "with_change"),
    [
        ({}, {"rag", "ft", "ft_rag"}),  # hosted models: nothing of ours was timed
        (ON, {"rag", "ft", "ft_rag"}),
        (ON | {"retrieval": TWO | {"device": "cuda", "threads": 8}}, {"rag", "ft", "ft_rag"}),
        (ON | {"ft": TWO | {"threads": 4}}, {"rag", "ft_rag"}),
        (ON | {"ft": TWO | {"device": "gpu"}}, {"rag", "ft_rag"}),
        (ON | {"ft": TWO | {"machine": "another"}}, {"rag", "ft_rag"}),
        (ON | {"base": TWO | {"threads": 4}}, set()),
        (ON | {"retrieval": TWO | {"machine": "another"}}, {"ft"}),
    ],
)
def test_seconds_are_compared_with_like_only(tmp_path, on, with_change):
    write_study(tmp_path, many(), {"facts": steady()}, on=on)
    rows = details_of(outputs(tmp_path))
    assert {key.split(".")[1] for key in rows if key.endswith("total_change_pct")} == with_change
    assert len([key for key in rows if key.endswith("synthetic.total_p50_s")]) == 4
    assert len([key for key in rows if key.endswith("output_tokens_change_pct")]) == 3


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, None),
        (
            {"on": ON, "training_on": TWO, "trained": {"dtype": "float32", "device": "cpu"}},
            "A CPU (avx2), 2 cores: retrieval in float32 on cpu with 2 threads, training in float32 on cpu with 2 "
            "threads, answers on cpu with 2 threads",
        ),
        (
            {"on": ON, "training_on": TWO | {"machine": "B", "device": "cuda"}, "trained": {"dtype": "bfloat16"}},
            "A CPU (avx2), 2 cores: retrieval in float32 on cpu with 2 threads, answers on cpu with 2 threads; "
            "B: training in bfloat16 on cuda with 2 threads",
        ),
    ],
)
def test_the_machine_behind_the_figures_is_named(tmp_path, options, line):
    write_study(tmp_path, many(), {"facts": steady()}, **options)
    write_json(tmp_path / "metrics/retrieve.json", {"synthetic.recall@5": 0.96, "embedding_dtype": "float32"})
    files = outputs(tmp_path)
    assert (f"- Measured on {line}.\n" in files["metrics/table.md"]) == bool(line)
    assert (f"judge facts. Measured on {line}.</p>" in files["metrics/report.html"]) == bool(line)
    assert ("Measured on" in files["metrics/table.md"]) == bool(line)


@pytest.mark.parametrize(
    ("metrics", "notes"),
    [
        ({}, []),
        (
            {"languages": "40 en, 3 de"},
            [
                "Not all articles are in English (40 en, 3 de). Judges of kind facts or semantic read English only: do "
                "not rely on their scores of answers in other languages. all-MiniLM-L6-v2, which makes the vectors "
                "unless params name another model, is trained on English."
            ],
        ),
        (
            {"articles_left_out": 3},
            [
                "No pair or synthetic question was written from 3 articles in other languages: qa.generator extractive "
                "reads English only."
            ],
        ),
    ],
)
def test_what_reads_english_only_is_said_of_a_corpus_in_other_languages(tmp_path, metrics, notes):
    write_study(tmp_path, many(), {"facts": steady()})
    write_json(tmp_path / "metrics/qa.json", {"train_pairs": 1000, **metrics})
    made = outputs(tmp_path)
    for path in ("metrics/table.md", "metrics/report.html"):
        assert [line for line in made[path].splitlines() if "English" in line] == [
            f"- {note}" if path.endswith("md") else f"<li>{note}</li>" for note in notes
        ]


def test_missing_times_are_left_out_and_never_part_of_a_total(tmp_path):
    write_study(tmp_path, many(), {"facts": steady()}, retrieval=None)
    rows = details_of(outputs(tmp_path))
    assert rows["micro.rag.synthetic.latency_p50_s"] == 1.5
    assert not [key for key in rows if re.search(r"rag\.synthetic\.(total|cost)|retrieval", key)]


def test_unscored_answers_are_counted_and_not_wrong(tmp_path):
    def opinion(model, approach, q):
        return (None, None) if (approach, q.id) in {("rag", "q0"), ("rag", "q1")} else (MEANS[approach], None)

    write_study(tmp_path, many(), {"facts": opinion})
    result = outputs(tmp_path)
    rows = details_of(result)
    assert (rows["micro.rag.synthetic.facts.score"], rows["micro.rag.synthetic.facts.n_scored"]) == (5.0, 10)
    assert "5.00 [5.00, 5.00] (10/12 scored)" in result["metrics/table.md"]
    assert (
        "- Judge facts left 2 of 48 answers unscored; they are left out, not counted as wrong.\n"
        in result["metrics/table.md"]
    )


def test_scores_that_are_relative_are_said_to_be(tmp_path):
    card = {"reliable": True, "control_accuracy": 0.95, "coverage": 1.0}
    cards = {"pairs": card | {"relative": 1}, "llama": card | {"relative": 0}}
    write_study(tmp_path, many(), {"pairs": steady(), "llama": steady()}, cards=cards)
    said = [
        line
        for line in outputs(tmp_path, judges=("pairs", "llama"))["metrics/table.md"].splitlines()
        if "relative" in line
    ]
    assert said == [
        "- Judge pairs compares answers in pairs: its scores are relative to the approaches compared here, and cannot "
        "be compared with those of another judge or study."
    ]


def test_a_judge_that_scored_nothing_breaks_no_section(tmp_path):
    write_study(tmp_path, many(2, 4), {"facts": lambda *_: (None, None), "semantic": steady()})
    result = outputs(tmp_path, judges=("facts", "semantic"))
    rows = details_of(result)
    assert rows["micro.rag.synthetic.facts.n_scored"] == 0
    assert "micro.rag.synthetic.facts.score" not in rows
    assert "no call: too few scored questions" in result["metrics/table.md"]


def test_several_models_stand_apart(tmp_path):
    def opinion(model, approach, q):
        return (MEANS[approach] + (model == "lite") + int(q.id[1:]) % 3 * 0.1, None)

    write_study(tmp_path, many(3, 12), {"facts": opinion}, models=("micro", "lite"))
    result = outputs(tmp_path, models=("micro", "lite"))
    rows = details_of(result)
    assert rows["lite.rag.synthetic.facts.score"] - rows["micro.rag.synthetic.facts.score"] == pytest.approx(1)
    assert re.findall(r"^Who beats whom, (\w+): ", result["metrics/table.md"], re.MULTILINE) == ["micro", "lite"]


def test_plots_hold_numbers_only_and_times_in_a_file_of_their_own(tmp_path):
    write_study(tmp_path, FIVE, {"facts": steady()}, seconds={"base": (1.0, 3.0), "rag": 1, "ft": 1, "ft_rag": 1})
    files = outputs(tmp_path)
    plots = {path: list(csv.DictReader(io.StringIO(text))) for path, text in files.items() if path.endswith(".csv")}
    assert sorted(plots) == ["plots/latency.csv", "plots/quality.csv", "plots/tokens.csv"]
    assert plots["plots/latency.csv"][0] == {
        "panel": "micro, handwritten: seconds", "model": "micro", "approach": "base", "set": "handwritten",
        "value": "2.0", "low": "2.0", "high": "2.9", "n": "2",
    }  # fmt: skip
    assert plots["plots/tokens.csv"][1] == {
        "panel": "micro, handwritten: output tokens", "model": "micro", "approach": "rag", "set": "handwritten",
        "value": "40.0", "low": "40.0", "high": "40.0", "n": "2",
    }  # fmt: skip
    write_study(tmp_path, FIVE, {"facts": steady()})  # other timings
    again = outputs(tmp_path)
    assert {path for path in plots if files[path] != again[path]} == {"plots/latency.csv"}


FAULTS = [
    (
        lambda root: (root / "data/scores/facts.jsonl").unlink(),
        "{root}/data/scores/facts.jsonl: no such file. Run `dvc repro`, which makes it.",
    ),
    (
        lambda root: drop_line(root / "data/answers/rag/micro.jsonl"),
        "{root}/data/answers/rag/micro.jsonl: 1 of 5 questions have no answer (the first is h0). Run `dvc repro`, "
        "which answers them.",
    ),
    (
        lambda root: repeat_line(root / "data/answers/ft/micro.jsonl"),
        "{root}/data/answers/ft/micro.jsonl: 'h0' occurs twice. Remove the file and run `dvc repro`.",
    ),
    (
        lambda root: (root / "data/qa/test.jsonl").write_bytes((root / "data/qa/handwritten.jsonl").read_bytes()),
        "{root}/data/qa/test.jsonl: question id 'h0' is used twice. Give each question its own id.",
    ),
    (
        lambda root: [(root / p).write_text("") for p in ("data/qa/test.jsonl", "data/qa/handwritten.jsonl")],
        "no test questions in {root}/data/qa/handwritten.jsonl or {root}/data/qa/test.jsonl. Set qa.test_questions, "
        "or write your own questions.",
    ),
    (
        lambda root: (root / "metrics/judge/facts.json").write_text("{"),
        "{root}/metrics/judge/facts.json: not readable as JSON (Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)). Remove it and run `dvc repro`.",
    ),
]


def drop_line(path):
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(True)[1:]), encoding="utf-8")


def repeat_line(path):
    lines = path.read_text(encoding="utf-8").splitlines(True)
    path.write_text("".join([lines[0], *lines]), encoding="utf-8")


@pytest.mark.parametrize(("damage", "message"), FAULTS)
def test_files_that_do_not_fit_together(tmp_path, damage, message):
    write_study(tmp_path, FIVE, {"facts": steady()})
    damage(tmp_path)
    with pytest.raises(StageError) as fault:
        read_study(study_params(), tmp_path)
    assert str(fault.value) == message.format(root=tmp_path)


def test_nested_metrics_of_other_stages_are_shown_flat(tmp_path):
    write_study(tmp_path, FIVE, {"facts": steady()})
    write_json(tmp_path / "metrics/retrieve.json", {"synthetic": {"recall@5": 0.5}, "mrr": None})
    assert read_study(study_params(), tmp_path).retrieval_metrics == {"synthetic.recall@5": 0.5, "mrr": None}


def beats(best: str, other: str) -> str:
    return f"On the 12 synthetic questions, {best} beats {other}."


ALIKE = "On the 12 synthetic questions, {} cannot be told apart."
SUBSETS = [
    # approaches, mean scores, headline, because
    ("base rag", MEANS, "Retrieve.", f"{beats('rag', 'base')} Fine-tuning was not tried with micro."),
    (
        "base rag", {**MEANS, "base": 9.0}, "Do not retrieve.",
        f"{beats('base', 'rag')} Fine-tuning was not tried with micro.",
    ),
    (
        "base rag", EQUAL, "Not settled: base and rag cannot be told apart.",
        f"{ALIKE.format('base and rag')} Fine-tuning was not tried with micro.",
    ),
    ("base ft", MEANS, "Fine-tune.", f"{beats('ft', 'base')} Retrieval was not tried with micro."),
    (
        "base ft", {**MEANS, "base": 9.0}, "Do not fine-tune.",
        f"{beats('base', 'ft')} Retrieval was not tried with micro.",
    ),
    (
        "base ft_rag", {**MEANS, "base": 9.0}, "Neither.",
        f"{beats('base', 'ft_rag')} Fine-tuning without retrieval and retrieval without fine-tuning were not tried "
        "with micro.",
    ),
    (
        "rag ft", MEANS, "Retrieve.",
        f"{beats('rag', 'ft')} The model as it is and fine-tuning with retrieval were not tried with micro.",
    ),
    (
        "rag ft_rag", MEANS, "Both.",
        f"{beats('ft_rag', 'rag')} The model as it is and fine-tuning without retrieval were not tried with micro.",
    ),
    (
        "base rag ft", {**MEANS, "base": 9.0}, "Neither.",
        f"{beats('base', 'both others')} Fine-tuning with retrieval was not tried with micro.",
    ),
    (
        "base rag ft_rag", {**EQUAL, "base": 1.0}, "Not settled between retrieve and both.",
        "On the 12 synthetic questions, rag and ft_rag are not told apart; base is beaten by another. Fine-tuning "
        "without retrieval was not tried with micro.",
    ),
    ("base", MEANS, "Nothing to compare.", "Only base was tried with micro."),
    ("rag", MEANS, "Nothing to compare.", "Only rag was tried with micro."),
]  # fmt: skip


@pytest.mark.parametrize(("approaches", "means", "headline", "because"), SUBSETS)
def test_the_verdict_is_on_what_was_tried(tmp_path, approaches, means, headline, because):
    models = {"micro": approaches.split()}
    write_study(tmp_path, many(), judged(means), models=models)
    study = read_study(study_params(models, ("facts", "semantic")), tmp_path)
    comparisons = compare(study, REPORT)
    (verdict,) = verdicts(study, comparisons)
    assert (verdict.headline, verdict.because) == (headline, because)
    n = len(models["micro"])
    assert len(comparisons) == n * (n - 1) / 2
    family = [one.judges["facts"] for one in comparisons]
    assert [one.p_holm for one in family] == holm([one.p_value for one in family])


@pytest.mark.parametrize(
    ("models", "against_base"),
    [
        ({"micro": ["base", "rag"]}, {"micro.rag"}),
        ({"micro": ["base"]}, set()),
        ({"micro": ["rag"]}, set()),
        ({"micro": ["rag", "ft", "ft_rag"]}, set()),
        ({"micro": ["base", "rag", "ft"], "hosted": ["base", "rag"]}, {"micro.rag", "micro.ft", "hosted.rag"}),
        ({"micro": ["base", "ft"], "hosted": ["rag", "ft_rag"]}, {"micro.ft"}),
        ({"micro": ["base"], "hosted": ["ft"]}, set()),
    ],
)
def test_all_outputs_speak_of_the_arms_that_are_there(tmp_path, models, against_base):
    write_study(tmp_path, many(3, 12), judged(MEANS), models=models, on=ON, training_on=TWO)
    result = outputs(tmp_path, models, ("facts", "semantic"))
    there = {f"{model}.{approach}" for model, approaches in models.items() for approach in approaches}
    tuned = {model for model, approaches in models.items() if {"ft", "ft_rag"} & {*approaches}}
    rows = details_of(result)
    assert {key.rsplit(".", 2)[0] for key in rows if key.endswith(".input_tokens")} == there
    for change in ("facts.uplift_pct", "total_change_pct", "output_tokens_change_pct"):
        assert {key.split(".synthetic")[0] for key in rows if key.endswith(f"synthetic.{change}")} == against_base
    assert {key.partition(".")[0] for key in rows if key.endswith("fine_tune_s")} == tuned
    for plot in ("quality", "tokens", "latency"):
        rows = list(csv.DictReader(io.StringIO(result[f"plots/{plot}.csv"])))
        assert {f"{row['model']}.{row['approach']}" for row in rows} == there
    table = result["metrics/table.md"]
    retrieves = any({"rag", "ft_rag"} & {*approaches} for approaches in models.values())
    assert ("vs base" in table, "training" in table, "retrieval" in table.split("## Handwritten")[1]) == (
        bool(against_base), bool(tuned), retrieves,
    )  # fmt: skip
