"""``python -m stages.answer <approach> <model>``: answers and their timings, from the repository's root."""

import functools
import sys
from pathlib import Path

from stages.answer.answering import AskingEngine, Engine, answer_questions
from stages.answer.inputs import check_approach, fine_tuned, read_contexts
from stages.answer.params import AnswerParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import write_jsonl
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.questions import read_questions
from tune_or_retrieve.base.records import Approach
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import waits
from tune_or_retrieve.chat.engine import asker, chat_model, identity, timed_on
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.structured import ShapedReply


def make_engine(approach: Approach, name: str, model: ModelParams, params: AnswerParams, run: RunParams) -> Engine:
    """How to reach the model of an approach. One provider's dependencies are not imported for another."""
    if model.provider == "bedrock":
        from stages.answer.on_bedrock import bedrock_engine

        return bedrock_engine(approach, name, model, params.options, run)
    model, adapter = fine_tuned(approach, name, model)
    if model.provider == "langchain":
        return AskingEngine(
            open=functools.partial(asker, model, params.options, run),
            identity=identity(model),
            context_tokens=None,
            reply_class=ShapedReply,
            concurrency=run.concurrency.of(model.provider),
            billed_as=model.billed_as,
            warm_up=False,  # its length would be that of an answer
        )
    local = model.provider == "embedded"
    return Engine(
        open=functools.partial(chat_model, model, run, adapter),
        identity=identity(model, adapter),
        context_tokens=model.context_tokens if local else None,
        waits=() if local else waits(run.retries),
        concurrency=None if local else run.concurrency.of(model.provider),
        timed_on=functools.partial(timed_on, model, run),
        billed_as=model.billed_as,
    )


@stage
def main() -> None:
    if len(sys.argv) != 3:
        raise StageError("usage: python -m stages.answer <approach> <model>")
    approach, name = check_approach(sys.argv[1]), sys.argv[2]
    params, model = load("answer", AnswerParams), load(f"models.{name}", ModelParams)
    questions = read_questions()
    contexts = read_contexts(approach, questions)
    engine = make_engine(approach, name, model, params, load(SECTION, RunParams))
    with CallStore() as store:
        answers, timings = answer_questions(questions, contexts, approach, name, params, engine, store)
    write_jsonl(Path("data/answers") / approach / f"{name}.jsonl", answers)
    write_jsonl(Path("data/timings/answer") / approach / f"{name}.jsonl", timings)


if __name__ == "__main__":
    main()
