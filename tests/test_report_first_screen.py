"""What one reads first: metrics/summary.json, the head of the page and of metrics/table.md."""

import json

import pytest
from bs4 import BeautifulSoup
from report_rows import question, study_params, write_study
from test_report_page import text
from test_report_summary import EQUAL, MEANS, ON, PRICES, REPORT, TWO, judged, many, outputs

from stages.report.inputs import read_study
from stages.report.options import unlike

JUDGES = ("facts", "semantic")
DEAR = PRICES.model_copy(update={"compute_per_hour": 3.6})  # a thousandth a second
UNRELIABLE = {judge: {"reliable": False} for judge in JUDGES}
# Two questions each on two articles. By approach the scores of both judges, of which the mean counts.
FOUR = [question(f"q{i}", article=f"kettle/{'lid' if i < 2 else 'base'}") for i in range(4)]
FOUR_SCORES = {
    "base": [(2.0, 4.0), (2.0, 4.0), (2.0, 4.0), (2.0, 4.0)],
    "rag": [(9.0, 7.0), (9.0, 7.0), (6.0, 4.0), (6.0, 4.0)],
    "ft": [(5.0, 5.0), (5.0, 5.0), (8.0, 8.0), (8.0, None)],  # one is unscored: three questions count
    "ft_rag": [(10.0, 10.0), (5.0, 7.0), (7.0, 7.0), (7.0, 7.0)],  # 7 is right
}


def judge(number):
    return lambda model, approach, q: (FOUR_SCORES[approach][int(q.id[1:])][number], None)


def write_four(root, **options):
    seconds = {"base": (1.0, 3.0), "rag": 1.5, "ft": 0.5, "ft_rag": 1.0}
    opinions = {"facts": judge(0), "semantic": judge(1)}
    return write_study(root, FOUR, opinions, **{"seconds": seconds, **options})


def made(root, **options):
    """The outputs, and the page's parsed header."""
    result = outputs(root, **{"judges": JUDGES, "prices": DEAR, **options})
    return result, BeautifulSoup(result["metrics/report.html"], "html.parser").header


def summary_of(result):
    return json.loads(result["metrics/summary.json"])


def test_summary_of_a_small_study_computed_by_hand(tmp_path):
    result, _ = made(write_four(tmp_path))
    tokens = {"base": (50, 200), "rag": (700, 40), "ft": (50, 20), "ft_rag": (700, 20)}
    figures = {
        # With two articles an interval of a mean spans their means. No right answer: no cost of one.
        "base": {"score": 3.0, "score_low": 3.0, "score_high": 3.0, "right_share": 0.0, "seconds_p50": 2.0},
        "rag": {
            "score": 6.5, "score_low": 5.0, "score_high": 8.0, "right_share": 0.5, "seconds_p50": 2.0,
            # 2 s, and 360 s of the index over 12 * 10,000 questions, for half a right answer
            "cost_per_1000_right": 4.006,
        },
        "ft": {
            "score": 6.0, "score_low": 5.0, "score_high": 8.0, "right_share": 0.333, "seconds_p50": 0.5,
            "cost_per_1000_right": 1.518,  # 0.5 s, and 720 s of training, for a third
        },
        "ft_rag": {
            "score": 7.5, "score_low": 7.0, "score_high": 8.0, "right_share": 0.75, "seconds_p50": 1.5,
            "cost_per_1000_right": 2.012,  # 1.5 s, index and training, for three quarters
        },
    }  # fmt: skip
    assert summary_of(result) == {
        f"micro.{approach}.{name}": value
        for approach, own in figures.items()
        for name, value in (own | dict(zip(("input_tokens", "output_tokens"), tokens[approach], strict=True))).items()
    }


@pytest.mark.parametrize(
    ("options", "prices", "missing"),
    [
        ({}, {}, set()),
        ({"retrieval": None}, {}, {"rag.cost_per_1000_right", "ft_rag.cost_per_1000_right"}
         | {"rag.seconds_p50", "ft_rag.seconds_p50"}),
        ({}, {"compute_per_hour": None}, {f"{one}.cost_per_1000_right" for one in MEANS}),
        ({"seconds": {"base": 2.0, "rag": 1.0, "ft": None, "ft_rag": 1.0}}, {},
         {"ft.seconds_p50", "ft.cost_per_1000_right"}),
        (
            {"cards": UNRELIABLE}, {},
            {f"{one}.{figure}" for one in MEANS
             for figure in ("score", "score_low", "score_high", "right_share", "cost_per_1000_right")},
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_has_no_key_in_the_summary(tmp_path, options, prices, missing):
    write_study(tmp_path, many(), judged(dict.fromkeys(MEANS, 8.0)), **options)
    result, _ = made(tmp_path, prices=DEAR.model_copy(update=prices))
    figures = ("score", "score_low", "score_high", "right_share", "cost_per_1000_right", "seconds_p50")
    expected = {f"{one}.{figure}" for one in MEANS for figure in (*figures, "input_tokens", "output_tokens")}
    assert {key.removeprefix("micro.") for key in summary_of(result)} == expected - missing


def test_the_summary_holds_eight_figures_of_each_arm(tmp_path):
    models = {"micro": ["base", "rag"], "hosted": ["base"]}
    write_study(tmp_path, many(2, 6), judged(dict.fromkeys(MEANS, 8.0)), models=models)
    keys = list(summary_of(made(tmp_path, models=models)[0]))
    assert keys == sorted(keys)
    assert {arm: sum(key.startswith(f"{arm}.") for key in keys) for arm in ("micro.base", "micro.rag", "hosted.base")}
    assert len(keys) == 3 * 8


BECAUSE = (
    "ft_rag is the cheapest approach that no other beats by more than 0.5 points, at 10,000 questions a month. Its "
    "mean score is 7.50 [7.00, 8.00] of 10, and 75% [26%, 96%] of its answers are right, that is, get 7 or more. ft "
    "costs less, but is 1.67 points [−1.00, 3.00] worse."
)


def test_the_first_screen_is_the_answer_three_numbers_an_approach_and_one_picture(tmp_path):
    result, header = made(write_four(tmp_path))
    table = header.find("table", class_="options")
    headline, because, sure = (text(one) for one in header.find_all("p")[:3])
    assert (headline, because) == ("Both, probably.", BECAUSE)
    assert sure.startswith("Not settled: it is open whether ")
    assert text(table.caption) == (
        "4 questions. Right: a mean score of 7 or more. Costs are all costs at 10,000 questions a month."
    )
    assert [text(row) for row in table.find_all("tr")] == [
        "approach right answers 1,000 right answers, USD seconds (median)",
        "base dominated by ft_rag 0% [0%, 66%] – 2.00",
        "rag dominated by ft_rag 50% [5%, 95%] 4.01 2.00",
        "ft 33% [3%, 90%] 1.52 0.50",  # worse, but faster
        "ft_rag recommended 75% [26%, 96%] 2.01 1.50",
    ]
    assert [row.th.find("span").string for row in table.find_all("tr", class_="recommended")] == ["ft_rag"]
    (picture,) = header.find_all("svg")
    assert text(picture.desc) == (
        "Mean score and cost of 1,000 answers, USD: base 3.0 at 2.0000; rag 6.5 at 2.0030; ft 6.0 at 0.5060; ft_rag "
        "7.5 at 1.5090."
    )
    marks = {text(mark.find("text")): mark.circle["class"] for mark in picture.find_all("g")}
    assert marks == {"base": ["hollow"], "rag": ["hollow"], "ft": ["full"], "ft_rag": ["full"]}
    assert [text(one) for one in header.find("ul", class_="legend").find_all("li")] == [
        "base : the model as it is",
        "rag : with retrieved passages",
        "ft : fine-tuned",
        "ft_rag : fine-tuned, with retrieved passages",
    ]
    head = result["metrics/table.md"].partition("\nWho beats whom")[0]
    assert head == (
        f"# Results\n\n**Both, probably.** {BECAUSE}\n\n{sure}\n\n{OTHERWISE}\n\n"
        "| approach |             score |  right answers | seconds | 1,000 right answers cost | call                |\n"
        "|----------|------------------:|---------------:|--------:|-------------------------:|---------------------|\n"
        "| base     | 3.00 [3.00, 3.00] |   0% [0%, 66%] |    2.00 |                        – | dominated by ft_rag |\n"
        "| rag      | 6.50 [5.00, 8.00] |  50% [5%, 95%] |    2.00 |                 4.01 USD | dominated by ft_rag |\n"
        "| ft       | 6.00 [5.00, 8.00] |  33% [3%, 90%] |    0.50 |                 1.52 USD |                     |\n"
        "| ft_rag   | 7.50 [7.00, 8.00] | 75% [26%, 96%] |    1.50 |                 2.01 USD | recommended         |\n"
    )


OTHERWISE = (
    "It would stay the same with 100,000 questions a month, models at a tenth of their price, no margin and a margin "
    "of 1 point."
)


def test_the_page_says_what_would_change_it_and_by_which_rules(tmp_path):
    write_four(tmp_path)
    report = REPORT.model_copy(update={"max_seconds_p95": 1.2, "max_cost_per_1000": 4.0, "margin": 1.0})
    result, header = made(tmp_path, report=report)
    rules = BeautifulSoup(result["metrics/report.html"], "html.parser").find(id="rules")
    assert text(header.find("p", class_="answer-line")) == "Fine-tune."
    assert [text(row.th) for row in header.find("tbody").find_all("tr")] == [
        "base over a limit",
        "rag over a limit",
        "ft recommended",
        "ft_rag over a limit",
    ]
    assert [text(one) for one in rules.find_all("p")] == [
        "The recommendation would change with no limit on seconds (ft_rag). It would stay the same with no limit on "
        "cost, 100,000 questions a month, models at a tenth of their price, no margin and a margin of 2 points.",
        "Here report.margin is 1 points, report.questions_per_month 10,000, report.months 12; at most 1.2 seconds at "
        "the 95th percentile, at most 4 USD for 1,000 answers. A change of them reruns the report alone.",
    ]
    assert len(rules.find_all("li")) == 4


@pytest.mark.parametrize(
    ("models", "opinions", "options", "report", "headline", "because"),
    [
        (
            ["base", "rag"], judged(EQUAL, 0.0), {}, {}, "Do not retrieve.",
            "base is the cheapest approach that no other beats by more than 0.5 points, at 10,000 questions a month. "
            "Its mean score is 5.00 [5.00, 5.00] of 10, and 0% [0%, 24%] of its answers are right, that is, get 7 or "
            "more.",
        ),
        (
            ["rag"], judged(EQUAL, 0.0), {}, {}, "Nothing to compare.",
            "Only rag was tried. Its mean score is 5.00 [5.00, 5.00] of 10, and 0% [0%, 24%] of its answers are right, "
            "that is, get 7 or more.",
        ),
        (
            ["base", "rag"], judged(EQUAL, 0.0), {"cards": UNRELIABLE}, {},
            "No answer yet.",
            "None of the judges (facts and semantic) did well enough on its controls to be believed.",
        ),
        (
            ["base", "rag"], judged(EQUAL, 0.0), {}, {"max_seconds_p95": 1.0}, "No approach keeps the limits.",
            "base is out: 2 s at the 95th percentile, over report.max_seconds_p95 (1). rag is out: 2 s at the 95th "
            "percentile, over report.max_seconds_p95 (1).",
        ),
        (
            ["base", "rag"], {one: lambda *_: (None, None) for one in JUDGES}, {}, {}, "No answer yet.", "",
        ),
    ],
)  # fmt: skip
def test_headline_of_the_page(tmp_path, models, opinions, options, report, headline, because):
    own = {"micro": models}
    write_study(tmp_path, many(), opinions, models=own, **options)
    result, header = made(tmp_path, models=own, report=REPORT.model_copy(update=report))
    assert [text(one) for one in header.find_all("p")[:2]] == [headline, because]
    assert f"**{headline}** {because}".rstrip() in result["metrics/table.md"]


@pytest.mark.parametrize(
    ("options", "headline", "sure"),
    [
        (
            {"facts": {"base": 5.0, "rag": 5.2}}, "Do not retrieve, probably.",
            "Not settled: it is open whether rag is more than 0.5 points better than base (+0.16 points [−0.38, "
            "+0.73]). About 32 questions like these 12 would settle it.",  # 12 * (0.555 / 0.34)², upwards
        ),
        (
            {"facts": {"base": 5.0, "rag": 8.0}, "semantic": {"base": 9.0, "rag": 8.5}}, "Retrieve, probably.",
            "Not settled: it is open whether rag is more than 0.5 points better than base (+1.21 points [+0.67, "
            "+1.78], and the judges do not agree). More questions like these do not make the judges agree.",
        ),
        (
            {"facts": {"base": 5.0, "rag": 8.0}}, "Retrieve.",
            "The intervals settle it: together they hold with 95% confidence.",
        ),
    ],
)  # fmt: skip
def test_how_sure_a_recommendation_is(tmp_path, options, headline, sure):
    """Scores go up and down from question to question, by base and rag in unlike turns."""

    def opinion(means):
        return lambda _, approach, q: (
            means[approach] + (int(q.id[1:]) * (3 if approach == "base" else 5)) % 7 / 2 - 1.5, None
        )  # fmt: skip

    own = {"micro": ["base", "rag"]}
    write_study(tmp_path, many(), {name: opinion(means) for name, means in options.items()}, models=own)
    result, header = made(tmp_path, models=own, judges=tuple(options))
    assert [text(one) for one in header.find_all("p")[:3:2]] == [headline, sure]
    assert f"\n\n{sure}\n\n" in result["metrics/table.md"]


LOADED = "other programs used 60% of the machine during ft and 10% at the least"
MIXED = "some are of this run and some are replayed from an earlier one"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, ""),
        ({"on": ON}, ""),
        ({"replayed": tuple(MEANS)}, ""),  # all of them
        ({"replayed": ("rag",)}, MIXED),
        (
            {"on": ON | {"ft": TWO | {"machine": "B CPU (bf16), 8 cores"}}},
            "they were measured on more than one machine",
        ),
        ({"on": ON | {"retrieval": TWO | {"machine": "another"}}}, "they were measured on more than one machine"),
        ({"on": {"base": TWO}}, ""),  # the others are hosted: no machine of ours
        ({"others": {"base": 0.1, "rag": 0.2, "ft": 0.6, "ft_rag": 0.1}}, LOADED),
        ({"others": {"base": 0.3, "rag": 0.45, "ft": 0.4, "ft_rag": 0.35}}, ""),  # much the same of each
        ({"others": {"base": 0.9}}, ""),  # measured of one only
    ],
)
def test_seconds_that_are_not_to_be_compared(tmp_path, options, why):
    write_study(tmp_path, many(), judged(MEANS), **options)
    assert unlike(read_study(study_params(judges=JUDGES), tmp_path)) == why
    result, header = made(tmp_path)
    said = [text(one) for one in header.find_all("p", class_="soft")]
    assert said == [f"Seconds are not compared here: {why}. They are below, under “All numbers”."] * bool(why)
    seconds = [text(row.find_all("td")[-1]) for row in header.find("tbody").find_all("tr")]
    assert seconds == (["–"] * 4 if why else ["2.00", "2.00", "0.50", "1.50"])
    head = result["metrics/table.md"].partition("\nWho beats whom")[0]
    assert [line.split("|")[4].strip() for line in head.splitlines() if line.startswith("| ")] == ["seconds", *seconds]
    assert head.endswith(f"\n\nSeconds are not compared here: {why}.\n" if why else "|\n")
    numbers = BeautifulSoup(result["metrics/report.html"], "html.parser").find(id="numbers")
    assert "2.00 / 2.00" in text(numbers)
    assert summary_of(result)["micro.base.seconds_p50"] == 2.0


@pytest.mark.parametrize(
    ("others", "start", "marks", "pictures"),
    [
        (
            {}, "ft_rag is the fastest approach that no other beats by more than 0.5 points; what it costs is not "
            "known. Its mean score is 7.50 [7.00, 8.00] of 10, ",
            ["base dominated by ft_rag", "rag dominated by ft_rag", "ft", "ft_rag recommended"],
            ["Quality against time"],
        ),
        (
            {"base": 0.1, "ft_rag": 0.9},
            "ft_rag is an approach that no other beats by more than 0.5 points; what it costs is not known. Its mean "
            "score is 7.50 [7.00, 8.00] of 10, ",
            ["base", "rag", "ft", "ft_rag recommended"], [],
        ),
    ],
)  # fmt: skip
def test_without_prices_seconds_count_if_they_may_be_compared(tmp_path, others, start, marks, pictures):
    write_four(tmp_path, others=others)
    _, header = made(tmp_path, prices=PRICES.model_copy(update={"compute_per_hour": None}))
    because = text(header.find_all("p")[1])
    assert because.startswith(start)
    assert because.endswith("that is, get 7 or more. ft is 1.67 points [−1.00, 3.00] worse.")
    assert [text(row.th) for row in header.find("tbody").find_all("tr")] == marks
    assert [text(one.h2) for one in header.find_all("figure")] == pictures


def test_several_models_are_named_on_the_first_screen(tmp_path):
    def opinion(model, approach, q):
        return MEANS[approach] + (model == "lite"), None

    models = {"micro": ["base", "rag"], "lite": ["rag"]}
    write_study(tmp_path, many(), dict.fromkeys(JUDGES, opinion), models=models)
    result, header = made(tmp_path, models=models)
    assert [text(one) for one in header.find_all("p")[:3]] == [
        "Retrieve, with lite.",
        "lite rag is the cheapest approach that no other beats by more than 0.5 points, at 10,000 questions a month. "
        "Its mean score is 6.00 [6.00, 6.00] of 10, and 0% [0%, 24%] of its answers are right, that is, get 7 or more. "
        "micro base costs less, but is 4.00 points [4.00, 4.00] worse. micro rag is 1.00 points [1.00, 1.00] worse.",
        "The intervals settle it: together they hold with 95% confidence.",
    ]
    assert [text(row.th) for row in header.find("tbody").find_all("tr")] == [
        "micro base",
        "micro rag dominated by lite rag",
        "lite rag recommended",
    ]
    rows = [line for line in result["metrics/table.md"].splitlines() if line.startswith("| micro | rag")]
    assert rows[0].endswith("| dominated by lite rag |")
    costs = BeautifulSoup(result["metrics/report.html"], "html.parser").find(id="costs")
    assert "Dominated, that is, another is at least as good, as fast and as cheap: micro rag by lite rag." in text(
        costs
    )
