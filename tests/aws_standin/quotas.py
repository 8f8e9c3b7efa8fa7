"""Service Quotas, of which one operation is played: the list for Bedrock, by the names that real accounts show."""

from typing import Any

from .errors import Answer, AwsError, json_answer
from .state import Settings

SERVICE, OPERATION = "service-quotas", "ListServiceQuotas"
PER_MINUTE = {
    "On-demand model inference tokens per minute for Amazon Nova Micro": 4_000_000.0,
    "Cross-region model inference tokens per minute for Amazon Nova Micro": 8_000_000.0,
    "Cross-region model inference tokens per minute for Amazon Nova 2 Lite": 8_000_000.0,
    "Cross-region model inference tokens per minute for Amazon Nova Lite": 8_000_000.0,
    "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1": 200_000.0,
    "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.6": 1_000_000.0,
    "Global cross-region model inference tokens per minute for Anthropic Claude Haiku 4.5": 2_000_000.0,
    "Cross-region model inference tokens per minute for Meta Llama 3.3 70B Instruct": 600_000.0,
    "(Knowledge Bases) ListDataSources requests per second": 10.0,
}


def listed(settings: Settings, params: dict[str, Any]) -> Answer:
    """A page of at most three, so that paging is tried. Raises NoSuchResourceException for another service."""
    if params.get("ServiceCode") != "bedrock":
        raise AwsError("NoSuchResourceException", "The service is not known.", 400)
    named = sorted((PER_MINUTE | settings.quotas).items())
    start = int(params.get("NextToken", 0))
    quotas = [{"QuotaName": name, "Value": value, "ServiceCode": "bedrock"} for name, value in named[start : start + 3]]
    more = {"NextToken": str(start + 3)} if start + 3 < len(named) else {}
    return json_answer({"Quotas": quotas} | more)
