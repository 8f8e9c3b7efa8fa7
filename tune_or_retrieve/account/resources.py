"""What this project made at AWS and is still there, found by tags and names alone, and what it costs while idle."""

from collections.abc import Iterator, Sequence
from typing import Any

from tune_or_retrieve.account import knowledge_base_kinds
from tune_or_retrieve.account.knowledge_base_kinds import BASE, BY_THE_GIGABYTE, SOURCE
from tune_or_retrieve.account.owned import Kind, Resource, Scope, status_of, tags_of
from tune_or_retrieve.account.removal import Left
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.cost import per_hour
from tune_or_retrieve.money.prices import Prices, names
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, are_ours, unpaired
from tune_or_retrieve.providers.bedrock.aws.roles import remove_role, roles_of_ours
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import (
    ROOT,
    bucket_region,
    bucket_tags,
    default_bucket,
    objects,
    remove_below,
    remove_bucket,
)
from tune_or_retrieve.providers.bedrock.tuning.customization import RUNNING
from tune_or_retrieve.providers.bedrock.tuning.hosting import HOURS_OF_A_MONTH
from tune_or_retrieve.providers.bedrock.tuning.hosting import KINDS as HOSTING

TRAINING, BATCH = "fine-tuning job", "batch job"
THROUGHPUT, DEPLOYMENT, MODEL = "provisioned throughput", "deployment", "custom model"
ROLE, OBJECTS, BUCKET = "role", "objects", "bucket"
BATCH_RUNNING = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
NO_PRICE = "(no price in params.yaml)"
GIGABYTE = 1e9


def look(clients: Clients, scope: Scope) -> tuple[list[Resource], list[Left]]:
    """Everything of ours in the region, in the order of teardown, and the kinds that could not be listed, with why."""
    found: list[Resource] = []
    unseen: list[Left] = []
    for kind in KINDS:
        try:
            with aws(f"listing every {kind.word}"):
                found += kind.find(clients, scope)
        except StageError as fault:
            unseen.append(Left(kind.word, "", str(fault)))
    return found, unseen


def table(found: Sequence[Resource], region: str, prices: Prices | None) -> str:
    """The resources as text for a terminal, and what they cost a month while idle."""
    if not found:
        return f"nothing of {PROJECT} in {region}."
    kind, name = (max(len(getattr(one, column)) for one in found) for column in ("kind", "name"))
    lines = [f"{one.kind:{kind}}  {one.name:{name}}  {one.status or '-':12}  {one.idle}" for one in found]
    known = sum(one.per_month or 0.0 for one in found)
    dated = f" (US dollars, prices of {prices.as_of})" if prices else ""
    unknown = sum(one.per_month is None for one in found)
    beside = f", beside {unknown} whose cost is not in the price table" if unknown else ""
    return "\n".join([*lines, f"{region}, while idle: ${known:,.2f} a month{beside}{dated}"])


def _ours(clients: Clients, operation: str, members: str, arn: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Those of a list of the client `bedrock` that carry our name and our tags."""
    for page in clients.bedrock.get_paginator(operation).paginate(nameContains=PROJECT, **params):
        for one in member(page, members):
            tags = tags_of(lambda one=one: clients.bedrock.list_tags_for_resource(resourceARN=one[arn]))
            if are_ours(unpaired(tags)):
                yield one


def _trainings(clients: Clients, scope: Scope) -> Iterator[Resource]:
    for one in _ours(clients, "list_model_customization_jobs", "modelCustomizationJobSummaries", "jobArn"):
        if one["status"] in RUNNING:
            idle = "the tokens it trains on, paid when it ends"
            yield Resource(TRAINING, one["jobName"], one["jobArn"], one["status"], idle, None)


def _batches(clients: Clients, scope: Scope) -> Iterator[Resource]:
    for one in _ours(clients, "list_model_invocation_jobs", "invocationJobSummaries", "jobArn"):
        if one["status"] in BATCH_RUNNING:
            yield Resource(BATCH, one["jobName"], one["jobArn"], one["status"], "the tokens of what it answers", None)


def _throughputs(clients: Clients, scope: Scope) -> Iterator[Resource]:
    how = HOSTING["provisioned"]
    for one in _ours(clients, f"list_{how.word}s", how.listed, how.arn):
        idle, month = f"by the hour, used or not {NO_PRICE}", None
        hourly = _hourly(one["foundationModelArn"], one["modelUnits"], scope)
        if hourly is not None:
            month = hourly * HOURS_OF_A_MONTH
            idle = f"${hourly:,.2f} an hour, used or not: ${month:,.2f} a month"
        if until := one.get("commitmentExpirationTime"):
            idle += f"; committed until {until:%Y-%m-%d}, not to be deleted before"
        yield Resource(THROUGHPUT, one[how.name], one[how.arn], one["status"], idle, month)


def _hourly(base_model: str, units: int, scope: Scope) -> float | None:
    """Dollars, by what the user entered as he confirmed it, or by the price table; None: not known."""
    for name in names(base_model):
        if name in scope.hourly:
            return units * scope.hourly[name]
    try:
        return per_hour(base_model, units, scope.prices) if scope.prices else None
    except StageError:
        return None


def _deployments(clients: Clients, scope: Scope) -> Iterator[Resource]:
    how = HOSTING["on_demand"]
    for one in _ours(clients, f"list_{how.word}s", how.listed, how.arn):
        yield Resource(DEPLOYMENT, one[how.name], one[how.arn], one["status"])


def _models(clients: Clients, scope: Scope) -> Iterator[Resource]:
    month = scope.prices.storage_per_model_month if scope.prices else None
    idle = f"storage, by the month {NO_PRICE}" if month is None else f"${month:,.2f} a month"
    for one in _ours(clients, "list_custom_models", "modelSummaries", "modelArn", isOwned=True):
        yield Resource(MODEL, one["modelName"], one["modelArn"], one.get("modelStatus", ""), idle, month)


def _roles(clients: Clients, scope: Scope) -> Iterator[Resource]:
    return (Resource(ROLE, name, name) for name in roles_of_ours(clients))


def _buckets(clients: Clients, scope: Scope) -> Iterator[tuple[str, bool]]:
    """Buckets of the region that hold or may hold something of ours, and whether we made them."""
    default = default_bucket(clients)
    named = {default, *scope.buckets}
    for page in clients.s3.get_paginator("list_buckets").paginate(BucketRegion=clients.region):
        for one in page.get("Buckets", []):
            name = one["Name"]
            ours = name == default or _tagged(clients, name)
            if ours or name in named:
                yield name, ours


def _tagged(clients: Clients, bucket: str) -> bool:
    """Whether a bucket carries our tags; False of one that may not be looked at: it was not made with these rights."""
    try:
        return are_ours(bucket_tags(clients, bucket))
    except StageError as fault:
        if getattr(fault, "code", "") in ("AccessDenied", "NoSuchBucket"):
            return False
        raise


def _objects(clients: Clients, scope: Scope) -> Iterator[Resource]:
    for bucket, _ in _buckets(clients, scope):
        sizes = [size for _, size in objects(clients, bucket, ROOT)]
        if sizes:
            idle = f"{BY_THE_GIGABYTE} ({len(sizes):,} objects, {sum(sizes) / GIGABYTE:,.3f} GB)"
            yield Resource(OBJECTS, f"s3://{bucket}/{ROOT}", bucket, "", idle, None)


def _own_buckets(clients: Clients, scope: Scope) -> Iterator[Resource]:
    return (Resource(BUCKET, name, name) for name, ours in _buckets(clients, scope) if ours)


def _remove_bucket(clients: Clients, one: Resource) -> None:
    if not remove_bucket(clients, one.id):
        raise StageError(f"it holds objects that are not below {ROOT}: not ours to delete. Move or delete them.")


def _hosted(word: str, key: str) -> dict[str, Any]:
    how = HOSTING[key]
    return {
        "end": lambda clients, one: getattr(clients.bedrock, f"delete_{how.word}")(**{how.identifier: one.id}),
        "status": lambda clients, one: status_of(
            lambda: getattr(clients.bedrock, f"get_{how.word}")(**{how.identifier: one.id}), "status"
        ),
        "busy": ("Creating", "Updating"),
    }


def _job(word: str, running: tuple[str, ...]) -> dict[str, Any]:
    def stop(clients: Clients, one: Resource) -> None:
        if one.status != "Stopping":
            getattr(clients.bedrock, f"stop_{word}")(jobIdentifier=one.id)

    def status(clients: Clients, one: Resource) -> str | None:
        seen = status_of(lambda: getattr(clients.bedrock, f"get_{word}")(jobIdentifier=one.id), "status")
        return seen if seen in running else None

    return {"end": stop, "status": status, "verb": "stop"}


# In the order of teardown: what runs, what hosts, what is hosted, the knowledge bases, and what all of them need.
KINDS: tuple[Kind, ...] = (
    Kind(TRAINING, _trainings, **_job("model_customization_job", RUNNING)),
    Kind(BATCH, _batches, **_job("model_invocation_job", BATCH_RUNNING)),
    Kind(THROUGHPUT, _throughputs, **_hosted(THROUGHPUT, "provisioned")),
    Kind(DEPLOYMENT, _deployments, **_hosted(DEPLOYMENT, "on_demand")),
    Kind(
        MODEL, _models,
        lambda clients, one: clients.bedrock.delete_custom_model(modelIdentifier=one.id),
        lambda clients, one: status_of(lambda: clients.bedrock.get_custom_model(modelIdentifier=one.id), "modelArn"),
        busy=("Creating",),
    ),
    *knowledge_base_kinds.KINDS,
    Kind(
        ROLE, _roles,
        lambda clients, one: remove_role(clients, one.id),
        lambda clients, one: status_of(lambda: clients.iam.get_role(RoleName=one.id), "Role", "RoleName"),
        after=(TRAINING, BATCH, SOURCE, BASE),
    ),
    Kind(
        OBJECTS, _objects,
        lambda clients, one: remove_below(clients, one.id, ROOT),
        lambda clients, one: None,
        after=(TRAINING, BATCH),
    ),
    Kind(
        BUCKET, _own_buckets,
        _remove_bucket,
        lambda clients, one: bucket_region(clients, one.id),
        after=(TRAINING, BATCH, OBJECTS),
    ),
)  # fmt: skip
