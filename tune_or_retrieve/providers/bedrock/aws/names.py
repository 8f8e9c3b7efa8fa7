"""Names, tags and client tokens that follow from content: the same work is found again, and never made twice."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key

PROJECT = "tune-or-retrieve"
STAGE_TAG, KEY_TAG = f"{PROJECT}:stage", f"{PROJECT}:key"
LONGEST = 63  # of jobs, models, deployments and buckets; roles have 64 and knowledge bases 100
KEY_CHARACTERS = 12
BASES = f"{PROJECT}-kb-"  # what the names of knowledge bases begin with
WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # what all the services take, S3 Vectors the strictest

# Bedrock's own tags allow fewer characters than those of other services.
TAG_TEXT = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")


def resource_name(what: str, key: str, attempt: int = 1) -> str:
    """The name of a job, model, role or the like, for instance tune-or-retrieve-micro-0123456789ab.

    Args:
        what: lower-case words joined by hyphens.
        key: of tune_or_retrieve.base.files.content_key, over everything that the resource depends on.
        attempt: from the second on it is part of the name: a failed job keeps its own for ever.

    Raises:
        ValueError: `what` is not such words, or the name would have more than 63 characters.
    """
    name = f"{PROJECT}-{what}-{key[:KEY_CHARACTERS]}" + (f"-{attempt}" if attempt > 1 else "")
    if not WORD.fullmatch(what) or len(name) > LONGEST:
        raise ValueError(f"not a name that every AWS service takes: {name!r}")
    return name


def attempts(first: str, listed: Iterable[Mapping[str, Any]], named: str = "jobName") -> dict[int, Mapping[str, Any]]:
    """What of a list bears a name of resource_name, by attempt in rising order.

    Args:
        first: the name of the first attempt.
        named: the member that holds the names of those listed.
    """
    name = re.compile(rf"{re.escape(first)}(?:-(\d+))?")
    found = {int(match[1] or 1): one for one in listed if (match := name.fullmatch(one[named]))}
    return dict(sorted(found.items()))


def words(text: str) -> str:
    """Any text as lower-case words joined by hyphens, for `what` above: "Nova_Micro v1" is nova-micro-v1."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def base_name(study: str, key: str) -> str:
    """The name of a knowledge base and of all that is made for it. `study`: lower-case words, at most 30 letters."""
    return resource_name(f"kb-{study}", key)


def study_of_base(name: str) -> str | None:
    """The study that a knowledge base's name was made for; None if the name is of another kind."""
    found = re.fullmatch(rf"{BASES}(.+)-[0-9a-f]{{{KEY_CHARACTERS}}}", name)
    return found[1] if found else None


def client_token(*parts: object) -> str:
    """64 hexadecimal digits, the same for equal JSON: what AWS knows a repeated request by (33 to 256 characters)."""
    return content_key("client token", *parts)


def tags(stage: str, key: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of everything that is made, by which it is found when local state is lost.

    Args:
        stage: the stage that makes it.
        key: of tune_or_retrieve.base.files.content_key, whole.
        extra: the user's own; they cannot stand in for ours.

    Raises:
        StageError: one of the user's tags has characters or a length that AWS does not allow, or is one of ours.
    """
    for name, value in (extra or {}).items():
        fits = TAG_TEXT.fullmatch(name) and TAG_TEXT.fullmatch(value) and 1 <= len(name) <= 128 and len(value) <= 256
        if not fits or name.startswith((PROJECT, "aws:")):
            raise StageError(
                f"tag {name!r}: {value!r} is not allowed: letters, digits, spaces and . _ : / = + @ -, at most 128 in "
                f"the name and 256 in the value, and no name that begins with {PROJECT} or aws:."
            )
    return {**(extra or {}), PROJECT: PROJECT, STAGE_TAG: stage, KEY_TAG: key}


def are_ours(found: Mapping[str, str], stage: str | None = None, key: str | None = None) -> bool:
    """Whether tags are of something that this project made, for the stage and the content key if they are given."""
    wanted = {PROJECT: PROJECT, STAGE_TAG: stage, KEY_TAG: key}
    return all(found.get(name) == value for name, value in wanted.items() if value is not None)


def pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the client `bedrock` takes them; bedrock-agent and s3vectors take the mapping."""
    return [{"key": name, "value": value} for name, value in named.items()]


def capital_pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as s3 and iam take them."""
    return [{"Key": name, "Value": value} for name, value in named.items()]


def unpaired(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The mapping again, of either kind of pairs."""
    return {pair.get("key") or pair["Key"]: pair["value"] if "value" in pair else pair["Value"] for pair in listed}
