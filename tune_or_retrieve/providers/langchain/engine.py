"""A chat model by LangChain's init_chat_model: see tune_or_retrieve.chat.engine for what each function is.

From Python, LangChainChat takes any model of LangChain that is made already:
LlmJudge(LangChainChat(model, {"model": "mine"}), store, concurrency=1).score(question, reference, answers)
"""

import contextlib
import importlib.util
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.structured import Asks, ShapedReply, in_words, json_schema
from tune_or_retrieve.providers.langchain.params import LangChainModel

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

STOPS = ("finish_reason", "stop_reason", "stopReason", "done_reason")  # names for it in LangChain's clients
CUT = ("length", "max_tokens")  # what they say of a reply that was cut off
CUT_FAULT = "LengthFinishReasonError"  # of openai, for a reply that was cut off and should follow a schema
REFUSED = ("content_filter", "refusal", "safety", "guardrail_intervened")


def identity(params: LangChainModel, adapter: Path | None = None) -> dict[str, Any]:
    return {"provider": params.provider, "model": params.model, "model_args": params.model_args}


def check_installed(params: LangChainModel) -> None:
    """Raises StageError if LangChain's main package is missing."""
    if importlib.util.find_spec("langchain") is None:
        raise StageError(
            f"model {params.model}: provider langchain needs LangChain's main package, which is an extra. Run: "
            ".venv/bin/pip install -e '.[langchain]'"
        )


@contextlib.contextmanager
def asker(params: LangChainModel, options: Options, run: RunParams) -> Iterator[Asks]:
    """Raises StageError if LangChain, the package of the model's provider, or its key is missing."""
    # No seed: many models take none, and LangChain's classes pass on what they do not know, which is then refused.
    sent = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    given = {"max_retries": run.retries} | sent | params.model_args
    check_installed(params)
    from langchain.chat_models import init_chat_model

    try:
        chat = init_chat_model(params.model, **{name: value for name, value in given.items() if value is not None})
    except Exception as fault:  # of whatever package this is
        raise StageError(
            f"model {params.model}: LangChain cannot make it ({type(fault).__name__}: {_in_a_line(fault)})."
        ) from fault
    yield LangChainChat(chat, identity(params) | sent)


class LangChainChat:
    """`tune_or_retrieve.chat.structured.Asks` for a configured `BaseChatModel`.

    Args:
        identity: what replies depend on (model, temperature, ...), for the keys of the store.
    """

    reply_class = ShapedReply

    def __init__(self, chat: "BaseChatModel", identity: dict[str, Any]) -> None:
        self._chat, self.identity = chat, identity

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply:
        """The reply. With a schema, token counts are 0 if the model does not report them: only answers are compared.

        Raises:
            StageError: the call failed, or an answer has no token counts.
        """
        start = time.perf_counter()
        try:
            message = self._message(list(messages), schema)
        except Exception as fault:  # of whatever client this is
            if type(fault).__name__ == CUT_FAULT:
                return ShapedReply(
                    text="", input_tokens=0, output_tokens=0, stop_reason="length", seconds=time.perf_counter() - start
                )
            raise StageError(f"the model call failed ({type(fault).__name__}: {_in_a_line(fault)}).") from fault
        usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
        if schema is None and not usage["input_tokens"]:  # a prompt is never empty: 0 stands for a missing count
            raise StageError("the model call failed: the reply has no token counts (usage), which the study needs.")
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
            # Not the class: some clients would raise on a reply that is not of it, which is for the caller to judge.
            shaped = self._chat.with_structured_output(json_schema(schema), include_raw=True)
        except NotImplementedError:  # it knows neither tools nor schemas, so the prompt says it
            return self._chat.invoke(in_words(messages, schema))
        return shaped.invoke(messages)["raw"]


def _in_a_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:300].rstrip(".")


def _stop(message: "AIMessage") -> str:
    """Our word for it: stop, length, or what the provider calls a refusal. Without a reason it counts as stop."""
    said = next((str(message.response_metadata[name]) for name in STOPS if message.response_metadata.get(name)), "stop")
    if said.lower() in CUT:
        return "length"
    return said if said.lower() in REFUSED else "stop"
