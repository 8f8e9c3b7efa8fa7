"""The *llm* judge: the study's rubric put to a chat model, on Bedrock, on any OpenAI-compatible server, or embedded."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stages.judge.verdict import Verdict, band, unscored
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.parallel import each
from tune_or_retrieve.chat.prompting import filled
from tune_or_retrieve.chat.structured import Asks, ShapedReply, Unreadable, json_schema, parse_reply

PROMPT = Path(__file__).with_name("judge_prompt.txt")


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


# "7" and 7.0 are 7 (Llama puts numbers as strings into tools); 7.5, 11 and "high" are none.
Points = Annotated[int, Field(ge=0, le=10), BeforeValidator(_no_truth)]


class Grade(BaseModel):
    """The grades of one answer, each a whole number from 0 to 10."""

    model_config = ConfigDict(extra="forbid")

    comment: str = Field(description="what is wrong or missing, in one short sentence")  # first: it thinks by writing
    factual_accuracy: Points
    completeness: Points
    relevance: Points
    clarity: Points
    overall: Points


class LlmJudge:
    """See :class:`stages.judge.verdict.Judge`. An answer already graded by the same model and prompt is not paid again.

    Args:
        concurrency: answers graded at one time.
        spent: told of each reply that was paid for, before it is stored; what it raises ends the judging.
        prompt: the text of judge_prompt.txt.
    """

    def __init__(
        self,
        model: Asks,
        store: CallStore,
        concurrency: int,
        spent: Callable[[ShapedReply], None] = lambda reply: None,
        prompt: str | None = None,
    ):
        self._model, self._store, self._concurrency, self._spent = model, store, concurrency, spent
        self._prompt = PROMPT.read_text(encoding="utf-8") if prompt is None else prompt

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        """Raises StageError if a call fails; a reply that came and cannot be read is an unscored verdict."""
        calls = {answer: grading(self._prompt, question, reference, answer) for answer in answers}
        keys = {answer: self._key(messages) for answer, messages in calls.items()}
        stored = {answer: self._store.get(key) for answer, key in keys.items()}
        replies = {a: self._model.reply_class.model_validate(value) for a, value in stored.items() if value is not None}
        pending = [answer for answer in calls if answer not in replies]

        def keep(answer: str, reply: ShapedReply) -> None:
            try:
                self._spent(reply)
            finally:
                self._store.put(keys[answer], reply.model_dump())

        made = each(pending, lambda answer: self._model.ask(calls[answer], Grade), keep, self._concurrency)
        replies |= dict(zip(pending, made, strict=True))
        return [verdict(replies[answer]) for answer in answers]

    def calls(self, question: str, reference: str, answers: list[str]) -> dict[str, list[dict[str, str]]]:
        """The messages of each grading by the key under which its reply is stored, for a batch job."""
        messages = [grading(self._prompt, question, reference, answer) for answer in answers]
        return {self._key(one): one for one in messages}

    def _key(self, messages: list[dict[str, str]]) -> str:
        return content_key("judge", self._model.identity, messages, json_schema(Grade))


def grading(prompt: str, question: str, reference: str, answer: str) -> list[dict[str, str]]:
    """The messages of one grading."""
    return filled(prompt, {"question": question, "reference": reference, "answer": answer})


def verdict(reply: ShapedReply) -> Verdict:
    try:
        grade = parse_reply(reply, Grade)
    except Unreadable as fault:
        return unscored(str(fault))
    points = grade.model_dump(exclude={"comment"})
    return Verdict(comment=" ".join(grade.comment.split()), **{name: band(value) for name, value in points.items()})
