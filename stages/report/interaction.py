"""Whether fine-tuning and retrieval together give more than the sum of what each gives alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.report.inputs import Study
from stages.report.measures import bootstrap_options
from stages.report.options import pooled
from stages.report.params import ReportParams
from stages.report.statistics import Interval, bootstrap_interval
from tune_or_retrieve.base.records import APPROACHES, Question
from tune_or_retrieve.base.study import Arm

FEW = 10  # fewer questions than these that differ leave an interval too narrow: benchmarks/intervals.py


@dataclass(frozen=True)
class Interaction:
    """(ft_rag - base) - (rag - base) - (ft - base) in points, by question: above 0, both are more than the sum."""

    group: str
    n: int
    value: float
    interval: Interval | None


def interactions(
    study: Study, model: str, groups: dict[str, Sequence[Question]], report: ReportParams
) -> list[Interaction]:
    """One for each group of questions in which all four approaches of the model have scores; none without the four."""
    if study.approaches_of(model) != list(APPROACHES):
        return []
    scores = {approach: pooled(study, Arm(model, approach)) for approach in APPROACHES}
    found = []
    for name, questions in groups.items():
        ids = [q.id for q in questions if all(q.id in one for one in scores.values())]
        if not ids:
            continue
        values = np.array([scores["ft_rag"][q] - scores["rag"][q] - scores["ft"][q] + scores["base"][q] for q in ids])
        interval = bootstrap_interval(values, [study.cluster[q] for q in ids], **bootstrap_options(report))
        found.append(Interaction(name, len(ids), float(values.mean()), interval))
    return found


def few_differ(differences: np.ndarray) -> int | None:
    """How many of the questions differ at all, if so few that an interval of their mean is too narrow; else None."""
    differing = int(np.count_nonzero(np.abs(differences) > 1e-9))
    return differing if differing < min(FEW, len(differences) / 2) else None
