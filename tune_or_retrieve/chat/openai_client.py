"""LangChain's ChatOpenAI for OpenAI-compatible servers, configured by params alone and not by OPENAI_* variables."""

import os
from typing import Any, TypeVar

import httpx
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

from tune_or_retrieve.chat.calls import NoCompletion


class CompatibleChat(ChatOpenAI):
    """ChatOpenAI that raises NoCompletion for a reply that it cannot parse, as distinct from our own bugs."""

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        try:
            result = super()._create_chat_result(response, generation_info)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as fault:
            raise NoCompletion(f"{type(fault).__name__}: {' '.join(str(fault).split())[:300]}") from fault
        if not result.generations:
            raise NoCompletion("it holds no choices")
        return result


Chat = TypeVar("Chat", bound=CompatibleChat)


def openai_client(
    kind: type[Chat], model: str, base_url: str, api_key: str, timeout: float, client: httpx.Client
) -> Chat:
    """Its constructor reads organisation, project, proxy and so on from the environment, so they are hidden from it."""
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
            max_retries=0,  # a hidden retry would count as latency: chat.calls retries and says so
            http_client=client,
            use_responses_api=False,  # compatible servers speak Chat Completions
        )
    finally:
        os.environ.update(hidden)
