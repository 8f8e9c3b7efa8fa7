"""A model of Amazon Bedrock. Imports no boto3: params are checked without it."""

from typing import Literal

from pydantic import ConfigDict, ValidationInfo, field_validator

from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.providers.bedrock.aws.param_types import TunedArn
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams, ConverseParams
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams
from tune_or_retrieve.providers.bedrock.tuning.hosting_params import HostingParams


class BedrockModel(ModelParams, ConverseParams):
    """A model of Amazon Bedrock: `model` answers as it is, the one trained from `customization` is hosted."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["bedrock"]
    customization: CustomizationParams | None = None  # None: it is not fine-tuned here
    hosting: HostingParams = HostingParams()
    # ARN of what hosts a model that was tuned elsewhere from this one. None: `customization` says how to make it.
    tuned: TunedArn | None = None

    @field_validator("tuned")
    @classmethod
    def _is_not_made_here(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("customization") is not None:
            raise ValueError("must be null where there is a section customization, which makes another model")
        return value

    @property
    def base_of_tuned(self) -> str:
        """Replies of both are parsed alike and cost the same."""
        return self.plain


class Asked(BatchParams):
    """A model that judges or writes pairs, optionally by a batch job."""

    provider: Literal["bedrock"]


Model = BedrockModel
