"""The section `qa` of params.yaml."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, model_validator

from tune_or_retrieve.base.params import Provider, Section
from tune_or_retrieve.chat.models import asked_by, provider_of
from tune_or_retrieve.vectors.embedding import EmbeddingParams


class LeakageParams(Section):
    ngram: int = Field(ge=4, le=30)  # words in common, once words of the phrasing are discounted
    similarity: float = Field(gt=0.0, le=1.0)  # cosine of two questions


class QaParams(Section):
    seed: int = Field(ge=0)
    # extractive: reads structure and sentences, needs no model; llm: a chat model writes them, see WriterParams
    generator: Literal["extractive", "llm"]
    provider: Literal["none"] | Provider  # of qa.llm; none: no model is asked
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
        provider = provider_of(raw.get("llm"))
        return LlmQaParams[asked_by(provider, WriterParams) if provider else WriterParams]

    @model_validator(mode="after")
    def _provider_named(self) -> "QaParams":
        writer = getattr(self, "llm", None)
        named = writer.provider if writer is not None and self.generator == "llm" else "none"
        if self.provider != named:
            where = "the provider of qa.llm" if named != "none" else "because the generator extractive asks no model"
            raise ValueError(f"provider must be {named}, {where}; dvc.yaml finds the code by this name")
        return self


class WriterParams(Section):
    """The keys of every writer; the others describe its model, as under `models`."""

    # This class itself checks only a section with an unknown provider: one fault says so, and not one for each key.
    model_config = ConfigDict(extra="ignore")

    provider: Provider
    max_passages: int = Field(ge=1)  # calls at most, spread over the articles
    pairs_per_passage: int = Field(default=4, ge=1, le=20)
    passage_tokens: int = Field(default=400, ge=50, le=8000)  # at most about so many; whole sentences
    max_tokens: int = Field(default=2000, ge=64, le=32_000)  # of a reply
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)


Writer = TypeVar("Writer", bound=WriterParams)


class LlmQaParams(QaParams, Generic[Writer]):
    """The section `qa` with a writer in it."""

    llm: Writer
