"""Whether fine-tuning and retrieval together give more than the sum of what each gives alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.report.inputs import Study
from stages.report.measures import bootstrap_options
from stages.report.options import pooled
from stages.report.params import ReportParams
from stages.report.slices import SLICERS
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


def groups_of(study: Study) -> dict[str, list[Question]]:
    """All questions, and those of each slice and kind, if that is not all of them."""
    groups: dict[str, list[Question]] = {"all questions": list(study.questions)}
    labels = [*SLICERS.values()] if study.tuned_here else [slicer for by, slicer in SLICERS.items() if by != "article"]
    for label in (*labels, lambda question: f"kind: {question.kind}"):
        for question in study.questions:
            groups.setdefault(label(question), []).append(question)
    whole = len(study.questions)
    return {name: questions for name, questions in groups.items() if name == "all questions" or len(questions) < whole}


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


def carried_by(study: Study, better: Arm, worse: Arm) -> tuple[str, int, float] | None:
    """The kind of question that carries a lead: its name, its questions, and its share of the lead.

    None if no kind with less than half of the questions has more than half of the lead.
    """
    one, other = pooled(study, better), pooled(study, worse)
    by_kind: dict[str, list[float]] = {}
    for question in study.questions:
        if question.id in one and question.id in other:
            by_kind.setdefault(question.kind, []).append(one[question.id] - other[question.id])
    total, n = sum(map(sum, by_kind.values())), sum(map(len, by_kind.values()))
    if total <= 0 or len(by_kind) < 2:
        return None
    kind = max(by_kind, key=lambda name: sum(by_kind[name]))
    share = sum(by_kind[kind]) / total
    return (kind, len(by_kind[kind]), share) if share > 0.5 and len(by_kind[kind]) < n / 2 else None


def few_differ(differences: np.ndarray) -> int | None:
    """How many of the questions differ at all, if so few that an interval of their mean is too narrow; else None."""
    differing = int(np.count_nonzero(np.abs(differences) > 1e-9))
    return differing if differing < min(FEW, len(differences) / 2) else None
