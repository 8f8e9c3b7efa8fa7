"""The section `qa` of params.yaml."""

from typing import Literal

from pydantic import Field

from stages.embedding import EmbeddingParams
from stages.params import Section


class LeakageParams(Section):
    ngram: int = Field(ge=4, le=30)  # words in common, once words of the phrasing are discounted
    similarity: float = Field(gt=0.0, le=1.0)  # cosine of two questions


class QaParams(Section):
    seed: int = Field(ge=0)
    generator: Literal["extractive"]  # reads structure and sentences; needs no model
    pairs: int = Field(ge=1)  # accepted training pairs
    validation_pairs: int = Field(ge=1)
    test_questions: int = Field(ge=2)  # half on articles that also have training pairs, half on articles without
    max_per_article: int = Field(ge=2)  # of training or validation pairs
    duplicate_similarity: float = Field(gt=0.0, le=1.0)  # cosine of two questions
    leakage: LeakageParams
    embedding: EmbeddingParams
