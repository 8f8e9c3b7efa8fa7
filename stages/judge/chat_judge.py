"""The judge of kind llm: its model, its store, and what it costs, ready for as long as the stage judges."""

import contextlib
from collections.abc import Callable, Iterator

from stages.engine.calls import Options
from stages.judge.params import BedrockJudgeParams, LlmJudgeParams
from stages.llm.asking import asker
from stages.llm.judge import LlmJudge
from stages.llm.structured import ShapedReply
from stages.store import CallStore

TEMPERATURE, SEED = 0.0, 5  # a judge is to say the same of the same


@contextlib.contextmanager
def llm_judge(name: str, params: LlmJudgeParams) -> Iterator[LlmJudge]:
    """Raises StageError if the model cannot be had, has no price, or the budget is used up."""
    options = Options(max_tokens=params.max_tokens, temperature=TEMPERATURE, seed=SEED)
    with CallStore() as store, asker(params, options) as model:
        yield LlmJudge(model, store, params.concurrency, _spent(name, params))


def _spent(name: str, params: LlmJudgeParams) -> Callable[[ShapedReply], None]:
    if not isinstance(params, BedrockJudgeParams):
        return lambda reply: None
    from stages.bedrock.spending import Spending  # prices are read only where something is paid

    spending = Spending(f"judge@{name}", params.billed_as)
    spending.begin_unknown(params.max_tokens, params.concurrency)
    return spending.paid
