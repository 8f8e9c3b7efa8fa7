"""The section `prices`: a dated table of what things cost, for the report and for all that pays. Imports no boto3."""

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from tune_or_retrieve.base.params import Filled, Section

# cross-region inference profiles of Bedrock put an area before a model's id: us.amazon.nova-micro-v1:0
AREA = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|sa|global)\.")


def _date(value: str) -> str:
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("must be a date like '2026-11-22'") from None


Price = Annotated[float, Field(ge=0)]


class TokenPrice(Section):
    """Price of a million tokens of a chat or an embedding model that is billed by tokens."""

    input: Price
    output: Price = 0.0  # embedding models have none
    cache_read: Price | None = None  # None: as input
    cache_write: Price | None = None


class Prices(Section):
    """What a call costs: by tokens for the models in `per_million_tokens`, by time on this machine for all others.

    Models are listed by their id, or by that of an inference profile if it has a price of its own.
    """

    as_of: Annotated[str, AfterValidator(_date)]  # prices change: whatever shows one shows this date
    currency: Filled = "USD"  # Amazon Bedrock bills in USD
    compute_per_hour: Price | None = None  # of this machine; None: not known, and then no cost of it is shown
    per_million_tokens: dict[str, TokenPrice]
    batch_share: float = Field(default=0.5, ge=0, le=1)  # of the price by tokens, for batch inference
    training_per_1k_tokens: dict[str, Price | None] = Field(default_factory=dict)  # by base model; None: not known
    storage_per_model_month: Price | None = None  # None: not known
    # Of one model unit without commitment, by base model.
    provisioned_per_hour: dict[str, Price] = Field(default_factory=dict)

    def of_tokens(self, model: str) -> TokenPrice | None:
        """The price by tokens of a model, named as `names` allows; None if it has none."""
        return next((self.per_million_tokens[name] for name in names(model) if name in self.per_million_tokens), None)


def names(model: str) -> list[str]:
    """The names under which a table may list a model, the most exact first: without ARN, area, window."""
    short = model.rsplit("/", 1)[-1]
    bare = AREA.sub("", short)
    head, _, window = bare.rpartition(":")
    without_window = head if window[-1:] == "k" and window[:-1].isdigit() else bare  # amazon.nova-micro-v1:0:128k
    return list(dict.fromkeys([model, short, bare, without_window]))
