"""How many questions it takes to see a difference, from the spread that was seen here."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from stages.report.inputs import Study
from stages.report.options import pooled
from stages.report.params import ReportParams
from stages.report.statistics import minimum_detectable_effect, questions_needed
from tune_or_retrieve.base.study import Arm

DIFFERENCES = (0.5, 1.0, 2.0)  # points of the mean score


@dataclass(frozen=True)
class Power:
    """Of one comparison: questions like these, by the difference that they show with the power of params."""

    first: Arm
    second: Arm
    n: int
    detectable: float | None  # with the n questions that there are
    needed: dict[float, int | None]


def power(study: Study, report: ReportParams) -> list[Power]:
    """Of each two approaches of a model, by the mean over the reliable judges."""
    found = []
    for first, second in combinations(study.arms, 2):
        if first.model != second.model:
            continue
        one, other = pooled(study, first), pooled(study, second)
        both = [q for q in one if q in other]
        differences = np.array([one[q] - other[q] for q in both])
        clusters = [study.cluster[q] for q in both]
        detectable = (
            minimum_detectable_effect(differences, clusters, confidence=report.confidence, power=report.power)
            if both
            else None
        )
        needed = {points: questions_needed(detectable, len(both), points) for points in DIFFERENCES}
        found.append(Power(first, second, len(both), detectable, needed))
    return found
