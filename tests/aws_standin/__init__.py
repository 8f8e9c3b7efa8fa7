"""Amazon Bedrock on loopback: a stand-in for the account that the tests would otherwise need.

It speaks AWS's wire protocol to real boto3 and langchain-aws, holds every request and every answer against botocore's
service models, keeps state with the life cycles that AWS documents, and remembers what it was asked.

    with running() as aws:
        aws.client("bedrock").list_foundation_models()
        aws.fault("Converse", "ThrottlingException", share=0.3, seed=7)
        aws.hold("model-customization-job")
        assert aws.ledger.count("CreateModelCustomizationJob", ok=True) == 1
        assert aws.left() == []

A module per concern: wire and constraints (the protocol), server, state (resources and their pace), account (moto's S3
and IAM), faults, ledger; and one for each part of Bedrock, as a table of functions marked with @operation.

What is documented is kept to; where nothing is, this is a guess, and no real account has confirmed it: the wording of
most messages, which permissions are tried when something is created and which when it is used, when a client token is
forgotten (here: when what it made is gone; a fine-tuning job never is), deployments that stay Active while they are
being deleted, names and units in the Price List, the token counts, and which models take outputConfig.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config

from . import (  # noqa: F401  (imported for the operations that they enter)
    batch,
    catalog,
    converse,
    customization,
    hosting,
    ingestion,
    knowledge_bases,
    retrieval,
    tags,
    vectors,
)
from .account import ID as ACCOUNT_ID
from .converse import Reply, Request
from .faults import DROP, LOSE, REFUSE, STALL, Fault
from .server import Server
from .state import Pace

__all__ = ["ACCOUNT_ID", "DROP", "LOSE", "REFUSE", "STALL", "Fault", "Pace", "Reply", "Request", "Standin", "running"]

REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIASTANDINSTANDIN00",
    "AWS_SECRET_ACCESS_KEY": "standin-secret-that-no-log-and-no-out-may-hold",
    "AWS_SESSION_TOKEN": "standin-token-that-no-log-and-no-out-may-hold",
}
ENDPOINTS = ("BEDROCK", "BEDROCK_RUNTIME", "BEDROCK_AGENT", "BEDROCK_AGENT_RUNTIME", "S3VECTORS", "S3", "IAM", "STS")
ENDED = {"Completed", "Failed", "Stopped", "COMPLETE", "FAILED", "STOPPED"}
JOBS = (customization.JOB, batch.JOB, knowledge_bases.INGESTION)


@functools.cache
def _session(region: str) -> boto3.Session:
    return boto3.Session(*CREDENTIALS.values(), region_name=region)  # one: it keeps the service models it has read


class Standin(Server):
    """What tests hold in their hands; the attributes of Server are theirs too."""

    @property
    def environment(self) -> dict[str, str]:
        """For this process or a child: where the services are and who asks."""
        endpoints = {f"AWS_ENDPOINT_URL_{name}": self.url for name in ENDPOINTS}
        alone = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        here = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        return CREDENTIALS | endpoints | alone | here | {"AWS_ENDPOINT_URL": self.url}

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        """A boto3 client of the stand-in's own session, which does not retry unless told to."""
        settings = Config(**({"retries": {"total_max_attempts": 1}} | config))
        return _session(region).client(service, endpoint_url=self.url, config=settings)

    def fault(self, operation: str, action: str, **how: Any) -> Fault:
        """See faults.Fault. Returns it: `met` says how often it struck."""
        return self.faults.add(Fault(operation, action, **how))

    def pace(self, kind: str, polls: int = 0, seconds: float = 0.0) -> None:
        """When the next step of this kind of resource is due, of those that exist too."""
        self.settings.paces[kind] = Pace(polls, seconds)

    def hold(self, kind: str) -> None:
        """Nothing of this kind goes on until `pace` is called."""
        self.settings.paces[kind] = Pace(held=True)

    def fail_next(self, kind: str, message: str) -> None:
        """The next job, deployment or throughput of this kind is accepted and then fails with the message."""
        self.settings.next_failures.setdefault(kind, []).append(message)

    def left(self) -> list[str]:
        """Everything that exists and costs, or could be forgotten; jobs only while they run. Sorted."""
        found = [f"s3://{bucket}" for bucket in self.account.buckets()]
        found += [one.uri for bucket in self.account.buckets() for one in self.account.objects(bucket)]
        found += [f"role {name}" for name in self.account.roles()]
        found += [f"policy {name}" for name in self.account.policies()]
        for state in self.states.values():
            found += [
                f"{one.kind} {one.name} {one.status}"
                for one in state.resources.values()
                if one.kind not in JOBS or one.status not in ENDED
            ]
        return sorted(found)


@contextlib.contextmanager
def running() -> Iterator[Standin]:
    """A stand-in with an empty account. Raises AssertionError at the end if the stand-in itself was at fault.

    One at a time: moto keeps its state in the process and starts anew with each.
    """
    standin = Standin()
    standin.start()
    try:
        yield standin
    finally:
        standin.close()
    assert not standin.crashes, "\n".join(standin.crashes)
