"""Preflight: what a run on Bedrock needs, checked before anything is made or paid; each finding with its remedy."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from tune_or_retrieve.account.quotas import per_minute
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.prices import Prices
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsUnavailable
from tune_or_retrieve.providers.bedrock.aws.faults import aws, member
from tune_or_retrieve.providers.bedrock.aws.roles import PATH, check_role
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import bucket_region, default_bucket
from tune_or_retrieve.providers.bedrock.chat.access import access, embeds, tunable
from tune_or_retrieve.providers.bedrock.knowledge_base.retriever import search_type
from tune_or_retrieve.providers.bedrock.tuning.price_list import ROUNDING, Entry, dearer, dollars, entries, usage_types

PRICING_PAGE = "https://aws.amazon.com/bedrock/pricing/"


@dataclass(frozen=True)
class Wanted:
    """What the params ask for in one region. A bucket or a role that is None is made."""

    called: Sequence[str] = ()  # ids of models and inference profiles that are asked
    tuned: Sequence[str] = ()  # ids of base models that are fine-tuned
    embedding: Sequence[str] = ()  # ids of models that make vectors
    buckets: Sequence[str | None] = ()
    role_arns: Sequence[str | None] = ()

    def __add__(self, other: "Wanted") -> "Wanted":
        """Both, each thing once."""
        both = [(*getattr(self, one.name), *getattr(other, one.name)) for one in fields(self)]
        return Wanted(*(tuple(dict.fromkeys(one)) for one in both))


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `said` is what was found, or the fault with its remedy."""

    what: str
    ok: bool
    said: str


def findings(clients: Clients, wanted: Wanted) -> list[Finding]:
    """Check everything in turn; without credentials that AWS accepts, nothing more. Makes and pays nothing."""
    first = _finding("credentials", lambda: f"of account {clients.account_id}")
    if not first.ok:
        return [first]
    models = dict.fromkeys((*wanted.called, *wanted.tuned))
    return [
        first,
        _finding("region", lambda: _region(clients)),
        *(_finding(f"model {name}", lambda name=name: access(clients, name)) for name in models),
        *(_finding(f"fine-tuning {base}", lambda base=base: tunable(clients, base)) for base in wanted.tuned),
        *(_finding(f"embedding by {name}", lambda name=name: embeds(clients, name)) for name in wanted.embedding),
        *(_finding("bucket", lambda bucket=bucket: _bucket(clients, bucket)) for bucket in wanted.buckets),
        *(_finding("role", lambda role=role: _role(clients, role)) for role in wanted.role_arns),
        *quotas(clients, [*models, *wanted.embedding]),
    ]


def search(mode: str, store: str) -> Finding:
    """Whether the vector store can search as `retrieval.mode` asks: better known before an index is paid for."""
    return _finding("search", lambda: f"{mode} is Bedrock's {search_type(mode, store)} over {store}")


def report(found: Sequence[Finding]) -> None:
    """Print every finding. Raises StageError with how many faults there are, if there are any."""
    for one in found:
        print(f"{'ok   ' if one.ok else 'FAULT'}  {one.what}: {one.said}")
    faults = [one.what for one in found if not one.ok]
    if faults:
        raise StageError(f"not ready for Amazon Bedrock: {', '.join(faults)}. The remedies are above.")


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except StageError as fault:
        return Finding(what, False, str(fault))


def quotas(clients: Clients, models: Sequence[str]) -> list[Finding]:
    """A finding for each model's tokens a minute; one if quotas may not be read, which is no fault."""
    if not models:
        return []
    try:
        listed = per_minute(clients)
    except StageError as fault:
        return [Finding("quotas", True, f"not checked. {fault}")]
    return [_finding(f"quota of {name}", lambda name=name: listed.of(name)) for name in dict.fromkeys(models)]


def prices(clients: Clients, table: Prices, called: Sequence[str], tuned: Sequence[str]) -> list[Finding]:
    """Whether AWS's Price List asks no more; one finding if it may not be read, and one for models that it has not by
    a name that is known: both no faults.
    """
    found = []
    for one in entries(clients.region, table, called, tuned):
        try:
            listed = dollars(clients, one.usage_type)
        except StageError as fault:
            return [*found, Finding("prices", True, f"not compared with AWS's Price List. {fault}")]
        found.append(_compared(one, listed))
    if others := [model for model in (*called, *tuned) if not usage_types(clients.region, model)]:
        said = f"those of {', '.join(dict.fromkeys(others))} are not compared with AWS's Price List: see {PRICING_PAGE}"
        found.append(Finding("prices", True, said))
    return found


def _compared(entry: Entry, listed: float | None) -> Finding:
    if listed is None:
        return Finding(entry.key, True, f"AWS's Price List has no {entry.usage_type}: see {PRICING_PAGE}")
    theirs = float(f"{listed * entry.units:.6g}")
    if entry.ours is not None and math.isclose(entry.ours, theirs, rel_tol=ROUNDING):
        return Finding(entry.key, True, f"{theirs:g}, as in AWS's Price List")
    ours = "null" if entry.ours is None else f"{entry.ours:g}"
    said = f"params.yaml says {ours}, AWS's Price List {theirs:g} ({entry.usage_type})"
    return (
        Finding(entry.key, False, f"{said}. Correct it.") if dearer(entry, listed) else Finding(entry.key, True, said)
    )


def _region(clients: Clients) -> str:
    with aws(f"looking for models in {clients.region}"):
        models = member(clients.bedrock.list_foundation_models(), "modelSummaries")
    if not models:
        raise AwsUnavailable(
            f"{clients.region} offers this account no model. Set AWS_REGION or `region` in params.yaml to another, "
            "for instance us-east-1."
        )
    return f"{clients.region} offers {len(models)} models"


def _role(clients: Clients, arn: str | None) -> str:
    return check_role(clients, arn).arn if arn else f"one is made when it is needed, below {PATH}"


def _bucket(clients: Clients, name: str | None) -> str:
    bucket = name or default_bucket(clients)
    region = bucket_region(clients, bucket)
    if region is None:
        return f"{bucket} is made when it is needed"
    if region != clients.region:
        raise StageError(
            f"{bucket} is in {region}, but Bedrock is used in {clients.region}. Name a bucket in {clients.region} in "
            f"params.yaml (null: it is made), or set `region` to {region}."
        )
    return f"{bucket} is there"
