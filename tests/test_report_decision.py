"""From scores, seconds and prices to a recommendation: costs, right answers, and the stated rules."""

from dataclasses import replace

import numpy as np
import pytest

from stages.report.costs import Costs, break_even
from stages.report.interaction import few_differ
from stages.report.options import Option
from stages.report.params import ReportParams
from stages.report.recommendation import Change, Lead, choose, recommend
from stages.report.statistics import Interval, questions_needed, share_interval
from tune_or_retrieve.base.study import Arm

REPORT = ReportParams(
    seed=3, confidence=0.95, bootstrap_samples=500, permutation_samples=500, power=0.8, right_from=7.0, margin=0.5,
    questions_per_month=1000, months=10,
)  # fmt: skip
FREE = Costs(training=0.0, hosting=0.0, index=0.0, retrieval=0.0, generation=0.0, questions=1000, months=10)


def _option(
    approach: str, score: float | None, each: float | None = 0.001, once: float = 0.0, p95: float = 1.0
) -> Option:
    return Option(
        "micro", approach, 50, score, None, None, None, p95, p95, p95, replace(FREE, generation=each, training=once),
        None, None, None, True,
    )  # fmt: skip


BASE, RAG, FT = (Arm("micro", approach) for approach in ("base", "rag", "ft"))


def _leads(found: list[Option], half: float = 0.1) -> dict:
    """The leads of the options' scores, each certain to `half` points."""
    return {
        (a.arm, b.arm): Lead(50, a.score - b.score, Interval(a.score - b.score - half, a.score - b.score + half))
        for a in found
        for b in found
        if a.arm != b.arm and a.score is not None and b.score is not None
    }


def test_costs_of_a_month_and_of_an_answer():
    costs = Costs(training=20.0, hosting=3.0, index=10.0, retrieval=0.001, generation=0.004, questions=1000, months=10)
    assert costs.fixed == pytest.approx(6.0)
    assert costs.each == pytest.approx(0.005)
    assert costs.monthly(2000) == pytest.approx(16.0)
    assert costs.per_answer == pytest.approx(0.011)


@pytest.mark.parametrize("unknown", ["training", "hosting", "index", "retrieval", "generation"])
def test_a_cost_that_rests_on_something_unknown_is_not_known(unknown):
    assert replace(FREE, **{unknown: None}).per_answer is None


@pytest.mark.parametrize(
    ("first", "second", "crossing"),
    [
        (replace(FREE, hosting=10.0, generation=0.001), replace(FREE, generation=0.003), 5000.0),
        (replace(FREE, generation=0.001), replace(FREE, hosting=1.0, generation=0.003), None),  # always cheaper
        (replace(FREE, hosting=1.0), replace(FREE, hosting=2.0), None),  # parallel
        (replace(FREE, hosting=None), FREE, None),
    ],
)
def test_where_costs_cross(first, second, crossing):
    assert break_even(first, second) == break_even(second, first) == (crossing and pytest.approx(crossing))


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [  # without clusters: Wilson's interval, as statsmodels' proportion_confint(method="wilson") has it
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (40, 50, 0.6696, 0.8876),
    ],
)
def test_interval_of_a_share(right, n, low, high):
    found = share_interval(np.arange(n) < right, list(range(n)), 0.95)
    # The clustered error has the factor n / (n - 1), which Wilson's formula does not.
    assert found == pytest.approx((low, high), abs=0.02)


def test_clusters_of_like_answers_widen_the_interval_of_a_share():
    right = np.repeat([1, 0, 1, 1, 0, 1, 0, 1, 1, 0], 5)
    alone, together = (share_interval(right, clusters, 0.95) for clusters in (range(50), np.repeat(range(10), 5)))
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_no_interval_of_a_share_of_one_article():
    assert share_interval(np.array([1, 0]), [4, 4], 0.95) is None


@pytest.mark.parametrize(
    ("found", "changed", "arm"),
    [
        # The best is recommended where its lead is worth it, the cheapest where it is not.
        ([_option("base", 3.0, 0.001), _option("rag", 5.0, 0.002)], {}, RAG),
        ([_option("base", 4.8, 0.001), _option("rag", 5.0, 0.002)], {}, BASE),
        ([_option("base", 4.8, 0.001), _option("rag", 5.0, 0.002)], {"margin": 0.0}, RAG),
        ([_option("base", 5.0, 0.002), _option("rag", 5.0, 0.001)], {}, RAG),
        # Fixed costs count at the volume of params.
        ([_option("base", 5.0, 0.002), _option("ft", 5.0, 0.001, once=30.0)], {}, BASE),
        ([_option("base", 5.0, 0.002), _option("ft", 5.0, 0.001, once=1.0)], {}, FT),
        # Limits.
        ([_option("base", 3.0), _option("rag", 5.0, p95=4.0)], {"max_seconds_p95": 3.0}, BASE),
        ([_option("base", 3.0), _option("rag", 5.0, 0.01)], {"max_cost_per_1000": 5.0}, BASE),
        ([_option("base", 3.0, None)], {"max_cost_per_1000": 5.0}, None),
        # An unknown cost is the last choice among equals, and is no reason to leave out what is better.
        ([_option("base", 5.0, None), _option("rag", 5.0)], {}, RAG),
        ([_option("base", 3.0), _option("rag", 5.0, None)], {}, RAG),
        # Beaten by one that is beaten itself is beaten.
        ([_option("base", 3.0, 0.001), _option("ft", 3.4, 0.002), _option("rag", 3.8, 0.003)], {}, FT),
        ([_option("base", None)], {}, None),
        ([], {}, None),
    ],
)
def test_what_is_recommended(found, changed, arm):
    assert choose(found, _leads(found), REPORT.model_copy(update=changed)).arm == arm


@pytest.mark.parametrize(
    ("scores", "half", "settled", "needed"),
    [
        ((3.0, 5.0), 0.5, True, None),  # leads by 2 ± .5, the margin is .5
        ((3.0, 5.0), 2.0, False, 89),  # 50 * (2 / 1.5)²
        ((4.9, 5.0), 0.3, True, None),  # the lead is certainly not more than the margin
        ((4.9, 5.0), 0.8, False, 200),  # 50 * (.8 / .4)²
        ((4.5, 5.0), 0.2, False, None),  # a lead of the margin itself is never settled
    ],
)
def test_a_recommendation_is_settled_if_the_intervals_say_so(scores, half, settled, needed):
    found = [_option("base", scores[0], 0.001), _option("rag", scores[1], 0.002)]
    chosen = choose(found, _leads(found, half), REPORT)
    assert (chosen.settled, chosen.questions_needed) == (settled, needed)


def test_what_breaks_a_limit_is_named_with_its_value():
    found = [_option("base", 3.0), _option("rag", 5.0, 0.01, p95=4.0), _option("ft", 3.0, None)]
    limits = REPORT.model_copy(update={"max_seconds_p95": 3.0, "max_cost_per_1000": 20.0})
    assert choose(found, _leads(found), limits).excluded == {
        RAG: "4 s at the 95th percentile, over report.max_seconds_p95 (3)",
        FT: "its cost is not known, and report.max_cost_per_1000 is 20",
    }


def test_what_would_be_recommended_otherwise():
    found = [_option("base", 5.0, 0.002), _option("ft", 5.4, 0.001, once=30.0), _option("rag", 9.0, p95=8.0)]
    limits = REPORT.model_copy(update={"max_seconds_p95": 3.0})
    recommended = recommend(found, _leads(found), limits)
    assert (recommended.arm, recommended.changes) == (
        BASE,
        [
            Change("no limit on seconds", RAG),
            Change("10,000 questions a month", FT),
            Change("models at a tenth of their price", BASE),
            Change("no margin", FT),
            Change("a margin of 1 point", BASE),
        ],
    )


def test_a_lead_on_which_the_judges_do_not_agree_settles_nothing():
    assert Lead(50, 2.0, Interval(1.0, 3.0)).over(0.5) is True
    assert Lead(50, 2.0, Interval(1.0, 3.0), agreed=False).over(0.5) is None
    assert Lead(50, 0.0, Interval(-0.2, 0.2), agreed=False).over(0.5) is False


@pytest.mark.parametrize(
    ("differences", "few"),
    [
        ([0] * 46 + [1, 2, -1, 3], 4),
        ([0] * 40 + [1] * 10, None),
        ([1, 2, 3, 0, 0], None),  # most of them differ
        ([0] * 8, 0),
    ],
)
def test_few_questions_that_differ_carry_no_interval(differences, few):
    assert few_differ(np.array(differences)) == few


@pytest.mark.parametrize(("detectable", "difference", "n"), [(2.0, 1.0, 200), (2.0, 2.0, 50), (None, 1.0, None)])
def test_how_many_questions_show_a_difference(detectable, difference, n):
    assert questions_needed(detectable, 50, difference) == n
