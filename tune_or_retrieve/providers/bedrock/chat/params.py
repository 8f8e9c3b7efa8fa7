"""An entry of `models` with provider `bedrock`, and a judge's model. Imports no boto3: local runs check params too."""

from pydantic import Field, ValidationInfo, field_validator

from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.money.prices import AREA
from tune_or_retrieve.providers.bedrock.aws.param_types import BucketName, RoleArn, in_words


class ConverseParams(Section):
    """A chat model of Amazon Bedrock."""

    model: Filled  # id, inference profile, or ARN (of a deployment, a throughput, a profile)
    base_model: Filled | None = Field(default=None, validate_default=True)  # id of the model behind an ARN
    region: Filled | None = None  # None: that of the AWS profile

    @field_validator("base_model")
    @classmethod
    def _is_known(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and str(info.data.get("model", "")).startswith("arn:"):
            raise ValueError("must be the id of the foundation model behind `model`, which is an ARN")
        if value is not None and value.startswith("arn:"):
            raise ValueError("must be the id of a foundation model, as in amazon.nova-micro-v1:0, not an ARN")
        return value

    @property
    def foundation(self) -> str:
        """The id by which answers are parsed and prices are looked up, without area: amazon.nova-micro-v1:0."""
        return AREA.sub("", self.base_model or self.model)

    @property
    def plain(self) -> str:
        """Without the window that customisation adds: amazon.nova-micro-v1:0 for amazon.nova-micro-v1:0:128k."""
        return ":".join(self.foundation.split(":")[:2])

    @property
    def billed_as(self) -> str:
        """The id under which its price is found: an inference profile may have its own, an ARN has its model's."""
        return self.foundation if self.base_model else self.model

    @property
    def sent_to(self) -> str:
        return in_words(self.region)

    @property
    def maker(self) -> str:
        """Who made the model, as langchain-aws names providers: amazon, anthropic, meta."""
        return self.foundation.partition(".")[0]


class BatchParams(ConverseParams):
    """A chat model whose calls can wait, and so can be made by one batch job."""

    batch: bool = False  # true: one job at half price, of 100 calls or more; it may take hours
    bucket: BucketName | None = None  # of a batch job's files; None: one is made
    role_arn: RoleArn | None = None  # that Bedrock assumes for a batch job; None: one is made
    retry: int = Field(default=0, ge=0, le=100)  # jobs beyond the first that may be paid for if those before failed
