"""Quotas of Bedrock that can be read: the tokens a minute of each model. New accounts are given none of some."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tune_or_retrieve.money.prices import AREA
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault, aws, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients

# As Service Quotas names them, of before and after 2026; what follows is the model's name for people.
NAMED = re.compile(
    r"(on-demand|(?:global )?cross-region) (?:model inference|invokemodel) tokens per minute for (.+)", re.IGNORECASE
)
VERSION = re.compile(r"(?:-\d{8})?(?:-v\d+)?(?::\d+)*(?::\d+k)?$")  # at the end of a model's id
NO_TOKENS = (
    "0 tokens a minute: every call would be throttled. Ask for more in the AWS console under Service Quotas, Amazon "
    "Bedrock ({name}), or choose another model."
)


@dataclass(frozen=True)
class PerMinute:
    """Tokens a minute by the quota's name."""

    values: Mapping[str, float]

    def of(self, model: str) -> str:
        """What is said of a model. Raises AwsFault if its quota is 0."""
        wanted = "cross-region" if AREA.match(model) else "on-demand"
        wanted = "global cross-region" if model.startswith("global.") else wanted
        for name, value in self.values.items():
            how, people = NAMED.fullmatch(name).groups()
            if how.lower() != wanted or not re.fullmatch(rf"[a-z]*?{_plain(model)}(?:v\d+)?", _squash(people)):
                continue
            if value == 0:
                raise AwsFault(NO_TOKENS.format(name=name))
            return f"{value:,.0f} tokens a minute"
        return "not listed under a known name; see the AWS console, Service Quotas"


def per_minute(clients: Clients) -> PerMinute:
    """Raises StageError if AWS refuses; the right is servicequotas:ListServiceQuotas."""
    values = {}
    with aws("reading the quotas"):
        for page in clients.service_quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock"):
            for one in member(page, "Quotas"):
                if NAMED.fullmatch(one.get("QuotaName", "")) and "Value" in one:
                    values[one["QuotaName"]] = one["Value"]
    return PerMinute(values)


def _plain(model: str) -> str:
    """us.anthropic.claude-haiku-4-5-20251001-v1:0 is claudehaiku45."""
    return _squash(VERSION.sub("", AREA.sub("", model).partition(".")[2]))


def _squash(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
