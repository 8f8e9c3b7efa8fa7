"""Data for `dvc plots`: one row a bar, with the panel it belongs to. Numbers only, no text of any document.

What is measured in seconds is in a file of its own, since it differs from run to run.
"""

import csv
import io
from collections.abc import Iterable
from typing import Any

from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.statistics import Interval, rounded

COLUMNS = ("panel", "model", "approach", "set", "value", "low", "high", "n")


def quality_csv(study: Study, cells: list[Cell]) -> str:
    """Mean score with its interval, a panel per model, set and judge."""
    return _csv(
        _row(cell, judge, graded.score, graded.interval, graded.n_scored)
        for judge in study.judges
        for cell in cells
        if cell.slice is None and (graded := cell.judges[judge]).score is not None
    )


def latency_csv(cells: list[Cell]) -> str:
    """Seconds from question to answer: bar to the median, line on to the 95th percentile."""
    return _csv(
        _row(cell, "seconds", cell.total.p50, Interval(cell.total.p50, cell.total.p95 or 0.0), cell.total.n)
        for cell in cells
        if cell.slice is None and cell.total.p50 is not None
    )


def tokens_csv(cells: list[Cell]) -> str:
    """Mean tokens per answer, output (with its interval) and input in panels of their own."""
    whole = [cell for cell in cells if cell.slice is None]
    output = [_row(cell, "output tokens", cell.output_tokens, cell.output_tokens_interval, cell.n) for cell in whole]
    return _csv([*output, *(_row(cell, "input tokens", cell.input_tokens, None, cell.n) for cell in whole)])


def _row(cell: Cell, what: str, value: float | None, interval: Interval | None, n: int) -> dict[str, Any]:
    return {
        "panel": f"{cell.model}, {cell.set}: {what}",
        "model": cell.model,
        "approach": cell.approach,
        "set": cell.set,
        "value": rounded(value, 4),
        "low": rounded(interval.low, 4) if interval else None,
        "high": rounded(interval.high, 4) if interval else None,
        "n": n,
    }


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
