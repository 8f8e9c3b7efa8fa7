"""Names of AWS in params, checked by what can be seen in them. Imports nothing of AWS."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator


def in_words(region: str | None) -> str:
    """Where text goes. `region`: as in params, None: that of the AWS profile."""
    return f"Amazon Bedrock in {region or 'the region of the AWS profile'}"


def _matching(pattern: str, rule: str) -> Any:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {rule}")
        return text

    return Annotated[str, AfterValidator(check)]


BucketName = _matching(
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
)
RoleArn = _matching(r"arn:aws[a-z-]*:iam::\d{12}:role/(.+/)?[^/]+", "like arn:aws:iam::123456789012:role/NAME")
# What is paid for by token as its base model is, or by the hour. Imported models are paid for otherwise.
TunedArn = _matching(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:(custom-model-deployment|provisioned-model)/[^/]+",
    "the ARN of a custom-model-deployment or a provisioned-model",
)
