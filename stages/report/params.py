"""The sections of params.yaml that this stage reads, but for `prices`: study, report."""

from typing import Annotated

from pydantic import AfterValidator, Field

from stages.params import Section


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("must not name anything twice")
    return names


Names = Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]


class StudyParams(Section):
    models: Names
    judges: Names


class ReportParams(Section):
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
