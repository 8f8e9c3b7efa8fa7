"""Ingestion jobs of a knowledge base: one for each state of the articles, started once, found again, waited for.

A job's description holds the key of the articles that it read. Bedrock indexes only what changed since the last one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, client_token
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import reasons

RUNNING = ("STARTING", "IN_PROGRESS", "STOPPING")
DESCRIPTION = f"{PROJECT} corpus "
NAMED = 10  # failed documents in a message; the record has all of them


@dataclass(frozen=True)
class Source:
    """A data source; `name` is for messages."""

    name: str
    base_id: str
    id: str

    @property
    def ids(self) -> dict[str, str]:
        return {"knowledgeBaseId": self.base_id, "dataSourceId": self.id}


@dataclass(frozen=True)
class Ingested:
    """Numbers of documents, and the ids of the articles that failed as far as AWS names them."""

    documents: int
    failed: int
    failed_documents: tuple[str, ...]


class IngestionFailed(StageError):
    """The job failed, was stopped, or left out too many documents."""


def latest(clients: Clients, source: Source) -> Mapping[str, Any] | None:
    """The job that was started last, as AWS lists it."""
    with aws(f"listing the ingestion jobs of {source.name}"):
        order = {"attribute": "STARTED_AT", "order": "DESCENDING"}
        page = clients.bedrock_agent.list_ingestion_jobs(**source.ids, sortBy=order, maxResults=1)
        return next(iter(member(page, "ingestionJobSummaries")), None)


def corpus_of(job: Mapping[str, Any]) -> str | None:
    """The key of the articles that a job read; None if it was not started here."""
    said = job.get("description") or ""
    return said.removeprefix(DESCRIPTION) if said.startswith(DESCRIPTION) else None


def settle(clients: Clients, source: Source, watch: Watch) -> None:
    """Wait for the job that runs, if one does, however it ends."""
    job = latest(clients, source)
    if job is not None and job["status"] in RUNNING:
        watch.say(f"knowledge base {source.name}: found the ingestion job {job['ingestionJobId']}, {job['status']}")
        _wait(clients, source, job["ingestionJobId"], watch)


def ingest(clients: Clients, source: Source, corpus: str, root: str, max_failed_share: float, watch: Watch) -> Ingested:
    """What the last job made of this corpus, if it read no other; else start one, and wait for it.

    Args:
        corpus: content key of the articles, which lie in S3 by now.
        root: URI below which they lie, s3://bucket/prefix/.
        max_failed_share: of the documents, 0 to 1.

    Raises:
        IngestionFailed: with AWS's reasons. The next call starts another one, which reads what is missing.
    """
    last = latest(clients, source)
    if last is not None and last["status"] == "COMPLETE" and corpus_of(last) == corpus:
        seen = _seen(clients, source, last["ingestionJobId"])
        done = _ingested(seen, root)
        if done.failed <= max_failed_share * done.documents:
            watch.say(f"knowledge base {source.name}: holds these articles already")
            _tell_failed(source, done, seen, watch)
            return done
    with aws(f"starting the ingestion into {source.name}"):
        # The last job stands in the token: what failed, or was followed by other articles, is started again.
        token = client_token("ingestion", source.base_id, source.id, corpus, last and last["ingestionJobId"])
        started = clients.bedrock_agent.start_ingestion_job(
            **source.ids, clientToken=token, description=f"{DESCRIPTION}{corpus}"
        )
        job_id = member(started, "ingestionJob", "ingestionJobId")
    seen = _wait(clients, source, job_id, watch)
    if seen["status"] != "COMPLETE":
        raise IngestionFailed(
            f"knowledge base {source.name}: the ingestion job {job_id} is {seen['status']}: {reasons(seen)}. Mend the "
            "cause and run `dvc repro`, which starts another."
        )
    done = _ingested(seen, root)
    if done.failed > max_failed_share * done.documents:
        raise IngestionFailed(
            f"knowledge base {source.name}: {done.failed} of {done.documents} documents could not be indexed, more "
            f"than max_failed_share: {max_failed_share:g} allows. {_which(done)}AWS: {reasons(seen)[:1000]}. Mend them "
            "or raise max_failed_share in params.yaml, and run `dvc repro`, which indexes what is missing."
        )
    _tell_failed(source, done, seen, watch)
    return done


def _wait(clients: Clients, source: Source, job_id: str, watch: Watch) -> Mapping[str, Any]:
    return watch.until(
        lambda: _seen(clients, source, job_id),
        lambda seen: seen["status"] not in RUNNING,
        lambda seen: f"knowledge base {source.name}: ingestion {_progress(seen)}",
    )


def _seen(clients: Clients, source: Source, job_id: str) -> Mapping[str, Any]:
    with aws(f"looking at the ingestion job {job_id} of {source.name}"):
        seen = member(clients.bedrock_agent.get_ingestion_job(**source.ids, ingestionJobId=job_id), "ingestionJob")
        member(seen, "status")
        return seen


def _progress(seen: Mapping[str, Any]) -> str:
    counts = seen.get("statistics") or {}
    indexed = counts.get("numberOfNewDocumentsIndexed", 0) + counts.get("numberOfModifiedDocumentsIndexed", 0)
    return (
        f"{seen['status']} ({counts.get('numberOfDocumentsScanned', 0)} documents read, {indexed} indexed, "
        f"{counts.get('numberOfDocumentsDeleted', 0)} removed, {counts.get('numberOfDocumentsFailed', 0)} failed)"
    )


def _ingested(seen: Mapping[str, Any], root: str) -> Ingested:
    with aws("reading the statistics of an ingestion job"):
        documents = member(seen, "statistics", "numberOfDocumentsScanned")
        failed = member(seen, "statistics", "numberOfDocumentsFailed")
    said = "\n".join(seen.get("failureReasons") or [])
    names = re.findall(rf"{re.escape(root)}(.+?)\.md\b", said)
    return Ingested(documents, failed, tuple(sorted(set(names))))


def _tell_failed(source: Source, done: Ingested, seen: Mapping[str, Any], watch: Watch) -> None:
    if done.failed:
        watch.say(
            f"knowledge base {source.name}: {done.failed} of {done.documents} documents could not be indexed and "
            f"cannot be found. {_which(done)}AWS: {reasons(seen)[:1000]}."
        )


def _which(done: Ingested) -> str:
    if not done.failed_documents:
        return ""
    more = f" and {len(done.failed_documents) - NAMED} more" if len(done.failed_documents) > NAMED else ""
    return f"They are {', '.join(done.failed_documents[:NAMED])}{more}. "
