"""Any LangChain chat model as a judge or a writer of pairs, from Python; params.yaml knows only our providers.

LlmJudge(LangChainChat(model, {"model": "mine"}), store, concurrency=1).score(question, reference, answers)
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.structured import ShapedReply, in_words

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

STOPS = ("finish_reason", "stop_reason", "stopReason", "done_reason")  # names for it in LangChain's clients
CUT = ("length", "max_tokens")  # what they say of a reply that was cut off
REFUSED = ("content_filter", "refusal", "safety", "guardrail_intervened")


class LangChainChat:
    """`tune_or_retrieve.chat.structured.Asks` for a configured `BaseChatModel`.

    Args:
        identity: what replies depend on (model, temperature, ...), for the keys of the store.
    """

    reply_class = ShapedReply

    def __init__(self, chat: "BaseChatModel", identity: dict[str, Any]) -> None:
        self._chat, self.identity = chat, identity

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply:
        """The reply; its token counts are 0 if the model does not report them. Raises StageError if the call fails."""
        start = time.perf_counter()
        try:
            message = self._message(list(messages), schema)
        except Exception as fault:  # of whatever client this is
            raise StageError(f"the model call failed ({type(fault).__name__}: {str(fault)[:300]}).") from fault
        usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
        return ShapedReply(
            text=str(message.text),
            arguments=message.tool_calls[0]["args"] if message.tool_calls else None,
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            stop_reason=_stop(message),
            seconds=time.perf_counter() - start,
        )

    def _message(self, messages: list[dict[str, str]], schema: type[BaseModel] | None) -> "AIMessage":
        if schema is None:
            return self._chat.invoke(messages)
        try:
            shaped = self._chat.with_structured_output(schema, include_raw=True)
        except NotImplementedError:  # it knows neither tools nor schemas, so the prompt says it
            return self._chat.invoke(in_words(messages, schema))
        return shaped.invoke(messages)["raw"]


def _stop(message: "AIMessage") -> str:
    """Our word for it: stop, length, or what the provider calls a refusal. Without a reason it counts as stop."""
    said = next((str(message.response_metadata[name]) for name in STOPS if message.response_metadata.get(name)), "stop")
    if said.lower() in CUT:
        return "length"
    return said if said.lower() in REFUSED else "stop"
