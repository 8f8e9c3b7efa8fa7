"""The judge of kind llm: its model, its store, and what it costs, ready for as long as the stage judges."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stages.judge.llm import LlmJudge
from stages.judge.logprob import MAX_TOKENS, LogprobJudge
from stages.judge.pairwise import PairwiseJudge
from stages.judge.params import LlmJudgeParams
from stages.judge.verdict import Grading
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.engine import asker

if TYPE_CHECKING:
    from tune_or_retrieve.money.jobs import Watch

TEMPERATURE, SEED = 0.0, 5  # a judge is to say the same of the same
JUDGES: dict[str, type[LlmJudge]] = {"points": LlmJudge, "logprob": LogprobJudge, "pairwise": PairwiseJudge}


@contextlib.contextmanager
def llm_judge(
    name: str,
    params: LlmJudgeParams,
    run: RunParams,
    gradings: Iterable[Grading] = (),
    watch: "Watch | None" = None,
) -> Iterator[LlmJudge]:
    """A judge; with `batch: true` after one batch job has answered what it can of the gradings.

    Raises:
        StageError: the model cannot be had, has no price, or the budget is used up; or the batch job failed.
    """
    max_tokens = MAX_TOKENS if params.scoring == "logprob" else params.max_tokens
    options = Options(max_tokens=max_tokens, temperature=TEMPERATURE, seed=SEED)
    concurrency, kind = run.concurrency.of(params.provider), JUDGES[params.scoring]
    with CallStore() as store, asker(params, options, run) as model:
        if params.provider != "bedrock":
            yield kind(model, store, concurrency, name=name)
            return
        from tune_or_retrieve.money.spending import Spending  # prices are read only where something is paid

        spending = Spending(f"judge@{name}", params.billed_as)
        judge = kind(model, store, concurrency, spending.paid, name=name)
        prompts = [prompt for grading in gradings for prompt in judge.prompts(*grading)]
        if params.batch:
            from tune_or_retrieve.providers.bedrock.aws.session import clients
            from tune_or_retrieve.providers.bedrock.chat.batch import fill

            calls = judge.replies.unanswered(prompts)
            fill(clients(params.region), params, options, judge.schema, calls, store, f"judge@{name}", watch, spending)
        spending.begin_unknown(params.max_tokens, concurrency, prompts)
        yield judge
