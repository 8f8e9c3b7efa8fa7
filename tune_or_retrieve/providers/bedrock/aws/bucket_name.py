"""The name of a bucket in params. Imports nothing of AWS."""

import re
from typing import Annotated

from pydantic import AfterValidator

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # of S3's rules what can be seen in the name
RULE = "must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"


def _checked(name: str) -> str:
    if not BUCKET_NAME.fullmatch(name):
        raise ValueError(RULE)
    return name


BucketName = Annotated[str, AfterValidator(_checked)]
