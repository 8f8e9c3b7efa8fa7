"""A model of Amazon Bedrock. Imports no boto3: params are checked without it."""

from typing import Literal

from pydantic import ConfigDict

from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams, ConverseParams
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams
from tune_or_retrieve.providers.bedrock.tuning.hosting_params import HostingParams


class BedrockModel(ModelParams, ConverseParams):
    """A model of Amazon Bedrock: `model` answers as it is, the one trained from `customization` is hosted."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["bedrock"]
    customization: CustomizationParams | None = None  # None: it cannot be fine-tuned
    hosting: HostingParams = HostingParams()


class Asked(BatchParams):
    """A model that judges or writes pairs, optionally by a batch job."""

    provider: Literal["bedrock"]


Model = BedrockModel
