"""How often the report's intervals hold the true mean difference: their coverage, by simulation, beside t intervals.

    .venv/bin/python -m benchmarks.intervals

Paired differences of two approaches are drawn from a distribution whose mean is known, again and again. A 95 % interval
should hold that mean in 95 % of the draws, and a test at 5 % should find a difference where there is none in 5 %.
"""

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from stages.report.statistics import bootstrap_interval, sign_flip_test
from tune_or_retrieve.base.errors import exits_cleanly
from tune_or_retrieve.base.files import write_json

RESULT = Path("benchmarks/results/intervals.json")
DRAWS, SAMPLES, CONFIDENCE, SEED = 2000, 2000, 0.95, 1
Draw = Callable[[np.random.Generator, int], np.ndarray]


def _some(generator: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Points that differ on a share of the questions, by 1 to 6, three times in four upwards."""
    sizes = generator.uniform(1, 6, n) * np.where(generator.random(n) < 0.75, 1, -1)
    return np.where(generator.random(n) < share, sizes, 0.0)


# By name: how to draw n differences, and their true mean.
DIFFERENCES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda generator, n: generator.normal(1.0, 3.0, n), 1.0),
    "skewed": (lambda generator, n: generator.exponential(3.0, n) - 2.0, 1.0),
    "half differ": (lambda generator, n: _some(generator, n, 0.5), 0.5 * 3.5 * 0.5),
    "one in ten differs": (lambda generator, n: _some(generator, n, 0.1), 0.1 * 3.5 * 0.5),
}
QUESTIONS = (10, 50, 200)
CLUSTERS = {"alone": 1, "in twos": 2}  # questions on one article; half of their variance is the article's


@exits_cleanly
def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    results = []
    for (name, (draw, true)), n, (how, size) in itertools.product(DIFFERENCES.items(), QUESTIONS, CLUSTERS.items()):
        row = {"differences": name, "questions": n, "clusters": how} | coverage(draw, true, n, size)
        print(row, flush=True)
        results.append(row)
    write_json(RESULT, results)


def coverage(draw: Draw, true: float, n: int, size: int) -> dict[str, float]:
    """Shares of the draws: in which an interval holds the true mean, and in which the test errs where there is none."""
    generator = np.random.default_rng(SEED)
    clusters = [index // size for index in range(n)]
    ours, t, wrong = [], [], []
    for number in range(DRAWS):
        alone, shared = draw(generator, n), np.repeat(draw(generator, n // size), size)
        values = alone if size == 1 else true + (alone + shared - 2 * true) / np.sqrt(2)
        interval = bootstrap_interval(values, clusters, samples=SAMPLES, confidence=CONFIDENCE, seed=number % 4)
        ours.append(interval.low <= true <= interval.high)
        error = stats.sem(values) * stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
        t.append(abs(values.mean() - true) <= error)
        signs = np.repeat(generator.choice([-1, 1], n // size), size)  # exchangeable: no difference in truth
        p = sign_flip_test(values * signs, clusters, samples=999, seed=number % 4)
        wrong.append(p <= 1 - CONFIDENCE)
    return {"coverage": _share(ours), "coverage_t": _share(t), "false_alarms": _share(wrong)}


def _share(found: list[bool]) -> float:
    return round(float(np.mean(found)), 3)


if __name__ == "__main__":
    main()
