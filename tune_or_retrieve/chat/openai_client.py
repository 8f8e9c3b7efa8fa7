"""LangChain's ChatOpenAI for OpenAI-compatible servers, made from params alone and not from OPENAI_* variables."""

import os

import httpx
from langchain_openai import ChatOpenAI


def openai_client(
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
            max_retries=0,  # a hidden one would be measured as latency: chat.calls does it in the open
            http_client=client,
            use_responses_api=False,  # compatible servers speak Chat Completions
        )
    finally:
        os.environ.update(hidden)
