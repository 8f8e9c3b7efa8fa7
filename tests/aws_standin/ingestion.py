"""Ingestion jobs: they read what is in S3, cut it, and put it where retrieve finds it."""

import functools
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from . import chunking
from .account import NoObject, NotAllowed, Object
from .catalog import NO_ACCESS, short
from .errors import conflict, invalid
from .knowledge_bases import BASE, INGESTION, index_arn, source, store
from .state import Resource, State, operation, page
from .text import words

FORMATS = (".txt", ".md", ".html", ".doc", ".docx", ".csv", ".xls", ".xlsx", ".pdf")
LARGEST = 50 * 1024 * 1024  # bytes of a document
SIDECAR = ".metadata.json"
FILTERABLE_LIMIT = 2048  # bytes of a vector's filterable metadata in S3 Vectors
ATTRIBUTE_VALUES = {
    "STRING": "stringValue", "NUMBER": "numberValue", "BOOLEAN": "booleanValue", "STRING_LIST": "stringListValue",
}  # fmt: skip
COUNTS = ("Scanned", "Failed", "Deleted")


@dataclass(frozen=True)
class Chunk:
    text: str  # what is searched
    returned: str  # what is given back for it: its parent in hierarchical chunking
    uri: str
    data_source: str
    attributes: dict[str, Any]  # of the document's sidecar file
    metadata: dict[str, Any]  # as stored in the index

    @functools.cached_property
    def words(self) -> Counter[str]:
        return Counter(words(self.text))


@operation("bedrock-agent", "StartIngestionJob")
def start(state: State, params: dict[str, Any]) -> dict[str, Any]:
    one, base = source(state, params), state.get(BASE, params["knowledgeBaseId"])
    if base.status != "ACTIVE" or one.status != "AVAILABLE":
        raise invalid(f"The knowledge base is {base.status} and its data source {one.status}.")
    if any(job.step and job.fields["dataSourceId"] == one.id for job in state.all(INGESTION)):
        raise conflict(f"There is an ongoing ingestion job for the data source {one.id}.")
    identifier = state.new_id(10).upper()
    fields = {
        "knowledgeBaseId": base.id,
        "dataSourceId": one.id,
        "description": params.get("description"),
        "statistics": dict.fromkeys(_names(), 0),
        "_failure": state.settings.failure(INGESTION),
    }
    job = Resource(INGESTION, identifier, f"{one.arn}/{identifier}", identifier, "STARTING", fields)
    job.turn("STARTING", lambda job: job.turn("IN_PROGRESS", lambda job: _finish(state, base, one, job)))
    return {"ingestionJob": _job(state.add(job))}


def _names() -> list[str]:
    indexed = ["numberOfNewDocumentsIndexed", "numberOfModifiedDocumentsIndexed"]
    metadata = ["numberOfMetadataDocumentsScanned", "numberOfMetadataDocumentsModified"]
    return [f"numberOfDocuments{count}" for count in COUNTS] + indexed + metadata


def _finish(state: State, base: Resource, one: Resource, job: Resource) -> None:
    counts, reasons = job.fields["statistics"], []
    chunks = store(state, base)
    try:
        if job.fields["_failure"]:
            raise NotAllowed(job.fields["_failure"])
        if chunks is None:
            raise NotAllowed(f"The vector store {index_arn(base.fields['storageConfiguration'])} is not there.")
        found = _read(state, base, one)
    except (NotAllowed, NoObject) as error:
        job.fields["failureReasons"] = [str(error)[:2048]]
        return job.turn("FAILED")
    documents = {item.uri: item for item in found if not item.key.endswith(SIDECAR)}
    sidecars = {item.uri.removesuffix(SIDECAR): item for item in found if item.key.endswith(SIDECAR)}
    known: dict[str, tuple[str, str]] = one.fields["_documents"]
    counts["numberOfDocumentsScanned"] = len(documents)
    counts["numberOfMetadataDocumentsScanned"] = len(sidecars)
    for uri in [uri for uri in known if uri not in documents]:
        _drop(chunks, one, uri)
        del known[uri]
        counts["numberOfDocumentsDeleted"] += 1
    for uri, item in documents.items():
        version = (item.etag, sidecars[uri].etag if uri in sidecars else "")
        if known.get(uri) == version:
            continue
        try:
            made = _chunks(state, base, one, item, sidecars.get(uri))
        except ValueError as error:
            counts["numberOfDocumentsFailed"] += 1
            reasons.append(f"{uri}: {error}")
            continue
        _drop(chunks, one, uri)
        chunks.update(made)
        counts["numberOfModifiedDocumentsIndexed" if uri in known else "numberOfNewDocumentsIndexed"] += 1
        known[uri] = version
    job.fields["failureReasons"] = [reason[:2048] for reason in reasons[:2048]] or None
    # Documents that fail leave the job COMPLETE; only if none could be indexed is it FAILED.
    job.turn("FAILED" if documents and counts["numberOfDocumentsFailed"] == len(documents) else "COMPLETE")


def _read(state: State, base: Resource, one: Resource) -> list[Object]:
    """The objects below the inclusion prefix, if the role may list and read them, embed and write vectors, and the
    account has the embedding model.
    """
    s3, role, allow = one.fields["dataSourceConfiguration"]["s3Configuration"], base.fields["roleArn"], state.account
    bucket, prefix = s3["bucketArn"].rpartition(":")[2], s3.get("inclusionPrefixes", [""])[0]
    allow.assume(role, base.arn)
    allow.demand(role, "s3:ListBucket", s3["bucketArn"])
    embedding = base.fields["knowledgeBaseConfiguration"]["vectorKnowledgeBaseConfiguration"]["embeddingModelArn"]
    allow.demand(role, "bedrock:InvokeModel", embedding)
    if short(embedding) in state.settings.denied_models:
        raise NotAllowed(NO_ACCESS)
    if arn := index_arn(base.fields["storageConfiguration"]):
        allow.demand(role, "s3vectors:PutVectors", arn)
    found = [item for item in allow.objects(bucket, prefix) if not item.key.endswith("/")]
    for item in found:
        allow.demand(role, "s3:GetObject", f"{s3['bucketArn']}/{item.key}")
    return found


def _drop(chunks: dict[str, Chunk], one: Resource, uri: str) -> None:
    for key in [key for key, chunk in chunks.items() if chunk.uri == uri and chunk.data_source == one.id]:
        del chunks[key]


def _chunks(state: State, base: Resource, one: Resource, item: Object, sidecar: Object | None) -> dict[str, Chunk]:
    """A document's chunks by key. Raises ValueError for a document that Bedrock could not index."""
    if not item.key.lower().endswith(FORMATS):
        raise ValueError("the file format is not supported")
    if len(item.data) > LARGEST:
        raise ValueError(f"the file has {len(item.data)} bytes, more than {LARGEST}")
    text = item.data.decode("utf-8", errors="replace").strip()
    if not text:
        raise ValueError("the file is empty")
    attributes, embedded = _attributes(sidecar)
    configuration = one.fields["vectorIngestionConfiguration"].get("chunkingConfiguration", chunking.DEFAULT)
    made = {}
    for searched, returned in chunking.chunks(text, configuration):
        metadata = attributes | {
            "AMAZON_BEDROCK_TEXT": searched,
            "AMAZON_BEDROCK_METADATA": json.dumps({"source": item.uri, "parent": returned}),
            "x-amz-bedrock-kb-source-uri": item.uri,
            "x-amz-bedrock-kb-data-source-id": one.id,
        }
        _check_metadata(state, base, metadata)
        made[state.new_id(32)] = Chunk(embedded + searched, returned, item.uri, one.id, attributes, metadata)
    return made


def _attributes(sidecar: Object | None) -> tuple[dict[str, Any], str]:
    """The values of a sidecar's attributes, plain or typed, and what of them is embedded before each chunk's text."""
    values, embedded = {}, ""
    for name, given in (json.loads(sidecar.data)["metadataAttributes"] if sidecar else {}).items():
        if isinstance(given, dict):
            typed = dict(given["value"])
            kind = typed.pop("type")
            ((member, values[name]),) = typed.items()
            if member != ATTRIBUTE_VALUES[kind]:
                raise ValueError(f"metadata attribute {name}: a {kind} in {member}")
            embedded += f"{name}: {values[name]}\n" if given.get("includeForEmbedding") else ""
        else:
            values[name] = given
    return values, embedded


def _check_metadata(state: State, base: Resource, metadata: dict[str, Any]) -> None:
    arn = index_arn(base.fields["storageConfiguration"])
    if arn is None:
        return
    about = state.resources[arn].fields["about"]
    stored_only = about.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys", [])
    filterable = {name: value for name, value in metadata.items() if name not in stored_only}
    if len(json.dumps(filterable).encode()) > FILTERABLE_LIMIT:
        raise ValueError(f"Filterable metadata must have at most {FILTERABLE_LIMIT} bytes")


def _job(job: Resource) -> dict[str, Any]:
    shown = {name: value for name, value in job.fields.items() if not name.startswith("_")}
    return shown | {"ingestionJobId": job.id, "status": job.status, "startedAt": job.created, "updatedAt": job.updated}


def _find(state: State, params: dict[str, Any], poll: bool = False) -> Resource:
    return state.get(INGESTION, f"{source(state, params).arn}/{params['ingestionJobId']}", poll)


@operation("bedrock-agent", "GetIngestionJob")
def get(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return {"ingestionJob": _job(_find(state, params, poll=True))}


@operation("bedrock-agent", "ListIngestionJobs")
def list_jobs(state: State, params: dict[str, Any]) -> dict[str, Any]:
    one = source(state, params)
    mine = [job for job in state.all(INGESTION, poll=True) if job.fields["dataSourceId"] == one.id]
    found = [{name: value for name, value in _job(job).items() if name != "failureReasons"} for job in mine]
    if order := params.get("sortBy"):
        by = {"STATUS": "status", "STARTED_AT": "startedAt"}[order["attribute"]]
        found.sort(key=lambda job: job[by], reverse=order["order"] == "DESCENDING")
    return page(found, params, "ingestionJobSummaries")


@operation("bedrock-agent", "StopIngestionJob")
def stop(state: State, params: dict[str, Any]) -> dict[str, Any]:
    job = _find(state, params)
    if not job.step:
        raise conflict(f"The ingestion job {job.id} is {job.status} and cannot be stopped.")
    job.turn("STOPPING", lambda job: job.turn("STOPPED"))
    return {"ingestionJob": _job(job)}
