"""The sections of params.yaml that this stage reads, but for `prices`: study, report."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from tune_or_retrieve.base.params import Name, Provider, Section


def _mapping(value: Any, info: ValidationInfo) -> Any:
    """A list of names, as old files have it, is refused with the mapping that takes its place."""
    if isinstance(value, list):
        entries = (info.context or {}).get(info.field_name)
        shown = ", ".join(f"{name}: {_provider(entries, name)}" for name in value)
        raise ValueError(f"must name the provider of each entry, as in {{{shown}}}: by it dvc.yaml names the code")
    return value


def _provider(entries: Any, name: Any) -> str:
    entry = entries.get(name) if isinstance(entries, dict) and isinstance(name, str) else None
    return str(entry.get("provider", "none")) if isinstance(entry, dict) else "..."


class StudyParams(Section):
    """What is compared: names of entries of `models` and `judges`, each with the provider of that entry."""

    models: Annotated[dict[Name, Provider], Field(min_length=1), BeforeValidator(_mapping)]
    judges: Annotated[dict[Name, Provider | Literal["none"]], Field(min_length=1), BeforeValidator(_mapping)]


class ReportParams(Section):
    right_from: float = Field(gt=0, le=10)  # mean score over the reliable judges from which an answer is right
    margin: float = Field(ge=0, le=10)  # points by which a better approach must lead to be worth its price
    questions_per_month: int = Field(ge=1, le=10**9)  # asked of the system, not of this study
    months: int = Field(ge=1, le=120)  # over which the costs of training and index are spread
    max_seconds_p95: float | None = Field(default=None, gt=0)  # None: no limit
    max_cost_per_1000: float | None = Field(default=None, gt=0)  # all costs, at questions_per_month; None: no limit
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
