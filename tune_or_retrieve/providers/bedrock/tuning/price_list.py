"""What AWS's own Price List says about the prices in params.yaml, which are dated and no bill."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.money.prices import Prices, names
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients

SERVICE = "AmazonBedrock"
# A usage type is this prefix, the family and what is paid for. Models of other makers are sold by AWS Marketplace.
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


def entries(region: str, prices: Prices, called: Iterable[str], tuned: Iterable[str]) -> list[Entry]:
    """Of those models whose usage types are known (see `usage_types`).

    Args:
        called: ids of the models that are paid by tokens.
        tuned: ids of the base models that are fine-tuned.
    """
    found: dict[str, Entry] = {}
    for model in called:
        key, prefix = _key(model, prices.per_million_tokens), usage_types(region, model)
        price = prices.per_million_tokens.get(key)
        for field in ("input", "output") if prefix else ():
            ours, where = getattr(price, field, None), f"prices.per_million_tokens.{key}.{field}"
            found[where] = Entry(where, ours, f"{prefix}-{field}-tokens", PER_MILLION)
    for model in tuned:
        key, prefix = _key(model, prices.training_per_1k_tokens), usage_types(region, model)
        if prefix:
            where = f"prices.training_per_1k_tokens.{key}"
            found[where] = Entry(where, prices.training_per_1k_tokens.get(key), f"{prefix}-Customization-Training")
    return list(found.values())


def usage_types(region: str, model: str) -> str | None:
    """How the usage types of a model begin; None if that is not known: a global profile has others."""
    family = None if model.startswith("global.") else FAMILY.get(names(model)[-1])
    return f"{PREFIX[region]}-{family}" if family and region in PREFIX else None


def _key(model: str, table: Mapping[str, Any]) -> str:
    """The name under which the model stands in the table, or would."""
    return next((name for name in names(model) if name in table), names(model)[-1])


def dearer(entry: Entry, listed: float) -> bool:
    """Whether AWS charges more than the table says, beyond rounding. A price that is not known counts as too low."""
    return entry.ours is None or listed * entry.units > entry.ours * (1 + ROUNDING)


def check(clients: Clients, prices: Prices, base_model: str) -> None:
    """Call it before a job is paid for under a budget. If the Price List does not say, the table is used, with a note.

    Raises:
        StageError: AWS charges more for training than the table says, with which the budget is checked.
    """
    asked = entries(clients.region, prices, (), [base_model])
    if not asked:
        say(f"the price of training {base_model} was not compared: its name in AWS's Price List is not known")
    for one in asked:
        try:
            listed = dollars(clients, one.usage_type)
        except StageError as fault:
            say(f"the price of training {base_model} was not compared with AWS's Price List: {fault}")
            continue
        if listed is None:
            say(f"the price of training {base_model} was not compared: AWS's Price List has no {one.usage_type}")
        elif one.ours is not None and dearer(one, listed):
            raise StageError(
                f"{one.key} in params.yaml is {one.ours:g}, but AWS charges {listed:g} ({one.usage_type} in its "
                "Price List), so budget_usd would be checked with too low a price. Nothing was started. Correct it."
            )


def dollars(clients: Clients, usage_type: str) -> float | None:
    """Of 1,000 tokens, without discounts; the highest if there are several. None if AWS lists none.

    Raises StageError if AWS refuses; the permission is pricing:GetProducts.
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
