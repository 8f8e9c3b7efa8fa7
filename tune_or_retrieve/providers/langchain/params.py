"""A chat model by LangChain's init_chat_model. Imports nothing of LangChain."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, field_validator
from pydantic_core import PydanticCustomError

from tune_or_retrieve.base.params import Filled
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.tuned import another_model

SECRET = re.compile(r"(.*[_-]|api)?(key|secret|token|password|passwd|credentials?|authorization|cookie)", re.IGNORECASE)
USER_IN_URL = re.compile(r"://[^/\s]*@")
OTHERS = ("model", "model_provider", "configurable_fields", "config_prefix")  # further arguments of init_chat_model
OURS = ("temperature", "max_tokens")  # the study's, the same in all approaches


class LangChainModel(ModelParams):
    """Any chat model of LangChain: https://docs.langchain.com/oss/python/integrations/chat."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["langchain"]
    model: Filled  # with LangChain's name of its provider, as in anthropic:claude-sonnet-4-6
    # Further arguments of the model's class, as in {base_url: ...}. A null leaves out temperature, max_tokens or
    # max_retries, which are passed otherwise.
    model_args: dict[str, JsonValue] = Field(default={})

    @property
    def sent_to(self) -> str:
        provider, url = self.model.partition(":")[0], self.model_args.get("base_url")
        return f"{provider} by LangChain{f', at {url}' if url else ''}"

    @property
    def billed_as(self) -> str:
        return self.model

    @field_validator("model")
    @classmethod
    def _names_its_provider(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9_]*:\S+", value):
            raise ValueError("must be PROVIDER:MODEL in LangChain's words, as in anthropic:claude-sonnet-4-6")
        return value

    @field_validator("model_args")
    @classmethod
    def _holds_no_secret(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name, inner in _within(value):
            if SECRET.fullmatch(name):
                raise PydanticCustomError(
                    "secret",
                    "must hold no secret such as {name}: LangChain reads it from the environment",
                    {"name": name},
                )
            if isinstance(inner, str) and USER_IN_URL.search(inner):
                raise PydanticCustomError("secret", "must hold no URL with user and password")
        if name := next((name for name in OTHERS if name in value), None):
            raise ValueError(f"must not hold {name}: `model` says it")
        if name := next((name for name in OURS if value.get(name) is not None), None):
            raise ValueError(f"must not set {name}, which is the study's own key: null leaves it out")
        return value


class Model(LangChainModel):
    """An entry of `models`."""

    # The name of the model that was tuned from this one, as in `model`. None: there is none.
    tuned: Annotated[Filled | None, AfterValidator(another_model)] = None


Asked = LangChainModel


def _within(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys at any depth, with their values."""
    inner = (
        value.items() if isinstance(value, dict) else (("", one) for one in value) if isinstance(value, list) else ()
    )
    for name, one in inner:
        yield name, one
        yield from _within(one)
