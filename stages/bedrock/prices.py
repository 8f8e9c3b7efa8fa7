"""What Bedrock costs: a dated table in params.yaml, and the dollars of what was used. Imports no boto3."""

import datetime
from dataclasses import dataclass

from pydantic import Field, field_validator

from stages.bedrock.chat_params import AREA
from stages.errors import StageError
from stages.params import Section

MILLION = 1_000_000
THOUSAND = 1000


class TokenPrice(Section):
    """Dollars per million tokens of a chat or an embedding model."""

    input: float = Field(ge=0)
    output: float = Field(default=0.0, ge=0)  # embedding models have none
    cache_read: float | None = Field(default=None, ge=0)  # None: as input
    cache_write: float | None = Field(default=None, ge=0)


class PricesTable(Section):
    """US dollars. Models by their id, or by that of an inference profile where it has a price of its own."""

    as_of: str  # prices change: whatever shows one shows this date
    per_million_tokens: dict[str, TokenPrice]
    batch_share: float = Field(default=0.5, ge=0, le=1)  # of the price, for batch inference
    training_per_1k_tokens: dict[str, float] = Field(default_factory=dict)  # by base model
    storage_per_model_month: float | None = Field(default=None, ge=0)  # None: not known
    provisioned_per_hour: dict[str, float] = Field(
        default_factory=dict
    )  # of one model unit, no commitment, by base model

    @field_validator("as_of")
    @classmethod
    def _is_date(cls, value: str) -> str:
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("must be a date like '2026-11-22'") from None

    @field_validator("training_per_1k_tokens", "provisioned_per_hour")
    @classmethod
    def _not_negative(cls, value: dict[str, float]) -> dict[str, float]:
        if any(price < 0 for price in value.values()):
            raise ValueError("must hold no price below 0")
        return value


@dataclass(frozen=True)
class Usage:
    """What is billed by tokens. `model`: the id of a foundation model or inference profile, not a deployment's ARN."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    trained_tokens: int = 0  # tokens of the training set times epochs
    batch: bool = False

    @property
    def tokens(self) -> int:
        read_and_written = self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens
        return read_and_written + self.trained_tokens


def cost(usage: Usage, prices: PricesTable) -> float:
    """Dollars. A fine-tuned Nova on demand has its base model's price: name the base model.

    Raises:
        StageError: the table has no price; never taken for free.
    """
    dollars = 0.0
    if usage.trained_tokens:
        per_1k = _of(prices.training_per_1k_tokens, usage.model, "training_per_1k_tokens", prices)
        dollars += usage.trained_tokens * per_1k / THOUSAND
    if usage.tokens > usage.trained_tokens:
        price = _of(prices.per_million_tokens, usage.model, "per_million_tokens", prices)
        read = price.input if price.cache_read is None else price.cache_read
        write = price.input if price.cache_write is None else price.cache_write
        millionths = (
            usage.input_tokens * price.input
            + usage.output_tokens * price.output
            + usage.cache_read_tokens * read
            + usage.cache_write_tokens * write
        )
        dollars += millionths / MILLION * (prices.batch_share if usage.batch else 1.0)
    return dollars


def per_hour(base_model: str, units: int, prices: PricesTable) -> float:
    """Dollars an hour of provisioned throughput, as long as it exists. Raises StageError without a price."""
    return units * _of(prices.provisioned_per_hour, base_model, "provisioned_per_hour", prices)


def _of(table: dict, model: str, key: str, prices: PricesTable):
    for name in names(model):
        if name in table:
            return table[name]
    raise StageError(
        f"params.yaml: the price table of {prices.as_of} has no {key} for {model}, so that its cost cannot be known. "
        f"Add it, as {names(model)[-1]}. Known: {', '.join(table) or 'none'}."
    )


def names(model: str) -> list[str]:
    """The names under which a model may stand in a table, the most exact first: without ARN, area, window."""
    short = model.rsplit("/", 1)[-1]
    bare = AREA.sub("", short)
    head, _, window = bare.rpartition(":")
    without_window = head if window[-1:] == "k" and window[:-1].isdigit() else bare  # amazon.nova-micro-v1:0:128k
    return list(dict.fromkeys([model, short, bare, without_window]))
