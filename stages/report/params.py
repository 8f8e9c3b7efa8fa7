"""The sections of params.yaml that this stage reads, but for `prices`: study, report."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tune_or_retrieve.base.params import NAME, Provider, Section


def _mapping(value: Any) -> Any:
    if isinstance(value, list):
        shown = ", ".join(f"{name}: ..." for name in value)
        raise ValueError(f"must name the provider of each entry, as in {{{shown}}}: by it dvc.yaml names the code")
    return value


Name = Annotated[str, Field(pattern=NAME)]


class StudyParams(Section):
    """What is compared: names of entries of `models` and `judges`, each with the provider of that entry."""

    models: Annotated[dict[Name, Provider], Field(min_length=1), BeforeValidator(_mapping)]
    judges: Annotated[dict[Name, Provider | Literal["none"]], Field(min_length=1), BeforeValidator(_mapping)]


class ReportParams(Section):
    seed: int = Field(ge=0)
    confidence: float = Field(ge=0.5, lt=1)
    bootstrap_samples: int = Field(ge=100, le=100_000)
    permutation_samples: int = Field(ge=100, le=100_000)  # where there are too many sign patterns to try all
    power: float = Field(gt=0, lt=1)  # of the minimum detectable effect
