"""What this project made at AWS: each kind of resource, how it is found, and the one way to remove it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsConflict, AwsFault, AwsMissing
from tune_or_retrieve.providers.bedrock.aws.faults import aws, found, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients

NOTHING = "nothing while idle"
LONGEST_SECONDS = 3600.0  # to wait for one resource
TRIES = 3  # while AWS says that it is in use: what used it may be gone without all of AWS knowing yet
ENDING = ("Stopping", "STOPPING", "DELETING")  # statuses of what ends already
GERUNDS = {"delete": "deleting", "stop": "stopping"}


@dataclass(frozen=True)
class Resource:
    """One thing that exists. `id` is what its service knows it by; `parent` is that of what it is part of."""

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
class Kind:
    """A kind of resource and its life. The functions raise what boto3 raises; callers are inside `aws`."""

    word: str
    find: Callable[[Clients], Iterable[Resource]]
    end: Callable[[Clients, Resource], object]  # begins its deletion, or stops it
    status: Callable[[Clients, Resource], str | None]  # None: gone, or over
    verb: Literal["delete", "stop"] = "delete"
    after: tuple[str, ...] = ()  # kinds that need this one: while one of them is left, this one is kept
    busy: tuple[str, ...] = ()  # statuses in which AWS does not let it go yet
    failed: tuple[str, ...] = ()  # statuses in which its deletion came to nothing
    rescue: Callable[[Clients, Resource], object] | None = None  # once, after that: another way to delete it


@dataclass(frozen=True)
class Left:
    """What is still there, and why. Without a name: the whole kind, which could not be listed."""

    kind: str
    name: str
    why: StageError

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else f"every {self.kind} there may be"


def look(clients: Clients, kinds: Iterable[Kind]) -> tuple[list[Resource], list[Left]]:
    """Everything of these kinds, in their order, and the kinds that could not be listed, with the reason."""
    seen: list[Resource] = []
    unseen: list[Left] = []
    for kind in kinds:
        try:
            with aws(f"listing every {kind.word}"):
                seen += kind.find(clients)
        except StageError as fault:
            unseen.append(Left(kind.word, "", fault))
    return seen, unseen


def remove_all(clients: Clients, kinds: Iterable[Kind], watch: Watch) -> list[Left]:
    """Remove everything of these kinds, in their order, and wait until each is gone. Returns what is left.

    What fails is noted with its reason, and the rest goes on. May be repeated, and goes on where it was cut off.
    """
    left: list[Left] = []
    for kind in kinds:
        seen, unseen = look(clients, [kind])
        left += unseen
        if needed := next((one for one in left if one.kind in kind.after), None):
            kept = StageError(f"kept, as {needed} is still there and needs it")
            left += [Left(kind.word, one.name, kept) for one in seen]
            continue
        ending = []
        for one in seen:  # all of a kind are begun before the first is waited for
            try:
                _begin(clients, kind, one, watch)
                ending.append(one)
            except StageError as fault:
                left.append(Left(kind.word, one.name, fault))
        for one in ending:
            try:
                _wait(clients, kind, one, watch)
            except StageError as fault:
                left.append(Left(kind.word, one.name, fault))
    return left


def status_of(call: Callable[[], object], *path: str | int) -> str | None:
    """The status in an answer, or None if AWS says that there is no such thing."""
    return found(lambda: member(call(), *path))


def tags_of(call: Callable[[], object]) -> dict:
    """The member `tags` of an answer; empty for what was deleted meanwhile."""
    return found(lambda: member(call(), "tags")) or {}


def _begin(clients: Clients, kind: Kind, one: Resource, watch: Watch) -> None:
    if one.status in ENDING:
        return
    if one.status in kind.busy:
        _until(clients, kind, one, watch, kind.busy)
    for number in range(1, TRIES + 1):
        try:
            with aws(f"{GERUNDS[kind.verb]} the {one}"):
                kind.end(clients, one)
            return
        except AwsMissing:
            return
        except AwsFault as fault:
            if _status(clients, kind, one) is None:  # gone or over meanwhile
                return
            if not isinstance(fault, AwsConflict) or number == TRIES:
                raise
            watch.sleep(watch.every)


def _wait(clients: Clients, kind: Kind, one: Resource, watch: Watch) -> None:
    status = _until(clients, kind, one, watch)
    if status is not None and kind.rescue:
        watch.say(f"{one}: {status}; trying another way")
        with aws(f"deleting the {one} in another way"):
            kind.rescue(clients, one)
        status = _until(clients, kind, one, watch)
    if status is not None:
        raise StageError(f"AWS could not {kind.verb} it: it is {status}. Look at it in the AWS console and run again.")


def _until(
    clients: Clients, kind: Kind, one: Resource, watch: Watch, busy: tuple[str, ...] | None = None
) -> str | None:
    """The status once it is none of `busy`; without `busy`, once it is gone (None) or its deletion failed."""
    first = watch.clock()

    def over(seen: Mapping[str, str | None]) -> bool:
        status = seen["status"]
        if status is None or (status not in busy if busy else status in kind.failed):
            return True
        if watch.clock() - first > LONGEST_SECONDS:
            raise StageError(f"still {status} after {LONGEST_SECONDS / 60:.0f} minutes. Run again later.")
        return False

    gone = "stopped" if kind.verb == "stop" else "gone"
    seen = watch.until(lambda: {"status": _status(clients, kind, one)}, over, lambda s: f"{one}: {s['status'] or gone}")
    return seen["status"]


def _status(clients: Clients, kind: Kind, one: Resource) -> str | None:
    with aws(f"looking at the {one}"):
        return kind.status(clients, one)
