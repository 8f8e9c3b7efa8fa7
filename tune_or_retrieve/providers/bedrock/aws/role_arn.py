"""The ARN of a role in params. Imports nothing of AWS."""

import re
from typing import Annotated

from pydantic import AfterValidator

ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def _checked(arn: str) -> str:
    if not ROLE.fullmatch(arn):
        raise ValueError("must be like arn:aws:iam::123456789012:role/NAME")
    return arn


RoleArn = Annotated[str, AfterValidator(_checked)]
