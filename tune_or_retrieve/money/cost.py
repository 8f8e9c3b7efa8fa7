"""What Bedrock costs: dollars for what was used, by the table in params.yaml. Imports no boto3."""

from dataclasses import dataclass

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.prices import Prices, names

MILLION = 1_000_000
THOUSAND = 1000


class PriceUnknown(StageError):
    """The table has the model with null: a price that nobody has looked up yet."""


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


def in_dollars(prices: Prices) -> Prices:
    """Raises StageError if the table is in another currency: Bedrock's prices and `budget_usd` are in US dollars."""
    if prices.currency != "USD":
        raise StageError(f"params.yaml: prices.currency: must be USD for Bedrock. Got {prices.currency!r}.")
    return prices


def cost(usage: Usage, prices: Prices) -> float:
    """Dollars. A fine-tuned Nova on demand has its base model's price: name the base model.

    Raises:
        PriceUnknown: the price is null in the table.
        StageError: the table has no price; nothing is ever assumed to be free.
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


def cost_or_none(usage: Usage, prices: Prices) -> float | None:
    """As `cost`; None where the price in the table is null."""
    try:
        return cost(usage, prices)
    except PriceUnknown:
        return None


def per_hour(base_model: str, units: int, prices: Prices) -> float:
    """Dollars an hour of provisioned throughput, as long as it exists. Raises StageError without a price."""
    return units * _of(prices.provisioned_per_hour, base_model, "provisioned_per_hour", prices)


def _of(table: dict, model: str, key: str, prices: Prices):
    found = next((name for name in names(model) if name in table), None)
    if found is None:
        raise StageError(
            f"params.yaml: the price table of {prices.as_of} has no {key} for {model}, so its cost cannot be known. "
            f"Add it, as {names(model)[-1]}, or correct the id: `tune-or-retrieve doctor` says whether it exists. "
            f"Known: {', '.join(table) or 'none'}."
        )
    if table[found] is None:
        raise PriceUnknown(f"price not known: enter it in params.yaml as prices.{key}.{found}")
    return table[found]
