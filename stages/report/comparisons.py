"""Approaches compared with each other, question by question, and what may be concluded from it."""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from stages.report.inputs import Study
from stages.report.measures import bootstrap_options
from stages.report.params import ReportParams
from stages.report.statistics import (
    Agreement,
    Interval,
    agreement,
    bootstrap_interval,
    holm,
    minimum_detectable_effect,
    sign_flip_test,
)
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import Approach

# All six pairs, the candidate first; the family that Holm corrects for is all of those that a model has.
PAIRS: tuple[tuple[Approach, Approach], ...] = (
    ("rag", "base"),
    ("ft", "base"),
    ("ft_rag", "base"),
    ("ft_rag", "rag"),
    ("ft_rag", "ft"),
    ("rag", "ft"),
)


@dataclass(frozen=True)
class Paired:
    """One judge's paired differences (first minus second), in points of the 0–10 scale."""

    judge: str
    n: int  # questions that the judge scored for both
    difference: float | None
    interval: Interval | None
    p_value: float | None
    p_holm: float | None  # over the comparisons of this judge, model and set
    detectable: float | None  # minimum detectable effect


@dataclass(frozen=True)
class Comparison:
    """Two approaches of one model on one set, by every judge.

    `winner` is set only if the intervals of all reliable judges lie on the same side of zero; `robust` says that each
    of them is also significant after Holm's correction.
    """

    model: str
    set: str
    first: Approach
    second: Approach
    judges: dict[str, Paired]
    winner: Approach | None
    robust: bool
    why: str


def pairs_of(study: Study, model: str) -> list[tuple[Approach, Approach]]:
    approaches = study.approaches_of(model)
    return [pair for pair in PAIRS if {*pair} <= {*approaches}]


def compare(study: Study, report: ReportParams) -> list[Comparison]:
    keys = list(product(study.judges, study.models, study.sets))
    shorter = "lower report.bootstrap_samples or report.permutation_samples"
    families = {
        key: _family(study, *key, report) for key in track(keys, "comparisons", unit="families", shorter=shorter)
    }
    results = []
    for model in study.models:
        for set_ in study.sets:
            for index, (first, second) in enumerate(pairs_of(study, model)):
                judges = {judge: families[judge, model, set_][index] for judge in study.judges}
                reliable = [judges[name] for name in study.reliable_judges]
                winner, robust, why = call(first, second, reliable, report.confidence)
                results.append(Comparison(model, set_, first, second, judges, winner, robust, why))
    return results


def call(
    first: Approach, second: Approach, reliable: list[Paired], confidence: float
) -> tuple[Approach | None, bool, str]:
    """The winner, whether it holds after Holm's correction, and why, in words."""
    if not reliable:
        return None, False, "no call: no reliable judge"
    if any(paired.interval is None for paired in reliable):
        return None, False, "no call: too few scored questions"
    signs = {paired.interval.sign() for paired in reliable if paired.interval}
    if {1, -1} <= signs:
        return None, False, "no call: the judges contradict each other"
    if len(signs) > 1:
        return None, False, "no call: the judges do not agree"
    sign = signs.pop()
    if sign == 0:
        return None, False, "not told apart"
    winner = first if sign > 0 else second
    robust = all(paired.p_holm is not None and paired.p_holm <= 1 - confidence for paired in reliable)
    by = "by its one reliable judge" if len(reliable) == 1 else "by all reliable judges"
    return winner, robust, f"{winner} is better {by}" + ("" if robust else ", not after Holm")


def _family(study: Study, judge: str, model: str, set_: str, report: ReportParams) -> list[Paired]:
    rows = [_paired(study, judge, model, set_, first, second, report) for first, second in pairs_of(study, model)]
    tested = [i for i, row in enumerate(rows) if row.p_value is not None]
    adjusted = holm([rows[i].p_value for i in tested])
    by_index = dict(zip(tested, adjusted, strict=True))
    return [Paired(**{**row.__dict__, "p_holm": by_index.get(i)}) for i, row in enumerate(rows)]


def _paired(
    study: Study, judge: str, model: str, set_: str, first: Approach, second: Approach, report: ReportParams
) -> Paired:
    pairs = {
        q.id: (study.overall(judge, model, first, q.id), study.overall(judge, model, second, q.id))
        for q in study.select(set_)
    }
    both = {q: a - b for q, (a, b) in pairs.items() if a is not None and b is not None}
    if not both:
        return Paired(judge, 0, None, None, None, None, None)
    differences = np.array(list(both.values()))
    clusters = [study.cluster[q] for q in both]
    return Paired(
        judge=judge,
        n=len(both),
        difference=float(differences.mean()),
        interval=bootstrap_interval(differences, clusters, **bootstrap_options(report)),
        p_value=sign_flip_test(differences, clusters, samples=report.permutation_samples, seed=report.seed),
        p_holm=None,
        detectable=minimum_detectable_effect(differences, clusters, confidence=report.confidence, power=report.power),
    )


def judge_agreement(study: Study) -> dict[tuple[str, str], Agreement]:
    """Agreement of each two judges over all answers that both scored, all models, approaches and sets together."""
    results = {}
    for first, second in combinations(study.judges, 2):
        keys = [(*arm, q.id) for arm in study.arms for q in study.questions]
        pairs = [(study.overall(first, *key), study.overall(second, *key)) for key in keys]
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        results[first, second] = agreement([a for a, _ in both], [b for _, b in both])
    return results
