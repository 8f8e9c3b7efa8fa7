"""How Bedrock trains a model, in an entry of `models` with provider `bedrock`. Imports nothing of AWS."""

from decimal import Decimal

from pydantic import Field

from tune_or_retrieve.base.params import Filled, Section
from tune_or_retrieve.providers.bedrock.aws.param_types import BucketName, RoleArn


class CustomizationParams(Section):
    """What is trained and how, with the ranges that AWS documents for Nova; the batch size is AWS's own."""

    base_model: Filled  # an id that can be customised: amazon.nova-micro-v1:0:128k
    epochs: int = Field(ge=1, le=5)
    learning_rate: float = Field(ge=1e-6, le=1e-4)
    warmup_steps: int = Field(ge=0, le=100)
    retry: int = Field(default=0, ge=0, le=100)  # jobs beyond the first that may be paid for if those before failed
    wait: bool = True  # false: submit and stop; the next `dvc repro` goes on
    role_arn: RoleArn | None = None  # that Bedrock assumes to read and write the data; None: one is made
    bucket: BucketName | None = None  # of the data; None: tune-or-retrieve-<account>-<region>

    def hyperparameters(self) -> dict[str, str]:
        """As the job takes them: strings without exponents."""
        return {
            "epochCount": str(self.epochs),
            "learningRate": f"{Decimal(repr(self.learning_rate)):f}",
            "learningRateWarmupSteps": str(self.warmup_steps),
        }
