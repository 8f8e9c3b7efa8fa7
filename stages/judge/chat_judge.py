"""The judge of kind llm: its model, its store, and what it costs, ready for as long as the stage judges."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stages.judge.llm import Grade, LlmJudge
from stages.judge.params import LlmJudgeParams
from stages.judge.verdict import Grading
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.engine import asker

if TYPE_CHECKING:
    from tune_or_retrieve.money.jobs import Watch

TEMPERATURE, SEED = 0.0, 5  # a judge is to say the same of the same


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
    options = Options(max_tokens=params.max_tokens, temperature=TEMPERATURE, seed=SEED)
    concurrency = run.concurrency.of(params.provider)
    with CallStore() as store, asker(params, options, run) as model:
        if params.provider != "bedrock":
            yield LlmJudge(model, store, concurrency)
            return
        from tune_or_retrieve.money.spending import Spending  # prices are read only where something is paid

        spending = Spending(f"judge@{name}", params.billed_as)
        judge = LlmJudge(model, store, concurrency, spending.paid)
        calls: dict[str, list[dict[str, str]]] = {}
        for question, reference, answer in gradings:
            calls |= judge.calls(question, reference, [answer])
        if params.batch:
            from tune_or_retrieve.providers.bedrock.aws.session import clients
            from tune_or_retrieve.providers.bedrock.chat.batch import fill

            fill(clients(params.region), params, options, Grade, calls, store, f"judge@{name}", watch, spending)
        spending.begin_unknown(params.max_tokens, concurrency, calls.values())
        yield judge
