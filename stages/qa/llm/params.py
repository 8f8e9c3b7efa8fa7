"""The section `qa.llm`: which chat model writes pairs, and how much it is asked. Imports no boto3 and no engine."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field

from stages.bedrock.chat_params import BatchParams
from stages.models import EmbeddedModel, OpenAIModel
from stages.params import Section
from stages.qa.params import QaParams


class WriterParams(Section):
    """What every writer has; beside it, a writer is described as its model is under `models`."""

    # Checked by this class itself only if the provider is not known: then one fault says so, instead of one per key.
    model_config = ConfigDict(extra="ignore")

    provider: Literal["bedrock", "openai", "embedded"]
    max_passages: int = Field(ge=1)  # calls at most, spread over the articles
    pairs_per_passage: int = Field(default=4, ge=1, le=20)
    passage_tokens: int = Field(default=400, ge=50, le=8000)  # about as many at most; whole sentences
    max_tokens: int = Field(default=2000, ge=64, le=32_000)  # of a reply
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    concurrency: int = Field(default=8, ge=1, le=50)  # calls at one time


class BedrockWriter(WriterParams, BatchParams):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["bedrock"]


class OpenAIWriter(WriterParams, OpenAIModel):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai"]


class EmbeddedWriter(WriterParams, EmbeddedModel):
    model_config = ConfigDict(extra="forbid")

    provider: Literal["embedded"]
    concurrency: int = Field(default=1, ge=1, le=50)  # the engine answers one call at a time


WRITERS: dict[str, type[WriterParams]] = {
    "bedrock": BedrockWriter, "openai": OpenAIWriter, "embedded": EmbeddedWriter,
}  # fmt: skip
Writer = TypeVar("Writer", bound=WriterParams)


class LlmQaParams(QaParams, Generic[Writer]):
    """The section `qa` with a writer in it."""

    llm: Writer


def with_writer(raw: Any) -> type[Section]:
    """The class that checks a section `qa` whose key `llm` is `raw`."""
    provider = raw.get("provider") if isinstance(raw, dict) else None
    return LlmQaParams[WRITERS.get(provider, WriterParams) if isinstance(provider, str) else WriterParams]
