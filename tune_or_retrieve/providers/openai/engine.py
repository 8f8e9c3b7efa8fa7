"""A model behind an OpenAI-compatible server: see tune_or_retrieve.chat.engine for what each function is."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.records import ELSEWHERE, Timed
from tune_or_retrieve.chat.calls import Options, waits
from tune_or_retrieve.chat.openai_client import CompatibleChat, openai_client
from tune_or_retrieve.chat.structured import Asks, ShapedChat
from tune_or_retrieve.providers.openai.params import OpenAIModel


@contextlib.contextmanager
def chat_model(params: OpenAIModel, run: RunParams, adapter: Path | None = None) -> Iterator[CompatibleChat]:
    """Raises StageError if the key's environment variable is not set, or an adapter is to be loaded."""
    _needs_no_adapter(params, adapter)
    key = "none"  # the client requires one; a server without keys ignores it
    if params.api_key_env is not None:
        key = os.environ.get(params.api_key_env, "")
        if not key:
            raise StageError(
                f"model {params.model} at {params.base_url}: environment variable {params.api_key_env} must hold the "
                f"API key. It is {'empty' if params.api_key_env in os.environ else 'not set'}."
            )
    with httpx.Client(timeout=params.timeout_seconds) as client:
        yield openai_client(CompatibleChat, params.model, params.base_url, key, params.timeout_seconds, client)


def timed_on(params: OpenAIModel, run: RunParams) -> Timed:
    return ELSEWHERE


def identity(params: OpenAIModel, adapter: Path | None = None) -> dict[str, Any]:
    _needs_no_adapter(params, adapter)
    return {"provider": params.provider, "base_url": params.base_url, "model": params.model}


@contextlib.contextmanager
def asker(params: OpenAIModel, options: Options, run: RunParams) -> Iterator[Asks]:
    with chat_model(params, run) as chat:
        yield ShapedChat(chat, options, identity(params), waits(run.retries))


def _needs_no_adapter(params: OpenAIModel, adapter: Path | None) -> None:
    if adapter is not None:
        raise StageError(
            f"provider {params.provider!r} cannot load the adapter {adapter}: serve the fine-tuned model under a name "
            "of its own and enter that as a model, or use provider 'embedded'."
        )
