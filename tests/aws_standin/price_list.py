"""AWS's Price List, of which one operation is played: the products of Bedrock, by usage type."""

import json
from typing import Any

from .errors import Answer, AwsError, json_answer
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
    """A page of one product, so that paging is tried. Raises NotFoundException for another service."""
    if params["ServiceCode"] != "AmazonBedrock":
        raise AwsError("NotFoundException", "The service is not known.", 400)
    wanted = {one["Field"]: one["Value"] for one in params["Filters"] if one["Type"] == "TERM_MATCH"}
    usage_type = wanted["usagetype"]
    known = [(PER_1K_TOKENS[usage_type], "1K tokens")] if usage_type in PER_1K_TOKENS else []
    prices = settings.prices.get(usage_type, known)
    at = int(params.get("NextToken", 0))
    body = {"FormatVersion": "aws_v1", "PriceList": [_product(usage_type, *one) for one in prices[at : at + 1]]}
    if at + 1 < len(prices):
        body["NextToken"] = str(at + 1)
    return json_answer(body)


def _product(usage_type: str, price: float, unit: str) -> str:
    dimension = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return json.dumps(
        {
            "serviceCode": "AmazonBedrock",
            "product": {"attributes": {"regionCode": "us-east-1", "usagetype": usage_type}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}},
        }
    )
