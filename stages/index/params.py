"""Section `knowledge_base` of params.yaml."""

from typing import Literal

from pydantic import Field, model_validator

from stages.bedrock.bucket_name import BucketName
from stages.bedrock.knowledge_base_params import ManagedBaseParams
from stages.bedrock.role_arn import RoleArn
from stages.embedding import EmbeddingParams
from stages.params import Filled, Section


class BM25Params(Section):
    """Okapi BM25 in Lucene's variant (Kamphuis et al. 2020, "Which BM25 do you mean?")."""

    k1: float = Field(ge=0, le=10)  # how slowly repeated words stop counting
    b: float = Field(ge=0, le=1)  # how much long passages are held back
    heading_weight: int = Field(ge=0, le=10)  # times that title and section are counted beside the text


class BedrockBaseParams(ManagedBaseParams):
    """A knowledge base of Bedrock; None where one is made, or taken from the AWS profile."""

    region: Filled | None = None
    bucket: BucketName | None = None
    role_arn: RoleArn | None = None


class KnowledgeBaseParams(Section):
    backend: Literal["faiss", "bedrock"]
    fallback: Literal["faiss", "none"] = "none"  # where Bedrock has no credentials, no access or no answer
    index_factory: Filled  # of FAISS: Flat, HNSW32, "IVF16,Flat", …
    bm25: BM25Params
    embedding: EmbeddingParams
    bedrock: BedrockBaseParams | None = None  # read with backend: bedrock

    @model_validator(mode="after")
    def _bedrock_given(self) -> "KnowledgeBaseParams":
        if self.backend == "bedrock" and self.bedrock is None:
            raise ValueError("backend bedrock needs the section knowledge_base.bedrock")
        return self
