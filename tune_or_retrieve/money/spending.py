"""What a stage pays for by tokens: entered in the ledger as it is paid, and stopped before `budget_usd` is passed.

Prices and budget are read by every stage that pays and declared by none in dvc.yaml: a change of them reruns nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from tune_or_retrieve.base.params import load, load_value
from tune_or_retrieve.money.budget import Budget
from tune_or_retrieve.money.cost import Usage, cost, cost_or_none, in_dollars
from tune_or_retrieve.money.prices import Prices

# Of English prose, where AWS reports no tokens and no tokenizer is public. AWS's guide to model customization assumes 6
# when it prepares data, so this gives half as many tokens again.
CHARACTERS_PER_TOKEN = 4
FEWEST_CHARACTERS = 2  # of a token, on average over a prompt: gives an upper limit of its tokens
LONG_PROMPT_TOKENS = 2000  # of a grading: rubric, question, reference, answer
UNKNOWN = 2**31
Prompt = Sequence[dict[str, str]]  # messages


class Spending:
    """The part of one stage.

    Args:
        stage: as in the ledger and in estimates: answer_base@micro.
        model: whose price it is: a foundation model or an inference profile, the base model of a fine-tuned one.

    Raises:
        StageError: the model has no price. This is found out before anything is paid.
    """

    def __init__(self, stage: str, model: str, training: bool = False):
        self._stage, self._model = stage, model
        self.prices = in_dollars(load("prices", Prices))
        self._budget = Budget(load_value("run.budget_usd", float | None))
        cost_or_none(Usage(model, trained_tokens=1) if training else Usage(model, input_tokens=1), self.prices)
        self._each = 0.0  # dollars of one call, at most
        self._concurrency = self._left = 0

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self._budget.limited

    def begin(self, prompts: Sequence[Prompt], max_tokens: int, concurrency: int) -> None:
        """Before the first call. Raises StageError if not even as many calls as run at once fit into the budget."""
        one = Usage(self._model, max(map(_most_tokens, prompts), default=0), max_tokens)
        self._each, self._concurrency, self._left = cost(one, self.prices), concurrency, len(prompts)
        self._budget.check(min(concurrency, len(prompts)) * self._each, f"{self._stage}: the first calls")

    def begin_unknown(self, max_tokens: int, concurrency: int, prompts: Iterable[Prompt]) -> None:
        """As `begin`, where the number of calls is not known: prompts are assumed to be long, or as the longest."""
        longest = max(map(_most_tokens, prompts), default=0)
        one = Usage(self._model, input_tokens=max(LONG_PROMPT_TOKENS, longest), output_tokens=max_tokens)
        self._each, self._concurrency, self._left = cost(one, self.prices), concurrency, UNKNOWN
        self._budget.check(concurrency * self._each, f"{self._stage}: the first calls")

    def paid(self, reply: Any) -> None:
        """Enter a reply with its tokens. Raises StageError if further calls might pass the budget."""
        usage = self._usage([reply])
        self._budget.record(self._stage, self._model, cost(usage, self.prices), usage.tokens)
        self._left -= 1
        if self._left > 0:
            self._budget.guard(self._stage, min(self._concurrency, self._left) * self._each)

    def check(self, usage: Usage, what: str) -> None:
        """Before something is paid in one sum, such as a training job. Raises StageError if it does not fit, or if
        there is a budget and the price is not known.
        """
        self._budget.check(cost_or_none(usage, self.prices), what)

    def record(self, usage: Usage, once: str | None = None, about: bool = False) -> float | None:
        """Enter what was paid.

        Args:
            once: a name under which it is entered only once, such as that of a job that a later run finds again.
            about: its tokens were counted here, as AWS does not report them.

        Returns:
            Its dollars; None: the price is not known.
        """
        dollars = cost_or_none(usage, self.prices)
        self._budget.record(self._stage, self._model, dollars, usage.tokens, once=once, about=about)
        return dollars

    def check_batch(self, prompts: Sequence[Prompt], max_tokens: int) -> None:
        """Before a batch job is submitted. Raises StageError if it might cost more than is left of the budget."""
        usage = self._most_of_batch(prompts, max_tokens)
        self.check(usage, f"{self._stage}: a batch job of {len(prompts)} calls, at most")

    def promised_batch(self, prompts: Sequence[Prompt], max_tokens: int, job: str) -> None:
        """Enter a batch job that runs at AWS at the most that it may cost, until `paid_batch` enters what it was."""
        usage = self._most_of_batch(prompts, max_tokens)
        dollars = cost_or_none(usage, self.prices)
        self._budget.record(self._stage, self._model, dollars, usage.tokens, once=job, provisional=True)

    def paid_batch(self, replies: Sequence[Any], job: str) -> None:
        """Enter all that a batch job brought, once, in place of what was promised."""
        self.record(replace(self._usage(replies), batch=True), job)

    def _most_of_batch(self, prompts: Sequence[Prompt], max_tokens: int) -> Usage:
        return Usage(self._model, sum(map(_most_tokens, prompts)), len(prompts) * max_tokens, batch=True)

    def _usage(self, replies: Sequence[Any]) -> Usage:
        counts = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
        return Usage(self._model, *(sum(getattr(reply, name, 0) for reply in replies) for name in counts))


def _most_tokens(prompt: Prompt) -> int:
    return math.ceil(sum(len(message["content"]) for message in prompt) / FEWEST_CHARACTERS)
