"""Fine-tuning of Nova on Bedrock: a job is submitted once, found again after a crash, waited for, and its losses read.

A job's name follows from what it is trained on and with, so that the same content is never paid for twice. AWS keeps
the name of a job for ever: what failed is submitted again under the next attempt's, and only if the user allows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import NotYet, StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, found, member
from tune_or_retrieve.providers.bedrock.aws.names import attempts, client_token, pairs, resource_name, tags
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.tuning.customization_params import NovaParams
from tune_or_retrieve.providers.bedrock.tuning.losses import losses

STAGE = "fine_tune"
RUNNING = ("InProgress", "Stopping")
PHASES = (("validationDetails", "check"), ("dataProcessingDetails", "data"), ("trainingDetails", "training"))


@dataclass(frozen=True)
class Data:
    """An uploaded JSONL file."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class Training:
    """What is trained on and with. `model` is its name in params, `base` one of the ids that can be customised."""

    model: str
    base: str
    role_arn: str
    train: Data
    output_uri: str
    params: NovaParams
    validation: Data | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  # the user's own

    @property
    def key(self) -> str:
        """Of all that the trained model and its curves follow from, wherever files lie and whoever reads them."""
        validation = self.validation.sha256 if self.validation else None
        return content_key("customization", self.base, self.train.sha256, validation, self.params.hyperparameters())

    def name(self, attempt: int) -> str:
        return resource_name(self.model, self.key, attempt)


@dataclass(frozen=True)
class Job:
    arn: str
    name: str
    status: str
    attempt: int


@dataclass(frozen=True)
class Trained:
    job_arn: str
    model_arn: str
    attempt: int
    curve: list[dict[str, Any]]  # rows: step, epoch, split, loss; as of local training
    seconds: float | None  # from its submission to its end; None if AWS does not tell


class StillRunning(NotYet):
    """`wait: false`: the job is submitted and runs. Not a fault, but no outs are there yet."""

    def __init__(self, message: str, job_arn: str):
        super().__init__(message)
        self.job_arn = job_arn


class TrainingFailed(StageError):
    """The job failed or was stopped, or its model was deleted since."""


def train(
    clients: Clients, training: Training, watch: Watch | None = None, patiently: Callable[..., Any] | None = None
) -> Trained:
    """The trained model: of a job that ended, of one that runs, or of one that is submitted now.

    Args:
        patiently: calls its argument again while IAM does not yet know a role that was just made.

    Raises:
        StillRunning: with `wait: false`, unless the job has ended.
        TrainingFailed: with AWS's reason, and how to allow another attempt.
        AwsFault: the service refuses or cannot be reached.
    """
    watch = watch or Watch()
    job = None
    try:
        job = submit(clients, training, watch, patiently)
        if job.status in RUNNING and not training.params.wait:
            raise StillRunning(
                f"fine-tuning {training.model}: the job {job.name} is {job.status} at AWS, and `wait: false` stops "
                "here. `dvc repro` comes back to it, as often as you like, and goes on when it is done. DVC calls the "
                "stage failed until then; `dvc repro --keep-going` goes on with what does not need it.",
                job.arn,
            )
        ended = _wait(clients, training, job, watch)
    except KeyboardInterrupt:
        what = f"the job {job.name} goes on" if job else "a job, if one was submitted just now, goes on"
        stop = f" `aws bedrock stop-model-customization-job --job-identifier {job.arn}` ends it." if job else ""
        watch.say(f"\nfine-tuning {training.model}: {what} at AWS and is paid for. `dvc repro` comes back to it.{stop}")
        raise
    if ended["status"] != "Completed":
        raise _failed(training, job, f"{_did(ended['status'])}: {_reason(ended)}")
    with aws(f"reading what the job {job.name} made"):
        model = member(ended, "outputModelArn")
        written_to = member(ended, "outputDataConfig", "s3Uri")  # of the run that submitted it: perhaps another bucket
    splits = ["train", "validation"] if training.validation else ["train"]
    curve = losses(clients, written_to, job.arn, splits, watch.say)
    return Trained(job.arn, model, job.attempt, curve, _seconds(ended))


def submit(
    clients: Clients, training: Training, watch: Watch | None = None, patiently: Callable[..., Any] | None = None
) -> Job:
    """The latest job of this content, submitted if there is none. Makes at most one.

    Raises:
        TrainingFailed: the latest failed, was stopped or lost its model, and `retry` allows no further one.
    """
    watch = watch or Watch()
    latest = next(reversed(find(clients, training)), None)
    if latest is not None:
        lost = _lost(clients, latest)
        if lost is None:
            watch.say(f"fine-tuning {training.model}: found the job {latest.name}, {latest.status}; none is submitted")
            return latest
        if latest.attempt > training.params.retry:
            raise _failed(training, latest, lost)
        watch.say(f"fine-tuning {training.model}: the job {latest.name} {lost}; `retry` allows another one")
    attempt = latest.attempt + 1 if latest else 1
    name = training.name(attempt)
    call = patiently or (lambda made: made())
    with aws(f"submitting the fine-tuning job {name}"):
        try:
            arn = call(lambda: member(_create(clients, training, attempt), "jobArn"))
        except ClientError as fault:
            if code(fault) != "ConflictException":
                raise
            # The list, which lags, did not have it yet.
            there = [job for job in find(clients, training) if job.attempt == attempt]
            if not there:
                raise
            return there[0]
    watch.say(f"fine-tuning {training.model}: submitted the job {name} on {training.base}")
    return Job(arn, name, "InProgress", attempt)


def find(clients: Clients, training: Training) -> list[Job]:
    """The jobs of this content, by attempt."""
    first = training.name(1)
    with aws(f"looking for the fine-tuning job {first}"):
        pages = clients.bedrock.get_paginator("list_model_customization_jobs").paginate(nameContains=first)
        listed = attempts(first, (one for page in pages for one in member(page, "modelCustomizationJobSummaries")))
    return [Job(one["jobArn"], one["jobName"], one["status"], attempt) for attempt, one in listed.items()]


def _create(clients: Clients, training: Training, attempt: int) -> dict[str, Any]:
    name = training.name(attempt)
    named = pairs(tags(STAGE, training.key, training.tags))
    validation = {}
    if training.validation:
        validation = {"validationDataConfig": {"validators": [{"s3Uri": training.validation.uri}]}}
    return clients.bedrock.create_model_customization_job(
        jobName=name,
        customModelName=name,
        clientRequestToken=client_token("customization", training.key, attempt),
        customizationType="FINE_TUNING",
        roleArn=training.role_arn,
        baseModelIdentifier=training.base,
        trainingDataConfig={"s3Uri": training.train.uri},
        outputDataConfig={"s3Uri": training.output_uri},
        hyperParameters=training.params.hyperparameters(),
        jobTags=named,
        customModelTags=named,
        **validation,
    )


def _describe(clients: Clients, job: Job) -> dict[str, Any]:
    with aws(f"looking at the fine-tuning job {job.name}"):
        seen = clients.bedrock.get_model_customization_job(jobIdentifier=job.arn)
        member(seen, "status")
        return seen


def _wait(clients: Clients, training: Training, job: Job, watch: Watch) -> dict[str, Any]:
    def tell(seen: dict[str, Any]) -> str:
        details = seen.get("statusDetails") or {}
        phases = [f"{label} {details[phase].get('status', '?')}" for phase, label in PHASES if details.get(phase)]
        return f"fine-tuning {training.model}: {seen['status']}" + (f" ({', '.join(phases)})" if phases else "")

    return watch.until(lambda: _describe(clients, job), lambda seen: seen["status"] not in RUNNING, tell)


def _lost(clients: Clients, job: Job) -> str | None:
    """Why nothing can come of the job any more, or None."""
    if job.status in RUNNING:
        return None
    seen = _describe(clients, job)
    if seen["status"] != "Completed":
        return f"{_did(seen['status'])}: {_reason(seen)}"
    with aws(f"looking for the model of the job {job.name}"):
        model = found(lambda: clients.bedrock.get_custom_model(modelIdentifier=member(seen, "outputModelArn")))
    return None if model else "was completed, but its model was deleted since"


def _did(status: str) -> str:
    return "failed" if status == "Failed" else "was stopped"


def _reason(seen: Mapping[str, Any]) -> str:
    return " ".join(seen.get("failureMessage", "AWS gives no reason").split()).rstrip(".")


def _failed(training: Training, job: Job, what: str) -> TrainingFailed:
    return TrainingFailed(
        f"fine-tuning {training.model}: the job {job.name} {what}. Mend the cause: other data or hyperparameters make "
        f"a new job by themselves. To pay for another one of the same, set `retry: {job.attempt}` and run `dvc repro`."
    )


def _seconds(seen: Mapping[str, Any]) -> float | None:
    if "creationTime" not in seen or "endTime" not in seen:
        return None
    return (seen["endTime"] - seen["creationTime"]).total_seconds()
