"""The parts of a knowledge base: each is looked for by its name, made if it is not there, and looked for again."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsConflict, AwsMissing
from tune_or_retrieve.providers.bedrock.aws.faults import aws, found, member
from tune_or_retrieve.providers.bedrock.aws.roles import Role, when_known
from tune_or_retrieve.providers.bedrock.aws.session import Clients

# What Bedrock stores with a vector. S3 Vectors allows 2,048 bytes of filterable metadata, and texts are longer.
STORED_ONLY = ["AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA", "title"]
REMAKE = "Make it again: dvc repro --force --single-item index, then `dvc repro`."
SECONDS = 5.0  # between two looks at what takes AWS at most a minute

T = TypeVar("T")


def index_arn(clients: Clients, name: str) -> str:
    """Of the vector index, which is the only one in a vector bucket of the same name."""
    return clients.arn("s3vectors", f"bucket/{name}/index/{name}")


def base_named(clients: Clients, name: str) -> Mapping[str, Any] | None:
    """The knowledge base as AWS describes it."""
    with aws(f"looking for the knowledge base {name}"):
        for page in clients.bedrock_agent.get_paginator("list_knowledge_bases").paginate():
            for one in member(page, "knowledgeBaseSummaries"):
                if one["name"] == name:
                    return base_seen(clients, one["knowledgeBaseId"])
    return None


def base_seen(clients: Clients, base_id: str) -> Mapping[str, Any] | None:
    """The knowledge base of this id as it is now; None if it is gone."""
    with aws(f"looking at the knowledge base {base_id}"):
        seen = found(lambda: clients.bedrock_agent.get_knowledge_base(knowledgeBaseId=base_id))
        return seen and member(seen, "knowledgeBase")


def source_named(clients: Clients, base_id: str, name: str) -> Mapping[str, Any] | None:
    """The data source as AWS describes it."""
    for one in sources(clients, base_id):
        if one["name"] == name:
            return source_seen(clients, base_id, one["dataSourceId"])
    return None


def sources(clients: Clients, base_id: str) -> list[Mapping[str, Any]]:
    """Short descriptions of all data sources; none if the knowledge base is gone."""
    with aws(f"listing the data sources of the knowledge base {base_id}"):
        pages = clients.bedrock_agent.get_paginator("list_data_sources").paginate(knowledgeBaseId=base_id)
        return [one for page in found(lambda: list(pages)) or [] for one in member(page, "dataSourceSummaries")]


def source_seen(clients: Clients, base_id: str, source_id: str) -> Mapping[str, Any] | None:
    with aws(f"looking at the data source {source_id}"):
        ids = {"knowledgeBaseId": base_id, "dataSourceId": source_id}
        seen = found(lambda: clients.bedrock_agent.get_data_source(**ids))
        return seen and member(seen, "dataSource")


def vectors_in(clients: Clients, name: str) -> bool | None:
    """Whether the vector index holds any; None if there is no index."""
    with aws(f"looking at the vector index {name}"):
        in_it = {"vectorBucketName": name, "indexName": name}
        listed = found(lambda: clients.s3vectors.list_vectors(**in_it, maxResults=1))
        return None if listed is None else bool(member(listed, "vectors"))


def ensure_index(clients: Clients, name: str, dimensions: int, tags: Mapping[str, str]) -> None:
    """A vector bucket and, in it, an index, both of this name. Raises StageError if AWS refuses."""
    client, bucket = clients.s3vectors, {"vectorBucketName": name}
    _found_or_made(
        f"making the vector bucket {name}",
        lambda: found(lambda: client.get_vector_bucket(**bucket)),
        lambda: client.create_vector_bucket(**bucket, tags=dict(tags)),
    )
    shape = {"dataType": "float32", "dimension": dimensions, "distanceMetric": "cosine"}
    stored = {"metadataConfiguration": {"nonFilterableMetadataKeys": STORED_ONLY}}
    _found_or_made(
        f"making the vector index {name}",
        lambda: found(lambda: client.get_index(**bucket, indexName=name)),
        lambda: client.create_index(**bucket, indexName=name, **shape, **stored, tags=dict(tags)),
    )


def ensure_base(
    clients: Clients, name: str, role: Role, request: Mapping[str, Any], tags: Mapping[str, str], watch: Watch
) -> str:
    """The id of the knowledge base, once it is ACTIVE.

    Raises:
        StageError: AWS refuses, or could not bring it up, with its reasons.
    """

    def make() -> Mapping[str, Any]:
        # No token of ours: AWS remembers those of what was deleted since, and the name is taken only once anyway.
        call = {"name": name, "roleArn": role.arn, "tags": dict(tags), **request}
        made = when_known(role, lambda: clients.bedrock_agent.create_knowledge_base(**call), watch)
        watch.say(f"knowledge base {name}: made")
        return member(made, "knowledgeBase")

    base = _found_or_made(f"making the knowledge base {name}", lambda: base_named(clients, name), make)
    base_id = base["knowledgeBaseId"]
    if base["status"] != "ACTIVE":
        base = quick(watch).until(
            lambda: base_seen(clients, base_id) or {"status": "GONE"},
            lambda seen: seen["status"] not in ("CREATING", "UPDATING"),
            lambda seen: f"knowledge base {name}: {seen['status']}",
        )
    if base["status"] != "ACTIVE":
        raise StageError(
            f"knowledge base {name}: is {base['status']}: {reasons(base)}. Fix the cause and run `dvc repro`, which "
            "removes it and makes another."
        )
    return base_id


def ensure_source(clients: Clients, base_id: str, name: str, request: Mapping[str, Any]) -> str:
    """The id of the data source. Raises StageError if AWS refuses."""

    def make() -> Mapping[str, Any]:
        made = clients.bedrock_agent.create_data_source(knowledgeBaseId=base_id, name=name, **request)
        return member(made, "dataSource")

    find = functools.partial(source_named, clients, base_id, name)
    return _found_or_made(f"making the data source {name}", find, make)["dataSourceId"]


def gone(knowledge_base_id: str, region: str, what: str, code: str = "") -> AwsMissing:
    """The fault to raise where a part of a knowledge base, `what`, was there and no longer is."""
    return AwsMissing(
        f"knowledge base {knowledge_base_id} in {region}: {what} no longer there, deleted since the index stage made "
        f"it, by someone else or by a run with other params. {REMAKE}",
        code,
    )


def _found_or_made(doing: str, find: Callable[[], T | None], make: Callable[[], T]) -> T:
    """What is found, else made; and where AWS says that it exists, since its lists lag, found after all."""
    with aws(doing):
        if (there := find()) is not None:
            return there
        try:
            with aws(doing):
                return make()
        except AwsConflict:
            if (there := find()) is None:
                raise
            return there


def quick(watch: Watch) -> Watch:
    return replace(watch, every=min(watch.every, SECONDS))


def reasons(seen: Mapping[str, Any]) -> str:
    """What AWS says of a failure, as one line without a full stop."""
    said = "; ".join(" ".join(reason.split()).rstrip(".") for reason in seen.get("failureReasons") or [])
    return said or "AWS gives no reason"
