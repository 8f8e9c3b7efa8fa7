"""Section `knowledge_base.faiss` of params.yaml: the knowledge base on this machine."""

from typing import Literal

from pydantic import Field

from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.text.languages import SNOWBALL, UNSTEMMED
from tune_or_retrieve.vectors.embedding import EmbeddingParams


class BM25Params(Section):
    """Okapi BM25 in Lucene's variant (Kamphuis et al. 2020, "Which BM25 do you mean?")."""

    k1: float = Field(ge=0, le=10)  # how slowly repeated words saturate
    b: float = Field(ge=0, le=1)  # how much long passages are penalised
    heading_weight: int = Field(ge=0, le=10)  # times that title and section count besides the text
    # How words are stemmed; auto: as the language of each article asks for
    language: Literal["auto", UNSTEMMED, *sorted(set(SNOWBALL.values()))] = "auto"


class FaissParams(Section):
    index_factory: Filled  # of FAISS: Flat, HNSW32, "IVF16,Flat", …
    bm25: BM25Params
    embedding: EmbeddingParams
