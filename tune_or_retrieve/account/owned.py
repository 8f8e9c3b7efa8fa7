"""What this project made in an account: one thing of it, and how each kind of thing is found and removed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tune_or_retrieve.money.prices import Prices
from tune_or_retrieve.providers.bedrock.aws.faults import found, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients

NOTHING = "nothing while idle"


@dataclass(frozen=True)
class Resource:
    """One thing that exists. `id` is what its service knows it by; `parent` that of what it is part of."""

    kind: str
    name: str
    id: str
    status: str = ""
    idle: str = NOTHING  # what it costs while nothing is asked of it, in words
    per_month: float | None = 0.0  # the same in dollars; None: not known
    parent: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Scope:
    """Where is looked beyond tags and names, and what it costs."""

    buckets: tuple[str, ...] = ()  # those that params name, of any region
    prices: Prices | None = None
    hourly: Mapping[str, float] = field(default_factory=dict)  # of a unit of provisioned throughput, by base model


@dataclass(frozen=True)
class Kind:
    """A kind of resource, and its life. The functions raise what boto3 raises; callers stand inside `aws`."""

    word: str
    find: Callable[[Clients, Scope], Iterable[Resource]]
    end: Callable[[Clients, Resource], object]  # begins its deletion, or stops it
    status: Callable[[Clients, Resource], str | None]  # None: gone, or over
    verb: str = "delete"
    after: tuple[str, ...] = ()  # kinds that need this one: while one of them is left, this one is kept
    busy: tuple[str, ...] = ()  # statuses in which AWS does not let it go yet
    failed: tuple[str, ...] = ()  # statuses in which its deletion came to nothing
    rescue: Callable[[Clients, Resource], object] | None = None  # once, after that: another way to delete it


def status_of(call: Callable[[], object], *path: str | int) -> str | None:
    """The status in an answer, or None if AWS says that there is no such thing."""
    return found(lambda: member(call(), *path))


def tags_of(call: Callable[[], object]) -> dict:
    """The member `tags` of an answer; none of what was deleted meanwhile."""
    return found(lambda: member(call(), "tags")) or {}
