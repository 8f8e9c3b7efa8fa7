"""From a study to the texts of all outputs: pure, so that equal inputs give equal bytes."""

import json

from stages.report.comparisons import compare, judge_agreement
from stages.report.inputs import Study
from stages.report.measures import measure
from stages.report.page import render
from stages.report.params import ReportParams
from stages.report.plots import latency_csv, quality_csv, tokens_csv
from stages.report.summary import summarise
from stages.report.table import results_table
from stages.report.verdict import cautions, verdicts
from tune_or_retrieve.money.prices import Prices


def make_outputs(study: Study, prices: Prices, report: ReportParams) -> dict[str, str]:
    """The text of each output by its path."""
    cells = measure(study, prices, report)
    comparisons = compare(study, report)
    agreements = judge_agreement(study)
    answers = verdicts(study, comparisons)
    notes = cautions(study, cells)
    table = results_table(study, cells, comparisons, answers, notes, prices, report.confidence)
    summary = summarise(study, cells, agreements, prices)
    return {
        "metrics/summary.json": json.dumps(summary, indent=2, sort_keys=True) + "\n",
        "metrics/table.md": table,
        "metrics/report.html": render(study, cells, comparisons, agreements, answers, notes, prices, report),
        "plots/quality.csv": quality_csv(study, cells),
        "plots/tokens.csv": tokens_csv(cells),
        "plots/latency.csv": latency_csv(cells),
    }
