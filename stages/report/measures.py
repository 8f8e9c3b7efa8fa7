"""What was measured, one cell per model, approach and group of questions, and the change against `base`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.report.inputs import LENGTH_STOPS, Study
from stages.report.params import ReportParams
from stages.report.slices import SLICERS, Slice, slices
from stages.report.statistics import Interval, bootstrap_interval, mean, percent_change, percentile
from tune_or_retrieve.base.records import RETRIEVING, Approach, Question
from tune_or_retrieve.money.prices import Prices


@dataclass(frozen=True)
class Change:
    """A relative change against `base` in %, on the questions that both have. `percent` None: the base is 0.

    Where a cell has None instead: it is that of base, or the model has no answers by base.
    """

    percent: float | None
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class Graded:
    """One judge's scores in a cell."""

    n_scored: int
    score: float | None
    interval: Interval | None
    fact_recall: float | None  # only of judges that count facts
    uplift: Change | None


@dataclass(frozen=True)
class Spread:
    """Seconds per call."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Cell:
    """One approach of one model on one group of questions. Seconds, tokens, and currency are per answer."""

    model: str
    approach: Approach
    set: str
    slice: Slice | None  # None: the whole set
    n: int
    judges: dict[str, Graded]
    generation: Spread
    retrieval: Spread | None  # None for approaches that do not retrieve
    total: Spread
    total_interval: Interval | None  # of the mean
    total_change: Change | None  # None, too: base was measured on something else
    replayed: int  # of the generation timings: first measurements of calls that this run did not make
    input_tokens: float
    output_tokens: float
    output_tokens_interval: Interval | None
    output_tokens_change: Change | None
    tokens_change: Change | None  # input and output together
    at_token_limit: float  # share of the answers
    cost_per_1000: float | None


def measure(study: Study, prices: Prices, report: ReportParams) -> list[Cell]:
    """Cells of every model and approach: per set, then per slice of each set."""
    sets = {name: study.select(name) for name in study.sets}
    groups: list[tuple[str, Slice | None, list[Question]]] = [(name, None, asked) for name, asked in sets.items()]
    for by in SLICERS:
        for name, asked in sets.items():
            groups += [(name, slice_, part) for slice_, part in slices(asked, by).items()]
    return [
        _cell(study, model, approach, set_, slice_, questions, prices, report)
        for set_, slice_, questions in groups
        for model, approach in study.arms
    ]


def _cell(
    study: Study,
    model: str,
    approach: Approach,
    set_: str,
    slice_: Slice | None,
    questions: list[Question],
    prices: Prices,
    report: ReportParams,
) -> Cell:
    answers = {q.id: study.answers[model, approach, q.id] for q in questions}
    timings = [t for q in questions for t in study.generation.get((model, approach, q.id), [])]
    totals = {q.id: study.total_seconds(model, approach, q.id) for q in questions}
    retrieval = [study.retrieval[q.id] for q in questions if q.id in study.retrieval]
    per_question = _means(totals)
    inputs = float(np.mean([a.input_tokens for a in answers.values()]))
    outputs = float(np.mean([a.output_tokens for a in answers.values()]))
    spread = _spread([s for seconds in totals.values() for s in seconds])

    def change(values: dict[str, float | None], baseline: dict[str, float | None]) -> Change | None:
        return relative_change(study, questions, values, baseline, report) if compared else None

    compared = approach != "base" and study.against_base(model)
    base = {q.id: study.answers[model, "base", q.id] for q in questions} if compared else {}
    base_totals = _means({q.id: study.total_seconds(model, "base", q.id) for q in questions})
    return Cell(
        model=model,
        approach=approach,
        set=set_,
        slice=slice_,
        n=len(questions),
        judges={judge: _graded(study, questions, judge, model, approach, report) for judge in study.judges},
        generation=_spread([t.seconds for t in timings]),
        retrieval=_spread(retrieval) if approach in RETRIEVING else None,
        total=spread,
        total_interval=_interval(study, per_question, report),
        total_change=change(per_question, base_totals) if compared and study.alike(model, approach) else None,
        replayed=sum(t.replayed for t in timings),
        input_tokens=inputs,
        output_tokens=outputs,
        output_tokens_interval=_interval(study, {q: a.output_tokens for q, a in answers.items()}, report),
        output_tokens_change=change(
            {q: a.output_tokens for q, a in answers.items()}, {q: a.output_tokens for q, a in base.items()}
        ),
        tokens_change=change(
            {q: a.input_tokens + a.output_tokens for q, a in answers.items()},
            {q: a.input_tokens + a.output_tokens for q, a in base.items()},
        ),
        at_token_limit=float(np.mean([a.stop_reason in LENGTH_STOPS for a in answers.values()])),
        cost_per_1000=cost_per_1000(
            model, inputs, outputs, spread.mean, mean(retrieval), approach, prices, study.billed_as(model, approach)
        ),
    )


def cost_per_1000(
    model: str,
    input_tokens: float,
    output_tokens: float,
    total_seconds: float | None,
    retrieval_seconds: float | None,
    approach: Approach,
    prices: Prices,
    billed_as: str | None = None,
) -> float | None:
    """Cost of a thousand answers; None if the price or the time it rests on is not known.

    A model with a price per token is paid by tokens, and this machine only for the retrieval before it; any other
    model runs on this machine and is paid by the hour. A hosted one, which has a name to be billed by, never is.
    """
    table = prices.per_million_tokens.get(model) or (prices.of_tokens(billed_as) if billed_as else None)
    if table is None:
        if billed_as is not None or prices.compute_per_hour is None or total_seconds is None:
            return None
        return 1000 * total_seconds / 3600 * prices.compute_per_hour
    cost = 1000 * (input_tokens * table.input + output_tokens * table.output) / 1e6
    if approach in RETRIEVING and prices.compute_per_hour is not None and retrieval_seconds is not None:
        cost += 1000 * retrieval_seconds / 3600 * prices.compute_per_hour
    return cost


def relative_change(
    study: Study,
    questions: Sequence[Question],
    values: dict[str, float | None],
    baseline: dict[str, float | None],
    report: ReportParams,
) -> Change:
    """Change of the mean in %, on the questions that have both values, with a clustered bootstrap interval."""
    both = [q.id for q in questions if values.get(q.id) is not None and baseline.get(q.id) is not None]
    pairs = np.array([[baseline[q], values[q]] for q in both], dtype=float).reshape(-1, 2)
    if not len(both) or pairs[:, 0].mean() == 0:
        return Change(None, None, len(both))
    return Change(
        percent=float(percent_change(pairs.mean(axis=0))),
        interval=bootstrap_interval(
            pairs, [study.cluster[q] for q in both], statistic=percent_change, **bootstrap_options(report)
        ),
        n=len(both),
    )


def bootstrap_options(report: ReportParams) -> dict[str, float | int]:
    return {"samples": report.bootstrap_samples, "confidence": report.confidence, "seed": report.seed}


def _graded(
    study: Study, questions: Sequence[Question], judge: str, model: str, approach: Approach, report: ReportParams
) -> Graded:
    scores = {q.id: study.overall(judge, model, approach, q.id) for q in questions}
    scored = {q: score for q, score in scores.items() if score is not None}
    rows = [study.scores[judge].get((model, approach, q.id)) for q in questions]
    recalls = [row.fact_recall for row in rows if row is not None and row.fact_recall is not None]
    uplift = None
    if approach != "base" and study.against_base(model):
        base = {q.id: study.overall(judge, model, "base", q.id) for q in questions}
        uplift = relative_change(study, questions, scores, base, report)
    return Graded(len(scored), mean(list(scored.values())), _interval(study, scored, report), mean(recalls), uplift)


def _interval(study: Study, values: dict[str, float | None], report: ReportParams) -> Interval | None:
    have = {q: v for q, v in values.items() if v is not None}
    if not have:
        return None
    clusters = [study.cluster[q] for q in have]
    return bootstrap_interval(np.array(list(have.values())), clusters, **bootstrap_options(report))


def _means(seconds: dict[str, list[float]]) -> dict[str, float | None]:
    return {q: mean(values) for q, values in seconds.items()}


def _spread(seconds: Sequence[float]) -> Spread:
    return Spread(len(seconds), mean(seconds), percentile(seconds, 50), percentile(seconds, 95))
