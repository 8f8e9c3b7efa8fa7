"""Keys of a knowledge base on Bedrock, section `knowledge_base.bedrock` of params.yaml. Imports nothing of AWS."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.providers.bedrock.aws.param_types import BucketName, RoleArn, in_words

DIMENSIONS = {"amazon.titan-embed-text-v2": (256, 512, 1024)}  # of models that have several, by the start of their ids


class OpenSearchParams(Section):
    """A collection of OpenSearch Serverless that exists, with an index in it; it costs while it idles."""

    collection_arn: str = Field(pattern=r"^arn:aws[a-z-]*:aoss:[a-z0-9-]+:[0-9]{12}:collection/[a-z0-9-]{3,40}$")
    index_name: Filled
    vector_field: Filled
    text_field: Filled
    metadata_field: Filled


class BedrockBaseParams(Section):
    """A knowledge base of Bedrock; None where something is made, or taken from the AWS profile."""

    region: Filled | None = None
    bucket: BucketName | None = None
    role_arn: RoleArn | None = None
    # Studies of one account that differ in it leave each other's articles and knowledge bases alone.
    study: str = Field(default="study", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=30)
    store: Literal["s3_vectors", "opensearch_serverless"]
    opensearch_serverless: OpenSearchParams | None  # read with that store only
    embedding_model: Filled  # id of a Bedrock model: amazon.titan-embed-text-v2:0
    dimensions: int = Field(ge=1, le=4096)  # of its vectors
    max_failed_share: float = Field(ge=0, le=1)  # of the documents, that could not be indexed; more stops the stage

    @property
    def sent_to(self) -> str:
        return in_words(self.region)

    @field_validator("embedding_model")
    @classmethod
    def _is_id(cls, value: str) -> str:
        if value.startswith("arn:"):
            raise ValueError("must be the id of a foundation model, as in amazon.titan-embed-text-v2:0, not an ARN")
        return value

    @field_validator("dimensions")
    @classmethod
    def _dimensions_there(cls, value: int, info: ValidationInfo) -> int:
        asked = str(info.data.get("embedding_model"))
        for model, known in DIMENSIONS.items():
            if asked.startswith(model) and value not in known:
                raise ValueError(f"must be one of {', '.join(map(str, known))} with {asked}")
        return value

    @model_validator(mode="after")
    def _collection_given(self) -> "BedrockBaseParams":
        if self.store == "opensearch_serverless" and self.opensearch_serverless is None:
            raise ValueError("store opensearch_serverless needs the section opensearch_serverless: it is not made")
        return self
