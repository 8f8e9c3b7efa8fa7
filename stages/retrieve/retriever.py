"""A LangChain retriever over our own knowledge base, so that another retriever can replace it."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, InstanceOf

from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base.records import Chunk
from tune_or_retrieve.providers.faiss.knowledge_base import KnowledgeBase
from tune_or_retrieve.providers.faiss.ranking import Ranking, fuse, rank_bm25, rank_dense
from tune_or_retrieve.vectors.embedding import Embeds


class PassageRetriever(BaseRetriever):
    """Finds passages by meaning, by words, or by both. Metadata of a document: the fields of its chunk, and `score`.

    With hierarchical chunking children are found and their parents returned; a parent is returned once, at the rank of
    its best child.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge_base: InstanceOf[KnowledgeBase]
    embedder: Any  # of Embeds; a protocol cannot be checked by pydantic
    params: RetrievalParams
    k: int  # passages to find

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        depth = max(self.k, self.params.candidates) if self.params.mode == "hybrid" else self.k
        while True:
            found = distinct_passages(self.knowledge_base.chunks, self._rank(query, depth))
            if len(found) >= self.k or depth >= len(self.knowledge_base.chunks):
                break
            depth *= 2  # many children of few parents: look deeper
        return [_document(chunk, score) for chunk, score in found[: self.k]]

    def _rank(self, query: str, depth: int) -> Ranking:
        mode = self.params.mode
        dense = rank_dense(self.knowledge_base, self._embed(query), depth) if mode != "bm25" else []
        words = rank_bm25(self.knowledge_base, query, depth) if mode != "dense" else []
        if mode == "hybrid":
            weight = self.params.dense_weight
            return fuse([dense, words], [weight, 1 - weight], self.params.rrf_k)
        return dense or words

    def _embed(self, query: str):
        embedder: Embeds = self.embedder
        return embedder.embed([query])[0]


def distinct_passages(chunks, ranking: Ranking) -> list[tuple[Chunk, float]]:
    """Chunks of a ranking, only the best of those with the same passage."""
    found: dict[tuple[str, int, int], tuple[Chunk, float]] = {}
    for row, score in ranking:
        chunk = chunks[row]
        found.setdefault((chunk.article_id, chunk.context_start, chunk.context_end), (chunk, score))
    return list(found.values())


def _document(chunk: Chunk, score: float) -> Document:
    metadata = chunk.model_dump(exclude={"text", "context", "text_header", "context_header"}) | {"score": score}
    return Document(id=chunk.id, page_content=chunk.full_context, metadata=metadata)
