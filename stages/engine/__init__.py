"""Chat models of any provider behind LangChain's interface. What a provider needs is imported only when it is used."""

import contextlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages import machine
from stages.errors import StageError
from stages.files import sha256_file
from stages.locations import resolve
from stages.machine import RunParams
from stages.models import EmbeddedModel, ModelParams, OpenAIModel
from stages.records import ELSEWHERE, Timed

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@contextlib.contextmanager
def chat_model(params: ModelParams, run: RunParams, adapter: Path | None = None) -> "Iterator[BaseChatModel]":
    """A chat model that is ready to answer, stopped on leaving.

    Args:
        params: the model's entry in params.yaml.
        run: threads and layers on a GPU, of the embedded engine.
        adapter: a GGUF LoRA adapter applied to the weights; only the embedded provider takes one.

    Raises:
        StageError: weights, adapter, package or key are missing or wrong, or the engine does not start.
    """
    if isinstance(params, EmbeddedModel):
        from stages.engine.embedded import serve
        from stages.engine.openai_chat import embedded_chat

        with serve(params, run, adapter) as server, embedded_chat(server) as chat:
            yield chat
    elif isinstance(params, OpenAIModel):
        from stages.engine.openai_chat import remote_chat

        _needs_no_adapter(params, adapter)
        with remote_chat(params) as chat:
            yield chat
    else:
        raise TypeError(f"no engine for provider {params.provider!r}")


def timed_on(params: ModelParams, run: RunParams) -> Timed:
    """What replies are timed on. Raises StageError as chat_model."""
    if not isinstance(params, EmbeddedModel):
        return ELSEWHERE
    from stages.engine.embedded import device

    return Timed(**machine.here(device(run.gpu_layers), machine.threads(run.threads)))


def identity(params: ModelParams, adapter: Path | None = None) -> dict[str, Any]:
    """What a reply depends on besides the messages and options: for keys of stored calls.

    Not threads nor layers on a GPU: a call made with others is not made again, and its timing tells them.
    Weights and adapter are named by their content, so a renamed file is the same model and a changed one is not.
    """
    if isinstance(params, EmbeddedModel):
        return {
            "provider": params.provider,
            "engine": f"xllamacpp {_version('xllamacpp')}",
            "weights": params.sha256 or sha256_file(resolve(params.weights)),
            "requantize": params.requantize,
            "adapter": sha256_file(adapter) if adapter else None,
            "merged": adapter is not None and params.requantize is not None,
            "context_tokens": params.context_tokens,
        }
    if isinstance(params, OpenAIModel):
        _needs_no_adapter(params, adapter)
        return {"provider": params.provider, "base_url": params.base_url, "model": params.model}
    raise TypeError(f"no engine for provider {params.provider!r}")


def _needs_no_adapter(params: ModelParams, adapter: Path | None) -> None:
    if adapter is not None:
        raise StageError(
            f"provider {params.provider!r} cannot load the adapter {adapter}: serve the fine-tuned model under a name "
            "of its own and enter that as a model, or use provider 'embedded'."
        )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
