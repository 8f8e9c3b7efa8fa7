"""Section `judges.<name>`: its `kind` chooses the class that checks it and the judge that it makes."""

from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from tune_or_retrieve.base.params import Provider, Section
from tune_or_retrieve.chat.models import asked_by, provider_of
from tune_or_retrieve.vectors.embedding import EmbeddingParams

GIVE_LOGPROBS: tuple[Provider, ...] = ("embedded", "openai")


class JudgeParams(Section):
    """What every judge has."""

    kind: Literal["facts", "semantic", "llm"]
    min_control_accuracy: float = Field(ge=0, le=1)  # below it the judge is reported as unreliable
    control_pairs: int = Field(ge=1)  # validation pairs that controls are made of, spread over the file (choosing.py)

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        kind = raw.get("kind") if isinstance(raw, dict) else None
        kinds: dict[Any, type[Section]] = {"facts": FactsParams, "semantic": SemanticParams}
        if kind == "llm":
            provider = provider_of(raw)
            return asked_by(provider, LlmJudgeParams) if provider else LlmJudgeParams
        return kinds.get(kind, cls) if isinstance(kind, str) else cls


class FactsParams(JudgeParams):
    contradiction_cap: float = Field(ge=0, le=10)  # the most that an answer gets which contradicts its reference


class SemanticParams(JudgeParams):
    contradiction_penalty: float = Field(ge=0, le=1)  # share of the score that a contradiction of everything takes
    embedding: EmbeddingParams


class LlmJudgeParams(JudgeParams):
    """A chat model as judge. Its other keys are those of an entry of `models` with this provider."""

    # Checked by this class itself only if the provider is not known: then one fault says so, instead of one per key.
    model_config = ConfigDict(extra="ignore")

    kind: Literal["llm"]
    provider: Provider
    max_tokens: int = Field(ge=50, le=32_768)  # of a grading or comparison; one that is cut off is unreadable
    min_coverage: float = Field(ge=0, le=1)  # share of the answers that must be scored: below it the stage fails
    # points: a grade per criterion; logprob: the expected value of a one-digit grade; pairwise: comparisons
    scoring: Literal["points", "logprob", "pairwise"] = "points"

    @field_validator("scoring")
    @classmethod
    def _is_possible(cls, value: str, info: ValidationInfo) -> str:
        provider = info.data.get("provider")
        if value == "logprob" and provider not in (*GIVE_LOGPROBS, None):
            raise ValueError(
                f"must be points or pairwise with provider {provider}, which gives no log-probabilities; "
                f"{' and '.join(GIVE_LOGPROBS)} do"
            )
        return value
