"""Geometry of the two pictures that a decision rests on, which the template draws as inline SVG. 1 unit is 1 CSS px.

Both have logarithmic axes of cost: approaches differ by factors, not by amounts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stages.report.costs import Costs, break_even
from stages.report.options import Option
from stages.report.words import listed, money, number
from tune_or_retrieve.base.records import Approach

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 640, 320, 64, 96, 12, 44
POINTS = 61  # of a line of break-even
FEWEST, MOST = 1, 7  # powers of ten: 10 to 10,000,000 questions a month
NEAR = 15  # labels that are closer are moved apart


@dataclass(frozen=True)
class Mark:
    """One option: a point with its interval, or a line."""

    approach: Approach
    name: str
    x: float
    y: float
    label_y: float
    whisker: tuple[float, float] | None = None  # y of its ends
    dominated: bool = False
    path: str = ""  # of a line, SVG path data


@dataclass(frozen=True)
class Picture:
    title: str
    description: str  # the same as text, for those who do not see it
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    marks: list[Mark]
    upright: float | None = None  # x of a vertical line: the volume of params


def quality_against_cost(options: Sequence[Option], currency: str) -> Picture | None:
    """Mean score against the cost of 1,000 answers, or against seconds where a cost is not known.

    None: there are no scores, or no costs and no seconds that may be compared.
    """
    scored = [one for one in options if one.score is not None]
    by_cost = all(one.costs.per_answer for one in scored)
    seconds = {one.arm: one.seconds_p50 if one.alike else None for one in scored}
    shown = [(one, 1000 * one.costs.per_answer if by_cost else seconds[one.arm]) for one in scored]
    shown = [(one, value) for one, value in shown if value]
    if not shown:
        return None
    low, high = _powers([value for _, value in shown])
    unit = f"cost of 1,000 answers, {currency}" if by_cost else "seconds per answer, median"

    def y(score: float) -> float:
        return round(TOP + (HEIGHT - TOP - FOOT) * (1 - score / 10), 1)

    marks = [
        Mark(
            approach=one.approach,
            name=_name(one, options),
            x=_log(value, low, high),
            y=y(one.score),
            label_y=y(one.score),
            whisker=one.score_interval and (y(one.score_interval.low), y(one.score_interval.high)),
            dominated=one.dominated_by is not None,
        )
        for one, value in shown
    ]
    said = [f"{_name(one, options)} {number(one.score, 1)} at {number(value, 4)}" for one, value in shown]
    return Picture(
        "Quality against cost" if by_cost else "Quality against time",
        f"Mean score and {unit}: {'; '.join(said)}.",
        unit,
        "mean score, 0–10",
        _ticks(low, high),
        [(y(score), str(score)) for score in range(0, 11, 2)],
        marks,
    )


def costs_by_volume(options: Sequence[Option], currency: str, questions: int) -> Picture | None:
    """Cost of a month against the number of its questions. None if fewer than two options have a known cost."""
    known = [one for one in options if one.costs.monthly(1) is not None]
    if len(known) < 2:
        return None
    volumes = [10 ** (FEWEST + (MOST - FEWEST) * step / (POINTS - 1)) for step in range(POINTS)]
    months = {one.arm: [one.costs.monthly(volume) or 0.0 for volume in volumes] for one in known}
    positive = [value for values in months.values() for value in values if value > 0]
    if not positive:
        return None
    low, high = _powers(positive)

    def y(value: float) -> float:
        share = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return round(TOP + (HEIGHT - TOP - FOOT) * (1 - share), 1)

    marks = []
    for one in known:
        xs = [_log(volume, FEWEST, MOST) for volume in volumes]
        points = [f"{x} {y(value)}" for x, value in zip(xs, months[one.arm], strict=True)]
        end = y(months[one.arm][-1])
        marks.append(Mark(one.approach, _name(one, options), xs[-1], end, end, path=f"M{'L'.join(points)}"))
    return Picture(
        "Cost of a month",
        "; ".join(crossings(known, currency)) or "No two approaches cost the same at any volume.",
        "questions a month",
        f"cost of a month, {currency}",
        _ticks(FEWEST, MOST),
        [(y(10.0**power), _power(power)) for power in range(low, high + 1)],
        _apart(marks),
        _log(min(max(questions, 10**FEWEST), 10**MOST), FEWEST, MOST),
    )


def crossings(options: Sequence[Option], currency: str) -> list[str]:
    """Where two options cost the same, in words, within the volumes shown."""
    said = []
    for index, one in enumerate(options):
        for other in options[index + 1 :]:
            volume = break_even(one.costs, other.costs)
            if volume is not None and 10**FEWEST <= volume <= 10**MOST:
                fewer, more = (one, other) if _fixed(one.costs) < _fixed(other.costs) else (other, one)
                cost = money(one.costs.monthly(volume), currency)
                said.append(
                    f"below {number(volume, 0)} questions a month ({cost}) {_name(fewer, options)} costs less than "
                    f"{_name(more, options)}, above more"
                )
    return said


def _fixed(costs: Costs) -> float:
    return costs.fixed or 0.0


def _name(one: Option, options: Sequence[Option]) -> str:
    return one.approach if len({other.model for other in options}) == 1 else f"{one.model} {one.approach}"


def _powers(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _log(value: float, low: int, high: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low), 1)


def _ticks(low: int, high: int) -> list[tuple[float, str]]:
    return [(_log(10.0**power, low, high), _power(power)) for power in range(low, high + 1)]


def _power(power: int) -> str:
    return number(10.0**power, max(0, -power))


def _apart(marks: list[Mark]) -> list[Mark]:
    """The labels at the lines' ends, none on another."""
    placed: list[Mark] = []
    for mark in sorted(marks, key=lambda one: one.y):
        lowest = placed[-1].label_y + NEAR if placed else -math.inf
        placed.append(Mark(**{**mark.__dict__, "label_y": max(mark.y, lowest)}))
    return placed


def dominated(options: Sequence[Option]) -> str:
    """Which options another dominates, in words; empty if none."""
    names = {one.arm: _name(one, options) for one in options}
    out = [f"{names[one.arm]} by {names[one.dominated_by]}" for one in options if one.dominated_by]
    return f"Dominated, that is, another is at least as good, as fast and as cheap: {listed(out)}." if out else ""
