"""Kinds of what a knowledge base is made of, from its running ingestion to its vectors: found by tags, in order."""

from collections.abc import Iterator, Sequence

from tune_or_retrieve.account.owned import NOTHING, Kind, Resource, Scope, status_of, tags_of
from tune_or_retrieve.providers.bedrock.aws.faults import member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, are_ours
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import base_seen

INGESTION, SOURCE, BASE = "ingestion job", "data source", "knowledge base"
INDEX, VECTORS = "vector index", "vector bucket"
ARN = "knowledgeBaseArn"
INGESTING = ("STARTING", "IN_PROGRESS", "STOPPING")
BY_THE_GIGABYTE = "what its gigabytes cost at S3: cents"
OF_YOURS = "nothing; its OpenSearch Serverless collection is yours, costs while idle and stays"


def _bases(clients: Clients, scope: Scope) -> Iterator[Resource]:
    agent = clients.bedrock_agent
    for page in agent.get_paginator("list_knowledge_bases").paginate():
        for listed in member(page, "knowledgeBaseSummaries"):
            one = base_seen(clients, listed["knowledgeBaseId"])  # None: deleted since it was listed
            if one and are_ours(tags_of(lambda one=one: agent.list_tags_for_resource(resourceArn=one[ARN]))):
                store = (one.get("storageConfiguration") or {}).get("type")
                idle = OF_YOURS if store == "OPENSEARCH_SERVERLESS" else NOTHING
                yield Resource(BASE, one["name"], one["knowledgeBaseId"], one["status"], idle)


def _sources(clients: Clients, scope: Scope) -> Iterator[Resource]:
    for base in _bases(clients, scope):
        pages = clients.bedrock_agent.get_paginator("list_data_sources").paginate(knowledgeBaseId=base.id)
        for page in pages:
            for one in member(page, "dataSourceSummaries"):
                name = f"{base.name}/{one['name']}"
                yield Resource(SOURCE, name, one["dataSourceId"], one["status"], parent=base.id)


def _ingestions(clients: Clients, scope: Scope) -> Iterator[Resource]:
    for source in _sources(clients, scope):
        pages = clients.bedrock_agent.get_paginator("list_ingestion_jobs").paginate(
            knowledgeBaseId=source.parent, dataSourceId=source.id
        )
        for page in pages:
            for one in member(page, "ingestionJobSummaries"):
                if one["status"] in INGESTING:
                    name, parent = f"{source.name}/{one['ingestionJobId']}", f"{source.parent}/{source.id}"
                    idle = "the tokens it embeds, while it runs"
                    yield Resource(INGESTION, name, one["ingestionJobId"], one["status"], idle, None, parent)


def _buckets(clients: Clients, scope: Scope) -> Iterator[Resource]:
    vectors = clients.s3vectors
    for page in vectors.get_paginator("list_vector_buckets").paginate(prefix=PROJECT):
        for one in member(page, "vectorBuckets"):
            arn = one["vectorBucketArn"]
            if are_ours(tags_of(lambda arn=arn: vectors.list_tags_for_resource(resourceArn=arn))):
                yield Resource(VECTORS, one["vectorBucketName"], arn)


def _indexes(clients: Clients, scope: Scope) -> Iterator[Resource]:
    """All in a bucket of ours that carry our name: the bucket itself was made for them."""
    for bucket in _buckets(clients, scope):
        pages = clients.s3vectors.get_paginator("list_indexes").paginate(vectorBucketArn=bucket.id, prefix=PROJECT)
        for page in pages:
            for one in member(page, "indexes"):
                name = f"{bucket.name}/{one['indexName']}"
                yield Resource(INDEX, name, one["indexArn"], "", BY_THE_GIGABYTE, None, bucket.id)


def _ids(one: Resource) -> dict[str, str]:
    return {"knowledgeBaseId": one.parent, "dataSourceId": one.id}


def _job_ids(one: Resource) -> dict[str, str]:
    base, source = one.parent.split("/")
    return {"knowledgeBaseId": base, "dataSourceId": source, "ingestionJobId": one.id}


def _stop(clients: Clients, one: Resource) -> None:
    if one.status != "STOPPING":
        clients.bedrock_agent.stop_ingestion_job(**_job_ids(one))


def _ingestion_status(clients: Clients, one: Resource) -> str | None:
    look = clients.bedrock_agent.get_ingestion_job
    status = status_of(lambda: look(**_job_ids(one)), "ingestionJob", "status")
    return status if status in INGESTING else None


def _retain(clients: Clients, one: Resource) -> None:
    """A data source whose vectors cannot be deleted goes without them: the store is deleted after it anyhow."""
    agent = clients.bedrock_agent
    source = member(agent.get_data_source(**_ids(one)), "dataSource")
    kept = ("name", "description", "dataSourceConfiguration", "serverSideEncryptionConfiguration")
    kept += ("vectorIngestionConfiguration",)
    given = {name: source[name] for name in kept if name in source}
    agent.update_data_source(**_ids(one), **given, dataDeletionPolicy="RETAIN")
    agent.delete_data_source(**_ids(one))


KINDS: Sequence[Kind] = (
    Kind(INGESTION, _ingestions, _stop, _ingestion_status, verb="stop"),
    Kind(
        SOURCE, _sources,
        lambda clients, one: clients.bedrock_agent.delete_data_source(**_ids(one)),
        lambda clients, one: status_of(
            lambda: clients.bedrock_agent.get_data_source(**_ids(one)), "dataSource", "status"
        ),
        after=(INGESTION,), failed=("DELETE_UNSUCCESSFUL",), rescue=_retain,
    ),
    Kind(
        BASE, _bases,
        lambda clients, one: clients.bedrock_agent.delete_knowledge_base(knowledgeBaseId=one.id),
        lambda clients, one: status_of(
            lambda: clients.bedrock_agent.get_knowledge_base(knowledgeBaseId=one.id), "knowledgeBase", "status"
        ),
        after=(INGESTION, SOURCE), busy=("CREATING", "UPDATING"), failed=("DELETE_UNSUCCESSFUL",),
    ),
    Kind(
        INDEX, _indexes,
        lambda clients, one: clients.s3vectors.delete_index(indexArn=one.id),
        lambda clients, one: status_of(lambda: clients.s3vectors.get_index(indexArn=one.id), "index", "indexName"),
        after=(SOURCE, BASE),
    ),
    Kind(
        VECTORS, _buckets,
        lambda clients, one: clients.s3vectors.delete_vector_bucket(vectorBucketArn=one.id),
        lambda clients, one: status_of(
            lambda: clients.s3vectors.get_vector_bucket(vectorBucketArn=one.id), "vectorBucket", "vectorBucketName"
        ),
        after=(SOURCE, BASE, INDEX),
    ),
)  # fmt: skip
