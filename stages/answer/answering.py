"""Answer questions one call at a time, each call kept as it ends."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.answer.params import AnswerParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.machine import OtherLoad
from tune_or_retrieve.base.progress import Progress, say
from tune_or_retrieve.base.records import ELSEWHERE, Answer, AnswerTiming, Approach, Passage, Question, Timed
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options, Reply, ask
from tune_or_retrieve.chat.parallel import each
from tune_or_retrieve.chat.prompts import messages

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from tune_or_retrieve.chat.structured import Asks

WARM_UP_TOKENS = 8
SHORTER = "lower qa.test_questions, answer.max_tokens or answer.repeats"


@dataclass(frozen=True)
class Engine:
    """How to reach the model. `open` is called only if there is a call to make."""

    open: Callable[[], "AbstractContextManager[BaseChatModel]"]
    identity: dict[str, Any]  # what replies depend on, for the keys of the store
    context_tokens: int | None  # checked before any call; None: the server has its own limit
    waits: Sequence[float] = ()  # before further tries after transient faults
    reply_class: type[Reply] = Reply
    # Simultaneous calls, each timed separately; None: one after the other in this thread, for a model in this process.
    concurrency: int | None = None
    warm_up: bool = True  # one short call first, which is not timed
    timed_on: Callable[[], Timed] = lambda: ELSEWHERE  # asked once the model is open; stored with each reply
    billed_as: str | None = None  # the model whose tokens are paid for
    begin: Callable[[Sequence[list[dict[str, str]]]], None] = lambda prompts: None  # before the first call; may refuse
    paid: Callable[[Any], None] = lambda reply: None  # called with each reply; what it raises ends the stage

    def reply(self, chat: Any, call: "Call", options: Options) -> Reply:
        return ask(chat, call.messages, options, self.waits, key=call.key)


class AskingEngine(Engine):
    """For a model that is asked as judges are: `open` gives a tune_or_retrieve.chat.structured.Asks."""

    def reply(self, chat: "Asks", call: "Call", options: Options) -> Reply:
        return chat.ask(call.messages)


@dataclass(frozen=True)
class Call:
    question: Question
    repeat: int
    messages: list[dict[str, str]]
    key: str


def answer_questions(
    questions: Sequence[Question],
    contexts: Mapping[str, Sequence[Passage]],
    approach: Approach,
    model: str,
    params: AnswerParams,
    engine: Engine,
    store: CallStore,
) -> tuple[list[Answer], list[AnswerTiming]]:
    """Answer every question in order, `params.repeats` times. Calls in the store are not made again.

    Returns:
        One answer a question (the first repeat's) and one timing a call. A stored call keeps its first timing and is
        marked as replayed.

    Raises:
        StageError: a prompt is too long or a call failed; calls made before it stay in the store.
    """
    calls = [call for question in questions for call in _calls(question, contexts, params, engine.identity)]
    stored = {call.key: value for call in calls if (value := store.get(call.key)) is not None}
    pending = [call for call in calls if call.key not in stored]
    if stored:
        say(f"answer_{approach}@{model}: {len(stored)} of {len(calls)} calls are taken from the store.")

    replies = {key: engine.reply_class.model_validate(value) for key, value in stored.items()}
    where = f"answer_{approach}@{model}"
    if pending:
        with _named(where), engine.open() as chat:
            _check_lengths(chat, pending, params.max_tokens, engine.context_tokens)
            timed_on = engine.timed_on().model_dump()
            engine.begin([call.messages for call in pending])

            def make(call: Call) -> Reply:
                load = OtherLoad()
                with _named(f"question {call.question.id}"):
                    reply = engine.reply(chat, call, params.options)
                others = load.share() if timed_on["machine"] else None  # elsewhere, ours says nothing
                return reply.model_copy(update={**timed_on, "others_share": others})

            def keep(call: Call, reply: Reply) -> None:
                try:
                    engine.paid(reply)
                finally:
                    store.put(call.key, reply.model_dump())
                replies[call.key] = reply
                progress.advance()

            # Begun before the warm-up: the first reply of a server may take minutes.
            with Progress(where, len(pending), "calls", engine.concurrency or 1, SHORTER) as progress:
                if engine.warm_up:
                    _warm_up(chat, pending[0], params.options, engine.waits)
                if engine.concurrency is None:
                    for call in pending:
                        keep(call, make(call))
                else:
                    each(pending, make, keep, engine.concurrency)

    answers = [_answer(call, replies[call.key], approach, model) for call in calls if call.repeat == 0]
    if cut := sum(answer.stop_reason == "length" and not answer.text.strip() for answer in answers):
        say(
            f"{where}: {cut} of {len(answers)} answers are empty: the model was still thinking when it reached "
            f"answer.max_tokens, {params.max_tokens}. Raise it."
        )
    timings = [
        AnswerTiming(
            question_id=call.question.id,
            model=model,
            approach=approach,
            repeat=call.repeat,
            seconds=replies[call.key].seconds,
            replayed=call.key in stored,
            server_seconds=getattr(replies[call.key], "server_seconds", None),
            retries=getattr(replies[call.key], "retries", None),
            billed_as=engine.billed_as,
            others_share=replies[call.key].others_share,
            **replies[call.key].measured_on.model_dump(),
        )
        for call in calls
    ]
    return answers, timings


def _calls(
    question: Question, contexts: Mapping[str, Sequence[Passage]], params: AnswerParams, identity: dict[str, Any]
) -> list[Call]:
    prompt = messages(question.question, contexts.get(question.id, ()))
    options = params.options.model_dump()
    return [
        Call(question, repeat, prompt, content_key("chat", identity, prompt, options, repeat))
        for repeat in range(params.repeats)
    ]


def _check_lengths(chat: "BaseChatModel", calls: Sequence[Call], max_tokens: int, context_tokens: int | None) -> None:
    """Stop before the first call if a prompt and its reply may not fit, not after an hour or with truncated text."""
    if context_tokens is None:
        return
    lengths = {call.question.id: chat.get_num_tokens_from_messages(call.messages) for call in calls if not call.repeat}
    longest = max(lengths, key=lambda id: lengths[id], default=None)
    if longest is None or lengths[longest] + max_tokens <= context_tokens:
        return
    over = sum(length + max_tokens > context_tokens for length in lengths.values())
    raise StageError(
        f"question {longest}: the prompt's {lengths[longest]} tokens and answer.max_tokens, {max_tokens}, do not fit "
        f"into context_tokens, {context_tokens} ({over} of {len(lengths)} questions do not fit). Raise the model's "
        f"context_tokens to at least {lengths[longest] + max_tokens}, or give it fewer or shorter passages "
        "(retrieval.top_k, chunking)."
    )


def _warm_up(chat: "BaseChatModel", call: Call, options: Options, waits: Sequence[float]) -> None:
    """Discard a short reply, so that the first question's latency excludes connections, caches and lazy set-up."""
    short = options.model_copy(update={"max_tokens": min(WARM_UP_TOKENS, options.max_tokens)})
    with _named(f"warm-up with question {call.question.id}"):
        ask(chat, call.messages, short, waits)


def _answer(call: Call, reply: Reply, approach: Approach, model: str) -> Answer:
    return Answer(
        question_id=call.question.id,
        model=model,
        approach=approach,
        text=reply.text,
        input_tokens=reply.input_tokens
        + getattr(reply, "cache_read_tokens", 0)
        + getattr(reply, "cache_write_tokens", 0),
        output_tokens=reply.output_tokens,
        stop_reason=reply.stop_reason,
    )


@contextlib.contextmanager
def _named(where: str):
    """Put `where` before the text of a fault."""
    try:
        yield
    except StageError as fault:
        named = str(fault).startswith(f"{where}: ")  # those about money name the stage already
        raise StageError(str(fault) if named else f"{where}: {fault}") from fault
