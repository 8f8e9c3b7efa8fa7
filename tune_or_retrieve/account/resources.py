"""What this project made at AWS and is still there, found by tags and names alone, and what it costs while idle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.cost import per_hour
from tune_or_retrieve.money.prices import Prices, names
from tune_or_retrieve.providers.bedrock.aws.faults import member
from tune_or_retrieve.providers.bedrock.aws.jobs import Operations
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, are_ours, unpaired
from tune_or_retrieve.providers.bedrock.aws.removal import Kind, Resource, status_of, tags_of
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import (
    ROOT,
    bucket_region,
    bucket_tags,
    default_bucket,
    objects,
    remove_bucket,
    remove_objects,
)
from tune_or_retrieve.providers.bedrock.chat import batch_jobs
from tune_or_retrieve.providers.bedrock.knowledge_base.kinds import BASE, BY_THE_GIGABYTE, SOURCE, base_kinds, role_kind
from tune_or_retrieve.providers.bedrock.tuning import customization, hosting
from tune_or_retrieve.providers.bedrock.tuning.hosting import HOURS_OF_A_MONTH

TRAINING, BATCH = "fine-tuning job", "batch job"
THROUGHPUT, DEPLOYMENT, MODEL = "provisioned throughput", "deployment", "custom model"
OBJECTS, BUCKET = "objects", "bucket"
NO_PRICE = "(no price in params.yaml)"
GIGABYTE = 1e9


@dataclass(frozen=True)
class Scope:
    """Where to look beyond tags and names, and what things cost."""

    buckets: tuple[str, ...] = ()  # those that params name, of any region
    prices: Prices | None = None
    hourly: Mapping[str, float] = field(default_factory=dict)  # of a unit of provisioned throughput, by base model


def table(found: Sequence[Resource], region: str, prices: Prices | None) -> str:
    """The resources as text for a terminal, and what they cost a month while idle."""
    if not found:
        return f"nothing of {PROJECT} in {region}."
    kind, name = (max(len(getattr(one, column)) for one in found) for column in ("kind", "name"))
    lines = [f"{one.kind:{kind}}  {one.name:{name}}  {one.status or '-':12}  {one.idle}" for one in found]
    known = sum(one.per_month or 0.0 for one in found)
    dated = f" (US dollars, prices of {prices.as_of})" if prices else ""
    unknown = sum(one.per_month is None for one in found)
    beside = f", plus {unknown} whose cost is not in the price table" if unknown else ""
    return "\n".join([*lines, f"{region}, while idle: ${known:,.2f} a month{beside}{dated}"])


def kinds(scope: Scope) -> tuple[Kind, ...]:
    """In the order of teardown: what runs, what hosts, what is hosted, knowledge bases, and what all of them need."""
    return (
        _job(TRAINING, customization.OPERATIONS, "the tokens it trains on, paid when it ends"),
        _job(BATCH, batch_jobs.OPERATIONS, "the tokens of what it answers"),
        _hosted(THROUGHPUT, hosting.OPERATIONS["provisioned"], partial(_by_the_hour, scope)),
        _hosted(DEPLOYMENT, hosting.OPERATIONS["on_demand"], lambda one: {}),
        Kind(
            MODEL, partial(_models, scope),
            lambda clients, one: clients.bedrock.delete_custom_model(modelIdentifier=one.id),
            lambda clients, one: status_of(
                lambda: clients.bedrock.get_custom_model(modelIdentifier=one.id), "modelArn"
            ),
            busy=("Creating",),
        ),
        *base_kinds(),
        role_kind((TRAINING, BATCH, SOURCE, BASE)),
        Kind(
            OBJECTS, partial(_objects, scope),
            lambda clients, one: remove_objects(clients, one.id),
            lambda clients, one: None,
            after=(TRAINING, BATCH),
        ),
        Kind(
            BUCKET, partial(_own_buckets, scope),
            _remove_bucket,
            lambda clients, one: bucket_region(clients, one.id),
            after=(TRAINING, BATCH, OBJECTS),
        ),
    )  # fmt: skip


def _ours(clients: Clients, operation: str, members: str, arn: str, **params: Any) -> Iterator[dict[str, Any]]:
    """The entries of a list of the client `bedrock` that carry our name and our tags."""
    for page in clients.bedrock.get_paginator(operation).paginate(nameContains=PROJECT, **params):
        for one in member(page, members):
            tags = tags_of(lambda one=one: clients.bedrock.list_tags_for_resource(resourceARN=one[arn]))
            if are_ours(unpaired(tags)):
                yield one


def _job(word: str, how: Operations, idle: str) -> Kind:
    """A kind of job, of those that run."""

    def find(clients: Clients) -> Iterator[Resource]:
        for one in _ours(clients, f"list_{how.noun}s", how.listed, how.arn):
            if one["status"] in how.running:
                yield Resource(word, one[how.name], one[how.arn], one["status"], idle, None)

    def status(clients: Clients, one: Resource) -> str | None:
        seen = _status(how, clients, one)
        return seen if seen in how.running else None

    def stop(clients: Clients, one: Resource) -> None:
        getattr(clients.bedrock, f"stop_{how.noun}")(**{how.identifier: one.id})

    return Kind(word, find, stop, status, verb="stop")


def _hosted(word: str, how: Operations, idle: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Kind:
    """A kind of hosting. `idle`: the members of Resource that say what one of the list costs."""

    def find(clients: Clients) -> Iterator[Resource]:
        for one in _ours(clients, f"list_{how.noun}s", how.listed, how.arn):
            yield Resource(word, one[how.name], one[how.arn], one["status"], **idle(one))

    def delete(clients: Clients, one: Resource) -> None:
        getattr(clients.bedrock, f"delete_{how.noun}")(**{how.identifier: one.id})

    return Kind(word, find, delete, partial(_status, how), busy=how.running)


def _status(how: Operations, clients: Clients, one: Resource) -> str | None:
    return status_of(lambda: getattr(clients.bedrock, f"get_{how.noun}")(**{how.identifier: one.id}), "status")


def _by_the_hour(scope: Scope, one: Mapping[str, Any]) -> dict[str, Any]:
    idle, month = f"by the hour, used or not {NO_PRICE}", None
    hourly = _hourly(one["foundationModelArn"], one["modelUnits"], scope)
    if hourly is not None:
        month = hourly * HOURS_OF_A_MONTH
        idle = f"${hourly:,.2f} an hour, used or not: ${month:,.2f} a month"
    if until := one.get("commitmentExpirationTime"):
        idle += f"; committed until {until:%Y-%m-%d}, not to be deleted before"
    return {"idle": idle, "per_month": month}


def _hourly(base_model: str, units: int, scope: Scope) -> float | None:
    """Dollars, by what the user entered on confirming it, or by the price table; None: not known."""
    for name in names(base_model):
        if name in scope.hourly:
            return units * scope.hourly[name]
    try:
        return per_hour(base_model, units, scope.prices) if scope.prices else None
    except StageError:
        return None


def _models(scope: Scope, clients: Clients) -> Iterator[Resource]:
    month = scope.prices.storage_per_model_month if scope.prices else None
    idle = f"storage, by the month {NO_PRICE}" if month is None else f"${month:,.2f} a month"
    for one in _ours(clients, "list_custom_models", "modelSummaries", "modelArn", isOwned=True):
        yield Resource(MODEL, one["modelName"], one["modelArn"], one.get("modelStatus", ""), idle, month)


def _buckets(scope: Scope, clients: Clients) -> Iterator[tuple[str, bool]]:
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


def _objects(scope: Scope, clients: Clients) -> Iterator[Resource]:
    for bucket, _ in _buckets(scope, clients):
        sizes = [size for _, size in objects(clients, bucket, ROOT)]
        if sizes:
            idle = f"{BY_THE_GIGABYTE} ({len(sizes):,} objects, {sum(sizes) / GIGABYTE:,.3f} GB)"
            yield Resource(OBJECTS, f"s3://{bucket}/{ROOT}", bucket, "", idle, None)


def _own_buckets(scope: Scope, clients: Clients) -> Iterator[Resource]:
    return (Resource(BUCKET, name, name) for name, ours in _buckets(scope, clients) if ours)


def _remove_bucket(clients: Clients, one: Resource) -> None:
    if not remove_bucket(clients, one.id):
        raise StageError(f"it holds objects that are not below {ROOT}: not ours to delete. Move or delete them.")
