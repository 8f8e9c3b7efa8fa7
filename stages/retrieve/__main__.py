"""python -m stages.retrieve"""

from pathlib import Path

from stages.embedding import Embedder
from stages.errors import exits_cleanly
from stages.files import write_json, write_jsonl
from stages.index.params import KnowledgeBaseParams
from stages.index.store import load_index
from stages.params import load
from stages.progress import say
from stages.questions import read_questions
from stages.retrieve import run
from stages.retrieve.metrics import evaluate
from stages.retrieve.params import RetrievalParams
from stages.retrieve.retriever import PassageRetriever


@exits_cleanly
def main() -> None:
    params = load("retrieval", RetrievalParams)
    embedding = load("knowledge_base", KnowledgeBaseParams).embedding
    questions = read_questions()
    knowledge_base = load_index(Path("data/index"), Path("data/chunks/chunks.jsonl"), embedding)
    run.check_evidence(questions, knowledge_base)
    retriever = PassageRetriever(
        knowledge_base=knowledge_base, embedder=Embedder(embedding), params=params, k=run.depth(params)
    )
    documents, timings = run.retrieve_all(questions, retriever)
    found = {question.id: [run.span(d) for d in row] for question, row in zip(questions, documents, strict=True)}
    rows = [run.contexts(question, row, params.top_k) for question, row in zip(questions, documents, strict=True)]
    metrics = evaluate(questions, found, knowledge_base.chunks, params.recall_at)

    write_jsonl(Path("data/contexts/contexts.jsonl"), rows)
    write_jsonl(Path("data/timings/retrieve.jsonl"), timings)
    write_json(Path("metrics/retrieve.json"), metrics)
    for group in sorted({key.partition(".")[0] for key in metrics}):
        values = ", ".join(f"{k.partition('.')[2]} {v}" for k, v in metrics.items() if k.startswith(f"{group}."))
        say(f"{group}: {values}")


if __name__ == "__main__":
    main()
