"""metrics/report.html: its structure, that it needs nothing from outside, and that no text of a document acts on it."""

import itertools
import re

import pytest
from bs4 import BeautifulSoup
from report_rows import question, write_study
from test_report_summary import MEANS, many, outputs, steady

from stages.report.charts import nice_step
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
                "coverage": 0.99,
                "control_score_swapped_number": 8.0,
                "control_score_reference": 9.0,
            },
        },
        replayed=("ft",),
    )
    return page_of(root, judges=("facts", "semantic"))


def text(node):
    return " ".join(node.get_text(" ").split())


def test_nothing_comes_from_outside(page):
    html, soup = page
    assert [tag["href"] for tag in soup.find_all("link")] == ["data:,"]
    assert not soup.find_all(["img", "iframe", "object", "embed", "base"])
    assert not [tag for tag in soup.find_all(True) if tag.has_attr("src")]
    assert {tag["href"][0] for tag in soup.find_all("a")} == {"#"}
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
    assert len(charts) == 2 * 2 + 2 + 2  # quality per set and judge; latency and tokens per set
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
        region = table.find_parent("div", class_="scroll")
        assert (region["role"], region["tabindex"]) == ("region", "0")
        assert region["aria-label"]
        width = {sum(int(cell.get("colspan", 1)) for cell in table.thead.find_all("th"))}
        assert width == {max(sum(int(c.get("colspan", 1)) for c in row.find_all(["th", "td"])) for row in table("tr"))}


def test_an_unreliable_judge_and_replayed_timings_are_marked(page):
    soup = page[1]
    judges = soup.find(attrs={"aria-label": "Judges"})
    assert [text(row) for row in judges.find_all("tr")[1:]] == [
        "facts 95% 100% yes",
        "semantic 50% 99% no: unreliable",
    ]
    assert [text(row) for row in soup.find(attrs={"aria-label": "Scores of controls"}).find_all("tr")] == [
        "control facts semantic",
        "reference 9.50 9.00",
        "swapped number – 8.00",
    ]
    assert "semantic unreliable" in text(soup.find(attrs={"aria-label": "Quality"}).thead)
    assert "† 6 of 6" in text(soup.find(attrs={"aria-label": "Latency, tokens and cost"}))
    assert "(replayed)" in text(soup.find(id="q-1"))


def test_the_studys_claims_stand_beside_ours(page):
    rows = [text(row) for row in page[1].find(attrs={"aria-label": "Beside the study"}).tbody.find_all("tr")]
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
    assert [text(p).split(":")[0] for p in soup.find_all("p", class_="answer-line")] == ["micro", "lite"]
    assert len(soup.find(id="q-1").find_all("section")) == 8
    assert "There is one judge only: its agreement with another cannot be shown." in text(soup)


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
