"""Jobs of the client `bedrock`: training, batch inference, and what hosts a model, all found by names of ours."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, TypeVar

from tune_or_retrieve.money.jobs import Job, Jobs, Seen, Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.names import attempts
from tune_or_retrieve.providers.bedrock.aws.session import Clients

T = TypeVar("T")
ENDED = {"Failed": "failed", "Stopped": "was stopped", "Expired": "expired"}


@dataclass(frozen=True)
class Operations:
    """How the client speaks of one kind of job."""

    noun: str  # in the names of its operations
    identifier: str  # the member of requests that names one
    arn: str  # the member of answers
    listed: str  # the member of the list's pages
    name: str  # the member of each one listed
    running: tuple[str, ...]  # statuses, the first that of a new one
    done: tuple[str, ...]  # statuses


class BedrockJobs(Jobs[T]):
    """Jobs known by their names, which follow from content and attempt."""

    service = "AWS"
    operations: Operations

    def __init__(self, clients: Clients, watch: Watch):
        super().__init__(watch)
        self.clients = clients
        self.running = self.operations.running

    @abstractmethod
    def name(self, attempt: int) -> str:
        """Of :func:`names.resource_name`."""

    @abstractmethod
    def create(self, attempt: int) -> dict[str, Any]:
        """Call the operation that creates one, and return its answer."""

    def find(self) -> list[Job]:
        how, first = self.operations, self.name(1)
        with aws(f"looking for the {self.noun} {first}"):
            pages = self.clients.bedrock.get_paginator(f"list_{how.noun}s").paginate(nameContains=first)
            listed = attempts(first, (one for page in pages for one in member(page, how.listed)), how.name)
        return [Job(one[how.arn], one[how.name], one["status"], attempt) for attempt, one in listed.items()]

    def submit(self, attempt: int) -> Job:
        name = self.name(attempt)
        with aws(f"submitting the {self.noun} {name}"):
            return Job(member(self.create(attempt), self.operations.arn), name, self.running[0], attempt)

    def look(self, job: Job) -> Seen:
        how = self.operations
        with aws(f"looking at the {self.noun} {job.name}"):
            seen = getattr(self.clients.bedrock, f"get_{how.noun}")(**{how.identifier: job.id})
            member(seen, "status")
            return seen

    def failure(self, seen: Seen) -> str | None:
        if seen["status"] in self.operations.done:
            return None
        reason = seen.get("failureMessage") or seen.get("message") or "AWS gives no reason"
        did = ENDED.get(seen["status"], f"is {seen['status']}")
        return f"{did}: {' '.join(reason.split()).rstrip('.')}"

    def stop_command(self, job: Job) -> str:
        return f"aws bedrock stop-{self.operations.noun.replace('_', '-')} --job-identifier {job.id}"
