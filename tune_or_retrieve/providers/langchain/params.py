"""A chat model by LangChain's init_chat_model. Imports nothing of LangChain."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, field_validator

from tune_or_retrieve.base.params import Filled
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.secrets import refuse_secrets
from tune_or_retrieve.chat.tuned import another_model

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
        urls = [one for one in self.model_args.values() if isinstance(one, str) and "://" in one]
        return f"{self.model.partition(':')[0]} by LangChain{f', at {urls[0]}' if urls else ''}"

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
        refuse_secrets(value, "LangChain reads it from the environment")
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
