"""Geometry of the page's bar charts; the template draws it as inline SVG. Units: SVG user units, 1 = 1 CSS px."""

import math
from dataclasses import dataclass

from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.statistics import Interval
from stages.report.words import MISSING, number
from stages.report.words import interval as interval_words
from tune_or_retrieve.base.records import Approach

TICKS = 5
WIDTH, LEFT, RIGHT, TOP, ROW, BAR, FOOT = 380, 58, 58, 8, 34, 20, 26


@dataclass(frozen=True)
class Segment:
    part: str  # CSS class: "whole", or "first" and "second" of a stacked bar
    x: float
    width: float


@dataclass(frozen=True)
class Bar:
    approach: Approach
    y: float
    segments: list[Segment]
    whisker: tuple[float, float] | None
    label: str  # the value next to the bar


@dataclass(frozen=True)
class Panel:
    id: str
    title: str
    description: str  # the same as text, for those who do not see the chart
    bars: list[Bar]
    ticks: list[tuple[float, str]]
    height: float
    baseline: float  # y of the axis


@dataclass(frozen=True)
class Figure:
    id: str
    title: str
    unit: str
    caption: str
    panels: list[Panel]


@dataclass(frozen=True)
class Datum:
    approach: Approach
    parts: list[float]  # stacked from zero; none: not measured
    interval: Interval | None
    digits: int


def figures(study: Study, cells: list[Cell], confidence: float) -> list[Figure]:
    """The study's three figures: quality, latency and tokens per approach."""
    whole = [cell for cell in cells if cell.slice is None]
    groups = [(m, s, [c for c in whole if c.model == m and c.set == s]) for m in study.models for s in study.sets]
    many = len(study.models) > 1
    level = f"{100 * confidence:.0f}%"

    def name(model: str, set_: str, n: int) -> str:
        return f"{model}, {set_} (n = {n})" if many else f"{set_.capitalize()} (n = {n})"

    quality = {}
    for model, set_, mine in groups:
        for judge in study.judges:
            mark = "" if study.cards[judge].reliable else ", unreliable judge"
            scored = [c.judges[judge].n_scored for c in mine]
            n = str(min(scored)) if min(scored) == max(scored) else f"{min(scored)}–{max(scored)}"
            title = f"{name(model, set_, n)} · judge {judge}{mark}"
            quality[title] = [
                Datum(c.approach, [] if (g := c.judges[judge]).score is None else [g.score], g.interval, 1)
                for c in mine
            ]
    latency, tokens = {}, {}
    for model, set_, mine in groups:
        title = name(model, set_, mine[0].n)
        latency[title] = [
            Datum(
                c.approach,
                []
                if c.total.mean is None
                else [c.retrieval.mean, max(c.total.mean - c.retrieval.mean, 0.0)]
                if c.retrieval and c.retrieval.mean
                else [0.0, c.total.mean],
                c.total_interval,
                2,
            )
            for c in mine
        ]
        tokens[title] = [Datum(c.approach, [c.output_tokens, c.input_tokens], None, 0) for c in mine]
    return [
        Figure(
            "quality",
            "Quality",
            "mean score, 0–10",
            f"Bars are mean scores, lines their {level} intervals.",
            _panels("quality", quality, 10.0),
        ),
        Figure(
            "latency",
            "Latency",
            "seconds per answer",
            f"Bars are mean seconds from question to answer, lines their {level} intervals"
            f"{'; the pale part is retrieval' * study.retrieves}. "
            "Medians and 95th percentiles are in the table of all numbers.",
            _panels("latency", latency, None),
        ),
        Figure(
            "tokens",
            "Tokens",
            "tokens per answer",
            "Bars are mean tokens: the full part is what the model wrote (output), the pale part what it read (input).",
            _panels("tokens", tokens, None),
        ),
    ]


def _panels(figure: str, data: dict[str, list[Datum]], top: float | None) -> list[Panel]:
    """All panels of a figure on one scale from zero, for comparison by eye."""
    shown = [d for rows in data.values() for d in rows if d.parts]
    ends = [max(sum(d.parts), d.interval.high if d.interval else 0.0) for d in shown]
    step = nice_step(top or max(ends, default=1.0))
    limit = top or step * max(1, math.ceil(max(ends, default=1.0) / step - 1e-9))
    return [
        _panel(f"{figure}-{index}", title, rows, limit, step, figure == "latency")
        for index, (title, rows) in enumerate(data.items())
    ]


def nice_step(limit: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives at most TICKS steps up to `limit`."""
    if limit <= 0:
        return 1.0
    raw = limit / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))


def _panel(id_: str, title: str, data: list[Datum], limit: float, step: float, pale_first: bool) -> Panel:
    scale = (WIDTH - LEFT - RIGHT) / limit

    def x(value: float) -> float:
        return round(LEFT + min(max(value, 0.0), limit) * scale, 2)

    bars = []
    for row, datum in enumerate(data):
        y = TOP + row * ROW + (ROW - BAR) / 2
        if not datum.parts:
            bars.append(Bar(datum.approach, y, [], None, MISSING))
            continue
        segments, start = [], 0.0
        for part, value in enumerate(datum.parts):
            pale = len(datum.parts) > 1 and (part == 0) == pale_first
            if value > 0:
                segments.append(Segment("pale" if pale else "full", x(start), round(x(start + value) - x(start), 2)))
            start += value
        whisker = (x(datum.interval.low), x(datum.interval.high)) if datum.interval else None
        bars.append(Bar(datum.approach, y, segments, whisker, number(start, datum.digits)))
    baseline = TOP + len(data) * ROW
    count = round(limit / step)
    digits = max(0, -math.floor(math.log10(step)))
    ticks = [(x(i * step), number(i * step, digits)) for i in range(count + 1)]
    said = [
        f"{d.approach} {number(sum(d.parts), d.digits)} {interval_words(d.interval, d.digits)}".rstrip()
        for d in data
        if d.parts
    ]
    return Panel(id_, title, "; ".join(said) or "nothing measured", bars, ticks, baseline + FOOT, baseline)
