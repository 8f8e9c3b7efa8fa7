"""The statistics of the report against scipy or values computed by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from stages.report import statistics

OPTIONS = {"samples": 2000, "confidence": 0.95, "seed": 1}


@pytest.mark.parametrize(
    ("groups", "clusters"),
    [
        ([], []),
        ([["a"], ["b"], ["a"]], [0, 1, 0]),
        ([["a"], ["b"], ["a", "b"]], [0, 0, 0]),  # a question on both articles ties them together
        ([[], [], ["a"]], [0, 1, 2]),  # without an article: on its own
        ([["a", "b"], ["c"], ["b", "d"], ["d"]], [0, 1, 0, 0]),
    ],
)
def test_connected_clusters(groups, clusters):
    assert statistics.connected_clusters(groups) == clusters


@pytest.mark.parametrize(
    ("values", "clusters", "interval"),
    [
        ([2.0, 4.0], [0, 1], (2.0, 4.0)),  # tail of two clusters is next to 0: the extremes, {2, 3, 4}
        ([5.0, 7.0, 9.0], [0, 0, 1], (6.0, 9.0)),  # resamples of whole clusters: 6, 7, 9; never 5
        ([3.0, 3.0, 3.0], [0, 1, 2], (3.0, 3.0)),  # no variance
        ([3.0, 4.0], [0, 0], None),  # one cluster says nothing about spread
        ([3.0], [0], None),
    ],
)
def test_bootstrap_interval_by_hand(values, clusters, interval):
    assert statistics.bootstrap_interval(np.array(values), clusters, **OPTIONS) == interval


def test_bootstrap_interval_is_near_the_t_interval():
    values = np.random.default_rng(0).normal(5, 2, size=40)
    low, high = statistics.bootstrap_interval(values, list(range(40)), samples=20_000, confidence=0.95, seed=1)
    expected = stats.t.interval(0.95, 39, loc=values.mean(), scale=stats.sem(values))
    assert (low, high) == pytest.approx(expected, abs=0.12)


def test_bootstrap_interval_covers_small_samples_as_it_says():
    """With ten observations a plain percentile interval covers about 90 %; this one must cover about 95 %."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        values = generator.normal(0, 1, size=10)
        low, high = statistics.bootstrap_interval(values, list(range(10)), samples=500, confidence=0.95, seed=2)
        covered += low <= 0 <= high
    assert covered / 400 >= 0.92


def test_bootstrap_interval_depends_on_the_seed_only():
    values, clusters = np.arange(12.0), [i // 2 for i in range(12)]
    first = statistics.bootstrap_interval(values, clusters, **OPTIONS)
    assert first == statistics.bootstrap_interval(values, clusters, **OPTIONS)
    assert first != statistics.bootstrap_interval(values, clusters, **{**OPTIONS, "seed": 2})


@pytest.mark.parametrize(
    ("pairs", "interval"),
    [
        ([[2.0, 3.0], [4.0, 6.0]], (50.0, 50.0)),  # the same ratio everywhere, paired
        ([[2.0, 4.0], [2.0, 2.0]], (0.0, 100.0)),
        ([[0.0, 4.0], [2.0, 2.0]], None),  # a resample has a base of 0: undefined, not infinite
    ],
)
def test_interval_of_a_relative_change(pairs, interval):
    found = statistics.bootstrap_interval(np.array(pairs), [0, 1], statistic=statistics.percent_change, **OPTIONS)
    assert found == (None if interval is None else pytest.approx(interval))


def test_expanded_tail_by_hand():
    # n = 10: t(0.975, 9) = 2.262157, times sqrt(10 / 9) = 2.384523; Phi(-2.384523) = 0.008551
    assert statistics.expanded_tail(10, 0.95) == pytest.approx(0.008551, abs=1e-5)


@pytest.mark.parametrize("size", [5, 10])
def test_sign_flip_test_is_scipys_for_single_questions(size):
    differences = np.random.default_rng(size).normal(0.6, 1, size=size)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert statistics.sign_flip_test(differences, range(size), samples=100, seed=1) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("differences", "clusters", "p"),
    [
        ([1.0, 1.0, 1.0], [0, 1, 2], 0.25),  # 2 of 8 patterns are as extreme
        ([1.0, 1.0, 1.0], [0, 0, 1], 0.5),  # two clusters: 2 of 4
        ([0.0, 0.0], [0, 1], 1.0),
        ([0.1, 0.2, -0.3], [0, 1, 2], 1.0),  # sums to 0 up to rounding
        ([], [], None),
    ],
)
def test_sign_flip_test_by_hand(differences, clusters, p):
    assert statistics.sign_flip_test(np.array(differences), clusters, samples=100, seed=1) == p


def test_sampled_sign_flips_are_near_the_exact_p_and_never_zero(monkeypatch):
    differences = np.random.default_rng(3).normal(0.5, 1, size=12)
    exact = statistics.sign_flip_test(differences, range(12), samples=100, seed=1)
    monkeypatch.setattr(statistics, "EXACT_CLUSTERS", 2)
    assert statistics.sign_flip_test(differences, range(12), samples=50_000, seed=1) == pytest.approx(exact, abs=0.01)
    assert statistics.sign_flip_test(np.full(50, 9.0), range(50), samples=999, seed=1) == 0.001


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 3 * .01, then 2 * .03, then max(.06, 1 * .04)
        ([0.5, 0.6, 0.001], [1.0, 1.0, 0.003]),
    ],
)
def test_holm(p_values, adjusted):
    assert statistics.holm(p_values) == pytest.approx(adjusted)


def test_clustered_standard_error_of_single_questions_is_the_usual_one():
    values = np.array([1.0, 4.0, 2.0, 7.0])
    assert statistics.clustered_standard_error(values, range(4)) == pytest.approx(stats.sem(values))


def test_clustered_standard_error_by_hand():
    # mean 2; residual sums per cluster: (1 - 2) + (1 - 2) = -2 and 2; sqrt(2 / 1 * (4 + 4)) / 3 = 4 / 3
    assert statistics.clustered_standard_error(np.array([1.0, 1.0, 4.0]), [0, 0, 1]) == pytest.approx(4 / 3)


def test_minimum_detectable_effect_has_its_power():
    """Simulated: at the effect it names, a t test finds a difference about as often as the power says."""
    generator = np.random.default_rng(7)
    unit = generator.normal(0, 1, size=20)
    unit = (unit - unit.mean()) / unit.std(ddof=1)
    effect = statistics.minimum_detectable_effect(unit, range(20), confidence=0.95, power=0.8)
    samples = generator.normal(effect, 1, size=(4000, 20))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("differences", "clusters"), [([1.0, 1.0], [0, 1]), ([1.0, 2.0], [0, 0]), ([1.0], [0])])
def test_minimum_detectable_effect_that_cannot_be_said(differences, clusters):
    assert statistics.minimum_detectable_effect(np.array(differences), clusters, confidence=0.95, power=0.8) is None


def _interval_alpha(a, b):
    """Krippendorff's alpha for two raters without gaps, interval level, from its definition."""
    pooled = [*a, *b]
    observed = np.mean([(x - y) ** 2 for x, y in zip(a, b, strict=True)])
    expected = np.mean([(x - y) ** 2 for x, y in itertools.permutations(pooled, 2)])
    return 1 - observed / expected


def test_agreement_against_scipy_and_the_definition():
    a, b = [1.0, 2.0, 2.0, 5.0, 9.0], [2.0, 1.0, 3.0, 6.0, 7.0]
    found = statistics.agreement(a, b)
    assert found.n == 5
    assert found.spearman == pytest.approx(stats.spearmanr(a, b).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(a, b).statistic)
    assert found.krippendorff == pytest.approx(_interval_alpha(a, b))
    assert found.mean_bias == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([], [], (0, None, None, None, None)),
        ([4.0], [3.0], (1, None, None, None, 1.0)),
        ([4.0, 4.0], [4.0, 4.0], (2, None, None, None, 0.0)),  # nothing varies: no correlation, no alpha
    ],
)
def test_agreement_that_cannot_be_said(a, b, expected):
    assert tuple(statistics.agreement(a, b)) == expected


def test_a_constant_judge_has_no_correlation_but_an_alpha():
    found = statistics.agreement([4.0, 4.0], [4.0, 6.0])
    assert (found.spearman, found.kendall) == (None, None)
    assert math.isfinite(found.krippendorff)
    assert found.mean_bias == -1.0


@pytest.mark.parametrize(("interval", "sign"), [((0.1, 2.0), 1), ((-2.0, -0.1), -1), ((-1.0, 1.0), 0), ((0.0, 1.0), 0)])
def test_sign_of_an_interval(interval, sign):
    assert statistics.Interval(*interval).sign() == sign
