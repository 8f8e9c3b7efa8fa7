"""Kinds of what a knowledge base is made of, from its running ingestion to its role, in the order of removal.

A knowledge base, its data source, its vector bucket with the index in it and its role bear one name. So what a removal
that was cut off left behind is found by any of them. A collection of OpenSearch Serverless and a role of the user's
are left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault, found, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, are_ours, study_of_base
from tune_or_retrieve.providers.bedrock.aws.removal import NOTHING, Kind, Resource, look, remove_all, status_of, tags_of
from tune_or_retrieve.providers.bedrock.aws.roles import remove_role, roles_of_ours
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.knowledge_base.ingestion import RUNNING
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import base_seen, quick, sources

INGESTION, SOURCE, BASE = "ingestion job", "data source", "knowledge base"
INDEX, VECTORS, ROLE = "vector index", "vector bucket", "role"
BY_THE_GIGABYTE = "what its gigabytes cost at S3: cents"
YOUR_COLLECTION = "nothing; its OpenSearch Serverless collection is yours, costs while idle and stays"


def remove_bases(clients: Clients, wanted: Callable[[str], bool], why: str, watch: Watch) -> None:
    """Remove knowledge bases with all that was made for them, and wait until they are gone.

    Args:
        wanted: whether it is to go, by its name.
        why: for the message, after its name.

    Raises:
        StageError: AWS refuses, or could not delete a part. The next call goes on from there.
    """
    kinds = (*base_kinds(wanted), role_kind((SOURCE, BASE), wanted))
    seen, unseen = look(clients, kinds)
    for name in sorted({one.name.partition("/")[0] for one in seen}):
        watch.say(f"knowledge base {name}: {why}")
    left = unseen or (remove_all(clients, kinds, quick(watch)) if seen else [])
    if left:
        first = left[0]
        raise first.why if isinstance(first.why, AwsFault) else StageError(f"{first}: {first.why}")


def of_study(study: str) -> Callable[[str], bool]:
    """Whether a name is that of a knowledge base of the study."""
    return lambda name: study_of_base(name) == study


def base_kinds(wanted: Callable[[str], bool] = lambda name: True) -> tuple[Kind, ...]:
    """All but the roles, limited to the knowledge bases and vector buckets whose names are wanted."""

    def bases(clients: Clients) -> Iterator[Resource]:
        agent = clients.bedrock_agent
        for page in agent.get_paginator("list_knowledge_bases").paginate():
            for listed in member(page, "knowledgeBaseSummaries"):
                if not (listed["name"].startswith(PROJECT) and wanted(listed["name"])):
                    continue
                one = base_seen(clients, listed["knowledgeBaseId"])  # None: deleted since it was listed
                if one and are_ours(_tags(agent, one["knowledgeBaseArn"])):
                    store = (one.get("storageConfiguration") or {}).get("type")
                    idle = YOUR_COLLECTION if store == "OPENSEARCH_SERVERLESS" else NOTHING
                    yield Resource(BASE, one["name"], one["knowledgeBaseId"], one["status"], idle)

    def data_sources(clients: Clients) -> Iterator[Resource]:
        for base in bases(clients):
            for one in sources(clients, base.id):
                name = f"{base.name}/{one['name']}"
                yield Resource(SOURCE, name, one["dataSourceId"], one["status"], parent=base.id)

    def ingestions(clients: Clients) -> Iterator[Resource]:
        for source in data_sources(clients):
            pages = clients.bedrock_agent.get_paginator("list_ingestion_jobs").paginate(**_ids(source))
            # None: the data source was deleted since it was listed.
            for page in found(lambda pages=pages: list(pages)) or []:
                for one in member(page, "ingestionJobSummaries"):
                    if one["status"] in RUNNING:
                        name, parent = f"{source.name}/{one['ingestionJobId']}", f"{source.parent}/{source.id}"
                        idle = "the tokens it embeds, while it runs"
                        yield Resource(INGESTION, name, one["ingestionJobId"], one["status"], idle, None, parent)

    def buckets(clients: Clients) -> Iterator[Resource]:
        for page in clients.s3vectors.get_paginator("list_vector_buckets").paginate(prefix=PROJECT):
            for one in member(page, "vectorBuckets"):
                name, arn = one["vectorBucketName"], one["vectorBucketArn"]
                if wanted(name) and are_ours(_tags(clients.s3vectors, arn)):
                    yield Resource(VECTORS, name, arn)

    def indexes(clients: Clients) -> Iterator[Resource]:
        """All in a bucket of ours that carry our name: the bucket itself was made for them."""
        for bucket in buckets(clients):
            pages = clients.s3vectors.get_paginator("list_indexes").paginate(vectorBucketArn=bucket.id, prefix=PROJECT)
            for page in found(lambda pages=pages: list(pages)) or []:
                for one in member(page, "indexes"):
                    name = f"{bucket.name}/{one['indexName']}"
                    yield Resource(INDEX, name, one["indexArn"], "", BY_THE_GIGABYTE, None, bucket.id)

    return (
        Kind(
            INGESTION, ingestions,
            lambda clients, one: clients.bedrock_agent.stop_ingestion_job(**_job_ids(one)),
            _ingestion_status,
            verb="stop",
        ),
        Kind(
            SOURCE, data_sources,
            lambda clients, one: clients.bedrock_agent.delete_data_source(**_ids(one)),
            lambda clients, one: status_of(
                lambda: clients.bedrock_agent.get_data_source(**_ids(one)), "dataSource", "status"
            ),
            after=(INGESTION,), failed=("DELETE_UNSUCCESSFUL",), rescue=_retain,
        ),
        Kind(
            BASE, bases,
            lambda clients, one: clients.bedrock_agent.delete_knowledge_base(knowledgeBaseId=one.id),
            lambda clients, one: status_of(
                lambda: clients.bedrock_agent.get_knowledge_base(knowledgeBaseId=one.id), "knowledgeBase", "status"
            ),
            after=(INGESTION, SOURCE), busy=("CREATING", "UPDATING"), failed=("DELETE_UNSUCCESSFUL",),
        ),
        Kind(
            INDEX, indexes,
            lambda clients, one: clients.s3vectors.delete_index(indexArn=one.id),
            lambda clients, one: status_of(lambda: clients.s3vectors.get_index(indexArn=one.id), "index", "indexName"),
            after=(SOURCE, BASE),
        ),
        Kind(
            VECTORS, buckets,
            lambda clients, one: clients.s3vectors.delete_vector_bucket(vectorBucketArn=one.id),
            lambda clients, one: status_of(
                lambda: clients.s3vectors.get_vector_bucket(vectorBucketArn=one.id), "vectorBucket", "vectorBucketName"
            ),
            after=(SOURCE, BASE, INDEX),
        ),
    )  # fmt: skip


def role_kind(after: tuple[str, ...], wanted: Callable[[str], bool] = lambda name: True) -> Kind:
    """Roles of ours, which go once nothing of the kinds in `after` needs them."""
    return Kind(
        ROLE,
        lambda clients: (Resource(ROLE, name, name) for name in roles_of_ours(clients) if wanted(name)),
        lambda clients, one: remove_role(clients, one.id),
        lambda clients, one: status_of(lambda: clients.iam.get_role(RoleName=one.id), "Role", "RoleName"),
        after=after,
    )


def _tags(client: Any, arn: str) -> Mapping[str, str]:
    return tags_of(lambda: client.list_tags_for_resource(resourceArn=arn))


def _ids(one: Resource) -> dict[str, str]:
    return {"knowledgeBaseId": one.parent, "dataSourceId": one.id}


def _job_ids(one: Resource) -> dict[str, str]:
    base, source = one.parent.split("/")
    return {"knowledgeBaseId": base, "dataSourceId": source, "ingestionJobId": one.id}


def _ingestion_status(clients: Clients, one: Resource) -> str | None:
    look = clients.bedrock_agent.get_ingestion_job
    status = status_of(lambda: look(**_job_ids(one)), "ingestionJob", "status")
    return status if status in RUNNING else None


def _retain(clients: Clients, one: Resource) -> None:
    """A data source whose vectors cannot be deleted goes without them: the store is deleted after it anyway."""
    agent = clients.bedrock_agent
    source = member(agent.get_data_source(**_ids(one)), "dataSource")
    kept = ("name", "description", "dataSourceConfiguration", "serverSideEncryptionConfiguration")
    kept += ("vectorIngestionConfiguration",)
    given = {name: source[name] for name in kept if name in source}
    agent.update_data_source(**_ids(one), **given, dataDeletionPolicy="RETAIN")
    agent.delete_data_source(**_ids(one))
