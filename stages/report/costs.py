"""What an approach costs, by what it is spent on, and how that adds up over a month of questions."""

from dataclasses import dataclass

from stages.report.inputs import Study
from stages.report.measures import cost_per_1000
from stages.report.params import ReportParams
from stages.report.statistics import mean
from tune_or_retrieve.base.records import FINE_TUNED, RETRIEVING, Effort
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.prices import Prices

HOURS_A_MONTH = 730  # 365 * 24 / 12


@dataclass(frozen=True)
class Costs:
    """In the currency of `prices`; None is not known, 0 is nothing. Judging is of the study, not of the approach."""

    training: float | None  # once
    hosting: float | None  # a month, of a tuned model, whether it is asked or not
    index: float | None  # once
    retrieval: float | None  # of one answer
    generation: float | None  # of one answer
    questions: int  # a month
    months: int  # over which training and index are spread

    @property
    def fixed(self) -> float | None:
        """A month, however many questions are asked."""
        parts = (self.training, self.hosting, self.index)
        once, hosting, index = parts
        return None if None in parts else once / self.months + hosting + index / self.months

    @property
    def each(self) -> float | None:
        """One more answer."""
        return None if None in (self.retrieval, self.generation) else self.retrieval + self.generation

    def monthly(self, questions: float) -> float | None:
        return None if None in (self.fixed, self.each) else self.fixed + questions * self.each

    @property
    def per_answer(self) -> float | None:
        """All of it, at the volume of `report.questions_per_month`."""
        monthly = self.monthly(self.questions)
        return None if monthly is None else monthly / self.questions


def costs(study: Study, arm: Arm, prices: Prices, report: ReportParams) -> Costs:
    model, approach = arm
    answers = [study.answers[model, approach, q.id] for q in study.questions]
    seconds = [t.seconds for q in study.questions for t in study.generation.get((model, approach, q.id), [])]
    generation = cost_per_1000(
        model,
        float(mean([a.input_tokens for a in answers])),
        float(mean([a.output_tokens for a in answers])),
        mean(seconds),
        None,
        "base",  # without the retrieval, which is counted apart
        prices,
        study.billed_as(model, approach),
    )
    retrieves = approach in RETRIEVING
    tuned = approach in FINE_TUNED and not study.tuned_elsewhere(model)  # then that is not this study's to pay
    return Costs(
        training=training_cost(study, model, prices) if tuned else 0.0,
        hosting=_hosting(study, model, prices) if tuned else 0.0,
        index=effort_cost(study.index_effort, prices) if retrieves else 0.0,
        retrieval=_by_the_hour(mean(list(study.retrieval.values())), prices) if retrieves else 0.0,
        generation=None if generation is None else generation / 1000,
        questions=report.questions_per_month,
        months=report.months,
    )


def effort_cost(effort: Effort, prices: Prices) -> float | None:
    """By the tokens of a hosted model, or by this machine's time."""
    if effort.billed_as is None:
        return _by_the_hour(effort.seconds, prices)
    price = prices.of_tokens(effort.billed_as)
    return price and (effort.input_tokens * price.input + effort.output_tokens * price.output) / 1e6


def _by_the_hour(seconds: float | None, prices: Prices) -> float | None:
    if seconds is None or prices.compute_per_hour is None:
        return None
    return seconds / 3600 * prices.compute_per_hour


def _hosting(study: Study, model: str, prices: Prices) -> float | None:
    """A month of a tuned model that waits to be asked. On this machine that is nothing: it is paid while it works."""
    timings = study.training.get(model, {})
    if "hosting_seconds" not in timings:
        return 0.0
    storage, per_hour = prices.storage_per_model_month, timings.get("hosting_dollars_per_hour", 0.0)
    return None if storage is None else storage + per_hour * HOURS_A_MONTH


def break_even(first: Costs, second: Costs) -> float | None:
    """Questions a month at which both cost the same; None if one is cheaper at any number, or something is unknown."""
    if None in (first.fixed, first.each, second.fixed, second.each) or first.each == second.each:
        return None
    crossing = (first.fixed - second.fixed) / (second.each - first.each)
    return crossing if crossing > 0 else None


def training_seconds(study: Study, model: str) -> float | None:
    """All that fine_tune took: loading, training, conversion and its check. None: not tuned, or not timed."""
    parts = [value for name, value in study.training.get(model, {}).items() if name.endswith("_seconds")]
    return float(sum(parts)) if parts else None


def training_cost(study: Study, model: str, prices: Prices) -> float | None:
    """Of training on this machine by the hour; of a job elsewhere as it was paid for."""
    if "training_dollars" in (timings := study.training.get(model, {})):
        return timings["training_dollars"]  # None: its price was not known
    seconds = training_seconds(study, model)
    if seconds is None or prices.compute_per_hour is None:
        return None
    return seconds / 3600 * prices.compute_per_hour
