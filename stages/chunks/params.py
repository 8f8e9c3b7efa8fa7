"""The section `chunking` of params.yaml: names and limits of Amazon Bedrock's knowledge bases."""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.vectors.embedding import EmbeddingParams


class FixedSizeParams(Section):
    max_tokens: int = Field(ge=1, le=8192)  # overlap included
    overlap_percentage: int = Field(ge=1, le=99)  # of max_tokens


class HierarchicalParams(Section):
    parent_max_tokens: int = Field(ge=1, le=8192)  # passed to the model
    child_max_tokens: int = Field(ge=1, le=8192)  # embedded and found
    overlap_tokens: int = Field(ge=1)  # between children, and between parents

    @field_validator("child_max_tokens")
    @classmethod
    def _below_parent(cls, value: int, info: ValidationInfo) -> int:
        parent = info.data.get("parent_max_tokens")
        if parent is not None and value > parent:
            raise ValueError(f"must be at most parent_max_tokens, {parent}")
        return value

    @field_validator("overlap_tokens")
    @classmethod
    def _below_child(cls, value: int, info: ValidationInfo) -> int:
        child = info.data.get("child_max_tokens")
        if child is not None and value >= child:
            raise ValueError(f"must be less than child_max_tokens, {child}")
        return value


class SemanticParams(Section):
    max_tokens: int = Field(ge=1, le=8192)
    buffer_size: int = Field(ge=0, le=1)  # sentences on either side that are embedded with each sentence
    breakpoint_percentile_threshold: int = Field(ge=50, le=99)  # of the distances between neighbours in an article
    embedding: EmbeddingParams


class ChunkingParams(Section):
    strategy: Literal["fixed_size", "hierarchical", "semantic", "none"]
    # Locations of tokenizer.json or GGUF files, of the embedding model and the chat models: limits hold in each.
    tokenizers: list[Filled] = Field(min_length=1)
    fixed_size: FixedSizeParams
    hierarchical: HierarchicalParams
    semantic: SemanticParams
