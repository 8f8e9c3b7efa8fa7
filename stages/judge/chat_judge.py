"""The judge of kind llm: its model, its store, and what it costs, ready for as long as the stage judges."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stages.engine.calls import Options
from stages.judge.params import BedrockJudgeParams, LlmJudgeParams
from stages.judge.verdict import Grading
from stages.llm.asking import asker
from stages.llm.judge import Grade, LlmJudge
from stages.machine import RunParams
from stages.store import CallStore

if TYPE_CHECKING:
    from stages.bedrock.waiting import Watch

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
    with CallStore() as store, asker(params, options, run) as model:
        if not isinstance(params, BedrockJudgeParams):
            yield LlmJudge(model, store, params.concurrency)
            return
        from stages.bedrock.spending import Spending  # prices are read only where something is paid

        spending = Spending(f"judge@{name}", params.billed_as)
        judge = LlmJudge(model, store, params.concurrency, spending.paid)
        calls: dict[str, list[dict[str, str]]] = {}
        for question, reference, answer in gradings:
            calls |= judge.calls(question, reference, [answer])
        if params.batch:
            from stages.bedrock.batch import fill
            from stages.bedrock.session import clients

            fill(clients(params.region), params, options, Grade, calls, store, f"judge@{name}", watch, spending)
        spending.begin_unknown(params.max_tokens, params.concurrency, calls.values())
        yield judge
