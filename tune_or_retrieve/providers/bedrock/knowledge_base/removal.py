"""Removal of knowledge bases and of all that was made for them, in the order that AWS demands; may be repeated.

Each bears one name: the knowledge base, the vector bucket with its index, the role. So what a removal that was cut off
left behind is found by any of them. A collection of OpenSearch Serverless and a role of the user's are left alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, found, member
from tune_or_retrieve.providers.bedrock.aws.names import BASES, are_ours, study_of_base
from tune_or_retrieve.providers.bedrock.aws.roles import remove_role, roles_of_ours
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.knowledge_base import ingestion
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import (
    base_arn,
    base_seen,
    quick,
    reasons,
    source_seen,
    sources,
)


@dataclass(frozen=True)
class Remains:
    """What is left of one knowledge base."""

    name: str
    base_id: str | None
    vector_bucket: bool
    role: bool

    @property
    def parts(self) -> list[str]:
        """Each in words, in the order of removal."""
        named = [f"knowledge base {self.name} ({self.base_id}) and its data source"] if self.base_id else []
        named += [f"vector bucket {self.name} and its index"] if self.vector_bucket else []
        return named + ([f"role {self.name}"] if self.role else [])


def remains(clients: Clients, study: str | None = None) -> list[Remains]:
    """What of ours is in the account and region, of one study or of all; by name.

    Raises:
        StageError: AWS refuses.
    """
    bases, buckets, roles = _bases(clients), _vector_buckets(clients), roles_of_ours(clients)
    ours = {name: study_of_base(name) for name in (*bases, *buckets, *roles)}
    names = {name for name, of in ours.items() if of is not None and study in (None, of)}
    return [Remains(name, bases.get(name), name in buckets, name in roles) for name in sorted(names)]


def remove(clients: Clients, one: Remains, watch: Watch | None = None) -> None:
    """Delete it and wait until it is gone. What is gone already is no fault.

    Raises:
        StageError: AWS refuses, or could not delete a part, with its reasons. The next call goes on from there.
    """
    watch = quick(watch or Watch())
    if one.base_id:
        _remove_base(clients, one.name, one.base_id, watch)
    if one.vector_bucket:
        _remove_vectors(clients, one.name)
    if one.role:  # last: Bedrock needs it to delete vectors
        remove_role(clients, one.name)


def _bases(clients: Clients) -> dict[str, str]:
    """Ids by name, of those that bear our tags."""
    named = {}
    with aws("listing the knowledge bases"):
        for page in clients.bedrock_agent.get_paginator("list_knowledge_bases").paginate():
            for one in member(page, "knowledgeBaseSummaries"):
                if study_of_base(one["name"]):
                    named[one["name"]] = one["knowledgeBaseId"]
    return {name: base_id for name, base_id in named.items() if _is_ours(clients, base_id)}


def _is_ours(clients: Clients, base_id: str) -> bool:
    with aws(f"reading the tags of the knowledge base {base_id}"):
        arn = base_arn(clients, base_id)
        listed = found(lambda: clients.bedrock_agent.list_tags_for_resource(resourceArn=arn))
        return listed is not None and are_ours(member(listed, "tags"))


def _vector_buckets(clients: Clients) -> set[str]:
    with aws("listing the vector buckets"):
        pages = clients.s3vectors.get_paginator("list_vector_buckets").paginate(prefix=BASES)
        return {one["vectorBucketName"] for page in pages for one in member(page, "vectorBuckets")}


def _remove_base(clients: Clients, name: str, base_id: str, watch: Watch) -> None:
    def look() -> Mapping[str, Any] | None:
        return base_seen(clients, base_id)

    seen = _until(watch, look, ("CREATING", "UPDATING", "DELETING"), f"knowledge base {name}")
    if seen is None:
        return
    for one in sources(clients, base_id):
        _remove_source(clients, ingestion.Source(name, base_id, one["dataSourceId"]), watch)
    with aws(f"deleting the knowledge base {name}"):
        found(lambda: clients.bedrock_agent.delete_knowledge_base(knowledgeBaseId=base_id))
    seen = _until(watch, look, ("DELETING",), f"knowledge base {name}")
    if seen is not None:
        raise _stays(f"knowledge base {name} ({base_id})", seen)


def _remove_source(clients: Clients, source: ingestion.Source, watch: Watch) -> None:
    def look() -> Mapping[str, Any] | None:
        return source_seen(clients, source.base_id, source.id)

    def delete() -> Mapping[str, Any] | None:
        with aws(f"deleting the data source of {source.name}"):
            found(lambda: clients.bedrock_agent.delete_data_source(**source.ids))
        return _until(watch, look, ("DELETING",), f"data source of {source.name}")

    seen = _until(watch, look, ("DELETING",), f"data source of {source.name}")
    if seen is not None and seen["status"] != "DELETE_UNSUCCESSFUL":
        _stop(clients, source, watch)
        seen = delete()
    if seen is not None:  # the vector store or the role is gone, so that there is nothing to delete in it
        keep = {
            name: seen[name] for name in ("dataSourceConfiguration", "vectorIngestionConfiguration") if name in seen
        }
        with aws(f"letting go of the vectors of {source.name}"):
            clients.bedrock_agent.update_data_source(
                **source.ids, name=seen["name"], dataDeletionPolicy="RETAIN", **keep
            )
        seen = delete()
    if seen is not None:
        raise _stays(f"data source of {source.name} ({source.id})", seen)


def _stop(clients: Clients, source: ingestion.Source, watch: Watch) -> None:
    """End the ingestion that runs: nothing can be deleted under it."""
    job = ingestion.latest(clients, source)
    if job is not None and job["status"] in ("STARTING", "IN_PROGRESS"):
        with aws(f"stopping the ingestion into {source.name}"):
            try:
                clients.bedrock_agent.stop_ingestion_job(**source.ids, ingestionJobId=job["ingestionJobId"])
            except ClientError as fault:
                if code(fault) != "ConflictException":  # it has ended by itself
                    raise
    ingestion.settle(clients, source, watch)


def _remove_vectors(clients: Clients, name: str) -> None:
    with aws(f"deleting the vector index {name}"):
        found(lambda: clients.s3vectors.delete_index(vectorBucketName=name, indexName=name))
    with aws(f"deleting the vector bucket {name}"):
        found(lambda: clients.s3vectors.delete_vector_bucket(vectorBucketName=name))


def _until(
    watch: Watch, look: Callable[[], Mapping[str, Any] | None], while_in: tuple[str, ...], what: str
) -> Mapping[str, Any] | None:
    """What is seen when it is no longer in these states; None if it is gone."""
    seen = watch.until(
        lambda: look() or {"status": "gone"},
        lambda seen: seen["status"] not in while_in,
        lambda seen: f"{what}: {seen['status']}",
    )
    return None if seen["status"] == "gone" else seen


def _stays(what: str, seen: Mapping[str, Any]) -> StageError:
    return StageError(
        f"{what}: could not be deleted, it is {seen['status']}: {reasons(seen)}. Mend the cause and run again; what is "
        "deleted already stays so."
    )
