"""From a study to the texts of all outputs: pure, so that equal inputs give equal bytes."""

import json
from typing import Any

from stages.report.cautions import about_the_lead, cautions
from stages.report.comparisons import compare, judge_agreement
from stages.report.decision import decide
from stages.report.details import details
from stages.report.evidence import Evidence
from stages.report.inputs import Study
from stages.report.measures import measure
from stages.report.page import render
from stages.report.params import ReportParams
from stages.report.plots import latency_csv, quality_csv, tokens_csv
from stages.report.summary import summarise
from stages.report.table import results_table
from stages.report.verdict import verdicts
from tune_or_retrieve.money.prices import Prices


def make_outputs(study: Study, prices: Prices, report: ReportParams, like_the_study: bool = False) -> dict[str, str]:
    """The text of each output by its path.

    Args:
        like_the_study: whether the articles are AWS's documentation, so that a comparison with the study makes sense.
    """
    cells = measure(study, prices, report)
    comparisons = compare(study, report)
    agreements = judge_agreement(study)
    decision = decide(study, prices, report)
    answers = verdicts(study, comparisons)
    notes = [*about_the_lead(study, decision.recommendation), *cautions(study, cells, agreements)]
    evidence = Evidence(study, decision, cells, comparisons, agreements, answers, notes)
    return {
        "metrics/summary.json": _json(summarise(study, decision.options)),
        "metrics/details.json": _json(details(study, cells, agreements, prices)),
        "metrics/table.md": results_table(evidence, prices, report.confidence),
        "metrics/report.html": render(evidence, prices, report, like_the_study),
        "plots/quality.csv": quality_csv(study, cells),
        "plots/tokens.csv": tokens_csv(cells),
        "plots/latency.csv": latency_csv(cells),
    }


def _json(rows: dict[str, Any]) -> str:
    return json.dumps(rows, indent=2, sort_keys=True) + "\n"
