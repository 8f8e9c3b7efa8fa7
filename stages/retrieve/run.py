"""Questions to passages and timings."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from stages.retrieve.metrics import NDCG_DEPTH
from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import ELSEWHERE, Chunk, Passage, Question, RetrievalTiming, Retrieved, Span, Timed

if TYPE_CHECKING:
    from tune_or_retrieve.providers.faiss.knowledge_base import KnowledgeBase

SCORE_DIGITS = 6


def depth(params: RetrievalParams) -> int:
    """How many passages to retrieve: those passed to the model, and what the metrics need beyond them."""
    return max(params.top_k, NDCG_DEPTH, *params.recall_at)


def retrieve_all(
    questions: Sequence[Question], retriever: BaseRetriever, timed_on: Timed = ELSEWHERE
) -> tuple[list[list[Document]], list[RetrievalTiming]]:
    """Documents and wall time of each question, one after the other, after one call that is not counted."""
    retriever.invoke(questions[0].question)
    documents, timings = [], []
    for question in track(questions, "retrieve", unit="questions", shorter="lower qa.test_questions"):
        start = time.perf_counter()
        found = retriever.invoke(question.question)
        seconds = time.perf_counter() - start
        timings.append(RetrievalTiming(question_id=question.id, seconds=seconds, **timed_on.model_dump()))
        documents.append(found)
    return documents, timings


def contexts(question: Question, documents: Sequence[Document], top_k: int) -> Retrieved:
    """What is passed to the model."""
    passages = [
        Passage(
            chunk_id=document.metadata["id"],
            article_id=document.metadata["article_id"],
            title=document.metadata["title"],
            section=document.metadata["section"],
            text=document.page_content,
            score=None if document.metadata["score"] is None else round(document.metadata["score"], SCORE_DIGITS),
        )
        for document in documents[:top_k]
    ]
    return Retrieved(question_id=question.id, passages=passages)


def span(document: Document) -> Span:
    """The span of a document's text in its article."""
    metadata = document.metadata
    return Span(article_id=metadata["article_id"], start=metadata["context_start"], end=metadata["context_end"])


def check_given(questions: Sequence[Question]) -> None:
    """Raises StageError if a question has no evidence."""
    if without := [question.id for question in questions if not question.evidence]:
        raise StageError(
            f"no evidence to find, so that retrieval cannot be measured: question {', '.join(without)}. "
            "Add it: tune-or-retrieve evidence."
        )


def check_evidence(questions: Sequence[Question], knowledge_base: "KnowledgeBase") -> None:
    """Refuse questions without evidence, and evidence that is not in the indexed articles.

    A span is compared if one passage contains it; the qa stage compares all of them with the articles.

    Raises:
        StageError: names every question without evidence, or whose evidence is gone or moved.
    """
    check_given(questions)
    by_article: dict[str, list[Chunk]] = {}
    for chunk in knowledge_base.chunks:
        by_article.setdefault(chunk.article_id, []).append(chunk)
    faults = []
    for question in questions:
        for evidence in question.evidence:
            chunks = by_article.get(evidence.article_id)
            if chunks is None:
                faults.append(f"question {question.id}: article {evidence.article_id} is not in the index.")
                continue
            for chunk in chunks:
                if chunk.context_start <= evidence.start and evidence.end <= chunk.context_end:
                    offset = chunk.context_start
                    text = chunk.context[evidence.start - offset : evidence.end - offset]
                    if sha256_text(text) != evidence.sha256:
                        faults.append(
                            f"question {question.id}: article {evidence.article_id} no longer holds its evidence at "
                            f"{evidence.start}–{evidence.end}."
                        )
                    break
    if faults:
        advice = "Moved passages are found again by: tune-or-retrieve evidence refresh data/eval/questions.jsonl"
        raise StageError("\n  ".join([f"{len(faults)} passages of evidence are not in the index:", *faults, advice]))
