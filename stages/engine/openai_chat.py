"""LangChain's ChatOpenAI for OpenAI-compatible servers, made from params alone and not from OPENAI_* variables."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from langchain_core.messages import convert_to_openai_messages
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr

from stages.engine.embedded import Server
from stages.errors import StageError
from stages.models import OpenAIModel

# One reply of the embedded engine: a full window on a slow or busy machine takes minutes, a hung one never ends.
EMBEDDED_TIMEOUT_SECONDS = 600.0


class EmbeddedChat(ChatOpenAI):
    """ChatOpenAI that counts tokens with the engine's own tokenizer and template."""

    _server: Server = PrivateAttr()

    def get_num_tokens_from_messages(self, messages: Sequence[Any], *_: Any, **__: Any) -> int:
        """Length of the prompt as the model sees it, without generating anything."""
        prompt = self._server.call("/apply-template", {"messages": convert_to_openai_messages(messages)})["prompt"]
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return len(self._server.call("/tokenize", body)["tokens"])


@contextlib.contextmanager
def embedded_chat(server: Server) -> Iterator[EmbeddedChat]:
    # trust_env=False: no proxy between us and loopback.
    with httpx.Client(timeout=EMBEDDED_TIMEOUT_SECONDS, trust_env=False) as client:
        chat = _without_environment(
            EmbeddedChat, "embedded", f"{server.url}/v1", server.api_key, EMBEDDED_TIMEOUT_SECONDS, client
        )
        chat._server = server
        yield chat


@contextlib.contextmanager
def remote_chat(params: OpenAIModel) -> Iterator[ChatOpenAI]:
    """Raises StageError if the variable that should hold the key does not."""
    key = "none"  # the client insists on one; a server without keys ignores it
    if params.api_key_env is not None:
        key = os.environ.get(params.api_key_env, "")
        if not key:
            raise StageError(
                f"model {params.model} at {params.base_url}: environment variable {params.api_key_env} must hold the "
                f"API key. It is {'empty' if params.api_key_env in os.environ else 'not set'}."
            )
    with httpx.Client(timeout=params.timeout_seconds) as client:
        yield _without_environment(ChatOpenAI, params.model, params.base_url, key, params.timeout_seconds, client)


def _without_environment(
    kind: type[ChatOpenAI], model: str, base_url: str, api_key: str, timeout: float, client: httpx.Client
) -> ChatOpenAI:
    """Organisation, project, proxy and the like are read from the environment as the object is made: hide them."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("OPENAI_")}
    hidden |= {name: os.environ[name] for name in ("LC_OUTPUT_VERSION",) if name in os.environ}
    for name in hidden:
        del os.environ[name]
    try:
        return kind(
            model=model,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=0,  # a hidden retry would be measured as latency: stages.engine.calls does it in the open
            http_client=client,
            use_responses_api=False,  # compatible servers speak Chat Completions
        )
    finally:
        os.environ.update(hidden)
