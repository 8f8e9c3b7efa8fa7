"""Names, tags and client tokens that follow from content, so that the same work is found again and never done twice."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tune_or_retrieve.base.files import content_key

PROJECT = "tune-or-retrieve"
STAGE_TAG, KEY_TAG = f"{PROJECT}:stage", f"{PROJECT}:key"
LONGEST = 63  # of jobs, models, deployments and buckets; roles have 64 and knowledge bases 100
KEY_CHARACTERS = 12
BASES = f"{PROJECT}-kb-"  # what the names of knowledge bases begin with
WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # what all services accept, S3 Vectors being the strictest


def resource_name(what: str, key: str, attempt: int = 1) -> str:
    """The name of a job, model, role or the like, for instance tune-or-retrieve-micro-0123456789ab.

    Args:
        what: lower-case words joined by hyphens.
        key: of tune_or_retrieve.base.files.content_key, over everything that the resource depends on.
        attempt: from the second on it is part of the name, since a failed job keeps its own for ever.

    Raises:
        ValueError: `what` is not such words, or the name would have more than 63 characters.
    """
    name = f"{PROJECT}-{what}-{key[:KEY_CHARACTERS]}" + (f"-{attempt}" if attempt > 1 else "")
    if not WORD.fullmatch(what) or len(name) > LONGEST:
        raise ValueError(f"not a name that every AWS service takes: {name!r}")
    return name


def attempts(first: str, listed: Iterable[Mapping[str, Any]], named: str) -> dict[int, Mapping[str, Any]]:
    """The entries of a list that have a name of resource_name, by attempt in rising order.

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
    """The name of a knowledge base and of all that is made for it. `study`: lower-case words, at most 30 characters."""
    return resource_name(f"kb-{study}", key)


def study_of_base(name: str) -> str | None:
    """The study that a knowledge base's name was made for; None if the name is of another kind."""
    found = re.fullmatch(rf"{BASES}(.+)-[0-9a-f]{{{KEY_CHARACTERS}}}", name)
    return found[1] if found else None


def client_token(*parts: object) -> str:
    """64 hexadecimal digits, the same for equal JSON, by which AWS recognises a repeated request."""
    return content_key("client token", *parts)


def tags(stage: str, key: str) -> dict[str, str]:
    """The tags of everything that is made, by which it is found when local state is lost.

    Args:
        stage: the stage that makes it.
        key: of tune_or_retrieve.base.files.content_key, whole.
    """
    return {PROJECT: PROJECT, STAGE_TAG: stage, KEY_TAG: key}


def are_ours(found: Mapping[str, str]) -> bool:
    """Whether tags are those of something that this project made."""
    return found.get(PROJECT) == PROJECT


def pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the client `bedrock` takes them; bedrock-agent and s3vectors take the mapping itself."""
    return [{"key": name, "value": value} for name, value in named.items()]


def capital_pairs(named: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as s3 and iam take them."""
    return [{"Key": name, "Value": value} for name, value in named.items()]


def unpaired(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The mapping again, from either kind of pairs."""
    return {pair.get("key") or pair["Key"]: pair["value"] if "value" in pair else pair["Value"] for pair in listed}
