"""The *llm* judge: the study's rubric put to a chat model, on Bedrock, on any OpenAI-compatible server, or embedded.

It grades by points here; `stages.judge.logprob` and `stages.judge.pairwise` score in other ways.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stages.judge.verdict import Verdict, band, unscored
from tune_or_retrieve.base.records import Effort
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.objects import Unreadable
from tune_or_retrieve.chat.prompting import filled
from tune_or_retrieve.chat.replies import Prompt, Replies
from tune_or_retrieve.chat.structured import Asks, ShapedReply, parse_reply

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
        prompt: the text of the prompt's file.
        name: of the judge, for messages.
    """

    prompt_file: ClassVar[Path] = PROMPT
    schema: ClassVar[type[BaseModel] | None] = Grade
    remedy: ClassVar[str] = (
        "Take a model that answers by a JSON object, or raise judges.{name}.max_tokens if it writes or thinks at "
        "length. With provider openai or embedded, scoring: logprob needs no JSON."
    )

    def __init__(
        self,
        model: Asks,
        store: CallStore,
        concurrency: int,
        spent: Callable[[ShapedReply], None] = lambda reply: None,
        prompt: str | None = None,
        name: str = "llm",
    ):
        self.name = name
        self.prompt = self.prompt_file.read_text(encoding="utf-8") if prompt is None else prompt
        self.replies = Replies(
            f"judge {name}", "judge", model, self.schema, self.read, store, concurrency,
            self.remedy.format(name=name), spent,
        )  # fmt: skip

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        """Raises StageError if a call fails, or no reply can be read; one that cannot is an unscored verdict."""
        texts = list(dict.fromkeys(answers))
        replies = self.replies.to(self.prompts(question, reference, texts))
        verdicts = {text: self._verdict(reply) for text, reply in zip(texts, replies, strict=True)}
        return [verdicts[answer] for answer in answers]

    def prompts(self, question: str, reference: str, answers: list[str]) -> list[Prompt]:
        """The messages of all calls that `score` makes."""
        return [grading(self.prompt, question, reference, answer) for answer in answers]

    def read(self, reply: ShapedReply) -> Any:
        """What a reply says: here a verdict. Raises Unreadable."""
        grade = parse_reply(reply, Grade)
        points = grade.model_dump(exclude={"comment"})
        return Verdict(comment=" ".join(grade.comment.split()), **{name: band(value) for name, value in points.items()})

    @property
    def effort(self) -> Effort:
        """What all gradings took, those from the store too."""
        done = self.replies
        return Effort(seconds=done.seconds, input_tokens=done.input_tokens, output_tokens=done.output_tokens)

    @property
    def asked_again(self) -> int:
        """Calls whose first reply could not be read."""
        return self.replies.asked_again

    def _verdict(self, reply: ShapedReply) -> Verdict:
        try:
            return self.read(reply)
        except Unreadable as fault:
            return unscored(str(fault))


def grading(prompt: str, question: str, reference: str, answer: str) -> list[dict[str, str]]:
    """The messages of one grading."""
    return filled(prompt, {"question": question, "reference": reference, "answer": answer})
