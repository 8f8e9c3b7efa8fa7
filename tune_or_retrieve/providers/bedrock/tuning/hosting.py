"""Where a fine-tuned model answers: on demand, which costs nothing while idle, or in provisioned throughput, which is
paid for by the hour whether it is used or not, and is therefore confirmed first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.providers.bedrock.aws.faults import aws, found, member
from tune_or_retrieve.providers.bedrock.aws.names import attempts, client_token, pairs, resource_name, tags
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.tuning.hosting_params import HostingParams, ProvisionedParams

STAGE = "fine_tune"
COMMITMENTS = {"none": None, "1 month": "OneMonth", "6 months": "SixMonths"}
DAYS = {"none": 0, "1 month": 30, "6 months": 180}
HOURS_OF_A_MONTH = 730


@dataclass(frozen=True)
class Hosted:
    """`arn` is the model id that Converse is called with."""

    arn: str
    name: str
    status: str
    attempt: int
    kind: Literal["on_demand", "provisioned"]


@dataclass(frozen=True)
class Kind:
    """How bedrock's client speaks of one kind of hosting."""

    word: str  # in the names of its operations
    identifier: str  # member of requests that names one
    arn: str  # member of answers
    listed: str  # member of the list's pages
    name: str  # member of each one listed
    ready: str  # status


KINDS = {
    "on_demand": Kind(
        "custom_model_deployment", "customModelDeploymentIdentifier", "customModelDeploymentArn",
        "modelDeploymentSummaries", "customModelDeploymentName", "Active",
    ),
    "provisioned": Kind(
        "provisioned_model_throughput", "provisionedModelId", "provisionedModelArn", "provisionedModelSummaries",
        "provisionedModelName", "InService",
    ),
}  # fmt: skip


class HostingFailed(StageError):
    """AWS could not bring the model up."""


def price(params: ProvisionedParams) -> str:
    """What it costs, in words and dollars."""
    hourly = params.units * params.price_per_hour
    text = f"{params.units} unit(s) of provisioned throughput cost ${hourly:,.2f} an hour, used or not"
    if days := DAYS[params.commitment]:
        total = hourly * 24 * days
        return f"{text}, for {params.commitment} at least: ${total:,.2f} that cannot be had back"
    return f"{text}, until deleted: ${hourly * 24:,.2f} a day, ${hourly * HOURS_OF_A_MONTH:,.2f} a month"


def host(
    clients: Clients,
    model: str,
    model_arn: str,
    params: HostingParams,
    watch: Watch | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> Hosted:
    """The model, ready to answer: found, or brought up and waited for. One that failed to come up is replaced.

    Args:
        model: its name in params, lower-case words joined by hyphens.
        model_arn: of the custom model.

    Raises:
        StageError: a price that is not confirmed, before anything is sent; or other throughput of the model is paid
            for already.
        HostingFailed: with AWS's reason.
    """
    watch = watch or Watch()
    confirm(params, watch)
    _refuse_second_throughput(clients, model, model_arn, params)
    key = content_key("hosting", model_arn)
    there = find(clients, model, model_arn, params.kind)
    latest = there[-1] if there else None
    try:
        if latest is None or latest.status == "Failed":
            attempt = latest.attempt + 1 if latest else 1
            latest = _create(clients, model, model_arn, params, attempt, key, extra_tags)
            watch.say(f"hosting {model}: {latest.name} is being brought up, {params.kind}")
        latest = replace(latest, status=_wait(clients, model, latest, watch))
    except KeyboardInterrupt:
        paid = " It is paid for from now on; `tune-or-retrieve teardown` ends it." if params.kind != "on_demand" else ""
        watch.say(f"\nhosting {model}: it goes on coming up at AWS. `dvc repro` comes back to it.{paid}")
        raise
    for old in there:
        if old.status == "Failed" and old.arn != latest.arn:
            _delete(clients, old)
    return latest


def find(clients: Clients, model: str, model_arn: str, kind: Literal["on_demand", "provisioned"]) -> list[Hosted]:
    """What hosts the model in this way, by attempt."""
    first = resource_name(model, content_key("hosting", model_arn))
    how = KINDS[kind]
    with aws(f"looking for what hosts {model}"):
        pages = clients.bedrock.get_paginator(f"list_{how.word}s").paginate(nameContains=first)
        listed = attempts(first, (one for page in pages for one in member(page, how.listed)), how.name)
    return [Hosted(one[how.arn], one[how.name], one["status"], attempt, kind) for attempt, one in listed.items()]


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


def _refuse_second_throughput(clients: Clients, model: str, model_arn: str, params: HostingParams) -> None:
    """Changed params must not leave throughput behind that is paid for, nor take what was made with others."""
    for one in find(clients, model, model_arn, "provisioned"):
        if one.status == "Failed":
            continue
        with aws(f"looking at the throughput {one.name}"):
            seen = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=one.arn)
            units, term = member(seen, "modelUnits"), seen.get("commitmentDuration")
        wanted = params.provisioned if params.kind == "provisioned" else None
        if wanted is None or (units, term) != (wanted.units, COMMITMENTS[wanted.commitment]):
            commitment = next(name for name, value in COMMITMENTS.items() if value == term)
            raise StageError(
                f"hosting {model}: {one.name} is being paid for by the hour ({units} unit(s), commitment "
                f"{commitment}), and params.yaml asks for something else. Delete it first with `aws bedrock "
                f"delete-provisioned-model-throughput --provisioned-model-id {one.arn}`, or put its params back."
            )


def _create(
    clients: Clients,
    model: str,
    model_arn: str,
    params: HostingParams,
    attempt: int,
    key: str,
    extra_tags: Mapping[str, str] | None,
) -> Hosted:
    name, how = resource_name(model, key, attempt), KINDS[params.kind]
    request: dict[str, Any] = {"tags": pairs(tags(STAGE, key, extra_tags))}
    if params.kind == "on_demand":
        request |= {"modelDeploymentName": name, "modelArn": model_arn}
    else:
        request |= {"provisionedModelName": name, "modelId": model_arn, "modelUnits": params.provisioned.units}
        if term := COMMITMENTS[params.provisioned.commitment]:
            request["commitmentDuration"] = term
    with aws(f"bringing up {name}"):
        create = getattr(clients.bedrock, f"create_{how.word}")
        made = create(**request, clientRequestToken=client_token("hosting", params.kind, name))
        return Hosted(member(made, how.arn), name, "Creating", attempt, params.kind)


def _wait(clients: Clients, model: str, hosted: Hosted, watch: Watch) -> str:
    how = KINDS[hosted.kind]

    def look() -> Mapping[str, Any]:
        with aws(f"looking at {hosted.name}"):
            seen = getattr(clients.bedrock, f"get_{how.word}")(**{how.identifier: hosted.arn})
            member(seen, "status")
            return seen

    seen = watch.until(
        look,
        lambda seen: seen["status"] not in ("Creating", "Updating"),
        lambda seen: f"hosting {model}: {seen['status']}",
    )
    if seen["status"] != how.ready:
        reason = " ".join(seen.get("failureMessage", "AWS gives no reason").split()).rstrip(".")
        raise HostingFailed(
            f"hosting {model}: {hosted.name} is {seen['status']}: {reason}. Mend the cause and run `dvc repro`, which "
            "brings up another one; this one costs nothing."
        )
    return seen["status"]


def _delete(clients: Clients, failed: Hosted) -> None:
    how = KINDS[failed.kind]
    with aws(f"deleting {failed.name}, which failed"):
        found(lambda: getattr(clients.bedrock, f"delete_{how.word}")(**{how.identifier: failed.arn}))
