"""Samples to token ids: one shared start and a branch for each question, labels on the answers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.fine_tune.sampling import Sample, Turn
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.prompts import messages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Branch:
    """What follows the shared start: the rest of the prompt, then the answer with its end-of-turn token."""

    ids: tuple[int, ...]
    answer: int  # index in ids of the answer's first token


@dataclass(frozen=True)
class Encoded:
    """A sample as a tree. Each branch attends to the start and itself, exactly as if the two were alone."""

    start: tuple[int, ...]
    branches: tuple[Branch, ...]

    @property
    def tokens(self) -> int:
        return len(self.start) + sum(len(branch.ids) for branch in self.branches)

    @property
    def answer_tokens(self) -> int:
        return sum(len(branch.ids) - branch.answer for branch in self.branches)


def encode(sample: Sample, tokenizer: "PreTrainedTokenizerBase", max_tokens: int) -> Encoded:
    """Token ids of a sample.

    The prompt is formatted by the model's template and tokenised as in answering, followed by the answer. Branches
    begin where their prompts first differ. A sample longer than max_tokens loses distractors, then its other passages.

    Raises:
        StageError: a pair alone is longer than max_tokens.
    """
    kept = list(range(len(sample.passages)))
    answers = [answer_ids(turn, tokenizer) for turn in sample.turns]
    while True:
        passages = [sample.passages[index] for index in kept]
        prompts = [prompt_ids(turn.question, passages, tokenizer) for turn in sample.turns]
        lengths = [len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)]
        if max(lengths) <= max_tokens:
            break
        if not kept:
            question = sample.turns[lengths.index(max(lengths))].question
            raise StageError(
                f"the pair {question[:80]!r} has {max(lengths)} tokens with its answer; fine_tune.local.max_tokens "
                f"allows {max_tokens}. Raise it, or shorten the pairs."
            )
        kept.remove(next((index for index in reversed(kept) if index not in sample.gold), kept[-1]))
    shared = _common_length(prompts)
    branches = tuple(
        Branch((*prompt[shared:], *answer), len(prompt) - shared)
        for prompt, answer in zip(prompts, answers, strict=True)
    )
    return Encoded(tuple(prompts[0][:shared]), branches)


def prompt_ids(question: str, passages: Sequence, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    text = tokenizer.apply_chat_template(messages(question, passages), tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def answer_ids(turn: Turn, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    return [*tokenizer(turn.answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def _common_length(prompts: Sequence[list[int]]) -> int:
    """Length of the common prefix of all prompts; shorter than each, as every answer needs a token before it."""
    limit = min(map(len, prompts)) - 1
    for index in range(limit):
        if len({prompt[index] for prompt in prompts}) > 1:
            return index
    return limit
