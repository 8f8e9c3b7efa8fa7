"""Answers of Amazon Bedrock: the base model by its inference profile, the fine-tuned one by its deployment."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stages.answer.answering import Call, Engine
from stages.answer.inputs import FINE_TUNE, FINE_TUNED
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.records import Approach
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.tuned import read_tuned
from tune_or_retrieve.money.spending import Spending
from tune_or_retrieve.providers.bedrock.aws.faults import AwsMissing
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.chat.converse import Converse, ConverseReply
from tune_or_retrieve.providers.bedrock.chat.params import ConverseParams
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.bedrock.tuning.deployment import read_deployment


@dataclass(frozen=True)
class _BedrockEngine(Engine):
    gone: str = ""  # what to do if the model no longer exists

    def reply(self, chat: Converse, call: Call, options: Options) -> ConverseReply:
        try:
            return chat.ask(call.messages)
        except AwsMissing as fault:
            if self.gone:
                raise StageError(f"{fault} {self.gone}") from fault
            raise


def bedrock_engine(approach: Approach, name: str, model: BedrockModel, options: Options, run: RunParams) -> Engine:
    """How to ask a model of Bedrock. Sends nothing.

    Raises:
        StageError: no region, no price for the model, or it has not been fine-tuned yet.
    """
    params, gone, weights = _converse(model), "", None
    if approach in FINE_TUNED and (tuned := read_tuned(FINE_TUNE / name)):
        params = params.model_copy(update=tuned.changes)
        gone = f"Another one is named by models.{name}.tuned."
    elif approach in FINE_TUNED:
        deployment = read_deployment(FINE_TUNE / name)
        # The base model's id: replies of both are parsed alike and cost the same.
        base = ConverseParams(model=deployment.base_model).plain
        params = params.model_copy(update={"model": deployment.deployment_arn, "base_model": base})
        gone = (
            f"`dvc repro --force --single-item fine_tune@{name}` deploys its model again. If it was torn down, too, it "
            f"is gone for good: a higher models.{name}.customization.retry trains another one, which is paid for."
        )
        weights = deployment.custom_model_arn
    converse = Converse(params, options, clients(params.region))
    identity: dict[str, Any] = dict(converse.identity)
    if weights:
        identity["model"] = weights  # another deployment of the same weights gives the same answers
    concurrency = run.concurrency.of("bedrock")
    spending = Spending(f"answer_{approach}@{name}", params.billed_as)

    @contextlib.contextmanager
    def opened() -> Iterator[Converse]:
        yield converse

    return _BedrockEngine(
        open=opened,
        identity=identity,
        context_tokens=None,
        reply_class=ConverseReply,
        concurrency=concurrency,
        warm_up=False,  # it would be paid for
        billed_as=params.billed_as,
        begin=lambda prompts: spending.begin(prompts, options.max_tokens, concurrency),
        paid=spending.paid,
        gone=gone,
    )


def _converse(model: BedrockModel) -> ConverseParams:
    return ConverseParams(**{name: getattr(model, name) for name in ConverseParams.model_fields})
