"""Batch inference jobs: their names, their calls, and the lines that a finished one has written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.money.jobs import Job, Seen, Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, is_missing, member
from tune_or_retrieve.providers.bedrock.aws.jobs import BedrockJobs, Operations
from tune_or_retrieve.providers.bedrock.aws.names import client_token, pairs, resource_name, tags, words
from tune_or_retrieve.providers.bedrock.aws.roles import Role, batch_policy, check_role, ensure_role, trust, when_known
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import (
    ROOT,
    ensure_bucket,
    get_jsonl,
    objects,
    put,
    split_uri,
)
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams

OPERATIONS = Operations(
    "model_invocation_job", "jobIdentifier", "jobArn", "invocationJobSummaries", "jobName",
    running=("Submitted", "Validating", "Scheduled", "InProgress", "Stopping"),
    done=("Completed", "PartiallyCompleted"),
)  # fmt: skip
HOURS = 168  # after which AWS gives up; its maximum, as a queue may be long and an expired job is paid for again
FILE = "calls.jsonl"


@dataclass(frozen=True)
class Batch:
    """What is asked: records as JSON lines, for one model."""

    stage: str
    params: BatchParams
    records: bytes

    def key(self, region: str) -> str:
        return content_key("batch", self.params.model, region, self.records.decode())


class Finished(NamedTuple):
    """`failure`: how the job ended, unless with answers; lines may be there all the same."""

    job: Job
    lines: list[dict[str, Any]]
    failure: str | None


class BatchJobs(BedrockJobs[Finished]):
    """Jobs that answer one batch.

    Args:
        check: called before a job is submitted, and before anything is made for it; what it raises submits none.
        paid: called with the ARN of the job, found or submitted, before it is waited for.
    """

    noun, operations = "batch job", OPERATIONS

    def __init__(
        self,
        clients: Clients,
        batch: Batch,
        check: Callable[[], object],
        paid: Callable[[str], object],
        watch: Watch,
    ):
        super().__init__(clients, watch)
        self.title, self.retry = batch.stage, batch.params.retry
        self._batch, self._check, self._paid = batch, check, paid
        self._key = batch.key(clients.region)

    def name(self, attempt: int) -> str:
        return resource_name(f"batch-{words(self._batch.stage)}", self._key, attempt)

    def create(self, attempt: int) -> dict[str, Any]:
        self._check()
        params, folder = self._batch.params, f"{ROOT}batch/{self.name(1)}/"
        bucket, role = ensure_bucket_and_role(self.clients, params)
        source = put(self.clients, bucket, f"{folder}in/{FILE}", self._batch.records)
        request = {
            "jobName": self.name(attempt),
            "clientRequestToken": client_token("batch", self._key, attempt),
            "roleArn": role.arn,
            "modelId": params.model,
            "modelInvocationType": "Converse",  # one form of records for the models of all makers
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": source, "s3InputFormat": "JSONL"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/{folder}out/"}},
            "timeoutDurationInHours": HOURS,
            "tags": pairs(tags(self._batch.stage, self._key)),
        }
        return when_known(role, lambda: self.clients.bedrock.create_model_invocation_job(**request), self.watch)

    def begun(self, job: Job) -> None:
        self._paid(job.id)

    def fetch(self, job: Job, seen: Seen) -> Finished:
        with aws(f"reading what the batch job {job.name} made"):
            written_to = member(seen, "outputDataConfig", "s3OutputDataConfig", "s3Uri")
        bucket, folder = split_uri(written_to)
        key = f"{folder}{job.id.rsplit('/', 1)[-1]}/{FILE}.out"
        there = any(
            name == key for name, _ in objects(self.clients, bucket, key)
        )  # not of one that failed at its start
        return Finished(job, get_jsonl(self.clients, bucket, key) if there else [], self.failure(seen))

    def progress(self, seen: Seen) -> str:
        total = seen.get("totalRecordCount")
        done = "" if total is None else f" ({seen.get('processedRecordCount', 0)} of {total})"
        return f"batch job {seen['status']}{done}"

    def submitted(self, job: Job) -> str:
        return f"submitted the batch job {job.name} to {self._batch.params.model}, at half price"

    def remedy(self, job: Job) -> str:
        return (
            f"Fix the cause; to pay for another job for the same calls, set `retry: {job.attempt}`, or switch batch "
            "off: the calls are then made singly."
        )


def ensure_bucket_and_role(clients: Clients, params: BatchParams) -> tuple[str, Role]:
    """The bucket and the role of batch jobs with a model: the user's, or ours, made if they are not there.

    Raises:
        StageError: as ensure_bucket, ensure_role and check_role.
    """
    key = content_key("batch role", clients.account_id, clients.region, params.model)
    named = tags("batch", key)
    bucket = ensure_bucket(clients, params.bucket, named)
    if params.role_arn is not None:
        return bucket, check_role(clients, params.role_arn)
    files = f"{ROOT}batch/"
    allowed = batch_policy(clients.bucket_arn(bucket), files, files, model_arns(clients, params.model))
    trusted = trust(clients.arn("bedrock", "model-invocation-job/*"))
    return bucket, ensure_role(clients, resource_name("batch", key), trusted, allowed, named)


def model_arns(clients: Clients, model: str) -> list[str]:
    """What a role must be allowed to invoke: the model, or an inference profile and the models behind it."""
    with aws(f"looking at the model {model}"):
        try:
            profile = clients.bedrock.get_inference_profile(inferenceProfileIdentifier=model)
        except ClientError as fault:
            if not is_missing(fault) and code(fault) != "ValidationException":
                raise
            return [model if model.startswith("arn:") else clients.foundation_model_arn(model)]
        behind = [member(one, "modelArn") for one in member(profile, "models")]
        return [member(profile, "inferenceProfileArn"), *sorted(behind)]
