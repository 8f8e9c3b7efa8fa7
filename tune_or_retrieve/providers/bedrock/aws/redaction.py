"""Keeps credentials, which AWS quotes in some messages, out of what a person or a log sees."""

import os
import re

HIDDEN = "[hidden]"
SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
)  # fmt: skip
SECRETS = (
    re.compile(r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}\b"),  # access key ids
    re.compile(  # named values: in URLs, headers, canonical requests and XML
        r"(?i)\b(?P<name>x-amz-(security-token|signature|credential)|(session|security|bearer|api)[-_ ]?token"
        r"|secret[-_ ]?(access[-_ ]?)?key|(aws)?access[-_ ]?key[-_ ]?id|signature|credential|authorization)"
        r"(?P<mark>[\"']?\s*[:=>]\s*[\"']?)[^\s\"'&,<]+"
    ),
    re.compile(  # secret keys as they are: 40 characters of base64, not a hexadecimal digest
        r"(?<![\w/+=])(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])(?=[\w/+]*\d)[A-Za-z0-9/+]{40}(?![\w/+=])"
    ),
    re.compile(r"(?<![\w/+=])[A-Za-z0-9/+_=-]{120,}"),  # tokens; ARNs and keys in S3 have : or . before that
)


def hidden(text: str) -> str:
    """The text without anything that is, or looks like, a credential."""
    for name in SECRET_VARIABLES:
        if value := os.environ.get(name, "").strip():  # messages write a line break at its end as \\n
            text = text.replace(value, HIDDEN)
    for pattern in SECRETS:
        named = "name" in pattern.groupindex
        text = pattern.sub(rf"\g<name>\g<mark>{HIDDEN}" if named else HIDDEN, text)
    return text
