"""Where a fine-tuned model answers: on demand, which costs nothing while idle, or on provisioned throughput, which is
paid for by the hour whether it is used or not, and which the user therefore confirms first.
"""

import functools
from dataclasses import dataclass
from typing import Any, Literal

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.money.jobs import Job, Seen, Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, found, member
from tune_or_retrieve.providers.bedrock.aws.jobs import BedrockJobs, Operations
from tune_or_retrieve.providers.bedrock.aws.names import client_token, pairs, resource_name, tags
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.tuning.hosting_params import HostingParams, ProvisionedParams

STAGE = "fine_tune"
COMMITMENTS = {"none": None, "1 month": "OneMonth", "6 months": "SixMonths"}
DAYS = {"none": 0, "1 month": 30, "6 months": 180}
HOURS_OF_A_MONTH = 730
COMING_UP = ("Creating", "Updating")
OPERATIONS = {
    "on_demand": Operations(
        "custom_model_deployment", "customModelDeploymentIdentifier", "customModelDeploymentArn",
        "modelDeploymentSummaries", "customModelDeploymentName", COMING_UP, ("Active",),
    ),
    "provisioned": Operations(
        "provisioned_model_throughput", "provisionedModelId", "provisionedModelArn", "provisionedModelSummaries",
        "provisionedModelName", COMING_UP, ("InService",),
    ),
}  # fmt: skip
NOUNS = {"on_demand": "deployment", "provisioned": "provisioned throughput"}


@dataclass(frozen=True)
class Hosted:
    """`arn` is the model id that Converse is called with."""

    arn: str
    name: str
    kind: Literal["on_demand", "provisioned"]


def host(clients: Clients, model: str, model_arn: str, params: HostingParams, watch: Watch) -> Hosted:
    """The model, ready to answer: found, or brought up and waited for. One that failed to come up is replaced.

    Args:
        model: its name in params, lower-case words joined by hyphens.
        model_arn: of the custom model.

    Raises:
        StageError: a price that is not confirmed, before anything is sent; other throughput of the model is already
            paid for; or AWS could not bring it up, with its reason.
    """
    confirm(params, watch)
    _refuse_second_throughput(clients, model, model_arn, params, watch)
    return HostingJobs(clients, model, model_arn, params, watch).run()


def confirm(hosting: HostingParams, watch: Watch) -> None:
    """Show the price of what is paid for by the hour. Raises StageError if it is not confirmed in params.yaml."""
    if hosting.kind != "provisioned":
        return
    params = hosting.provisioned
    if params is None:
        raise StageError(
            "hosting.provisioned: missing. kind: provisioned needs units, commitment, price_per_hour (see the Bedrock "
            "console) and confirmed."
        )
    if not params.confirmed:
        raise StageError(
            f"hosting.provisioned: {price(params)}. Nothing was started. Set `confirmed: true` to start it, or "
            "`kind: on_demand`, which costs nothing while idle."
        )
    watch.say(f"hosting: {price(params)}; `confirmed: true` allows it")


def price(params: ProvisionedParams) -> str:
    """What it costs, in words and dollars."""
    hourly = params.units * params.price_per_hour
    text = f"{params.units} unit(s) of provisioned throughput cost ${hourly:,.2f} an hour, used or not"
    if days := DAYS[params.commitment]:
        total = hourly * 24 * days
        return f"{text}, for {params.commitment} at least: ${total:,.2f}, not refundable"
    return f"{text}, until deleted: ${hourly * 24:,.2f} a day, ${hourly * HOURS_OF_A_MONTH:,.2f} a month"


class HostingJobs(BedrockJobs[Hosted]):
    """What hosts one model in the way that `params` asks for; coming up is the job."""

    def __init__(self, clients: Clients, model: str, model_arn: str, params: HostingParams, watch: Watch):
        self.operations = OPERATIONS[params.kind]
        super().__init__(clients, watch)
        self.title, self.noun = f"hosting {model}", NOUNS[params.kind]
        self._model, self._model_arn, self._params = model, model_arn, params
        self._key = content_key("hosting", model_arn)

    def name(self, attempt: int) -> str:
        return resource_name(self._model, self._key, attempt)

    def create(self, attempt: int) -> dict[str, Any]:
        name, params = self.name(attempt), self._params
        request: dict[str, Any] = {"tags": pairs(tags(STAGE, self._key))}
        if params.kind == "on_demand":
            request |= {"modelDeploymentName": name, "modelArn": self._model_arn}
        else:
            units = params.provisioned.units
            request |= {"provisionedModelName": name, "modelId": self._model_arn, "modelUnits": units}
            if term := COMMITMENTS[params.provisioned.commitment]:
                request["commitmentDuration"] = term
        token = client_token("hosting", params.kind, name)
        return getattr(self.clients.bedrock, f"create_{self.operations.noun}")(**request, clientRequestToken=token)

    def fetch(self, job: Job, seen: Seen) -> Hosted:
        if why := self.failure(seen):
            raise self.fault(job, why)
        delete = getattr(self.clients.bedrock, f"delete_{self.operations.noun}")
        for old in self.find():
            if old.status == "Failed":
                with aws(f"deleting the {self.noun} {old.name}, which failed"):
                    found(functools.partial(delete, **{self.operations.identifier: old.id}))
        return Hosted(job.id, job.name, self._params.kind)

    def submitted(self, job: Job) -> str:
        return f"the {self.noun} {job.name} is being brought up"

    def goes_on(self, job: Job | None) -> str:
        paid = " It is paid for from now on; `tune-or-retrieve teardown` ends it."
        return "it goes on coming up at AWS. `dvc repro` picks it up again." + (
            paid if self._params.kind == "provisioned" else ""
        )

    def remedy(self, job: Job) -> str:
        return "Fix the cause and run `dvc repro`, which brings up another one; this one costs nothing."


def _refuse_second_throughput(
    clients: Clients, model: str, model_arn: str, params: HostingParams, watch: Watch
) -> None:
    """Changed params must not leave throughput behind that is paid for, nor use what was made with others."""
    throughputs = HostingJobs(clients, model, model_arn, HostingParams(kind="provisioned"), watch)
    for one in throughputs.find():
        if one.status == "Failed":
            continue
        seen = throughputs.look(one)
        with aws(f"looking at the provisioned throughput {one.name}"):
            units, term = member(seen, "modelUnits"), seen.get("commitmentDuration")
        wanted = params.provisioned if params.kind == "provisioned" else None
        if wanted is None or (units, term) != (wanted.units, COMMITMENTS[wanted.commitment]):
            commitment = next(name for name, value in COMMITMENTS.items() if value == term)
            raise StageError(
                f"hosting {model}: {one.name} is being paid for by the hour ({units} unit(s), commitment "
                f"{commitment}), and params.yaml asks for something else. Delete it first with `aws bedrock "
                f"delete-provisioned-model-throughput --provisioned-model-id {one.id}`, or restore its params."
            )
