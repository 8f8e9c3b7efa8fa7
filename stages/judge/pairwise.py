"""Pairwise scoring: every two answers to a question compared with each other, in both orders.

Judges favour a place (Zheng et al., Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena, arXiv:2306.05685, section
3.4): as there, a preference that changes with the order is a tie.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from stages.judge.llm import LlmJudge
from stages.judge.verdict import Verdict, band, unscored
from tune_or_retrieve.chat.objects import Unreadable
from tune_or_retrieve.chat.prompting import filled
from tune_or_retrieve.chat.replies import Prompt
from tune_or_retrieve.chat.structured import ShapedReply, parse_reply

WIN, TIE, LOSS = 1.0, 0.5, 0.0
ALL_ALIKE = 5.0  # where there is but one text: no other beats it, and it beats none


class Preference(BaseModel):
    """Which of two answers is better."""

    model_config = ConfigDict(extra="forbid")

    comment: str = Field(description="how they differ in truth, in one short sentence")  # first: it thinks by writing
    better: Literal["A", "B", "tie"]


class PairwiseJudge(LlmJudge):
    """See :class:`stages.judge.llm.LlmJudge`. A score is 10 times the mean of WIN, TIE or LOSS against each other text.

    So it is relative to the answers that are compared. Verdicts have an overall score and no other.
    """

    prompt_file: ClassVar[Path] = Path(__file__).with_name("pairwise_prompt.txt")
    schema = Preference

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        """Raises StageError as LlmJudge. An answer with a comparison that cannot be read is unscored."""
        texts = list(dict.fromkeys(answers))
        replies = iter(self.replies.to(self.prompts(question, reference, texts)))
        results: dict[str, list[float | str]] = {text: [] for text in texts}
        for one, other in combinations(texts, 2):
            result = self._result(next(replies), next(replies))
            results[one].append(result)
            results[other].append(result if isinstance(result, str) else WIN - result)
        verdicts = {text: _verdict(found) for text, found in results.items()}
        return [verdicts[answer] for answer in answers]

    def prompts(self, question: str, reference: str, answers: list[str]) -> list[Prompt]:
        """For every two texts the messages of both orders."""
        orders = (order for pair in combinations(dict.fromkeys(answers), 2) for order in (pair, pair[::-1]))
        return [comparing(self.prompt, question, reference, a, b) for a, b in orders]

    def read(self, reply: ShapedReply) -> str:
        return parse_reply(reply, Preference).better

    def _result(self, reply: ShapedReply, swapped: ShapedReply) -> float | str:
        """Of the first text; why there is none, if a reply cannot be read."""
        try:
            said = self.read(reply), self.read(swapped)
        except Unreadable as fault:
            return str(fault)
        return {("A", "B"): WIN, ("B", "A"): LOSS}.get(said, TIE)


def comparing(prompt: str, question: str, reference: str, a: str, b: str) -> Prompt:
    """The messages of one comparison."""
    return filled(prompt, {"question": question, "reference": reference, "answer_a": a, "answer_b": b})


def _verdict(results: Sequence[float | str]) -> Verdict:
    if faults := [result for result in results if isinstance(result, str)]:
        return unscored(f"of {len(results)} comparisons, {len(faults)} cannot be read: {faults[0]}")
    if not results:
        return Verdict(overall=ALL_ALIKE, comment="there is no other answer to compare it with")
    wins, ties = (results.count(result) for result in (WIN, TIE))
    said = (
        f"{wins} won, {ties} tied, {len(results) - wins - ties} lost of {len(results)} comparisons with other answers"
    )
    return Verdict(overall=band(10 * (wins + TIE * ties) / len(results)), comment=said)
