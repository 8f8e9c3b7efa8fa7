"""The section `qa` of params.yaml."""

from typing import Any, Literal

from pydantic import Field

from stages.embedding import EmbeddingParams
from stages.params import Section


class LeakageParams(Section):
    ngram: int = Field(ge=4, le=30)  # words in common, once words of the phrasing are discounted
    similarity: float = Field(gt=0.0, le=1.0)  # cosine of two questions


class QaParams(Section):
    seed: int = Field(ge=0)
    # extractive: reads structure and sentences, needs no model; llm: a chat model writes them, see stages.qa.llm.params
    generator: Literal["extractive", "llm"]
    pairs: int = Field(ge=1)  # accepted training pairs
    validation_pairs: int = Field(ge=1)
    test_questions: int = Field(ge=2)  # half on articles that also have training pairs, half on articles without
    max_per_article: int = Field(ge=2)  # of training or validation pairs
    duplicate_similarity: float = Field(gt=0.0, le=1.0)  # cosine of two questions
    leakage: LeakageParams
    embedding: EmbeddingParams

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        if not isinstance(raw, dict) or (raw.get("generator") != "llm" and "llm" not in raw):
            return cls
        from stages.qa.llm.params import with_writer  # here: without a writer, nothing of one is loaded

        return with_writer(raw.get("llm"))
