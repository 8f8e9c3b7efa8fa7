"""metrics/details.json: all that was measured. What was not computed has no key.

Flat keys `<model>.<approach>.<set>[.<judge>].<metric>`.
"""

from typing import Any

from stages.report.comparisons import Agreement
from stages.report.costs import training_cost, training_seconds
from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.statistics import percentile, rounded
from tune_or_retrieve.money.prices import Prices


def details(
    study: Study,
    cells: list[Cell],
    agreements: dict[tuple[str, str], Agreement],
    prices: Prices,
) -> dict[str, float | int | str]:
    rows: dict[str, float | int | str | None] = {}
    for set_ in study.sets:
        ids = [q.id for q in study.select(set_)]
        seconds = [study.retrieval[q] for q in ids if q in study.retrieval]
        rows |= {
            f"{set_}.n": len(ids),
            f"{set_}.retrieval_p50_s": rounded(percentile(seconds, 50), 4),
            f"{set_}.retrieval_p95_s": rounded(percentile(seconds, 95), 4),
        }
    for (first, second), both in agreements.items():
        name = f"agreement.{first}-{second}"
        rows |= {
            f"{name}.spearman": rounded(both.spearman, 3),
            f"{name}.krippendorff": rounded(both.krippendorff, 3),
            f"{name}.mean_bias": rounded(both.mean_bias, 3),
        }
    for model in study.models:
        seconds = training_seconds(study, model)
        rows[f"{model}.fine_tune_s"] = rounded(seconds, 1)
        rows[f"{model}.tuned_elsewhere"] = study.tuned_elsewhere(model)
        rows[f"{model}.fine_tune_warning"] = study.trained.get(model, {}).get("warning")
        rows[f"{model}.fine_tune_cost"] = rounded(training_cost(study, model, prices), 4)
        rows[f"{model}.replayed"] = sum(c.replayed for c in cells if c.model == model and c.slice is None)
    for cell in cells:
        if cell.slice is None:
            rows |= _cell(cell)
    return {name: value for name, value in rows.items() if value is not None}


def _cell(cell: Cell) -> dict[str, float | int | None]:
    prefix = f"{cell.model}.{cell.approach}.{cell.set}"
    rows: dict[str, Any] = {
        "latency_p50_s": rounded(cell.generation.p50, 3),
        "latency_p95_s": rounded(cell.generation.p95, 3),
        "total_p50_s": rounded(cell.total.p50, 3),
        "total_p95_s": rounded(cell.total.p95, 3),
        "total_change_pct": rounded(cell.total_change.percent, 1) if cell.total_change else None,
        "input_tokens": rounded(cell.input_tokens, 1),
        "output_tokens": rounded(cell.output_tokens, 1),
        "output_tokens_change_pct": (
            rounded(cell.output_tokens_change.percent, 1) if cell.output_tokens_change else None
        ),
        "at_token_limit": rounded(cell.at_token_limit, 3),
        "cost_per_1000": rounded(cell.cost_per_1000, 4),
    }
    for judge, graded in cell.judges.items():
        rows |= {
            f"{judge}.score": rounded(graded.score, 3),
            f"{judge}.score_low": rounded(graded.interval.low, 3) if graded.interval else None,
            f"{judge}.score_high": rounded(graded.interval.high, 3) if graded.interval else None,
            f"{judge}.n_scored": graded.n_scored,
            f"{judge}.fact_recall": rounded(graded.fact_recall, 3),
            f"{judge}.uplift_pct": rounded(graded.uplift.percent, 1) if graded.uplift else None,
        }
    return {f"{prefix}.{name}": value for name, value in rows.items()}
