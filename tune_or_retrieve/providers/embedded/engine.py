"""A model that runs in this process: see tune_or_retrieve.chat.engine for what each function is."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from langchain_core.messages import convert_to_openai_messages
from pydantic import PrivateAttr

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.files import sha256_file
from tune_or_retrieve.base.locations import resolve, version_of
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.records import Timed
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.openai_client import CompatibleChat, openai_client
from tune_or_retrieve.chat.structured import Asks, ShapedChat
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.server import Server, device, serve

# For one reply: a full window on a slow or busy machine takes minutes, but a hung engine never ends.
TIMEOUT_SECONDS = 600.0


class EmbeddedChat(CompatibleChat):
    """Counts tokens with the engine's own tokenizer and template."""

    _server: Server = PrivateAttr()

    def get_num_tokens_from_messages(self, messages: Sequence[Any], *_: Any, **__: Any) -> int:
        """Length of the prompt as the model sees it, without generating anything."""
        prompt = self._server.call("/apply-template", {"messages": convert_to_openai_messages(messages)})["prompt"]
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return len(self._server.call("/tokenize", body)["tokens"])


@contextlib.contextmanager
def embedded_chat(server: Server) -> Iterator[EmbeddedChat]:
    # trust_env=False: no proxy between us and loopback.
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        chat = openai_client(EmbeddedChat, "embedded", f"{server.url}/v1", server.api_key, TIMEOUT_SECONDS, client)
        chat._server = server
        yield chat


@contextlib.contextmanager
def chat_model(params: EmbeddedModel, run: RunParams, adapter: Path | None = None) -> Iterator[EmbeddedChat]:
    with serve(params, run, adapter) as server, embedded_chat(server) as chat:
        yield chat


def timed_on(params: EmbeddedModel, run: RunParams) -> Timed:
    return Timed(**machine.here(device(run.gpu_layers), machine.threads(run.threads)))


def identity(params: EmbeddedModel, adapter: Path | None = None) -> dict[str, Any]:
    return {
        "provider": params.provider,
        "engine": f"xllamacpp {version_of('xllamacpp')}",
        "weights": params.sha256 or sha256_file(resolve(params.weights)),
        "requantize": params.requantize,
        "adapter": sha256_file(adapter) if adapter else None,
        "merged": adapter is not None and params.requantize is not None,
        "context_tokens": params.context_tokens,
    }


@contextlib.contextmanager
def asker(params: EmbeddedModel, options: Options, run: RunParams) -> Iterator[Asks]:
    with chat_model(params, run) as chat:
        yield ShapedChat(chat, options, identity(params))
