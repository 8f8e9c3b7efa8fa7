"""``python -m stages.retrieve``: the passages of every test question, and how well the evidence was found."""

from pathlib import Path

from stages.index.params import UNUSED, KnowledgeBaseParams
from stages.retrieve import run
from stages.retrieve.backends import INDEX, open_backend
from stages.retrieve.metrics import evaluate
from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base.files import read_json, write_json, write_jsonl
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.questions import read_questions
from tune_or_retrieve.base.stage import stage

CONTEXTS, TIMINGS = Path("data/contexts/contexts.jsonl"), Path("data/timings/retrieve.jsonl")
METRICS = Path("metrics/retrieve.json")


@stage
def main() -> None:
    if (INDEX / UNUSED).is_file():
        for path in (CONTEXTS, TIMINGS):
            write_jsonl(path, [])
        write_json(METRICS, {"retrieved": 0} | read_json(INDEX / UNUSED))
        say("retrieve: nothing to do, as no model of study.approaches retrieves")
        return
    params = load("retrieval", RetrievalParams)
    base, questions = load("knowledge_base", KnowledgeBaseParams), read_questions()
    backend = open_backend(params, base, load(SECTION, RunParams))
    backend.check(questions)
    found, timings = run.retrieve_all(questions, backend.retriever, backend.timed_on)
    documents = backend.located(found)
    spans = {question.id: [backend.span(d) for d in row] for question, row in zip(questions, documents, strict=True)}
    rows = [run.contexts(question, row, params.top_k) for question, row in zip(questions, documents, strict=True)]
    metrics = backend.metrics | evaluate(questions, spans, backend.chunks, params.recall_at)

    write_jsonl(CONTEXTS, rows)
    write_jsonl(TIMINGS, timings)
    write_json(METRICS, metrics)
    for group in sorted({key.partition(".")[0] for key in metrics if "." in key}):
        values = ", ".join(f"{k.partition('.')[2]} {v}" for k, v in metrics.items() if k.startswith(f"{group}."))
        say(f"{group}: {values}")


if __name__ == "__main__":
    main()
