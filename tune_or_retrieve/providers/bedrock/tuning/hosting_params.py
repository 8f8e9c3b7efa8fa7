"""How a fine-tuned model is hosted, in an entry of `models` with provider `bedrock`. Imports nothing of AWS."""

from typing import Literal

from pydantic import Field

from tune_or_retrieve.base.params import Section


class ProvisionedParams(Section):
    """Throughput that is paid for by the hour from its creation until it is deleted."""

    units: int = Field(ge=1, le=100)
    commitment: Literal["none", "1 month", "6 months"]
    price_per_hour: float = Field(gt=0)  # of one unit with this commitment, as the Bedrock console shows it
    confirmed: bool  # true: the price has been seen, start it


class HostingParams(Section):
    kind: Literal["on_demand", "provisioned"] = "on_demand"
    provisioned: ProvisionedParams | None = None  # read with kind: provisioned
