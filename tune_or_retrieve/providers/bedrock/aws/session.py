"""Clients of the AWS services that a study on Bedrock uses, made when they are first used."""

import os
import threading
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tune_or_retrieve.providers.bedrock.aws.fault_rules import NO_REGION, THROTTLED
from tune_or_retrieve.providers.bedrock.aws.faults import AwsUnavailable, aws, member

ATTEMPTS = 8  # of one call, including the first
CONNECT_SECONDS = 10
READ_SECONDS = 60
REPLY_SECONDS = 300  # a chat model may think for minutes before the first byte
CONNECTIONS = 50  # at once, of each client: run.concurrency is at most that
HTTP_ERROR = 300  # from here on, as botocore draws the line
TOO_MANY_REQUESTS = 429  # of throttling, and of a deployment that is still being made ready


class Clients:
    """One attribute for each service, named as boto3 names it, with _ for -. All share session, region and retry mode.

    May be used from several threads.
    """

    def __init__(self, session: boto3.Session):
        self._session = session
        self._lock = threading.Lock()  # making clients of a session is not thread-safe; using them is
        self.region: str = session.region_name

    @cached_property
    def account_id(self) -> str:
        """The account that the credentials belong to. Raises StageError if AWS does not say."""
        with aws("asking whose credentials these are"):
            return member(self.sts.get_caller_identity(), "Account")

    @cached_property
    def partition(self) -> str:
        """The part of AWS that the region is in, with which ARNs begin: aws, aws-us-gov, aws-cn."""
        with aws(f"looking for the region {self.region}"):
            return self._session.get_partition_for_region(self.region)

    def arn(self, service: str, resource: str) -> str:
        """Of a resource in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def foundation_model_arn(self, model: str) -> str:
        return f"arn:{self.partition}:bedrock:{self.region}::foundation-model/{model}"

    def bucket_arn(self, bucket: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket}"

    @cached_property
    def bedrock(self) -> Any:
        return self._client("bedrock")

    @cached_property
    def bedrock_runtime(self) -> Any:
        """Calls cost money and take no client token: only what was throttled, and so not executed, is repeated."""
        client = self._client("bedrock-runtime", read_timeout=REPLY_SECONDS)
        client.meta.events.register_first("needs-retry.bedrock-runtime", _give_up_unless_throttled)
        return client

    @cached_property
    def bedrock_agent(self) -> Any:
        return self._client("bedrock-agent")

    @cached_property
    def bedrock_agent_runtime(self) -> Any:
        return self._client("bedrock-agent-runtime")

    @cached_property
    def s3vectors(self) -> Any:
        return self._client("s3vectors")

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")

    @cached_property
    def service_quotas(self) -> Any:
        return self._client("service-quotas")

    @cached_property
    def pricing(self) -> Any:
        """For all regions, in one of the few that answer. Nothing depends on it, so it is not retried for long."""
        return self._client("pricing", region="us-east-1", attempts=2)

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def sts(self) -> Any:
        return self._client("sts")

    def _client(
        self, service: str, read_timeout: float = READ_SECONDS, region: str | None = None, attempts: int | None = None
    ) -> Any:
        config = Config(
            retries={"mode": "adaptive", "total_max_attempts": attempts or ATTEMPTS},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_timeout,
            max_pool_connections=CONNECTIONS,
        )
        with self._lock, aws(f"making a client for {service}"):
            return self._session.client(service, region_name=region, config=config)


def clients(region: str | None = None) -> Clients:
    """Clients for a region; None is the region of the AWS profile (AWS_REGION, AWS_PROFILE, ~/.aws/config).

    Sends nothing. Raises AwsFault if there is no such profile, AwsUnavailable if there is no region.
    """
    session = _session(region)
    if not session.region_name:
        raise AwsUnavailable(f"AWS, reading the AWS profile: {NO_REGION}")
    return Clients(session)


def profile_region() -> str | None:
    """The region of the AWS profile, if it has one. Raises AwsFault if there is no such profile."""
    return _session(None).region_name


def _session(region: str | None) -> boto3.Session:
    with aws("reading the AWS profile"):
        # botocore itself reads AWS_DEFAULT_REGION only, other tools of AWS this one
        return boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)


def _give_up_unless_throttled(
    response: tuple[Any, dict[str, Any]] | None, caught_exception: Exception | None, operation: Any, **_: Any
) -> None:
    """Ends a call before botocore's own rule would repeat it."""
    if caught_exception is not None:
        raise caught_exception
    if response is not None:
        http, parsed = response
        throttled = http.status_code == TOO_MANY_REQUESTS or parsed.get("Error", {}).get("Code") in THROTTLED.split()
        if http.status_code >= HTTP_ERROR and not throttled:
            raise ClientError(parsed, operation.name)
