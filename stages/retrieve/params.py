"""Section `retrieval` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tune_or_retrieve.base.params import Section


class RetrievalParams(Section):
    mode: Literal["dense", "bm25", "hybrid"]
    top_k: int = Field(ge=1, le=100)  # passages passed to the model
    candidates: int = Field(ge=1, le=1000)  # of each ranking that hybrid fuses
    rrf_k: int = Field(ge=1, le=1000)
    dense_weight: float = Field(gt=0, lt=1)  # of the dense ranking in hybrid; BM25 has the rest
    recall_at: list[Annotated[int, Field(ge=1, le=100)]] = Field(min_length=1)

    @field_validator("recall_at")
    @classmethod
    def _ascending(cls, value: list[int]) -> list[int]:
        if value != sorted(set(value)):
            raise ValueError("must be in ascending order, each number once")
        return value

    @model_validator(mode="after")
    def _enough_candidates(self) -> "RetrievalParams":
        if self.candidates < self.top_k:
            raise ValueError(f"candidates must be at least top_k ({self.top_k})")
        return self
