"""Replies that are read as they come: kept if they can be read, and asked for once more if not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.objects import Unreadable
from tune_or_retrieve.chat.parallel import each
from tune_or_retrieve.chat.structured import Asks, ShapedReply, json_schema

Prompt = list[dict[str, str]]  # messages

# At temperature 0 another seed changes nothing, and some services take none: so it is the prompt that differs.
REMINDER = "\n\nReply in the form asked for, and with nothing else."
FIRST = 10  # replies: if none of so many can be read, no more are paid for
SHOWN_CHARACTERS = 200


@dataclass
class Replies:
    """A model's replies to the prompts of one stage.

    A reply that can be read is stored and never asked for again. One that cannot is asked for once more, with a
    reminder and so under a key of its own, and again by the next run.
    """

    title: str  # of the stage, for messages
    kind: str  # of the calls, for their keys
    model: Asks
    schema: type[BaseModel] | None
    check: Callable[[ShapedReply], object]  # raises Unreadable
    store: CallStore
    concurrency: int
    remedy: str  # what to do if none of the first replies can be read
    spent: Callable[[ShapedReply], None] = lambda reply: None  # told of each reply, before it is stored; may raise
    begin: Callable[[Sequence[Prompt]], None] = lambda prompts: None  # told of the prompts of calls to make; may raise
    settled: Callable[[], None] = lambda: None  # called when a prompt is not asked again in this run
    input_tokens: int = 0  # of the replies to all prompts, those from the store too
    output_tokens: int = 0
    seconds: float = 0.0
    asked_again: int = 0  # prompts whose first reply could not be read, in this run or an earlier one
    _read: bool = False
    _unread: int = 0

    def key(self, prompt: Prompt) -> str:
        """Under which its reply is stored."""
        form = None if self.schema is None else json_schema(self.schema)
        return content_key(self.kind, self.model.identity, prompt, form)

    def unanswered(self, prompts: Sequence[Prompt]) -> dict[str, Prompt]:
        """Those without a stored reply, readable or not, by the key of their first one: for a batch job."""
        return {self.key(prompt): prompt for prompt in prompts if self._stored(prompt) is None}

    def to(self, prompts: Sequence[Prompt]) -> list[ShapedReply]:
        """One reply to each, even if it cannot be read.

        Raises:
            StageError: a call failed, or none of the first replies could be read. Those that were read are stored.
        """
        replies = {n: stored for n, prompt in enumerate(prompts) if (stored := self._stored(prompt)) is not None}
        self._read = self._read or any(self._fault(reply) is None for reply in replies.values())
        again = {n: reminded(prompts[n]) for n in replies if self._get(prompts[n]) != replies[n]}
        replies |= self._ask({n: prompt for n, prompt in enumerate(prompts) if n not in replies})
        unread = {n: reminded(prompts[n]) for n in sorted(replies) if self._fault(replies[n])}
        replies |= self._ask(unread, last=True)
        self.asked_again += len(again | unread)
        for reply in replies.values():
            self.input_tokens += reply.input_tokens
            self.output_tokens += reply.output_tokens
            self.seconds += reply.seconds
        return [replies[n] for n in range(len(prompts))]

    def _stored(self, prompt: Prompt) -> ShapedReply | None:
        """The first or the second reply, whichever can be read. A batch job stores first ones that cannot, too."""
        first = self._get(prompt)
        if first is not None and self._fault(first) is None:
            return first
        return self._get(reminded(prompt)) or first

    def _get(self, prompt: Prompt) -> ShapedReply | None:
        value = self.store.get(self.key(prompt))
        return None if value is None else self.model.reply_class.model_validate(value)

    def _ask(self, prompts: Mapping[int, Prompt], last: bool = False) -> dict[int, ShapedReply]:
        if not prompts:
            return {}
        self.begin(list(prompts.values()))

        def keep(number: int, reply: ShapedReply) -> None:
            try:
                self.spent(reply)
            finally:
                fault = self._fault(reply)
                if fault is None:
                    self.store.put(self.key(prompts[number]), reply.model_dump())
            if fault is None or last:
                self.settled()
            self._note(reply, fault)

        numbers = list(prompts)
        made = each(numbers, lambda n: self.model.ask(prompts[n], self.schema), keep, self.concurrency)
        return dict(zip(numbers, made, strict=True))

    def _fault(self, reply: ShapedReply) -> str | None:
        """Why it cannot be read; None if it can."""
        try:
            self.check(reply)
        except Unreadable as fault:
            return str(fault)
        return None

    def _note(self, reply: ShapedReply, fault: str | None) -> None:
        """Say what was paid for and cannot be read. Raises StageError if that was all so far."""
        if fault is None:
            self._read = True
            return
        self._unread += 1
        text = " ".join((reply.text or str(reply.arguments or "")).split())
        wrote = f"It is {text[:SHOWN_CHARACTERS]!r}" if text else "It is empty"
        if not self._read and self._unread >= FIRST:
            raise StageError(
                f"{self.title}: none of the first {self._unread} replies of the model can be read. Of the last one: "
                f"{fault}. {wrote}. {self.remedy}"
            )
        say(f"{self.title}: a reply cannot be read: {fault}. {wrote}.")


def reminded(prompt: Prompt) -> Prompt:
    *before, last = prompt
    return [*before, {**last, "content": last["content"] + REMINDER}]
