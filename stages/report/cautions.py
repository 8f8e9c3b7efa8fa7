"""What a reader must know before believing the numbers."""

from collections.abc import Mapping
from itertools import combinations
from types import MappingProxyType

import numpy as np

from stages.report.comparisons import Agreement
from stages.report.hardware import differing_hardware
from stages.report.inputs import Study
from stages.report.interaction import carried_by, few_differ
from stages.report.measures import Cell
from stages.report.options import pooled
from stages.report.recommendation import Recommendation
from stages.report.verdict import FEW_QUESTIONS
from stages.report.words import listed, number, share

FEW_COMPARISONS = 100
POOR_AGREEMENT = 0.3  # Spearman


def about_the_lead(study: Study, chosen: Recommendation) -> list[str]:
    """Where one kind of question carries the recommended approach's lead, or few questions differ at all."""
    notes = []
    for other in study.arms if chosen.arm else ():
        if other != chosen.arm and (found := carried_by(study, chosen.arm, other)):
            kind, n, part = found
            notes.append(
                f"{n} questions of kind {kind} carry {share(part)} of the lead of {study.name_of(chosen.arm)} over "
                f"{study.name_of(other)}: does it hold for the questions that your users ask?"
            )
    for first, second in combinations(study.arms, 2):
        one, another = pooled(study, first), pooled(study, second)
        both = [q for q in one if q in another]
        few = few_differ(np.array([one[q] - another[q] for q in both])) if both else None
        if few is not None:
            notes.append(
                f"{study.name_of(first)} and {study.name_of(second)} differ in {few} of {len(both)} questions only. "
                "Intervals that rest on so few are too narrow."
            )
    return notes


def cautions(
    study: Study, cells: list[Cell], agreements: Mapping[tuple[str, str], Agreement] = MappingProxyType({})
) -> list[str]:
    """About questions, judges, models and what was measured."""
    notes = []
    for set_ in ("handwritten", "synthetic"):
        n = len(study.select(set_))
        if n == 0:
            notes.append(f"There are no {set_} questions in this run.")
        elif n < FEW_QUESTIONS:
            few = f"The {set_} set has only {n} question{'s' * (n > 1)}"
            shows = ": small differences cannot show there; see the minimum detectable effects" * study.compares
            notes.append(f"{few}{shows}.")
    if study.languages:
        notes.append(
            f"Not all articles are in English ({study.languages}). Judges of kind facts or semantic read English only: "
            "do not rely on their scores of answers in other languages. all-MiniLM-L6-v2, which makes the vectors "
            "unless params name another model, is trained on English."
        )
    if study.articles_left_out:
        notes.append(
            f"No pair or synthetic question was written from {study.articles_left_out} articles in other languages: "
            "qa.generator extractive reads English only."
        )
    if study.left_out:
        notes.append(f"Handwritten questions that a training or validation pair leaks are left out: {study.left_out}.")
    notes += differing_hardware(study)
    if backend := study.retrieval_metrics.get("backend"):  # what was really used, a fallback with its reason
        notes.append(f"Passages were retrieved by {backend}.")
    for judge in study.judges:
        card = study.cards[judge]
        if card.reliable is None:
            notes.append(f"Judge {judge} was not tested on controls, so it does not count in any call.")
        elif not card.reliable:
            reason = "" if card.control_accuracy is None else f" (accuracy {number(card.control_accuracy)})"
            if card.flattery_fails:
                reason = (
                    f" ({share(card.control_flattered)} of those that only repeat the question or say a bare yes or no "
                    "get 7 or more)"
                )
            notes.append(f"Judge {judge} is unreliable on its controls{reason} and does not count in any call.")
        elif card.control_flattered:
            notes.append(
                f"Judge {judge} can be pleased: it gives 7 or more to {share(card.control_flattered)} of the controls "
                "that only repeat the question or say a bare yes or no."
            )
        comparisons = card.details.get("control_comparisons")
        if comparisons is not None and comparisons < FEW_COMPARISONS:
            notes.append(
                f"Judge {judge} was tested on {comparisons} comparisons of controls only, which is too few to know how "
                "well it judges."
            )
        if card.details.get("relative"):
            notes.append(
                f"Judge {judge} compares answers in pairs: its scores are relative to the approaches compared here, "
                "and cannot be compared with those of another judge or study."
            )
        whole = [c for c in cells if c.slice is None]
        missing = sum(c.n - c.judges[judge].n_scored for c in whole)
        if missing:
            notes.append(
                f"Judge {judge} left {missing} of {sum(c.n for c in whole)} answers unscored; they are left out, "
                "not counted as wrong."
            )
    for first, second in combinations(study.reliable_judges, 2):
        both = agreements.get((first, second))
        if both is not None and both.spearman is not None and both.spearman < POOR_AGREEMENT:
            notes.append(
                f"Judges {first} and {second} hardly agree (rank correlation {number(both.spearman)}): their mean says "
                "little. Leave out the one that you trust less."
            )
    if len(study.reliable_judges) == 1 and study.compares:
        notes.append("Only one judge is reliable: no call here is confirmed by a second one.")
    for model in study.models:
        if tuned := study.tuned_elsewhere(model):
            notes.append(
                f"{model} was tuned elsewhere ({tuned}): what it was trained on is not known here, so it may have seen "
                "the test questions. The time and cost of its training are not known either."
            )
        if warning := study.trained.get(model, {}).get("warning"):
            notes.append(f"The training of {model} is doubtful: {warning}.")
        whole = [c for c in cells if c.model == model and c.slice is None]
        timed, replayed = sum(c.generation.n for c in whole), sum(c.replayed for c in whole)
        if replayed:
            notes.append(
                f"{replayed} of {timed} generation timings of {model} are replayed: the call was not made again and "
                "its first measurement is shown."
            )
        untimed = [f"{c.approach} ({c.set})" for c in whole if not _fully_timed(study, c)]
        if untimed:
            notes.append(f"Latency of {model} is missing for some questions of {listed(untimed)}.")
    return notes


def _fully_timed(study: Study, cell: Cell) -> bool:
    return all(study.total_seconds(cell.model, cell.approach, q.id) for q in study.select(cell.set))
