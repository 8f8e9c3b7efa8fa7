"""Ingestion jobs of a knowledge base: one for each state of the articles.

A job's description holds the key of the articles that it read. Bedrock indexes only what changed since the last job.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tune_or_retrieve.money.jobs import Job, Jobs, Seen, Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, client_token
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import reasons

RUNNING = ("STARTING", "IN_PROGRESS", "STOPPING")
DESCRIPTION = f"{PROJECT} corpus "
NAMED = 10  # failed documents in a message; the record has all of them


@dataclass(frozen=True)
class DataSource:
    """Where a knowledge base reads. `name` is that of the knowledge base, for messages."""

    name: str
    base_id: str
    id: str

    @property
    def ids(self) -> dict[str, str]:
        return {"knowledgeBaseId": self.base_id, "dataSourceId": self.id}


@dataclass(frozen=True)
class Corpus:
    """The articles that lie in S3. `key`: of their content; `root`: the URI below which they lie, s3://bucket/prefix/."""

    key: str
    root: str


@dataclass(frozen=True)
class Ingested:
    """Numbers of documents, and the ids of the articles that failed, as far as AWS names them."""

    documents: int
    failed: int
    failed_documents: tuple[str, ...]


class IngestionJobs(Jobs[Ingested]):
    """The last job of a data source, if it read this corpus.

    Args:
        max_failed_share: of the documents, 0 to 1.
        check: called before a job is submitted; what it raises submits none.
    """

    service, noun, running = "AWS", "ingestion job", RUNNING

    def __init__(
        self,
        clients: Clients,
        source: DataSource,
        corpus: Corpus,
        max_failed_share: float,
        check: Callable[[], object],
        watch: Watch,
    ):
        super().__init__(watch)
        self.title = f"knowledge base {source.name}"
        self._clients, self._source, self._corpus = clients, source, corpus
        self._max_failed_share, self._check = max_failed_share, check

    def find(self) -> list[Job]:
        last = latest(self._clients, self._source)
        return [_job(last)] if last is not None and corpus_of(last) == self._corpus.key else []

    def submit(self, attempt: int) -> Job:
        self._check()
        last = latest(self._clients, self._source)
        # The last job is part of the token: what failed, or was followed by other articles, is submitted again.
        token = client_token("ingestion", *self._source.ids.values(), self._corpus.key, last and _job(last).id)
        with aws(f"starting the ingestion into {self._source.name}"):
            started = self._clients.bedrock_agent.start_ingestion_job(
                **self._source.ids, clientToken=token, description=f"{DESCRIPTION}{self._corpus.key}"
            )
            return _job(member(started, "ingestionJob"))

    def look(self, job: Job) -> Seen:
        with aws(f"looking at the ingestion job {job.id} of {self._source.name}"):
            call = self._clients.bedrock_agent.get_ingestion_job
            seen = member(call(**self._source.ids, ingestionJobId=job.id), "ingestionJob")
            member(seen, "status")
            return seen

    def settle(self) -> None:
        """Wait for whichever job runs, however it ends: what it reads must not change under it."""
        last = latest(self._clients, self._source)
        if last is not None and last["status"] in RUNNING:
            job = _job(last)
            self._say(f"found the ingestion job {job.id}, {job.status}")
            self.wait(job)

    def failure(self, seen: Seen) -> str | None:
        if seen["status"] != "COMPLETE":
            return f"is {seen['status']}: {reasons(seen)}"
        done = self._ingested(seen)
        if done.failed > self._max_failed_share * done.documents:
            return (
                f"could not index {done.failed} of {done.documents} documents, more than max_failed_share: "
                f"{self._max_failed_share:g} allows. {_which(done)}AWS: {reasons(seen)[:1000]}"
            )
        return None

    def fetch(self, job: Job, seen: Seen) -> Ingested:
        if why := self.failure(seen):
            raise self.fault(job, why)
        done = self._ingested(seen)
        if done.failed:
            self._say(
                f"{done.failed} of {done.documents} documents could not be indexed and cannot be found. {_which(done)}"
                f"AWS: {reasons(seen)[:1000]}."
            )
        return done

    def progress(self, seen: Seen) -> str:
        counts = seen.get("statistics") or {}
        indexed = counts.get("numberOfNewDocumentsIndexed", 0) + counts.get("numberOfModifiedDocumentsIndexed", 0)
        return (
            f"ingestion {seen['status']} ({counts.get('numberOfDocumentsScanned', 0)} documents read, {indexed} "
            f"indexed, {counts.get('numberOfDocumentsDeleted', 0)} removed, "
            f"{counts.get('numberOfDocumentsFailed', 0)} failed)"
        )

    def remedy(self, job: Job) -> str:
        if job.status == "COMPLETE":
            return (
                "Fix them or raise max_failed_share in params.yaml, and run `dvc repro`, which indexes what is missing."
            )
        return "Fix the cause and run `dvc repro`, which starts another."

    def holds(self) -> bool:
        """Whether these articles are indexed, or are being indexed, so that nothing needs to be paid."""
        return any(job.status in RUNNING or self.lost(job) is None for job in self.find())

    def _ingested(self, seen: Seen) -> Ingested:
        with aws("reading the statistics of an ingestion job"):
            documents = member(seen, "statistics", "numberOfDocumentsScanned")
            failed = member(seen, "statistics", "numberOfDocumentsFailed")
        said = "\n".join(seen.get("failureReasons") or [])
        names = re.findall(rf"{re.escape(self._corpus.root)}(.+?)\.md\b", said)
        return Ingested(documents, failed, tuple(sorted(set(names))))


def latest(clients: Clients, source: DataSource) -> Mapping[str, Any] | None:
    """The job that was started last, as AWS lists it."""
    with aws(f"listing the ingestion jobs of {source.name}"):
        order = {"attribute": "STARTED_AT", "order": "DESCENDING"}
        page = clients.bedrock_agent.list_ingestion_jobs(**source.ids, sortBy=order, maxResults=1)
        return next(iter(member(page, "ingestionJobSummaries")), None)


def corpus_of(job: Mapping[str, Any]) -> str | None:
    """The key of the articles that a job read; None if it was not started here."""
    said = job.get("description") or ""
    return said.removeprefix(DESCRIPTION) if said.startswith(DESCRIPTION) else None


def _job(listed: Mapping[str, Any]) -> Job:
    with aws("reading an ingestion job"):
        return Job(member(listed, "ingestionJobId"), member(listed, "ingestionJobId"), member(listed, "status"))


def _which(done: Ingested) -> str:
    if not done.failed_documents:
        return ""
    more = f" and {len(done.failed_documents) - NAMED} more" if len(done.failed_documents) > NAMED else ""
    return f"They are {', '.join(done.failed_documents[:NAMED])}{more}. "
