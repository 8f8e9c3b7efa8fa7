"""A chat model of any provider as `Asks`. What a provider needs is imported only when it is used."""

import contextlib
from collections.abc import Iterator

from stages.bedrock.chat_params import ConverseParams
from stages.engine.calls import WAITS_SECONDS, Options
from stages.llm.structured import Asks, ShapedChat
from stages.machine import RunParams
from stages.models import EmbeddedModel, OpenAIModel


@contextlib.contextmanager
def asker(params: ConverseParams | EmbeddedModel | OpenAIModel, options: Options, run: RunParams) -> Iterator[Asks]:
    """A model that is ready to be asked for objects, stopped on leaving.

    Raises:
        StageError: as stages.engine.chat_model, or there is no such AWS profile or no region.
    """
    if isinstance(params, ConverseParams):
        from stages.bedrock.chat import Converse
        from stages.bedrock.session import clients

        yield Converse(params, options, clients(params.region))
        return
    from stages.engine import chat_model, identity

    waits = WAITS_SECONDS if isinstance(params, OpenAIModel) else ()
    with chat_model(params, run) as chat:
        yield ShapedChat(chat, options, identity(params), waits)
