"""A model behind an OpenAI-compatible server. Imports no client."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tune_or_retrieve.base.params import Filled
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.structured import ResponseFormat
from tune_or_retrieve.chat.tuned import another_model

ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
RequestField = Literal["max_tokens", "temperature", "seed"]
SENT = ("model", "messages", "stream", "response_format", "max_tokens", "temperature", "seed")  # with each request


def on_this_machine(base_url: str) -> bool:
    """Whether a server is here: then its time is paid for and not its tokens."""
    return bool(re.match(r"https?://(localhost|127(\.\d+){3}|\[::1\])(?=[:/]|$)", base_url, re.IGNORECASE))


class OpenAIModel(ModelParams):
    """Any OpenAI-compatible server: vLLM, Ollama, llama-server, LM Studio, a hosted API, Azure."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["openai"]
    base_url: str  # with its path, for instance http://127.0.0.1:11434/v1
    model: Filled  # as the server names it
    api_key_env: str | None = None  # name of the environment variable that holds the key; None: the server needs none
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600)  # of one reply
    # Fields that the server names otherwise or does not take (None), as in {max_tokens: max_completion_tokens}.
    request_fields: dict[RequestField, Filled | None] = Field(default={})
    extra_body: dict[str, JsonValue] = Field(
        default={}
    )  # further fields of each request, as in {reasoning_effort: low}
    # Of Azure, with a base_url as in https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT.
    api_version: Filled | None = None

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if "@" in value:
            raise PydanticCustomError("secret", "must be a URL without user and password: name a key by api_key_env")
        if not re.fullmatch(r"https?://([^\s/?#\[\]:]+|\[[0-9a-f:.]+\])(:\d+)?(/[^\s?#]*)?", value, re.IGNORECASE):
            raise ValueError("must be a URL as in http://127.0.0.1:11434/v1")
        value = value.rstrip("/")
        if value.endswith("/chat/completions"):
            raise ValueError("must end before /chat/completions, which is added")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _is_environment_name(cls, value: str | None) -> str | None:
        if value is not None and not ENVIRONMENT_NAME.fullmatch(value):
            # A secret error: what was given may be the key itself, so it is not shown.
            raise PydanticCustomError(
                "secret", "must be the name of an environment variable in capitals, never the key itself"
            )
        return value

    @property
    def sent_to(self) -> str:
        return f"{urlsplit(self.base_url).netloc}{', on this machine' * on_this_machine(self.base_url)}"

    @property
    def billed_as(self) -> str | None:
        return None if on_this_machine(self.base_url) else self.model

    @field_validator("extra_body")
    @classmethod
    def _adds_to_what_is_sent(cls, value: dict[str, JsonValue], info: ValidationInfo) -> dict[str, JsonValue]:
        renamed = info.data.get("request_fields", {})
        sent = {renamed.get(name, name) for name in SENT}
        if taken := next((name for name in value if name in sent), None):
            raise ValueError(
                f"must hold nothing that is sent anyway unless request_fields leaves it out: {taken} is sent"
            )
        return value


class Model(OpenAIModel):
    """An entry of `models`."""

    # The name of the model that was tuned from this one, on the same server. None: there is none.
    tuned: Annotated[Filled | None, AfterValidator(another_model)] = None


class AskedOpenAIModel(OpenAIModel):
    """Such a model as a judge or a writer of pairs: how it is asked for a JSON object."""

    # auto: the first of these that the server accepts | json_schema | json_object | none (the prompt alone asks for it)
    response_format: ResponseFormat = "auto"


Asked = AskedOpenAIModel
