"""What to do, by rules that are printed in the report:

1. An approach that breaks a limit of params (`report.max_seconds_p95`, `report.max_cost_per_1000`) is out.
2. One is *beaten* if another has a mean score that is higher by more than `report.margin`.
3. Of those that are not beaten, the cheapest at `report.questions_per_month` is recommended.
4. That is *settled* if the intervals say so: no other's lead over it can be more than the margin, and each cheaper one
   is beaten by more than the margin for certain. The intervals hold together (Bonferroni, over all pairs), and the
   reliable judges must agree which of two is better.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stages.report.inputs import Study
from stages.report.options import Option, by_arm, pooled
from stages.report.params import ReportParams
from stages.report.statistics import Interval, bootstrap_interval, questions_needed
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.study import Arm

RULES = (  # as the page prints them; the same as above
    "An approach that breaks a limit (report.max_seconds_p95, report.max_cost_per_1000) is out.",
    "An approach is beaten if another has a mean score that is higher by more than report.margin.",
    "Of those that are not beaten, the cheapest at report.questions_per_month is recommended.",
    "It is settled if the intervals say so, all pairs together (Bonferroni): no other's lead over it can be more than "
    "the margin, and each cheaper one is beaten by more than the margin for certain. The reliable judges must agree "
    "which of two is better.",
)
VOLUME, CHEAPER = 10, 0.1  # what is tried: ten times the questions; models at a tenth of their price


@dataclass(frozen=True)
class Lead:
    """How much better one option is than another, in points of the mean score."""

    n: int
    difference: float
    interval: Interval | None
    agreed: bool = True  # each reliable judge's mean difference has the same sign

    def over(self, margin: float) -> bool | None:
        """Whether it is more than the margin: True or False if that is certain, else None."""
        if self.interval is None:
            return None
        if self.interval.high <= margin:
            return False
        return True if self.interval.low > margin and self.agreed else None

    def needed(self, margin: float) -> int | None:
        """About how many questions like these would tell on which side of the margin it is."""
        away = abs(self.difference - margin)
        if self.interval is None or not away:
            return None
        return questions_needed((self.interval.high - self.interval.low) / 2, self.n, away)


@dataclass(frozen=True)
class Change:
    """Something that could be otherwise, and what would then be recommended."""

    what: str
    arm: Arm | None


@dataclass(frozen=True)
class Recommendation:
    """`arm` None: no option is left, or none has a score."""

    arm: Arm | None
    settled: bool
    questions_needed: int | None  # to settle it, in all; None: settled, or it cannot be said
    open: list[tuple[Arm, Arm]]  # leads whose side of the margin is not certain: (better, worse)
    excluded: dict[Arm, str]  # by a limit, and how
    cheaper_beaten: list[Arm]  # cheaper than `arm`, and beaten
    changes: list[Change]  # what was tried, whether it changes the recommendation or not


def recommend(found: Sequence[Option], leads: dict[tuple[Arm, Arm], Lead], report: ReportParams) -> Recommendation:
    """By the rules of this module.

    Args:
        leads: see :func:`all_leads`.
    """
    chosen = choose(found, leads, report)
    return replace(chosen, changes=_changes(found, leads, report))


def all_leads(study: Study, report: ReportParams) -> dict[tuple[Arm, Arm], Lead]:
    """Of each arm of the study over each other, both ways, on the questions that every reliable judge scored."""
    pairs = list(itertools.combinations(study.arms, 2))
    scores = {arm: pooled(study, arm) for arm in study.arms}
    leads = {}
    for first, second in track(pairs, "leads", unit="pairs", shorter="lower report.bootstrap_samples"):
        both = [q for q in scores[first] if q in scores[second]]
        if not both:
            continue
        values = np.array([scores[first][q] - scores[second][q] for q in both])
        interval = bootstrap_interval(
            values,
            [study.cluster[q] for q in both],
            samples=report.bootstrap_samples,
            confidence=1 - (1 - report.confidence) / len(pairs),
            seed=report.seed,
        )
        signs = {
            np.sign(sum(study.overall(judge, *first, q) - study.overall(judge, *second, q) for q in both))
            for judge in study.reliable_judges
        }
        mean, agreed = float(np.mean(values)), len(signs) == 1
        leads[first, second] = Lead(len(values), mean, interval, agreed)
        leads[second, first] = Lead(len(values), -mean, interval and Interval(-interval.high, -interval.low), agreed)
    return leads


def choose(found: Sequence[Option], leads: dict[tuple[Arm, Arm], Lead], report: ReportParams) -> Recommendation:
    """As `recommend`, without what would change it."""
    excluded = {one.arm: why for one in found if (why := _breaks(one, report))}
    left = [one for one in found if one.arm not in excluded and one.score is not None]
    ordered = [one.arm for one in sorted(left, key=_price)]

    def beaten_by(arm: Arm) -> list[Arm]:
        return [
            other
            for other in ordered
            if (lead := leads.get((other, arm))) is not None and lead.difference > report.margin
        ]

    arm = next((one for one in ordered if not beaten_by(one)), None)
    if arm is None:
        return Recommendation(None, False, None, [], excluded, [], [])
    cheaper = ordered[: ordered.index(arm)]
    undecided: list[tuple[Arm, Arm]] = [
        (other, arm)
        for other in ordered
        if (lead := leads.get((other, arm))) is not None and lead.over(report.margin) is None
    ]
    for one in cheaper:
        against = [(other, one) for other in beaten_by(one)]
        if not any(leads[pair].over(report.margin) for pair in against):
            undecided.append(min(against, key=lambda pair: leads[pair].needed(report.margin) or np.inf))
    needed = [leads[pair].needed(report.margin) for pair in undecided]
    return Recommendation(
        arm=arm,
        settled=not undecided,
        questions_needed=None if not needed or None in needed else max(needed),
        open=undecided,
        excluded=excluded,
        cheaper_beaten=cheaper,
        changes=[],
    )


def _breaks(one: Option, report: ReportParams) -> str:
    """How an option breaks a limit; "" if it does not. What is not known cannot be said to keep one."""
    per_1000 = None if one.costs.per_answer is None else 1000 * one.costs.per_answer
    limits = (
        ("max_seconds_p95", report.max_seconds_p95, one.seconds_p95, "time", "s at the 95th percentile"),
        ("max_cost_per_1000", report.max_cost_per_1000, per_1000, "cost", "for 1,000 answers"),
    )
    for key, limit, value, what, unit in limits:
        if limit is not None and value is None:
            return f"its {what} is not known, and report.{key} is {limit:g}"
        if limit is not None and value > limit:
            return f"{value:.3g} {unit}, over report.{key} ({limit:g})"
    return ""


def _price(one: Option) -> tuple[float, float]:
    """By cost; where it is not known, last, and by seconds."""
    known = one.costs.per_answer
    return (np.inf if known is None else known, np.inf if one.seconds is None else one.seconds)


def _changes(found: Sequence[Option], leads: dict[tuple[Arm, Arm], Lead], report: ReportParams) -> list[Change]:
    tried: list[tuple[str, Sequence[Option], ReportParams]] = []
    if report.max_seconds_p95 is not None:
        tried.append(("no limit on seconds", found, _with(report, max_seconds_p95=None)))
    if report.max_cost_per_1000 is not None:
        tried.append(("no limit on cost", found, _with(report, max_cost_per_1000=None)))
    volume = report.questions_per_month * VOLUME
    tried += [
        (f"{volume:,} questions a month", [_at(one, questions=volume) for one in found], report),
        ("models at a tenth of their price", [_cheaper(one) for one in found], report),
    ]
    if report.margin:
        tried += [
            ("no margin", found, _with(report, margin=0.0)),
            (
                f"a margin of {2 * report.margin:g} point{'s' * (2 * report.margin != 1)}",
                found,
                _with(report, margin=2 * report.margin),
            ),
        ]
    return [Change(what, choose(options, leads, params).arm) for what, options, params in tried]


def _with(report: ReportParams, **changes) -> ReportParams:
    return report.model_copy(update=changes)


def _at(one: Option, questions: int) -> Option:
    return replace(one, costs=replace(one.costs, questions=questions))


def _cheaper(one: Option) -> Option:
    part = one.costs
    generation = None if part.generation is None else part.generation * CHEAPER
    return replace(one, costs=replace(part, generation=generation))


def chosen_option(found: Sequence[Option], recommendation: Recommendation) -> Option | None:
    return None if recommendation.arm is None else by_arm(found)[recommendation.arm]
