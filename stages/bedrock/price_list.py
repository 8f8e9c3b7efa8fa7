"""What AWS's own Price List says of prices that params.yaml has: the table there is dated, and nobody's bill."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.bedrock.faults import AwsFault, aws, member
from stages.bedrock.session import Clients
from stages.errors import StageError
from stages.prices import Prices, names

SERVICE = "AmazonBedrock"
# A usage type is this, the family and what is paid for. Nova is fine-tuned in us-east-1 alone.
PREFIX = {"us-east-1": "USE1", "us-west-2": "USW2"}
FAMILY = {
    "amazon.nova-micro-v1:0": "NovaMicro",
    "amazon.nova-lite-v1:0": "NovaLite",
    "amazon.nova-pro-v1:0": "NovaPro",
    "amazon.nova-2-lite-v1:0": "Nova2.0Lite",
}
UNIT, PER_MILLION = "1k tokens", 1000
ROUNDING = 1e-4  # relative; of what the Price List writes with ten digits


@dataclass(frozen=True)
class Entry:
    """A price as params.yaml has it (None: not known), and AWS's name for what it is the price of."""

    key: str
    ours: float | None
    usage_type: str
    units: int = 1  # of the Price List's, 1,000 tokens, in the one of `ours`


def entries(region: str, prices: Prices, asked: Iterable[str], tuned: Iterable[str]) -> Iterator[Entry]:
    """Of the models whose usage types are known: those of Amazon; others are sold by AWS Marketplace.

    Args:
        asked: ids of the models that are called.
        tuned: ids of the base models that are fine-tuned.
    """
    for model, prefix in _known(region, asked):
        key = _key(model, prices.per_million_tokens)
        price = prices.per_million_tokens.get(key)
        for field in ("input", "output"):
            ours = None if price is None else getattr(price, field)
            yield Entry(f"prices.per_million_tokens.{key}.{field}", ours, f"{prefix}-{field}-tokens", PER_MILLION)
    for model, prefix in _known(region, tuned):
        key = _key(model, prices.training_per_1k_tokens)
        ours = prices.training_per_1k_tokens.get(key)
        yield Entry(f"prices.training_per_1k_tokens.{key}", ours, f"{prefix}-Customization-Training")


def _known(region: str, models: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each model of Amazon once, and how its usage types begin."""
    by_family = {FAMILY.get(names(model)[-1]): model for model in models if region in PREFIX}
    for family, model in by_family.items():
        if family:
            yield model, f"{PREFIX[region]}-{family}"


def _key(model: str, table: Mapping[str, Any]) -> str:
    """The name under which the model stands in the table, or would."""
    return next((name for name in names(model) if name in table), names(model)[-1])


def check(clients: Clients, prices: Prices, base_model: str) -> None:
    """Before a job is paid for. Raises StageError if AWS asks more for training than the table by which it was held.

    Where the Price List may not be read, or has nothing of it, the table has to do.
    """
    for one in entries(clients.region, prices, (), [base_model]):
        with contextlib.suppress(AwsFault):
            listed = dollars(clients, one.usage_type)
            if listed is not None and one.ours is not None and listed > one.ours * (1 + ROUNDING):
                raise StageError(
                    f"{one.key} in params.yaml is {one.ours:g}, but AWS asks {listed:g} ({one.usage_type} in its Price "
                    "List), so that budget_usd would be held by too low a price. Nothing was started. Correct it."
                )


def dollars(clients: Clients, usage_type: str) -> float | None:
    """Of 1,000 tokens, without discounts; the dearest where there are several. None if AWS lists none.

    Raises StageError if AWS refuses; the right is pricing:GetProducts.
    """
    wanted = [{"Type": "TERM_MATCH", "Field": "usagetype", "Value": usage_type}]
    found = []
    with aws("reading AWS's Price List"):
        pages = clients.pricing.get_paginator("get_products").paginate(ServiceCode=SERVICE, Filters=wanted)
        for product in (json.loads(one) for page in pages for one in member(page, "PriceList")):
            for term in product.get("terms", {}).get("OnDemand", {}).values():
                for one in term.get("priceDimensions", {}).values():
                    if one.get("unit", "").lower() == UNIT and "USD" in one.get("pricePerUnit", {}):
                        found.append(float(one["pricePerUnit"]["USD"]))
    return max(found, default=None)
