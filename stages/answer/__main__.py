"""``python -m stages.answer <approach> <model>``: answers and their timings, from the repository's root."""

import functools
import sys
from pathlib import Path

from stages.answer.answering import Engine, answer_questions
from stages.answer.inputs import adapter_path, check_approach, read_contexts
from stages.answer.params import AnswerParams
from stages.engine import chat_model, identity, timed_on
from stages.engine.calls import WAITS_SECONDS
from stages.errors import StageError, exits_cleanly
from stages.files import write_jsonl
from stages.machine import SECTION, RunParams
from stages.models import BedrockModel, EmbeddedModel, ModelParams
from stages.params import load
from stages.questions import read_questions
from stages.records import Approach
from stages.store import CallStore


def make_engine(approach: Approach, name: str, model: ModelParams, params: AnswerParams, run: RunParams) -> Engine:
    """How the model of an approach is reached. What one provider needs is not imported for another."""
    if isinstance(model, BedrockModel):
        from stages.answer.on_bedrock import bedrock_engine

        return bedrock_engine(approach, name, model, params.options)
    adapter = adapter_path(approach, name)
    local = isinstance(model, EmbeddedModel)
    return Engine(
        open=functools.partial(chat_model, model, run, adapter),
        identity=identity(model, adapter),
        context_tokens=model.context_tokens if local else None,
        waits=() if local else WAITS_SECONDS,
        timed_on=functools.partial(timed_on, model, run),
    )


@exits_cleanly
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
