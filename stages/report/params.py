"""The sections of params.yaml that this stage reads: study, prices, report."""

import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from stages.params import Section


def _date(value: str) -> str:
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("must be a date like '2026-11-22'") from None


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("must not name anything twice")
    return names


Names = Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]


class StudyParams(Section):
    models: Names
    judges: Names


class TokenPrices(Section):
    """Price of a million tokens of a model that is billed by tokens."""

    input: float = Field(ge=0)
    output: float = Field(default=0.0, ge=0)  # embedding models have none
    cache_read: float | None = Field(default=None, ge=0)  # None: as input
    cache_write: float | None = Field(default=None, ge=0)


class PricesParams(Section):
    """What a call costs: by tokens for the models in `per_million_tokens`, by time on this machine for all others."""

    as_of: Annotated[str, AfterValidator(_date)]  # prices change: the report shows their date
    currency: str = Field(min_length=1)
    compute_per_hour: float | None = Field(ge=0)  # None: not known, and then no cost is shown
    per_million_tokens: dict[str, TokenPrices]
    # Of Amazon Bedrock, as stages.bedrock.prices.PricesTable reads them; the report needs none of them.
    batch_share: float = Field(default=0.5, ge=0, le=1)
    training_per_1k_tokens: dict[str, float] = Field(default_factory=dict)
    storage_per_model_month: float | None = Field(default=None, ge=0)
    provisioned_per_hour: dict[str, float] = Field(default_factory=dict)


class ReportParams(Section):
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
