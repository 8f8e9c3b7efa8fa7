"""Model invocation jobs: one for each content, submitted once, found again after a crash, waited for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, is_missing, member
from tune_or_retrieve.providers.bedrock.aws.names import attempts, client_token, pairs, resource_name, tags, words
from tune_or_retrieve.providers.bedrock.aws.roles import Role, batch_policy, check_role, ensure_role, trust, when_known
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import ROOT, ensure_bucket
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch

JOB = "model-invocation-job"
RUNNING = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
ANSWERED = ("Completed", "PartiallyCompleted")
HOURS = 168  # after which AWS gives up; its most, as a queue may be long and an expired job has to be paid anew


class Place(NamedTuple):
    """Where jobs read and write, and as whom."""

    bucket: str
    role: Role


@dataclass(frozen=True)
class Batch:
    """What is asked. `key` follows from the model, the region and the records."""

    stage: str
    model: str
    key: str
    retry: int = 0

    def name(self, attempt: int) -> str:
        return resource_name(f"batch-{words(self.stage)}", self.key, attempt)


@dataclass(frozen=True)
class Job:
    """`reason`: how it ended, if not with answers."""

    arn: str
    name: str
    status: str
    attempt: int
    reason: str | None = None


def place(clients: Clients, bucket: str | None, role_arn: str | None, model: str, extra: Mapping[str, str]) -> Place:
    """The bucket and the role of batch jobs with a model, made where they are not there.

    Args:
        bucket, role_arn: the user's own; None: ours are made, with no permission that a job does not need.
        extra: the user's own tags.

    Raises:
        StageError: as ensure_bucket, ensure_role and check_role.
    """
    key = content_key("batch role", clients.account_id, clients.region, model)
    named = tags("batch", key, extra)
    bucket = ensure_bucket(clients, bucket, named)
    if role_arn is not None:
        return Place(bucket, check_role(clients, role_arn))
    files = f"{ROOT}batch/"
    allowed = batch_policy(clients.bucket_arn(bucket), files, files, model_arns(clients, model))
    trusted = trust(clients.arn("bedrock", f"{JOB}/*"))
    return Place(bucket, ensure_role(clients, resource_name("batch", key), trusted, allowed, named))


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


def ended(
    clients: Clients,
    batch: Batch,
    role: Role,
    source: str,
    target: str,
    watch: Watch,
    check: Callable[[], None],
    begun: Callable[[str], None] = lambda arn: None,
) -> Job:
    """The job of this content when it is over: found, or submitted now. At most one is submitted.

    Args:
        source, target: s3:// addresses of the records, and of the folder to write below.
        check: called before a job is submitted, and not where one is found; what it raises submits none.
        begun: told the ARN of the job, before it is waited for.

    Raises:
        StageError: the latest job failed in an earlier run and `retry` allows no further one, or AWS refuses.
    """
    job = None
    try:
        job = _submitted(clients, batch, role, source, target, watch, check)
        begun(job.arn)

        def look() -> Mapping[str, Any]:
            seen = _seen(clients, job)
            return {**seen, "creationTime": seen.get("submitTime")}

        seen = watch.until(look, lambda seen: seen["status"] not in RUNNING, lambda seen: _told(batch, seen))
    except KeyboardInterrupt:
        what = f"the batch job {job.name} goes on" if job else "a batch job, if one was submitted just now, goes on"
        stop = f" `aws bedrock stop-model-invocation-job --job-identifier {job.arn}` ends it." if job else ""
        watch.say(f"\n{batch.stage}: {what} at AWS and is paid for. `dvc repro` comes back to it.{stop}")
        raise
    return Job(job.arn, job.name, seen["status"], job.attempt, _reason(seen))


def _submitted(
    clients: Clients, batch: Batch, role: Role, source: str, target: str, watch: Watch, check: Callable[[], None]
) -> Job:
    latest = _latest(clients, batch)
    if latest is not None:
        reason = None if latest.status in RUNNING else _reason(_seen(clients, latest))
        if reason is None:
            watch.say(f"{batch.stage}: found the batch job {latest.name}, {latest.status}; none is submitted")
            return latest
        if latest.attempt > batch.retry:
            raise StageError(
                f"{batch.stage}: the batch job {latest.name} {reason}. Mend the cause; to pay for another job of the "
                f"same calls set `retry: {latest.attempt}`, or switch batch off: the calls are made singly then."
            )
    check()
    attempt = latest.attempt + 1 if latest else 1
    name = batch.name(attempt)
    with aws(f"submitting the batch job {name}"):
        try:
            made = when_known(role, lambda: _create(clients, batch, attempt, role, source, target), sleep=watch.sleep)
        except ClientError as fault:
            # The list, which lags, did not have it yet.
            found = _latest(clients, batch) if code(fault) == "ConflictException" else None
            if found is None or found.attempt != attempt:
                raise
            return found
        arn = member(made, "jobArn")
    watch.say(f"{batch.stage}: submitted the batch job {name} to {batch.model}, at half price")
    return Job(arn, name, "Submitted", attempt)


def _latest(clients: Clients, batch: Batch) -> Job | None:
    first = batch.name(1)
    with aws(f"looking for the batch job {first}"):
        pages = clients.bedrock.get_paginator("list_model_invocation_jobs").paginate(nameContains=first)
        listed = attempts(first, (one for page in pages for one in member(page, "invocationJobSummaries")))
    jobs = [Job(one["jobArn"], one["jobName"], one["status"], attempt) for attempt, one in listed.items()]
    return jobs[-1] if jobs else None


def _create(clients: Clients, batch: Batch, attempt: int, role: Role, source: str, target: str) -> dict[str, Any]:
    return clients.bedrock.create_model_invocation_job(
        jobName=batch.name(attempt),
        clientRequestToken=client_token("batch", batch.key, attempt),
        roleArn=role.arn,
        modelId=batch.model,
        modelInvocationType="Converse",  # one form of records for every maker's models
        inputDataConfig={"s3InputDataConfig": {"s3Uri": source, "s3InputFormat": "JSONL"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": target}},
        timeoutDurationInHours=HOURS,
        tags=pairs(tags(batch.stage, batch.key)),
    )


def _seen(clients: Clients, job: Job) -> Mapping[str, Any]:
    with aws(f"looking at the batch job {job.name}"):
        seen = clients.bedrock.get_model_invocation_job(jobIdentifier=job.arn)
        member(seen, "status")
        return seen


def _told(batch: Batch, seen: Mapping[str, Any]) -> str:
    done = (
        f" ({seen.get('processedRecordCount', 0)} of {seen['totalRecordCount']})" if "totalRecordCount" in seen else ""
    )
    return f"{batch.stage}: batch job {seen['status']}{done}"


def _reason(seen: Mapping[str, Any]) -> str | None:
    if seen["status"] in ANSWERED:
        return None
    verb = {"Failed": "failed", "Stopped": "was stopped", "Expired": "expired"}.get(seen["status"], seen["status"])
    return f"{verb}: {' '.join(seen.get('message', 'AWS gives no reason').split()).rstrip('.')}"
