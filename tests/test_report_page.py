"""metrics/report.html: its structure, that it needs nothing from outside, and that no text of a document acts on it."""

import itertools
import re

import pytest
from bs4 import BeautifulSoup
from report_rows import question, write_study
from test_report_summary import MEANS, many, outputs, steady

from stages.report.charts import nice_step
from stages.report.slices import asks_yes_or_no
from stages.report.table import markdown_table
from stages.report.words import listed, money, number, p_value, percent, signed


def page_of(root, **options):
    html = outputs(root, **options)["metrics/report.html"]
    return html, BeautifulSoup(html, "html.parser")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = write_study(
        tmp_path_factory.mktemp("study"),
        many(3, 6),
        {"facts": steady(), "semantic": steady(spread=1.0)},
        cards={
            "facts": {"reliable": 1, "control_accuracy": 0.95, "coverage": 1.0, "control_score_reference": 9.5},
            "semantic": {
                "reliable": 0,
                "control_accuracy": 0.5,
                "control_flattered": 0.02,
                "coverage": 0.99,
                "control_score_swapped_number": 8.0,
                "control_score_reference": 9.0,
            },
        },
        replayed=("ft",),
    )
    return page_of(root, judges=("facts", "semantic"), like_the_study=True)


def text(node):
    return " ".join(node.get_text(" ").split())


def fold(soup, id_):
    return soup.find("details", class_="fold", id=id_)


def test_nothing_comes_from_outside(page):
    html, soup = page
    assert [tag["href"] for tag in soup.find_all("link")] == ["data:,"]
    assert not soup.find_all(["img", "iframe", "object", "embed", "base"])
    assert not [tag for tag in soup.find_all(True) if tag.has_attr("src")]
    assert {tag["href"][0] for tag in soup.find_all("a")} <= {"#"}
    assert not re.findall(r"https?:|url\(|@import|\bfetch\(|XMLHttpRequest", html)
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none';")


def test_headings_follow_each_other_and_links_lead_somewhere(page):
    soup = page[1]
    levels = [int(tag.name[1]) for tag in soup.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {tag["href"][1:] for tag in soup.find_all("a")} <= set(ids)
    assert soup.html["lang"] == "en"


def test_each_chart_says_in_text_what_it_shows(page):
    soup = page[1]
    charts = soup.find_all("svg")
    # Quality against cost, cost of a month; quality per set and judge; latency and tokens per set.
    assert len(charts) == 2 + 2 * 2 + 2 + 2
    for chart in charts:
        assert chart["role"] == "img"
        assert all(soup.find(id=id_) for id_ in chart["aria-labelledby"].split())
    latency = soup.find(id="latency-1-text").get_text()
    assert latency == (
        "seconds per answer: base 2.00 [2.00, 2.00]; rag 2.00 [2.00, 2.00]; ft 0.50 [0.50, 0.50]; "
        "ft_rag 1.50 [1.50, 1.50]"
    )


def test_each_bar_starts_at_zero_and_is_as_long_as_its_value(page):
    soup = page[1]
    quality = soup.find("svg", attrs={"aria-labelledby": "quality-2 quality-2-text"})
    lengths = {bar["class"][0]: float(bar.rect["width"]) for bar in quality.find_all("g")}
    starts = {float(bar.rect["x"]) for bar in quality.find_all("g")}
    assert len(starts) == 1
    assert {name: length / lengths["base"] for name, length in lengths.items()} == pytest.approx(
        {name: mean / MEANS["base"] for name, mean in MEANS.items()}, abs=0.01
    )


def test_tables_have_a_name_and_scroll_by_keyboard(page):
    tables = page[1].find_all("table")
    assert tables
    for table in tables:
        if table.find_parent("header"):  # of the first screen: named by its caption, and never wide
            assert text(table.caption)
        else:
            region = table.find_parent("div", class_="scroll")
            assert (region["role"], region["tabindex"]) == ("region", "0")
            assert region["aria-label"]
        width = {sum(int(cell.get("colspan", 1)) for cell in table.thead.find_all("th"))}
        assert width == {max(sum(int(c.get("colspan", 1)) for c in row.find_all(["th", "td"])) for row in table("tr"))}


def test_an_unreliable_judge_and_replayed_timings_are_marked(page):
    soup = page[1]
    judges = soup.find(attrs={"aria-label": "Judges"})
    assert [text(row) for row in judges.find_all("tr")[1:]] == [
        "facts 95% – 100% yes",
        "semantic 50% 2% 99% no: too few controls in the right order",
    ]
    assert [text(row) for row in soup.find(attrs={"aria-label": "Scores of controls"}).find_all("tr")] == [
        "control facts semantic",
        "reference 9.50 9.00",
        "swapped number – 8.00",
    ]
    assert "semantic unreliable" in text(soup.find(attrs={"aria-label": "Quality"}).thead)
    assert "† 6 of 6" in text(soup.find(attrs={"aria-label": "Latency, tokens and cost"}))
    assert "(replayed)" in text(soup.find(id="q-1"))


def test_each_offline_judge_says_what_it_sees_and_how_far_the_two_agree(page):
    heading = page[1].find("h3", string="How the judges differ")
    shown = list(itertools.takewhile(lambda tag: tag.name != "h3", heading.find_next_siblings()))
    assert [text(tag) for tag in shown if tag.name == "p"] == [
        "facts compares claims word by word: amounts, units, names, negations, replaced words and swapped parts. It "
        "may score true answers in wholly other words too low.",
        "semantic compares meaning by word vectors, and reads amounts, identifiers and negation from the words. It "
        "reads texts as facts does but shares none of its rules for finding errors, and it is blind to who does what "
        "to whom.",
    ]
    assert [text(row) for row in shown[-1].find_all("tr")] == [
        "judges n Spearman Kendall τ-b Krippendorff α mean bias",
        "facts and semantic 36 0.99 0.97 0.99 0.00",
    ]


def test_another_judge_is_not_described(tmp_path):
    write_study(tmp_path, many(0, 4), {"facts": steady(), "claude": steady(spread=1.0)})
    heading = page_of(tmp_path, judges=("facts", "claude"))[1].find("h3", string="How the judges differ")
    shown = itertools.takewhile(lambda tag: tag.name != "h3", heading.find_next_siblings())
    assert [tag.strong.string for tag in shown if tag.name == "p"] == ["facts"]


@pytest.mark.parametrize(
    ("card", "row", "note"),
    [
        (
            {"reliable": 0, "control_accuracy": 0.97, "control_flattered": 0.4},
            "97% 40% 100% no: taken in by flattery",
            " (40% of those that only repeat the question or say a bare yes or no get 7 or more)",
        ),
        (  # both fail at a limit of 0.9: the worse one is named
            {"reliable": 0, "control_accuracy": 0.85, "control_flattered": 0.3},
            "85% 30% 100% no: taken in by flattery",
            " (30% of those that only repeat the question or say a bare yes or no get 7 or more)",
        ),
        (
            {"reliable": 0, "control_accuracy": 0.85, "control_flattered": 0.12},
            "85% 12% 100% no: too few controls in the right order",
            " (accuracy 0.85)",
        ),
        (  # a run without such controls, or from before they were measured
            {"reliable": 0, "control_accuracy": 0.85, "control_flattered": None},
            "85% – 100% no: too few controls in the right order",
            " (accuracy 0.85)",
        ),
        ({"reliable": 0, "control_accuracy": 0.85}, "85% – 100% no: too few controls in the right order",
         " (accuracy 0.85)"),
        ({"reliable": 0}, "– – 100% no: too few controls in the right order", ""),
        ({"reliable": 1, "control_accuracy": 0.99, "control_flattered": 0.1}, "99% 10% 100% yes", None),
    ],
)  # fmt: skip
def test_why_a_judge_is_unreliable(tmp_path, card, row, note):
    write_study(tmp_path, many(0, 4), {"facts": steady()}, cards={"facts": card | {"coverage": 1.0}})
    soup = page_of(tmp_path)[1]
    assert text(soup.find(attrs={"aria-label": "Judges"}).tbody) == f"facts {row}"
    notes = [text(one) for one in soup.find("details", class_="notes").find_all("li") if "unreliable" in text(one)]
    told = f"Judge facts is unreliable on its controls{note} and does not count in any call."
    assert notes == ([] if note is None else [told])


def slices_of(soup, id_):
    """The first text of a section and the rows of its table without those of approaches other than base."""
    section = fold(soup, id_)
    rows = [text(row) for table in section.find_all("table") for row in table.find_all("tr")[1:]]
    return text(section.p), [row for row in rows if "(n = " in row or row.startswith("base ")]


BARE = (
    "A bare yes or no may be right by chance, so questions that ask for one (their last sentence begins with can, "
    "does, is or the like) stand apart from all others. In this study they are"
)


def test_yes_no_questions_stand_apart_as_seen_and_unseen_articles_do(tmp_path):
    asking = [question(f"q{i}", slice_="unseen", asked="I have a kettle. Can it boil?") for i in range(2)]
    others = [question(f"q{i}") for i in range(2, 5)]
    opinion = lambda model, approach, q: (8.0 + int(q.id[1:]) if "Can" in q.question else 2.0, None)  # noqa: E731
    write_study(tmp_path, [*many(2, 0), *asking, *others], {"facts": opinion})
    soup = page_of(tmp_path)[1]
    assert slices_of(soup, "yes-no") == (
        f"{BARE} 0 of 2 handwritten and 2 of 5 synthetic questions. Fewer questions each, so wider intervals.",
        [
            "synthetic, other questions (n = 3)", "base 2.00 [2.00, 2.00] –",
            "synthetic, yes/no questions (n = 2)", "base 8.50 [8.00, 9.00] –",
        ],
    )  # fmt: skip
    assert slices_of(soup, "slices")[1] == [
        "synthetic, seen articles (n = 3)", "base 2.00 [2.00, 2.00] –",
        "synthetic, unseen articles (n = 2)", "base 8.50 [8.00, 9.00] –",
    ]  # fmt: skip


@pytest.mark.parametrize(("asked", "n"), [("Does it boil?", 2), ("How long does it boil?", 0)])
def test_questions_of_one_kind_are_not_compared(tmp_path, asked, n):
    write_study(tmp_path, [question(f"q{i}", asked=asked) for i in range(2)], {"facts": steady()})
    soup = page_of(tmp_path)[1]
    assert slices_of(soup, "yes-no") == (
        f"{BARE} {n} of 2 synthetic questions. No set has both kinds, so there is nothing to compare.",
        [],
    )
    assert not soup.find(id="slices")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("Can a bucket be renamed?", True),
        ("does it keep its name?", True),
        ("“Is” it a name?", True),
        ("Isn't it durable?", True),
        ("Won’t it be deleted?", True),
        ("I have no value for RegionName. Can I call ListGlobalTables anyway?", True),
        ("Is there a limit of keys, e.g. in S3?", True),
        ("Can I rename it? How?", False),
        ("Which buckets can I rename?", False),
        ("How long is a name?", False),
        ("Candidates for deletion are which?", False),
        ("Issue a call. What happens?", False),
        ("", False),
    ],
)
def test_which_questions_ask_for_a_yes_or_no(asked, expected):
    assert asks_yes_or_no(asked) == expected


def test_the_studys_claims_stand_beside_ours(page):
    rows = [text(row) for row in page[1].find(attrs={"aria-label": "Compared with the study"}).tbody.find_all("tr")]
    assert rows[0].startswith("rag judged quality +30% facts +150%")
    assert rows[6:] == [
        "ft latency −50% – −75% [−75, −75] −75% [−75, −75]",
        "rag latency −30% – 0% [0, 0] 0% [0, 0]",
        "ft output tokens −60% – −90% [−90, −90] −90% [−90, −90]",
        "rag tokens in all +100% – +196% [+196, +196] +196% [+196, +196]",
    ]


def test_each_question_shows_four_answers_beside_the_ground_truth(page):
    soup = page[1]
    questions = soup.find_all("details", class_="question")
    assert [(q["data-set"], q["data-slice"]) for q in questions[:5]] == [
        ("handwritten", "seen"),
        ("handwritten", "seen"),
        ("handwritten", "seen"),
        ("synthetic", "seen"),
        ("synthetic", "unseen"),
    ]
    first = questions[0]
    assert text(first.summary.h3) == "How long does kettle <h0> take to boil?"
    assert text(first.find(class_="reference")) == "Kettle h0 boils in 3 & a half minutes."
    assert [text(s.find(class_="verbatim")) for s in first.find_all("section")] == [
        f"{approach} says <i>h0</i>" for approach in MEANS
    ]
    assert text(first.find("section", class_="rag").find("dd")) == (
        "factual accuracy 4.5, completeness 4.5, relevance 4.5, clarity 4.5, fact recall 0.50. made up"
    )
    assert text(first.find("details", class_="passages").summary) == "1 retrieved passage (0 from that article)"


def test_texts_of_documents_are_shown_and_never_markup(page):
    html, soup = page
    assert "&lt;b&gt;Fill&lt;/b&gt; it." in html
    assert not soup.find("b")
    assert not soup.find("i")


def test_hostile_text_cannot_end_an_element_or_run(tmp_path):
    hostile = "</script><script>alert(1)</script>\" onload='x' {{ 7 * 7 }}"
    bad = question("q0").model_copy(update={"question": hostile, "kind": hostile, "reference": hostile})
    write_study(tmp_path, [bad, question("q1")], {"facts": steady()})
    soup = page_of(tmp_path)[1]
    assert len(soup.find_all("script")) == 1
    assert text(soup.find(id="q-1").h3) == " ".join(hostile.split())
    assert soup.find(id="q-1")["data-kind"] == hostile
    assert not soup.find_all(attrs={"onload": True})


def test_it_is_complete_without_scripts(page):
    soup = page[1]
    assert soup.find("form", class_="filter").has_attr("hidden")  # the script shows it: without one it does nothing
    assert not [q for q in soup.find_all("details", class_="question") if q.has_attr("hidden")]


def test_several_models_one_set_one_judge(tmp_path):
    write_study(tmp_path, many(0, 4), {"facts": steady()}, models=("micro", "lite"))
    soup = page_of(tmp_path, models=("micro", "lite"))[1]
    assert [text(p) for p in soup.find_all("p", class_="answer-line")] == ["Both, with micro."]
    assert [text(mark).rstrip(":") for mark in fold(soup, "sureness").find_all("strong")] == ["micro", "lite"]
    assert len(soup.find(id="q-1").find_all("section")) == 8
    assert "There is one judge only: its agreement with another cannot be shown." in text(soup)


SECTIONS = {
    *("rules", "costs", "sureness", "figures", "numbers", "study", "pairs", "slices", "yes-no", "retrieval"),
    *("judges", "questions", "method"),
}


@pytest.mark.parametrize(
    ("models", "missing", "bars"),
    [
        ({"micro": ["base", "rag"]}, {"slices"}, [["base", "rag"]]),
        ({"micro": ["base"]}, {"study", "pairs", "slices", "retrieval"}, [["base"]]),
        ({"micro": ["rag", "ft_rag"]}, {"study"}, [["rag", "ft_rag"]]),
        ({"micro": ["base", "ft"], "hosted": ["base"]}, {"retrieval"}, [["base", "ft"], ["base"]]),
        ({"micro": ["ft"], "hosted": ["rag"]}, {"study", "pairs"}, [["rag"], ["ft"]]),
    ],
)
def test_sections_and_words_are_of_the_approaches_that_were_tried(tmp_path, models, missing, bars):
    write_study(tmp_path, many(0, 6), {"facts": steady()}, models=models)
    soup = page_of(tmp_path, models=models, like_the_study=True)[1]
    folds = soup.main.find_all("details", class_="fold", recursive=False)
    assert {one["id"] for one in folds} == SECTIONS - missing
    assert all(one.summary.h2 and not one.has_attr("open") for one in folds)
    quality = soup.find("figure", attrs={"aria-labelledby": "figure-quality"})
    assert [[bar["class"][0] for bar in chart.find_all("g")] for chart in quality.find_all("svg")] == bars
    tried = {approach for approaches in models.values() for approach in approaches}
    assert {tag["class"][-1] for tag in soup.find_all(class_="key")} == tried
    for table in soup.find_all("table"):  # what spans a table spans all of it
        columns = len(table.thead.find_all("th")) if table.thead else 0
        assert {int(th["colspan"]) for th in table.find_all("th", attrs={"scope": "rowgroup"})} <= {columns}
    tuned, retrieves = bool({"ft", "ft_rag"} & tried), bool({"rag", "ft_rag"} & tried)
    soup.find(attrs={"aria-label": "Costs"}).extract()  # whose columns are all costs that there may be
    for verdict in fold(soup, "sureness").find_all("p", recursive=False):
        verdict.extract()  # they say what was not tried
    said = text(soup.find("main"))
    assert ("training" in said or "Fine-tuning" in said, "retriev" in said.lower()) == (tuned, retrieves)


def test_nothing_measured_breaks_no_chart(tmp_path):
    write_study(tmp_path, many(0, 3), {"facts": lambda *_: (None, None)}, seconds=dict.fromkeys(MEANS), retrieval=None)
    soup = page_of(tmp_path)[1]
    assert soup.find(id="quality-0-text").get_text() == "mean score, 0–10: nothing measured"
    assert soup.find(id="latency-0-text").get_text() == "seconds per answer: nothing measured"


@pytest.mark.parametrize(
    ("limit", "step"), [(0, 1.0), (10, 2), (1, 0.2), (0.9, 0.2), (2.1, 0.5), (740, 200), (0.004, 0.001)]
)
def test_nice_step(limit, step):
    assert nice_step(limit) == pytest.approx(step)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (number(None), "–"),
        (number(-1234.5, 1), "−1,234.5"),
        (number(-0.001), "0.00"),
        (number(-0.4, 1), "−0.4"),
        (signed(0.0), "0.00"),
        (signed(0.5), "+0.50"),
        (signed(-0.001), "0.00"),
        (percent(-50.4), "−50%"),
        (percent(None), "–"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.5), "0.500"),
        (money(None, "USD"), "–"),
        (money(0.012345, "USD"), "0.0123 USD"),
        (money(12345.6, "EUR"), "12,346 EUR"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_words(made, words):
    assert made == words


def test_markdown_table_is_aligned_and_a_bar_in_a_cell_does_not_split_it():
    assert markdown_table(["approach", "a|b"], [["rag", "1"], ["ft_rag", "22"]]) == (
        "| approach | a\\|b |\n"
        "|----------|-----:|\n"
        "| rag      |    1 |\n"
        "| ft_rag   |   22 |\n"
    )  # fmt: skip
