"""Entries of `models` in params.yaml: which model answers, and where it runs."""

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from stages.bedrock.chat_params import ConverseParams
from stages.bedrock.customization_params import CustomizationParams
from stages.bedrock.hosting_params import HostingParams
from stages.params import Filled, Section

SHA256 = re.compile(r"[0-9a-f]{64}")
ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class ModelParams(Section):
    """What every model has. ``load("models.<name>", ModelParams)`` gives an instance of the provider's own class."""

    # Checked by this class itself only if the provider is not known: then one fault says so, instead of one per key.
    model_config = ConfigDict(extra="ignore")

    provider: Literal["embedded", "openai", "bedrock"]

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        provider = raw.get("provider") if isinstance(raw, dict) else None
        return PROVIDERS.get(provider, cls) if isinstance(provider, str) else cls


class EmbeddedModel(ModelParams):
    """GGUF weights run by xllamacpp (llama.cpp) in this process."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["embedded"]
    weights: Filled  # location of a GGUF file, see stages.locations
    sha256: str | None = None  # of that file; None: not checked
    # Served in another format than the file's, a copy made once; None: as it is. Training reads the file itself.
    requantize: Literal["Q8_0", "Q4_0", "F16"] | None = None
    context_tokens: int = Field(ge=256, le=1_048_576)  # prompt and reply together

    @field_validator("sha256")
    @classmethod
    def _is_sha256(cls, value: str | None) -> str | None:
        if value is not None and not SHA256.fullmatch(value):
            raise ValueError("must be 64 hexadecimal digits in lower case")
        return value


class OpenAIModel(ModelParams):
    """Any OpenAI-compatible server: vLLM, Ollama, llama-server, LM Studio, a hosted API."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai"]
    base_url: str  # with its path, for instance http://127.0.0.1:11434/v1
    model: Filled  # as the server names it
    api_key_env: str | None = None  # name of the environment variable that holds the key; None: the server wants none
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600)  # of one reply

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if "@" in value:
            raise PydanticCustomError("secret", "must be a URL without user and password: name a key by api_key_env")
        if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("must be a URL as in http://127.0.0.1:11434/v1")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _is_environment_name(cls, value: str | None) -> str | None:
        if value is not None and not ENVIRONMENT_NAME.fullmatch(value):
            # A secret error: what was given may be the key itself, so it is not shown.
            raise PydanticCustomError(
                "secret", "must be the name of an environment variable in capitals, never the key itself"
            )
        return value


class BedrockModel(ModelParams, ConverseParams):
    """A model of Amazon Bedrock: `model` answers as it is, the one trained from `customization` is hosted."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["bedrock"]
    customization: CustomizationParams | None = None  # None: it cannot be fine-tuned
    hosting: HostingParams = HostingParams()


PROVIDERS: dict[str, type[ModelParams]] = {
    "embedded": EmbeddedModel,
    "openai": OpenAIModel,
    "bedrock": BedrockModel,
}
