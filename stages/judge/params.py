"""Section `judges.<name>`: its `kind` chooses the class that checks it and the judge that it makes."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from stages.bedrock.chat_params import BatchParams
from stages.embedding import EmbeddingParams
from stages.models import EmbeddedModel, OpenAIModel
from stages.params import Section


class JudgeParams(Section):
    """What every judge has."""

    kind: Literal["facts", "semantic", "llm"]
    min_control_accuracy: float = Field(ge=0, le=1)  # below it the judge is reported as unreliable
    control_pairs: int = Field(ge=1)  # validation pairs that controls are made of, spread over the file (choosing.py)

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        kind, provider = (raw.get(key) if isinstance(raw, dict) else None for key in ("kind", "provider"))
        kinds: dict[Any, type[Section]] = {"facts": FactsParams, "semantic": SemanticParams}
        if kind == "llm":
            return LLM_PROVIDERS.get(provider, LlmJudgeParams) if isinstance(provider, str) else LlmJudgeParams
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
    provider: Literal["bedrock", "openai", "embedded"]
    concurrency: int = Field(default=1, ge=1, le=50)  # gradings at one time
    max_tokens: int = Field(ge=50, le=32_768)  # of a grading; one that is cut off is unscored
    min_coverage: float = Field(ge=0, le=1)  # share of the answers that must be scored: below it the stage fails


class BedrockJudgeParams(LlmJudgeParams, BatchParams):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["bedrock"]
    concurrency: int = Field(default=8, ge=1, le=50)


class OpenAIJudgeParams(LlmJudgeParams, OpenAIModel):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai"]


class EmbeddedJudgeParams(LlmJudgeParams, EmbeddedModel):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["embedded"]
    concurrency: Literal[1] = 1  # the engine answers one at a time


LLM_PROVIDERS: dict[str, type[LlmJudgeParams]] = {
    "bedrock": BedrockJudgeParams,
    "openai": OpenAIJudgeParams,
    "embedded": EmbeddedJudgeParams,
}
