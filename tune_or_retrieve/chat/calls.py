"""One call to a chat model: its reply with token counts and wall time, or one clear fault."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Timed

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

# Transient faults: too many requests, and a gateway or server that is overloaded or restarting. Nothing else is tried
# again: not a 500 (the same request fails the same way), nor a time-out or 504 (it would be paid for twice).
TRANSIENT_STATUS = (429, 502, 503)
WAITS_SECONDS = (1.0, 4.0, 15.0, 60.0)  # before the second, third, fourth and any further try


def waits(retries: int) -> tuple[float, ...]:
    """Seconds to wait before each of `retries` further tries."""
    return tuple(WAITS_SECONDS[min(number, len(WAITS_SECONDS) - 1)] for number in range(retries))


class NoCompletion(Exception):
    """The server's reply is no chat completion. Its text says why."""


class Options(BaseModel):
    """Decoding, the same for all approaches of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int
    temperature: float
    seed: int


class Reply(Timed):
    """What the model said. An empty text is a reply, too."""

    text: str
    input_tokens: int
    output_tokens: int
    stop_reason: str  # as the engine named it; "length": max_tokens or the window ended it
    seconds: float  # wall of the try that succeeded


def ask(
    chat: "BaseChatModel",
    messages: Sequence[dict[str, str]],
    options: Options,
    waits: Sequence[float] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Reply:
    """Generate one reply.

    Args:
        chat: any LangChain chat model.
        messages: role and content of each.
        options: sent with the call.
        waits: seconds before each further try after a transient fault; none for a local engine.
        sleep: replaces the clock in tests.

    Raises:
        StageError: the call failed; its text says how, and the caller adds for which question.
    """
    for wait in (*waits, None):
        start = time.perf_counter()
        try:
            message = chat.invoke(list(messages), **_arguments(options))
        except Exception as fault:
            reason, transient = _explain(fault)
            if reason is None:
                raise
            if not transient or wait is None:
                tries = f" after {len(waits) + 1} tries" if transient and waits else ""
                raise StageError(f"the model call failed{tries}: {reason}.") from fault
            say(f"the model call failed: {reason}; tried again in {wait:g} s.")
            sleep(wait)
        else:
            return _reply(message, time.perf_counter() - start)
    raise AssertionError("unreachable")


def _arguments(options: Options) -> dict[str, Any]:
    # max_tokens goes into the body unchanged: ChatOpenAI would rename it to max_completion_tokens, and a server that
    # does not know that name would generate until its window is full.
    return {
        "temperature": options.temperature,
        "seed": options.seed,
        "extra_body": {"max_tokens": options.max_tokens},
    }


def _reply(message: "AIMessage", seconds: float) -> Reply:
    usage = message.usage_metadata
    stop_reason = message.response_metadata.get("finish_reason")
    if usage is None or not stop_reason:
        missing = "token counts (usage)" if usage is None else "a finish_reason"
        raise StageError(f"the model call failed: the server's reply has no {missing}, which the study needs.")
    return Reply(
        text=str(message.text),
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        stop_reason=stop_reason,
        seconds=seconds,
    )


def _explain(fault: Exception) -> tuple[str | None, bool]:
    """What happened in a few words, and whether it is transient. None: a bug of ours, not a fault of the call."""
    if isinstance(fault, NoCompletion):
        return f"the server's reply is no chat completion ({fault})", False
    if isinstance(fault, json.JSONDecodeError | UnicodeDecodeError):  # nothing but the reply is decoded during a call
        return f"the server's reply is not JSON ({fault})", False
    openai = sys.modules.get("openai")  # if the fault is one of its own, it is loaded
    if openai is None or not isinstance(fault, openai.OpenAIError):
        return None, False
    if isinstance(fault, openai.APITimeoutError):
        return "no reply in time", False
    if isinstance(fault, openai.APIConnectionError):
        root: BaseException = fault  # LangChain and the client wrap it in exceptions that only say "error"
        while root.__cause__ is not None:
            root = root.__cause__
        return f"no connection, or it was lost ({type(root).__name__}: {root})", True
    if isinstance(fault, openai.APIStatusError):
        return f"the server answered {fault.status_code}: {_said(fault)}", fault.status_code in TRANSIENT_STATUS
    return f"{type(fault).__name__}: {fault}", False


def _said(fault: Any) -> str:
    body = fault.body if isinstance(fault.body, dict) else {}
    text = body.get("message") or fault.response.text or "nothing"
    return " ".join(str(text).split())[:300]
