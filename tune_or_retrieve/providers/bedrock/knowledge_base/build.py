"""A knowledge base on Bedrock over the study's articles: built once for what it follows from, and brought up to date.

Everything of it bears one name, which follows from all that cannot be changed in it: chunking, embedding model, vector
store, role. So a run that was cut off anywhere finds what it made. Changed articles are sent to the same knowledge base
and indexed again; another chunking makes another one, and the old one is removed once the new one stands.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from tune_or_retrieve.base.corpus import read_text
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key, read_json
from tune_or_retrieve.base.records import Article, Record
from tune_or_retrieve.providers.bedrock.aws.names import base_name, tags
from tune_or_retrieve.providers.bedrock.aws.roles import Role, check_role, ensure_role, knowledge_base_policy, trust
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import ROOT, ensure_bucket, sync
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.chat.access import access, embeds
from tune_or_retrieve.providers.bedrock.knowledge_base import ingestion, parts
from tune_or_retrieve.providers.bedrock.knowledge_base.params import ManagedBaseParams
from tune_or_retrieve.providers.bedrock.knowledge_base.removal import remains, remove

STAGE = "index"
TITLE_CHARACTERS = 1000  # of what is embedded with each passage; Bedrock takes 2,048 in a value


@dataclass(frozen=True)
class Plan:
    """What is asked for. `bucket` and `role_arn`: the user's, or None for the study's own."""

    params: ManagedBaseParams
    chunking: Mapping[str, Any]  # as chunkingConfiguration of Bedrock
    bucket: str | None = None
    role_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  # the user's own

    @property
    def prefix(self) -> str:
        """Of the keys of the articles: all knowledge bases of the study read the same."""
        return f"{ROOT}knowledge-base/{self.params.study}/articles/"

    def key(self, bucket: str) -> str:
        """Of all that cannot be changed in a knowledge base or its data source."""
        params = self.params
        store = params.opensearch_serverless.model_dump() if params.store == "opensearch_serverless" else None
        return content_key(
            "knowledge base", bucket, self.prefix, params.store, store, params.embedding_model, params.dimensions,
            self.chunking, self.role_arn,
        )  # fmt: skip


class Built(Record):
    """What stands, for data/index: nothing in it changes when it is found again."""

    backend: Literal["bedrock"] = "bedrock"
    region: str
    name: str  # of everything: knowledge base, data source, and what is made for them
    knowledge_base_id: str
    data_source_id: str
    store: Literal["s3_vectors", "opensearch_serverless"]
    vector_store_arn: str  # of the vector index or the collection
    embedding_model: str
    dimensions: int
    root: str  # s3://bucket/prefix/, below which the articles lie
    corpus: str  # content key of the articles
    documents: int
    failed: int  # of the documents
    failed_documents: list[str]  # ids of articles, as far as AWS names them


def read_built(path: Path) -> Built:
    """Raises StageError if the file is not one of :func:`build`."""
    try:
        return Built.model_validate(read_json(path))
    except ValidationError:
        raise StageError(f"{path}: not the description of an index. Remove {path.parent}. Run `dvc repro`.") from None


def build(
    clients: Clients,
    plan: Plan,
    articles: Sequence[Article],
    text_of: Callable[[Article], str] = read_text,
    watch: Watch | None = None,
) -> Built:
    """The knowledge base of the plan with exactly these articles in it: made, brought up to date, or found.

    Raises:
        AwsUnavailable: no credentials, no answer, or no access to the embedding model.
        StageError: no articles; the embedding model makes no vectors; AWS refuses; the knowledge base or its ingestion
            failed, or more documents than `max_failed_share`. What is done is kept: the next run goes on from there.
    """
    if not articles:
        raise StageError("no articles: a knowledge base cannot be built of nothing. Check the section `articles`.")
    watch = watch or Watch()
    # Before anything is made: a role, a model or a region that is wrong leaves nothing behind.
    given = check_role(clients, plan.role_arn) if plan.role_arn else None
    access(clients, plan.params.embedding_model)
    embeds(clients, plan.params.embedding_model)
    study = content_key("study", plan.params.study)
    bucket = ensure_bucket(clients, plan.bucket, tags(STAGE, study, plan.tags))
    key = plan.key(bucket)
    name, named = base_name(plan.params.study, key), tags(STAGE, key, plan.tags)
    try:
        _remove_broken(clients, plan, name, watch)
        store_arn = _store(clients, plan, name, named)
        role = given or _role(clients, plan, bucket, store_arn, name, named)
        base_id = parts.ensure_base(clients, name, role, _base_request(clients, plan, store_arn), named, watch)
        source_id = parts.ensure_source(clients, base_id, name, _source_request(clients, plan, bucket))
        source = ingestion.Source(name, base_id, source_id)
        ingestion.settle(clients, source, watch)  # what a running job reads must not change under it
        sync(clients, bucket, plan.prefix, corpus_files(articles, text_of))
        root = f"s3://{bucket}/{plan.prefix}"
        corpus = corpus_key(articles)
        indexed = ingestion.ingest(clients, source, corpus, root, plan.params.max_failed_share, watch)
    except KeyboardInterrupt:
        watch.say(f"\nknowledge base {name}: what AWS has begun goes on there. `dvc repro` comes back to it.")
        raise
    _remove_others(clients, plan, name, watch)
    return Built(
        region=clients.region,
        name=name,
        knowledge_base_id=base_id,
        data_source_id=source_id,
        store=plan.params.store,
        vector_store_arn=store_arn,
        embedding_model=plan.params.embedding_model,
        dimensions=plan.params.dimensions,
        root=root,
        corpus=corpus,
        documents=indexed.documents,
        failed=indexed.failed,
        failed_documents=list(indexed.failed_documents),
    )


def check(clients: Clients, built: Built) -> None:
    """Compare the record with AWS before it is searched.

    Raises:
        AwsMissing: the knowledge base or its data source was deleted.
        StageError: it is not ready, or other articles were sent to it since.
    """
    base = parts.base_named(clients, built.name)
    if base is None or base["knowledgeBaseId"] != built.knowledge_base_id:
        raise parts.gone(built.knowledge_base_id, built.region, "it is")
    if base["status"] != "ACTIVE":
        raise StageError(f"knowledge base {built.knowledge_base_id}: is {base['status']}, not ACTIVE. {parts.REMAKE}")
    if parts.source_named(clients, built.knowledge_base_id, built.name) is None:
        raise parts.gone(built.knowledge_base_id, built.region, "its data source is")
    job = ingestion.latest(clients, ingestion.Source(built.name, built.knowledge_base_id, built.data_source_id))
    if job is None or ingestion.corpus_of(job) != built.corpus:
        raise StageError(
            f"knowledge base {built.knowledge_base_id}: holds other articles than data/index was written for; another "
            f"run has sent its own since. {parts.REMAKE}"
        )


def corpus_key(articles: Iterable[Article]) -> str:
    """What the corpus is known by at AWS: it follows from ids, titles and texts, not from their order."""
    return content_key("corpus", sorted([article.id, article.title, article.sha256] for article in articles))


def corpus_files(articles: Iterable[Article], text_of: Callable[[Article], str] = read_text) -> dict[str, bytes]:
    """Objects by the rest of their keys: each article, and beside it the title, which is embedded with its passages."""
    files = {}
    for article in articles:
        title = {"type": "STRING", "stringValue": article.title[:TITLE_CHARACTERS]}
        sidecar = {"metadataAttributes": {"title": {"value": title, "includeForEmbedding": True}}}
        files[f"{article.id}.md"] = text_of(article).encode("utf-8")
        files[f"{article.id}.md.metadata.json"] = json.dumps(sidecar, ensure_ascii=False).encode("utf-8")
    return files


def _remove_broken(clients: Clients, plan: Plan, name: str, watch: Watch) -> None:
    """Remove what cannot be made whole again: other hands deleted a part, or AWS failed to make or delete it.

    Bedrock would not index again what it believes to be in an index that was deleted; and a new knowledge base over an
    old index would find every passage twice.
    """
    base = parts.base_named(clients, name)
    source = parts.source_named(clients, base["knowledgeBaseId"], name) if base else None
    vectors = parts.vectors_in(clients, name) if plan.params.store == "s3_vectors" else None
    broken = base is not None and base["status"] not in ("ACTIVE", "CREATING", "UPDATING")
    broken |= source is not None and source["status"] != "AVAILABLE"
    if plan.params.store == "s3_vectors":
        broken |= (base is not None and vectors is None) or (source is None and bool(vectors))
    if broken:
        watch.say(f"knowledge base {name}: a part of it is gone or failed; what is left is removed and made again")
        for found in remains(clients, plan.params.study):
            if found.name == name:
                remove(clients, found, watch)


def _remove_others(clients: Clients, plan: Plan, name: str, watch: Watch) -> None:
    for found in remains(clients, plan.params.study):
        if found.name != name:
            watch.say(f"knowledge base {found.name}: made with other params, no longer needed; it is removed")
            remove(clients, found, watch)


def _store(clients: Clients, plan: Plan, name: str, named: Mapping[str, str]) -> str:
    if plan.params.store == "opensearch_serverless":
        return plan.params.opensearch_serverless.collection_arn
    parts.ensure_index(clients, name, plan.params.dimensions, named)
    return parts.index_arn(clients, name)


def _role(clients: Clients, plan: Plan, bucket: str, store_arn: str, name: str, named: Mapping[str, str]) -> Role:
    trusted = trust(clients.arn("bedrock", "knowledge-base/*"))
    allowed = knowledge_base_policy(clients.bucket_arn(bucket), plan.prefix, _model_arn(clients, plan), store_arn)
    return ensure_role(clients, name, trusted, allowed, named)


def _model_arn(clients: Clients, plan: Plan) -> str:
    return clients.foundation_model_arn(plan.params.embedding_model)


def _base_request(clients: Clients, plan: Plan, store_arn: str) -> dict[str, Any]:
    shape = {"dimensions": plan.params.dimensions, "embeddingDataType": "FLOAT32"}
    if plan.params.store == "s3_vectors":
        storage = {"type": "S3_VECTORS", "s3VectorsConfiguration": {"indexArn": store_arn}}
    else:
        given = plan.params.opensearch_serverless
        fields = {
            "vectorField": given.vector_field,
            "textField": given.text_field,
            "metadataField": given.metadata_field,
        }
        section = {"collectionArn": store_arn, "vectorIndexName": given.index_name, "fieldMapping": fields}
        storage = {"type": "OPENSEARCH_SERVERLESS", "opensearchServerlessConfiguration": section}
    return {
        "knowledgeBaseConfiguration": {
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {
                "embeddingModelArn": _model_arn(clients, plan),
                "embeddingModelConfiguration": {"bedrockEmbeddingModelConfiguration": shape},
            },
        },
        "storageConfiguration": storage,
    }


def _source_request(clients: Clients, plan: Plan, bucket: str) -> dict[str, Any]:
    section = {
        "bucketArn": clients.bucket_arn(bucket),
        "bucketOwnerAccountId": clients.account_id,
        "inclusionPrefixes": [plan.prefix],
    }
    return {
        "dataSourceConfiguration": {"type": "S3", "s3Configuration": section},
        "dataDeletionPolicy": "DELETE",
        "vectorIngestionConfiguration": {"chunkingConfiguration": plan.chunking},
    }
