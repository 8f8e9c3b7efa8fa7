"""Section `report` of params.yaml."""

from pydantic import Field

from tune_or_retrieve.base.params import Section


class ReportParams(Section):
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
