"""What a team may choose between: each approach of each model over all questions, with its quality, time and cost.

Quality is the mean score over the reliable judges. An answer is *right* if that mean reaches `report.right_from`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from stages.report.costs import Costs, costs
from stages.report.inputs import Study
from stages.report.measures import bootstrap_options
from stages.report.params import ReportParams
from stages.report.statistics import Interval, bootstrap_interval, mean, percentile, share_interval
from tune_or_retrieve.base.records import Approach
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.prices import Prices

UNLIKE_LOAD = 0.2  # of the machine: between approaches whose seconds are not to be compared


@dataclass(frozen=True)
class Option:
    """One arm over all questions. Seconds are of one answer, retrieval included."""

    model: str
    approach: Approach
    n: int  # questions that every reliable judge scored
    score: float | None
    score_interval: Interval | None
    right: float | None  # share of the n questions
    right_interval: Interval | None
    seconds: float | None  # mean
    seconds_p50: float | None
    seconds_p95: float | None
    costs: Costs
    cost_per_right: float | None  # all costs of a month over its right answers
    cost_per_right_interval: Interval | None
    seconds_per_right: float | None
    alike: bool  # the study's seconds may be compared: see `unlike`
    dominated_by: Arm | None = None  # at least as good, as fast and as cheap, and better in one of them

    @property
    def arm(self) -> Arm:
        return Arm(self.model, self.approach)


def pooled(study: Study, arm: Arm) -> dict[str, float]:
    """Mean score over the reliable judges by question, of the questions that each of them scored."""
    found = {}
    for question in study.questions:
        scores = [study.overall(judge, *arm, question.id) for judge in study.reliable_judges]
        if scores and None not in scores:
            found[question.id] = float(np.mean(scores))
    return found


def options(study: Study, prices: Prices, report: ReportParams) -> list[Option]:
    """Every arm of the study, with those marked that another one dominates."""
    found = [_option(study, arm, prices, report) for arm in study.arms]
    return [replace(one, dominated_by=_dominating(one, found)) for one in found]


def _option(study: Study, arm: Arm, prices: Prices, report: ReportParams) -> Option:
    scores = pooled(study, arm)
    clusters = [study.cluster[q] for q in scores]
    values = np.array(list(scores.values()))
    seconds = [s for q in study.questions for s in study.total_seconds(*arm, q.id)]
    right = mean(values >= report.right_from)
    right_interval = share_interval(values >= report.right_from, clusters, report.confidence)
    spent = costs(study, arm, prices, report)
    return Option(
        *arm,
        n=len(scores),
        score=mean(values),
        score_interval=bootstrap_interval(values, clusters, **bootstrap_options(report)) if len(values) else None,
        right=right,
        right_interval=right_interval,
        seconds=mean(seconds),
        seconds_p50=percentile(seconds, 50),
        seconds_p95=percentile(seconds, 95),
        costs=spent,
        cost_per_right=_over(spent.per_answer, right),
        cost_per_right_interval=_over_interval(spent.per_answer, right_interval),
        seconds_per_right=_over(mean(seconds), right),
        alike=not unlike(study),
    )


def unlike(study: Study) -> str:
    """Why the study's seconds may not be compared with one another, as a clause; empty if they may."""
    machines = {on.machine for arm in study.arms for on in study.measured_on(*arm)}
    machines |= {on.machine for on in study.retrieval_on}
    if len(machines - {None}) > 1:
        return "they were measured on more than one machine"
    timings = [timing for timings in study.generation.values() for timing in timings]
    if len({timing.replayed for timing in timings}) > 1:
        return "some are of this run and some are replayed from an earlier one"
    shares = {arm: share for arm in study.arms if (share := study.others_share(arm)) is not None}
    if shares and max(shares.values()) - min(shares.values()) > UNLIKE_LOAD:
        busy = max(shares, key=lambda arm: shares[arm])
        return (
            f"other programs used {shares[busy]:.0%} of the machine during {busy.approach} and "
            f"{min(shares.values()):.0%} at the least"
        )
    return ""


def _over(amount: float | None, share: float | None) -> float | None:
    """What a right answer takes if an answer takes `amount`: None if no answer is right."""
    return None if amount is None or not share else amount / share


def _over_interval(amount: float | None, share: Interval | None) -> Interval | None:
    """The spread of the amount itself is small beside that of the share, and left out."""
    return (
        None if amount is None or share is None or share.low <= 0 else Interval(amount / share.high, amount / share.low)
    )


def _dominating(one: Option, others: list[Option]) -> Arm | None:
    """The best of those that dominate it. What is not known of either is not compared."""

    def at_least(other: Option) -> bool:
        pairs = [
            (other.score, one.score),
            (one.seconds_p50, other.seconds_p50) if one.alike else (None, None),
            (one.costs.per_answer, other.costs.per_answer),
        ]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        return len(known) > 1 and all(a >= b for a, b in known) and any(a > b for a, b in known)

    found = [other for other in others if other is not one and one.score is not None and at_least(other)]
    return max(found, key=lambda other: other.score or 0.0).arm if found else None


def by_arm(found: Iterable[Option]) -> Mapping[Arm, Option]:
    return {one.arm: one for one in found}
