"""One call to a chat model: its reply with token counts and wall time, or one clear fault."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import duration, say
from tune_or_retrieve.base.records import Timed
from tune_or_retrieve.base.validation import rule
from tune_or_retrieve.chat.parallel import pause

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

WAITS_SECONDS = (1.0, 4.0, 15.0, 60.0)  # before the second, third, fourth and any further try
LONGEST_WAIT_SECONDS = 300.0  # that a server may ask for; a longer one ends the stage
KEPT = "Run `dvc repro` again later: replies that came are kept."
# Other servers' names for those of OpenAI: Together, TGI, Anthropic, Cohere, Gemini.
STOP_REASONS = dict.fromkeys(("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete"), "stop") | {
    "max_tokens": "length"
}
THINKING, THOUGHT = "<think>", "</think>"


def waits(retries: int) -> tuple[float, ...]:
    """Seconds to wait before each of `retries` further tries."""
    return tuple(WAITS_SECONDS[min(number, len(WAITS_SECONDS) - 1)] for number in range(retries))


class CallFailed(Exception):
    """A call without a usable reply. Chat models raise it; `ask` makes a StageError of it.

    Args:
        reason: what happened, as a clause.
        remedy: what to do about it, in whole sentences.
        transient: the same call may succeed later.
        wait_seconds: how long the server asks to wait before that; None: it does not say.
        refused: the server does not accept the request as it is; another one may be.
    """

    def __init__(
        self,
        reason: str,
        remedy: str = "",
        transient: bool = False,
        wait_seconds: float | None = None,
        refused: bool = False,
    ):
        super().__init__(reason)
        self.reason, self.remedy, self.transient = reason, remedy, transient
        self.wait_seconds, self.refused = wait_seconds, refused


class RefusedCall(StageError):
    """The server does not accept the request as it is."""


class Options(BaseModel):
    """Decoding, the same for all approaches of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int
    temperature: float
    seed: int


def without_surrogates(text: str) -> str:
    """`text` with half characters, which a server's JSON may hold and no file can, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def without_thinking(text: str) -> str:
    """`text` without what a reasoning model thought first, between <think> and </think>.

    Without the first tag, which some templates put into the prompt, it is all up to a </think> that ends a line or
    begins one; without the second, as in a reply that max_tokens cut off, it is all. Text that begins with JSON or a
    fence only speaks of such tags.
    """
    start = text.lstrip()
    before, closed, after = start.partition(THOUGHT)
    if start.startswith(THINKING):
        return after.lstrip() if closed else ""
    at_line = not after.strip() or after.startswith("\n") or before.endswith("\n")
    if closed and at_line and THINKING not in before and not start.startswith(("{", "[", "`")):
        return after.lstrip()
    return text


def _as_said(text: str) -> str:
    return without_thinking(without_surrogates(text))


class Reply(Timed):
    """What the model said. An empty text is a reply, too."""

    text: Annotated[str, AfterValidator(_as_said)]
    input_tokens: int
    output_tokens: int  # of text and thinking
    stop_reason: str  # as the engine named it; "length": max_tokens or the window ended it
    seconds: float  # wall of the try that succeeded
    others_share: float | None = None  # see tune_or_retrieve.base.machine.OtherLoad; None: not measured


def ask(
    chat: "BaseChatModel",
    messages: Sequence[dict[str, str]],
    options: Options,
    waits: Sequence[float] = (),
    sleep: Callable[[float], None] = pause,
    body: Mapping[str, Any] | None = None,
    key: str = "",
) -> Reply:
    """Generate one reply.

    Args:
        chat: a LangChain chat model that raises CallFailed.
        messages: role and content of each.
        options: sent with the call.
        waits: seconds before each further try after a transient fault, or longer if the server asks for it; none for a
            local engine.
        sleep: replaces the clock in tests.
        body: further fields of the request.
        key: identifies the call in all its tries (header Idempotency-Key), so that a server that knows the header
            answers a call once even if the connection was lost before its reply came.

    Raises:
        RefusedCall: the server does not accept the request as it is.
        StageError: the call failed; its text says how, and the caller adds for which question.
    """
    arguments = _arguments(options, body or {}, key)
    for wait in (*waits, None):
        start = time.perf_counter()
        try:
            return _reply(chat.invoke(list(messages), **arguments), start)
        except CallFailed as fault:
            asked = fault.wait_seconds or 0.0
            if not fault.transient or wait is None or asked > LONGEST_WAIT_SECONDS:
                raise _ended(fault, len(waits) + 1 if wait is None else 1) from fault
            wait = max(wait, asked)
            say(f"the model call failed: {fault.reason.rstrip('.')}; tried again in {wait:g} s.")
            sleep(wait)
    raise AssertionError("unreachable")


def _arguments(options: Options, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    # max_tokens goes into the body unchanged: ChatOpenAI would rename it to max_completion_tokens, and a server that
    # does not know that name would generate until its window is full.
    arguments: dict[str, Any] = {
        "temperature": options.temperature,
        "seed": options.seed,
        "extra_body": {"max_tokens": options.max_tokens, **body},
    }
    return arguments | ({"extra_headers": {"Idempotency-Key": key}} if key else {})


def _reply(message: "AIMessage", start: float) -> Reply:
    seconds = time.perf_counter() - start
    usage = message.usage_metadata
    stop_reason = message.response_metadata.get("finish_reason")
    if not usage or not usage["input_tokens"]:  # a prompt is never empty: LangChain takes a missing count for 0
        raise CallFailed("the server's reply has no token counts (usage), which the study needs")
    if not stop_reason:
        raise CallFailed("the server's reply has no finish_reason, which the study needs")
    if stop_reason == "error":  # as OpenRouter says that its provider failed halfway
        raise CallFailed("the server ended its reply with an error", transient=True)
    try:
        return Reply(
            text=str(message.text),
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            stop_reason=STOP_REASONS.get(str(stop_reason).lower(), stop_reason),
            seconds=seconds,
        )
    except ValidationError as fault:
        first = fault.errors()[0]
        what = f"{first['loc'][0]} {rule(first)}, got {str(first['input'])[:60]!r}"
        raise CallFailed(f"the server's reply is no chat completion ({what})") from fault


def _ended(fault: CallFailed, tries: int) -> StageError:
    after = f" after {tries} tries" if fault.transient and tries > 1 else ""
    text = f"the model call failed{after}: {fault.reason.rstrip('.')}."
    if fault.wait_seconds is not None and fault.wait_seconds > LONGEST_WAIT_SECONDS:
        text += f" It asks to wait {duration(fault.wait_seconds)}."
    remedies = [fault.remedy] * bool(fault.remedy) + [KEPT] * fault.transient
    return (RefusedCall if fault.refused else StageError)(" ".join([text, *remedies]))
