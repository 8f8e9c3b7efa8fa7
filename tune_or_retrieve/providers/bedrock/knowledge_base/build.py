"""A knowledge base on Bedrock over the study's articles: built once for what it follows from, and brought up to date.

Everything in it has one name, which follows from all that cannot be changed in it: chunking, embedding model, vector
store, role. So a run that was cut off anywhere is found again. Changed articles are sent to the same knowledge base and
indexed again; another chunking makes another one, and the old one is removed once the new one is ready.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from tune_or_retrieve.base.corpus import read_text
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key, read_json
from tune_or_retrieve.base.records import Article, Record
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.names import base_name, tags
from tune_or_retrieve.providers.bedrock.aws.roles import Role, check_role, ensure_role, knowledge_base_policy, trust
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import ROOT, default_bucket, ensure_bucket, sync
from tune_or_retrieve.providers.bedrock.chat.access import embeds
from tune_or_retrieve.providers.bedrock.knowledge_base import parts
from tune_or_retrieve.providers.bedrock.knowledge_base.ingestion import (
    Corpus,
    DataSource,
    IngestionJobs,
    corpus_of,
    latest,
)
from tune_or_retrieve.providers.bedrock.knowledge_base.kinds import of_study, remove_bases
from tune_or_retrieve.providers.bedrock.knowledge_base.params import BedrockBaseParams

STAGE = "index"
TITLE_CHARACTERS = 1000  # of what is embedded with each passage; Bedrock takes 2,048 in a value


@dataclass(frozen=True)
class BaseSpec:
    """What is asked for. `chunking`: as chunkingConfiguration of Bedrock."""

    params: BedrockBaseParams
    chunking: Mapping[str, Any]

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
            self.chunking, params.role_arn,
        )  # fmt: skip


class Built(Record):
    """What was built, for data/index: nothing in it changes when it is found again."""

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
    spec: BaseSpec,
    articles: Sequence[Article],
    ask: Callable[[], object],
    watch: Watch | None = None,
) -> Built:
    """The knowledge base with exactly these articles in it: made, brought up to date, or found.

    Args:
        ask: called before anything is made, and before articles are embedded, which is paid for; what it raises stops
            the build. Not called where the articles are indexed already.

    Raises:
        AwsUnavailable: no credentials, no answer, or no access to the embedding model.
        StageError: no articles; the embedding model makes no vectors; AWS refuses; the knowledge base or its ingestion
            failed, or more documents than `max_failed_share`. What is done is kept: the next run goes on from there.
    """
    if not articles:
        raise StageError("no articles: a knowledge base cannot be built of nothing. Check the section `articles`.")
    watch, params = watch or Watch(), spec.params
    # Before anything is made: a role, a model or a region that is wrong leaves nothing behind.
    given = check_role(clients, params.role_arn) if params.role_arn else None
    embeds(clients, params.embedding_model)
    bucket = params.bucket or default_bucket(clients)
    key = spec.key(bucket)
    name, named = base_name(params.study, key), tags(STAGE, key)
    corpus = Corpus(corpus_key(articles), f"s3://{bucket}/{spec.prefix}")

    def jobs(source: DataSource) -> IngestionJobs:
        return IngestionJobs(clients, source, corpus, params.max_failed_share, ask, watch)

    going_on = f"knowledge base {name}: what AWS has started continues there. `dvc repro` picks it up again."
    with watch.interruptible(lambda: going_on):
        existing = _existing(clients, spec, name, watch)
        if existing is None or not jobs(existing).holds():
            ask()
        ensure_bucket(clients, params.bucket, tags(STAGE, content_key("study", params.study)))
        store_arn = _store(clients, spec, name, named)
        role = given or _role(clients, spec, bucket, store_arn, name, named)
        base_id = parts.ensure_base(clients, name, role, _base_request(clients, spec, store_arn), named, watch)
        source_id = parts.ensure_source(clients, base_id, name, _source_request(clients, spec, bucket))
        source = DataSource(name, base_id, source_id)
        jobs(source).settle()
        sync(clients, bucket, spec.prefix, corpus_files(articles))
    indexed = jobs(source).run()

    def other(found: str) -> bool:
        return of_study(params.study)(found) and found != name

    remove_bases(clients, other, "made with other params and no longer needed; it is removed", watch)
    return Built(
        region=clients.region,
        name=name,
        knowledge_base_id=base_id,
        data_source_id=source_id,
        store=params.store,
        vector_store_arn=store_arn,
        embedding_model=params.embedding_model,
        dimensions=params.dimensions,
        root=corpus.root,
        corpus=corpus.key,
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
    job = latest(clients, DataSource(built.name, built.knowledge_base_id, built.data_source_id))
    if job is None or corpus_of(job) != built.corpus:
        raise StageError(
            f"knowledge base {built.knowledge_base_id}: holds other articles than those that data/index was written "
            f"for; another run has sent its own since. {parts.REMAKE}"
        )


def corpus_key(articles: Iterable[Article]) -> str:
    """What the corpus is known by at AWS: it follows from ids, titles and texts, not from their order."""
    return content_key("corpus", sorted([article.id, article.title, article.sha256] for article in articles))


def corpus_files(articles: Iterable[Article]) -> dict[str, bytes]:
    """Objects by the rest of their keys: each article, and a sidecar with its title, embedded with its passages."""
    files = {}
    for article in articles:
        title = {"type": "STRING", "stringValue": article.title[:TITLE_CHARACTERS]}
        sidecar = {"metadataAttributes": {"title": {"value": title, "includeForEmbedding": True}}}
        files[f"{article.id}.md"] = read_text(article).encode("utf-8")
        files[f"{article.id}.md.metadata.json"] = json.dumps(sidecar, ensure_ascii=False).encode("utf-8")
    return files


def _existing(clients: Clients, spec: BaseSpec, name: str, watch: Watch) -> DataSource | None:
    """The data source, if it is there already. What cannot be made whole again is removed first.

    That is a knowledge base of which someone else deleted a part, or that AWS failed to make or delete. Bedrock would
    not index again what it believes to be in an index that was deleted, and a new knowledge base over an old index
    would find every passage twice.
    """
    base = parts.base_named(clients, name)
    source = parts.source_named(clients, base["knowledgeBaseId"], name) if base else None
    broken = base is not None and base["status"] not in ("ACTIVE", "CREATING", "UPDATING")
    broken |= source is not None and source["status"] != "AVAILABLE"
    if spec.params.store == "s3_vectors":
        vectors = parts.vectors_in(clients, name)
        broken |= (base is not None and vectors is None) or (source is None and bool(vectors))
    if broken:
        why = "a part of it is gone or failed; what is left is removed and made again"
        remove_bases(clients, lambda found: found == name, why, watch)
        return None
    return DataSource(name, base["knowledgeBaseId"], source["dataSourceId"]) if source else None


def _store(clients: Clients, spec: BaseSpec, name: str, named: Mapping[str, str]) -> str:
    if spec.params.store == "opensearch_serverless":
        return spec.params.opensearch_serverless.collection_arn
    parts.ensure_index(clients, name, spec.params.dimensions, named)
    return parts.index_arn(clients, name)


def _role(clients: Clients, spec: BaseSpec, bucket: str, store_arn: str, name: str, named: Mapping[str, str]) -> Role:
    trusted = trust(clients.arn("bedrock", "knowledge-base/*"))
    allowed = knowledge_base_policy(clients.bucket_arn(bucket), spec.prefix, _model_arn(clients, spec), store_arn)
    return ensure_role(clients, name, trusted, allowed, named)


def _model_arn(clients: Clients, spec: BaseSpec) -> str:
    return clients.foundation_model_arn(spec.params.embedding_model)


def _base_request(clients: Clients, spec: BaseSpec, store_arn: str) -> dict[str, Any]:
    shape = {"dimensions": spec.params.dimensions, "embeddingDataType": "FLOAT32"}
    if spec.params.store == "s3_vectors":
        storage = {"type": "S3_VECTORS", "s3VectorsConfiguration": {"indexArn": store_arn}}
    else:
        given = spec.params.opensearch_serverless
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
                "embeddingModelArn": _model_arn(clients, spec),
                "embeddingModelConfiguration": {"bedrockEmbeddingModelConfiguration": shape},
            },
        },
        "storageConfiguration": storage,
    }


def _source_request(clients: Clients, spec: BaseSpec, bucket: str) -> dict[str, Any]:
    section = {
        "bucketArn": clients.bucket_arn(bucket),
        "bucketOwnerAccountId": clients.account_id,
        "inclusionPrefixes": [spec.prefix],
    }
    return {
        "dataSourceConfiguration": {"type": "S3", "s3Configuration": section},
        "dataDeletionPolicy": "DELETE",
        "vectorIngestionConfiguration": {"chunkingConfiguration": spec.chunking},
    }
