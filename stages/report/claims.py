"""What the study reports, next to what was measured here."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.report.inputs import Study
from stages.report.measures import Cell, Change
from tune_or_retrieve.base.records import Approach


@dataclass(frozen=True)
class Claim:
    """A change against base that the study "Model customization, RAG, or both: Amazon Nova" reports."""

    approach: Approach
    what: str
    percent: int
    ours: Callable[[Cell], Change | None] | None  # None: the judges' uplift


CLAIMS = (
    Claim("rag", "judged quality", 30, None),
    Claim("ft", "judged quality", 30, None),
    Claim("ft_rag", "judged quality", 83, None),
    Claim("ft", "latency", -50, lambda cell: cell.total_change),
    Claim("rag", "latency", -30, lambda cell: cell.total_change),
    Claim("ft", "output tokens", -60, lambda cell: cell.output_tokens_change),
    Claim("rag", "tokens in all", 100, lambda cell: cell.tokens_change),
)


@dataclass(frozen=True)
class ClaimResult:
    """One claim for one model; `ours` has a row per judge (or one, named ""), and in it a change per set."""

    model: str
    claim: Claim
    ours: list[tuple[str, list[Change | None]]]


def compared_with_the_study(study: Study, cells: list[Cell]) -> list[ClaimResult]:
    found = {(c.model, c.approach, c.set): c for c in cells if c.slice is None}
    results = []
    for model in filter(study.against_base, study.models):
        for claim in (claim for claim in CLAIMS if claim.approach in study.approaches_of(model)):
            mine = [found[model, claim.approach, set_] for set_ in study.sets]
            if claim.ours is None:
                rows = [(judge, [cell.judges[judge].uplift for cell in mine]) for judge in study.judges]
            else:
                rows = [("", [claim.ours(cell) for cell in mine])]
            results.append(ClaimResult(model, claim, rows))
    return results
