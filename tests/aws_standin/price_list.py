"""AWS's Price List, of which one operation is played: the products of Bedrock, by usage type."""

import json
from typing import Any

from .errors import Answer, AwsError
from .state import Settings

SERVICE, OPERATION = "pricing", "GetProducts"
PER_1K_TOKENS = {
    "USE1-NovaMicro-input-tokens": 0.000035,
    "USE1-NovaMicro-output-tokens": 0.00014,
    "USE1-NovaMicro-Customization-Training": 0.001,
    "USE1-NovaLite-input-tokens": 0.00006,
    "USE1-NovaLite-output-tokens": 0.00024,
    "USE1-NovaLite-Customization-Training": 0.002,
}


def listed(settings: Settings, params: dict[str, Any]) -> Answer:
    """Raises NotFoundException for another service."""
    if params["ServiceCode"] != "AmazonBedrock":
        raise AwsError("NotFoundException", "The service is not known.", 400)
    wanted = {one["Field"]: one["Value"] for one in params["Filters"] if one["Type"] == "TERM_MATCH"}
    prices = {name: price for name, price in (PER_1K_TOKENS | settings.prices).items() if name == wanted["usagetype"]}
    body = {"FormatVersion": "aws_v1", "PriceList": [_product(name, price) for name, price in prices.items()]}
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _product(usage_type: str, price: float) -> str:
    dimension = {"unit": "1K tokens", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return json.dumps(
        {
            "serviceCode": "AmazonBedrock",
            "product": {"attributes": {"regionCode": "us-east-1", "usagetype": usage_type}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}},
        }
    )
