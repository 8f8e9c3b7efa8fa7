"""All that the page and the table show."""

from dataclasses import dataclass

from stages.report.comparisons import Agreement, Comparison
from stages.report.decision import Decision
from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.verdict import Verdict


@dataclass(frozen=True)
class Evidence:
    study: Study
    decision: Decision
    cells: list[Cell]
    comparisons: list[Comparison]
    agreements: dict[tuple[str, str], Agreement]
    verdicts: list[Verdict]
    notes: list[str]
