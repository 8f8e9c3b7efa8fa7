"""Chat models of any provider behind LangChain's interface. A provider's dependencies are imported only when used.

The module `engine` of each provider has these functions under these names. Bedrock's has only `asker`: its models
are called through Converse and not through LangChain's common calls (stages.answer.on_bedrock). That of provider
langchain has `identity` and `asker`: its models take their options when they are made.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.records import Timed
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.models import ModelParams, of_provider
from tune_or_retrieve.chat.structured import Asks

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def chat_model(
    params: ModelParams, run: RunParams, adapter: Path | None = None
) -> "AbstractContextManager[BaseChatModel]":
    """A chat model that is ready to answer, and stopped on exit.

    Args:
        params: the model's entry in params.yaml.
        run: threads and layers on a GPU, of the embedded engine.
        adapter: a GGUF LoRA adapter applied to the weights; only the embedded provider takes one.

    Raises:
        StageError: weights, adapter, package or key are missing or wrong, or the engine does not start.
    """
    return of_provider(params.provider, "engine").chat_model(params, run, adapter)


def timed_on(params: ModelParams, run: RunParams) -> Timed:
    """What replies are timed on. Raises StageError as chat_model."""
    return of_provider(params.provider, "engine").timed_on(params, run)


def identity(params: ModelParams, adapter: Path | None = None) -> dict[str, Any]:
    """What a reply depends on besides the messages and options: for keys of stored calls.

    Threads and GPU layers are left out: changing them repeats no call, and its timing records them. Weights and adapter
    are identified by content, so a renamed file is the same model and a changed one is not.
    """
    return of_provider(params.provider, "engine").identity(params, adapter)


def asker(params: ModelParams, options: Options, run: RunParams) -> AbstractContextManager[Asks]:
    """A model that is ready to be asked for JSON objects, and stopped on exit.

    Raises:
        StageError: as chat_model, or there is no such AWS profile or no region.
    """
    return of_provider(params.provider, "engine").asker(params, options, run)
