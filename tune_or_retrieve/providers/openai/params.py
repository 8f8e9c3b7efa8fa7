"""A model behind an OpenAI-compatible server. Imports no client."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from tune_or_retrieve.base.params import Filled
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.tuned import another_model

ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class OpenAIModel(ModelParams):
    """Any OpenAI-compatible server: vLLM, Ollama, llama-server, LM Studio, a hosted API."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai"]
    base_url: str  # with its path, for instance http://127.0.0.1:11434/v1
    model: Filled  # as the server names it
    api_key_env: str | None = None  # name of the environment variable that holds the key; None: the server needs none
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


class Model(OpenAIModel):
    """An entry of `models`."""

    # The name of the model that was tuned from this one, on the same server. None: there is none.
    tuned: Annotated[Filled | None, AfterValidator(another_model)] = None


Asked = OpenAIModel
