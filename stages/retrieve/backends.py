"""The backend that passages come from: what the index stage built, even if params say otherwise now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from stages.index.params import MANAGED, KnowledgeBaseParams
from stages.retrieve import run
from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.records import ELSEWHERE, Chunk, Question, Span, Timed

INDEX, CHUNKS = Path("data/index"), Path("data/chunks/chunks.jsonl")

Rows = list[list[Document]]


@dataclass(frozen=True)
class Backend:
    """A retriever, and how to read its results."""

    retriever: BaseRetriever
    chunks: Sequence[Chunk] | None  # all there are; None: they cannot be enumerated, so nDCG is not computed
    check: Callable[[Sequence[Question]], None]  # raises StageError for evidence that it does not contain
    located: Callable[[Rows], Rows] = lambda rows: rows  # adds offsets in articles to what was found
    span: Callable[[Document], Span] = run.span
    timed_on: Timed = ELSEWHERE
    metrics: dict[str, Any] = field(default_factory=dict)  # what metrics/retrieve.json says about it


def open_backend(params: RetrievalParams, base: KnowledgeBaseParams, how: RunParams) -> Backend:
    """Raises StageError if the index is missing or damaged, or cannot do what params ask for."""
    return _managed(params) if (INDEX / MANAGED).is_file() else _local(params, base, how)


def _local(params: RetrievalParams, base: KnowledgeBaseParams, how: RunParams) -> Backend:
    from stages.retrieve.retriever import PassageRetriever
    from tune_or_retrieve.providers.faiss.knowledge_base import load_index, read_fallback
    from tune_or_retrieve.vectors.embedding import Embedder

    knowledge_base = load_index(INDEX, CHUNKS, base.faiss.embedding)
    embedder = Embedder(base.faiss.embedding, how)
    retriever = PassageRetriever(knowledge_base=knowledge_base, embedder=embedder, params=params, k=run.depth(params))
    metrics: dict[str, Any] = {}
    if fallback := read_fallback(INDEX):
        metrics["backend"] = f"faiss, because bedrock could not be had ({fallback.reason})"
    device, threads = "cpu", 1  # for BM25, which embeds nothing
    if params.mode != "bm25":
        device, threads = embedder.compute.device, embedder.compute.threads
        metrics |= {"embedding_device": device, "embedding_dtype": embedder.compute.dtype}
    return Backend(
        retriever,
        knowledge_base.chunks,
        lambda questions: run.check_evidence(questions, knowledge_base),
        timed_on=Timed(**machine.here(device, threads)),
        metrics=metrics,
    )


def _managed(params: RetrievalParams) -> Backend:
    from tune_or_retrieve.base.corpus import read_articles, read_text
    from tune_or_retrieve.money.cost import Usage
    from tune_or_retrieve.money.spending import CHARACTERS_PER_TOKEN, Spending
    from tune_or_retrieve.providers.bedrock.aws.session import clients
    from tune_or_retrieve.providers.bedrock.knowledge_base.build import check, read_built
    from tune_or_retrieve.providers.bedrock.knowledge_base.retriever import (
        locate,
        make_retriever,
        passage_span,
        search_type,
    )

    built = read_built(INDEX / MANAGED)
    aws, articles = clients(built.region), list(read_articles())
    search = search_type(params.mode, built.store)
    spending = Spending("retrieve", built.embedding_model)
    check(aws, built)
    by_id = {article.id: article for article in articles}

    def hold(questions: Sequence[Question]) -> None:
        run.check_given(questions)
        texts: dict[str, str] = {}
        for question in questions:
            for evidence in question.evidence:
                if evidence.article_id in by_id and evidence.article_id not in texts:
                    texts[evidence.article_id] = read_text(by_id[evidence.article_id])
                text = texts.get(evidence.article_id)
                if text is None or sha256_text(text[evidence.start : evidence.end]) != evidence.sha256:
                    raise StageError(
                        f"question {question.id}: article {evidence.article_id} does not hold its evidence at "
                        f"{evidence.start}–{evidence.end}. Moved passages are found again by: tune-or-retrieve "
                        "evidence refresh data/eval/questions.jsonl"
                    )
        # Every question is embedded, the first one twice. Recorded in advance, so that a kill hides nothing.
        characters = sum(len(one.question) for one in (questions[0], *questions))
        usage = Usage(built.embedding_model, input_tokens=-(-characters // CHARACTERS_PER_TOKEN))
        spending.check(usage, f"searching for {len(questions)} questions")
        spending.record(usage, about=True)

    return Backend(
        make_retriever(aws.bedrock_agent_runtime, built.knowledge_base_id, run.depth(params), search),
        None,
        hold,
        lambda rows: locate(rows, articles, built.root),
        passage_span,
        metrics={"backend": f"bedrock ({built.store})", "documents": built.documents, "documents_failed": built.failed},
    )
