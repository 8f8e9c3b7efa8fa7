"""Section `knowledge_base` of params.yaml."""

from typing import Literal

from pydantic import Field

from stages.embedding import EmbeddingParams
from stages.params import Section


class BM25Params(Section):
    """Okapi BM25 in Lucene's variant (Kamphuis et al. 2020, "Which BM25 do you mean?")."""

    k1: float = Field(ge=0, le=10)  # how slowly repeated words stop counting
    b: float = Field(ge=0, le=1)  # how much long passages are held back
    heading_weight: int = Field(ge=0, le=10)  # times that title and section are counted beside the text


class KnowledgeBaseParams(Section):
    backend: Literal["faiss"]
    index_factory: str = Field(min_length=1)  # of FAISS: Flat, HNSW32, "IVF16,Flat", …
    bm25: BM25Params
    embedding: EmbeddingParams
