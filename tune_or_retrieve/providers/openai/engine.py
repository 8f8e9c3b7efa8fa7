"""A model behind an OpenAI-compatible server: see tune_or_retrieve.chat.engine for what each function is."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams, say_once
from tune_or_retrieve.base.records import ELSEWHERE, Timed
from tune_or_retrieve.chat.calls import Options, waits
from tune_or_retrieve.chat.openai_client import NO_KEY, openai_client
from tune_or_retrieve.chat.structured import Asks, ShapedChat
from tune_or_retrieve.providers.openai.params import AskedOpenAIModel, OpenAIModel
from tune_or_retrieve.providers.openai.server import ServerChat


@contextlib.contextmanager
def chat_model(params: OpenAIModel, run: RunParams, adapter: Path | None = None) -> Iterator[ServerChat]:
    """Raises StageError if the key's environment variable holds none, or an adapter is to be loaded."""
    _needs_no_adapter(params, adapter)
    key = _key(params)

    def azure(request: httpx.Request) -> httpx.Request:
        del request.headers["Authorization"]
        request.headers["api-key"] = key
        return request

    version = params.api_version
    with httpx.Client(
        timeout=params.timeout_seconds,
        params={"api-version": version} if version else None,
        auth=azure if version else None,
    ) as client:
        chat = openai_client(ServerChat, params.model, params.base_url, key, params.timeout_seconds, client)
        chat._params = params
        if left_out := [name for name, theirs in params.request_fields.items() if theirs is None]:
            varies = ", and replies may differ from run to run" if {"temperature", "seed"} & {*left_out} else ""
            say_once(
                f"model {params.model}: request_fields leaves out {', '.join(left_out)}, so what params.yaml says of "
                f"it has no effect{varies}."
            )
        yield chat


def _key(params: OpenAIModel) -> str:
    if params.api_key_env is None:
        return NO_KEY
    key = os.environ.get(params.api_key_env, "")
    if not re.fullmatch(r"[!-~]+", key):  # httpx would show a key that no header can hold
        state = (
            "not set"
            if params.api_key_env not in os.environ
            else "not printable ASCII without spaces"
            if key
            else "empty"
        )
        raise StageError(
            f"model {params.model} at {params.base_url}: environment variable {params.api_key_env} must hold the "
            f"API key. It is {state}."
        )
    return key


def timed_on(params: OpenAIModel, run: RunParams) -> Timed:
    return ELSEWHERE


def identity(params: OpenAIModel, adapter: Path | None = None) -> dict[str, Any]:
    _needs_no_adapter(params, adapter)
    asked = {"request_fields": params.request_fields, "extra_body": params.extra_body}
    return {
        "provider": params.provider,
        "base_url": params.base_url,
        "model": params.model,
        **{name: value for name, value in asked.items() if value},  # an entry without them keeps its stored calls
    }


@contextlib.contextmanager
def asker(params: AskedOpenAIModel, options: Options, run: RunParams) -> Iterator[Asks]:
    chosen = {} if params.response_format == "auto" else {"response_format": params.response_format}
    with chat_model(params, run) as chat:
        yield ShapedChat(chat, options, identity(params) | chosen, waits(run.retries), params.response_format)


def _needs_no_adapter(params: OpenAIModel, adapter: Path | None) -> None:
    if adapter is not None:
        raise StageError(
            f"provider {params.provider!r} cannot load the adapter {adapter}: serve the fine-tuned model under a name "
            "of its own and enter that as `tuned`, or use provider 'embedded'."
        )
