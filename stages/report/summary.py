"""metrics/summary.json, which `dvc metrics` and `dvc exp show` compare: a few figures of each model and approach.

Flat keys `<model>.<approach>.<figure>`, over all questions. What is not known has no key.
"""

from collections.abc import Sequence

from stages.report.inputs import Study
from stages.report.options import Option
from stages.report.statistics import mean, rounded
from stages.report.words import thousand


def summarise(study: Study, found: Sequence[Option]) -> dict[str, float]:
    rows: dict[str, float | None] = {}
    for one in found:
        answers = [study.answers[(*one.arm, q.id)] for q in study.questions]
        low, high = (one.score_interval.low, one.score_interval.high) if one.score_interval else (None, None)
        figures = {
            "score": rounded(one.score, 2),
            "score_low": rounded(low, 2),
            "score_high": rounded(high, 2),
            "right_share": rounded(one.right, 3),
            "cost_per_1000_right": rounded(thousand(one.cost_per_right), 4),
            "seconds_p50": rounded(one.seconds_p50, 3),
            "input_tokens": rounded(mean([a.input_tokens for a in answers]), 0),
            "output_tokens": rounded(mean([a.output_tokens for a in answers]), 0),
        }
        rows |= {f"{one.model}.{one.approach}.{name}": value for name, value in figures.items()}
    return {name: value for name, value in rows.items() if value is not None}
