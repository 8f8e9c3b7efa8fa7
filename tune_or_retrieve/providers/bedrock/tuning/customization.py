"""Fine-tuning jobs of Bedrock: their names, their calls, and what a finished one has made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tune_or_retrieve.base.errors import NotYet
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.money.jobs import Job, Seen, Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, found, member
from tune_or_retrieve.providers.bedrock.aws.jobs import BedrockJobs, Operations
from tune_or_retrieve.providers.bedrock.aws.names import client_token, pairs, resource_name, tags
from tune_or_retrieve.providers.bedrock.aws.roles import Role, when_known
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams
from tune_or_retrieve.providers.bedrock.tuning.losses import losses

STAGE = "fine_tune"
OPERATIONS = Operations(
    "model_customization_job", "jobIdentifier", "jobArn", "modelCustomizationJobSummaries", "jobName",
    running=("InProgress", "Stopping"), done=("Completed",),
)  # fmt: skip
PHASES = (("validationDetails", "check"), ("dataProcessingDetails", "data"), ("trainingDetails", "training"))


@dataclass(frozen=True)
class Data:
    """A JSONL file in S3."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class Training:
    """What is trained, on what, and with what. `model` is its name in params."""

    model: str
    params: CustomizationParams
    train: Data
    validation: Data
    output_uri: str

    @property
    def key(self) -> str:
        """Of all that the trained model and its curves follow from, wherever files lie and whoever reads them."""
        hyperparameters = self.params.hyperparameters()
        return content_key(
            "customization", self.params.base_model, self.train.sha256, self.validation.sha256, hyperparameters
        )

    def name(self, attempt: int) -> str:
        return resource_name(self.model, self.key, attempt)


@dataclass(frozen=True)
class Trained:
    job_arn: str
    model_arn: str
    attempt: int
    curve: list[dict[str, Any]]  # rows of step, epoch, split and loss, as in local training
    seconds: float | None  # from its submission to its end; None if AWS does not say


class StillRunning(NotYet):
    """`wait: false`: the job is submitted and runs. Not a fault, but no outs are there yet."""


class CustomizationJobs(BedrockJobs[Trained]):
    """Jobs that train one model.

    Args:
        prepare: called before a job is submitted: checks what it will cost, makes what it needs, and returns the role
            that Bedrock assumes.
        paid: called with the ARN of the job, found or submitted, before it is waited for.
    """

    operations = OPERATIONS

    def __init__(
        self,
        clients: Clients,
        training: Training,
        prepare: Callable[[], Role],
        paid: Callable[[str], object],
        watch: Watch,
    ):
        super().__init__(clients, watch)
        self.training, self._prepare, self._paid = training, prepare, paid
        self.title, self.retry = f"fine-tuning {training.model}", training.params.retry

    def name(self, attempt: int) -> str:
        return self.training.name(attempt)

    def create(self, attempt: int) -> dict[str, Any]:
        training, role = self.training, self._prepare()
        name, named = self.name(attempt), pairs(tags(STAGE, training.key))
        request = {
            "jobName": name,
            "customModelName": name,
            "clientRequestToken": client_token("customization", training.key, attempt),
            "customizationType": "FINE_TUNING",
            "roleArn": role.arn,
            "baseModelIdentifier": training.params.base_model,
            "trainingDataConfig": {"s3Uri": training.train.uri},
            "validationDataConfig": {"validators": [{"s3Uri": training.validation.uri}]},
            "outputDataConfig": {"s3Uri": training.output_uri},
            "hyperParameters": training.params.hyperparameters(),
            "jobTags": named,
            "customModelTags": named,
        }
        return when_known(role, lambda: self.clients.bedrock.create_model_customization_job(**request), self.watch)

    def begun(self, job: Job) -> None:
        """Raises StillRunning with `wait: false`, unless the job has ended."""
        self._paid(job.id)
        if job.status in self.running and not self.training.params.wait:
            raise StillRunning(
                f"{self.title}: the job {job.name} is {job.status} at AWS, and `wait: false` stops here. `dvc repro` "
                "looks again, as often as you like, and goes on once it is done. DVC calls the stage failed until "
                "then; `dvc repro --keep-going` goes on with what does not need it."
            )

    def lost(self, job: Job) -> str | None:
        seen = self.look(job)
        if why := self.failure(seen):
            return why
        with aws(f"looking for the model of the job {job.name}"):
            model = found(lambda: self.clients.bedrock.get_custom_model(modelIdentifier=member(seen, "outputModelArn")))
        return None if model else "was completed, but its model was deleted since"

    def fetch(self, job: Job, seen: Seen) -> Trained:
        if why := self.failure(seen):
            raise self.fault(job, why)
        with aws(f"reading what the job {job.name} made"):
            model = member(seen, "outputModelArn")
            written_to = member(seen, "outputDataConfig", "s3Uri")  # an earlier run may have used another bucket
        curve = losses(self.clients, written_to, job.id, self.watch.say)
        seconds = None
        if "creationTime" in seen and "endTime" in seen:
            seconds = (seen["endTime"] - seen["creationTime"]).total_seconds()
        return Trained(job.id, model, job.attempt, curve, seconds)

    def progress(self, seen: Seen) -> str:
        details = seen.get("statusDetails") or {}
        phases = [f"{label} {details[phase].get('status', '?')}" for phase, label in PHASES if details.get(phase)]
        return seen["status"] + (f" ({', '.join(phases)})" if phases else "")

    def submitted(self, job: Job) -> str:
        return f"submitted the job {job.name} on {self.training.params.base_model}"

    def remedy(self, job: Job) -> str:
        return (
            "Fix the cause: with other data or hyperparameters it is a new job anyway. To pay for another job for the "
            f"same, set `retry: {job.attempt}` and run `dvc repro`."
        )
