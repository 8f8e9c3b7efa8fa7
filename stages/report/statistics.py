"""Pure statistics for few, clustered, paired observations.

Everywhere `clusters` gives, for each observation, the number of its cluster: questions that rest on the same article
are not independent, so clusters are resampled and sign-flipped as wholes. ``None`` means not computable.
"""

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

Array = np.ndarray
EXACT_CLUSTERS = 14  # up to 2**14 sign patterns are tried one by one; beyond, a sample of them


class Interval(NamedTuple):
    low: float
    high: float

    def sign(self) -> int:
        """1 or -1 if the whole interval lies on one side of zero, else 0."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def connected_clusters(groups: Sequence[Sequence[str]]) -> list[int]:
    """Number the connected components of items that share a group; an item without any is a component of its own.

    Args:
        groups: for each item (question) the names of its groups (articles).

    Returns:
        For each item its component, numbered from 0 in order of first appearance.
    """
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for item, names in enumerate(groups):
        root(item)
        for name in names:
            parent[root(name)] = root(item)
    numbers: dict[object, int] = {}
    return [numbers.setdefault(root(item), len(numbers)) for item in range(len(groups))]


def _cluster_sums(values: Array, clusters: Sequence[int]) -> tuple[Array, Array]:
    """Sums (clusters, columns) and sizes (clusters,) of values (n, columns)."""
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((index.max() + 1, values.shape[1]))
    np.add.at(sums, index, values)
    return sums, np.bincount(index).astype(float)


def expanded_tail(clusters: int, confidence: float) -> float:
    """Probability of one tail for the expanded percentile interval.

    A plain percentile interval is too narrow for small n, by about the factor sqrt((n-1)/n) and by using normal in
    place of t quantiles. Hesterberg (2015), "What Teachers Should Know About the Bootstrap", The American
    Statistician 69(4), section 4.2, widens it: Phi(-sqrt(n/(n-1)) * t(1-alpha/2, n-1)).
    """
    t = stats.t.ppf((1 + confidence) / 2, clusters - 1)
    return float(stats.norm.cdf(-math.sqrt(clusters / (clusters - 1)) * t))


def first_mean(means: Array) -> Array:
    """The statistic of a plain mean, for `bootstrap_interval`."""
    return means[..., 0]


def percent_change(means: Array) -> Array:
    """The statistic of a relative change in %, from column 0 (baseline) to column 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100 * (means[..., 1] / means[..., 0] - 1)


@functools.lru_cache(maxsize=8)  # every cell of a set draws the same clusters: common random numbers, and one draw
def _resampling_weights(count: int, samples: int, seed: int) -> Array:
    """How often each cluster is drawn, (samples, count); float, so that products with it are fast."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=samples).astype(float)


def bootstrap_interval(
    values: Array,
    clusters: Sequence[int],
    *,
    statistic: Callable[[Array], Array] = first_mean,
    samples: int,
    confidence: float,
    seed: int,
) -> Interval | None:
    """Expanded percentile interval of a statistic of column means, resampling whole clusters.

    Args:
        values: (n,) or (n, columns).
        clusters: (n,).
        statistic: means of shape (..., columns) to values of shape (...).

    Returns:
        None with fewer than two clusters, or where the statistic is undefined in any resample (division by zero).
    """
    values = np.asarray(values, dtype=float)
    values = values.reshape(len(values), -1)
    if len(set(clusters)) < 2:
        return None
    sums, sizes = _cluster_sums(values, clusters)
    count = len(sizes)
    weights = _resampling_weights(count, samples, seed)
    replicates = statistic((weights @ sums) / (weights @ sizes)[:, None])
    if not np.isfinite(replicates).all():
        return None
    tail = expanded_tail(count, confidence)
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return Interval(float(low), float(high))


def sign_flip_test(differences: Array, clusters: Sequence[int], *, samples: int, seed: int) -> float | None:
    """Two-sided permutation test of paired differences: the signs of whole clusters are flipped.

    Under the null hypothesis the two approaches are exchangeable within a cluster. Exact up to `EXACT_CLUSTERS`
    clusters; beyond, sampled, and then (b + 1) / (m + 1), which is never 0 (Phipson and Smyth, 2010).
    """
    differences = np.asarray(differences, dtype=float)
    if not len(differences):
        return None
    sums = _cluster_sums(differences.reshape(-1, 1), clusters)[0][:, 0]
    observed = abs(sums.sum())
    slack = 1e-9 * max(1.0, np.abs(sums).sum())  # equal sums in another order of addition are equal
    if len(sums) <= EXACT_CLUSTERS:
        flips = np.array(list(itertools.product((1, -1), repeat=len(sums))))
        return float(np.mean(np.abs(flips @ sums) >= observed - slack))
    flips = np.random.default_rng(seed).integers(0, 2, size=(samples, len(sums))) * 2 - 1
    return float((np.sum(np.abs(flips @ sums) >= observed - slack) + 1) / (samples + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm, 1979): controls the chance of any false claim within the family."""
    order = np.argsort(p_values, kind="stable")
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def clustered_standard_error(values: Array, clusters: Sequence[int]) -> float | None:
    """Cluster-robust standard error of a mean (CR1: residual sums per cluster, factor C/(C-1))."""
    values = np.asarray(values, dtype=float)
    if len(set(clusters)) < 2:
        return None
    residuals = _cluster_sums((values - values.mean()).reshape(-1, 1), clusters)[0][:, 0]
    count = len(residuals)
    return float(math.sqrt(count / (count - 1) * np.sum(residuals**2)) / len(values))


def share_interval(values: Array, clusters: Sequence[int], confidence: float) -> Interval | None:
    """Wilson's score interval of a share, its n replaced by the effective number of questions in clusters.

    That number is p(1-p) over the squared clustered standard error, as for surveys (Korn and Graubard, 1998), and not
    more than n. A share of 0 or 1 has no error: there it is the number of clusters. None with fewer than two clusters.
    """
    values = np.asarray(values, dtype=float)
    count = len(set(clusters))
    if count < 2:
        return None
    p, error = float(values.mean()), clustered_standard_error(values, clusters)
    n = min(len(values), p * (1 - p) / error**2) if error else count
    z2 = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    centre, half = p + z2 / (2 * n), math.sqrt(z2) * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return Interval(max(0.0, (centre - half) / (1 + z2 / n)), min(1.0, (centre + half) / (1 + z2 / n)))


def questions_needed(detectable: float | None, n: int, difference: float) -> int | None:
    """How many questions like these n show a true difference, if n of them show `detectable`: errors fall with 1/√n."""
    return None if detectable is None else math.ceil(n * (detectable / difference) ** 2)


def minimum_detectable_effect(
    differences: Array, clusters: Sequence[int], *, confidence: float, power: float
) -> float | None:
    """Smallest true mean difference that a two-sided t test would show with this power, given the spread seen.

    (t(1-alpha/2, C-1) + t(power, C-1)) * SE, for one comparison (before any correction for several of them).
    None where it cannot be said: fewer than two clusters, or no spread at all.
    """
    error = clustered_standard_error(differences, clusters)
    if not error:
        return None
    df = len(set(clusters)) - 1
    return float((stats.t.ppf((1 + confidence) / 2, df) + stats.t.ppf(power, df)) * error)


class Agreement(NamedTuple):
    """How far judges agree on the answers that all of them scored."""

    n: int
    spearman: float | None
    kendall: float | None  # tau-b, which allows for ties
    krippendorff: float | None  # alpha, interval level
    mean_bias: float | None  # mean of (first - second)


def agreement(first: Sequence[float], second: Sequence[float]) -> Agreement:
    """Agreement of two judges on the same answers; correlations are None where one of them is constant."""
    import krippendorff

    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(a) < 2:
        return Agreement(len(a), None, None, None, float(np.mean(a - b)) if len(a) else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        spearman, kendall = stats.spearmanr(a, b).statistic, stats.kendalltau(a, b).statistic
    alpha = None
    if len(np.unique([a, b])) > 1:
        alpha = float(krippendorff.alpha(reliability_data=[a, b], level_of_measurement="interval"))
    return Agreement(len(a), _finite(spearman), _finite(kendall), alpha, float(np.mean(a - b)))


def mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def percentile(values: Sequence[float], q: float) -> float | None:
    return float(np.percentile(values, q)) if len(values) else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def rounded(value: float | None, digits: int) -> float | None:
    """Rounded so that a diff shows changes worth reading; -0.0 is 0.0."""
    return None if value is None else round(value, digits) + 0.0
