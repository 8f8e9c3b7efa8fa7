"""Section `report` of params.yaml."""

from pydantic import Field

from tune_or_retrieve.base.params import Section


class ReportParams(Section):
    right_from: float = Field(
        default=7.0, gt=0, le=10
    )  # mean score over the reliable judges from which an answer is right
    margin: float = Field(default=0.5, ge=0, le=10)  # points by which a better approach must lead to be worth its price
    questions_per_month: int = Field(default=10_000, ge=1, le=10**9)  # asked of the system, not of this study
    months: int = Field(default=12, ge=1, le=120)  # over which the costs of training and index are spread
    max_seconds_p95: float | None = Field(default=None, gt=0)  # None: no limit
    max_cost_per_1000: float | None = Field(default=None, gt=0)  # all costs, at questions_per_month; None: no limit
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
