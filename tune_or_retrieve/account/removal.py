"""Removal of resources, kind by kind: what fails is put down with its reason, and the rest goes on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tune_or_retrieve.account.owned import Kind, Resource, Scope
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsFault, AwsMissing
from tune_or_retrieve.providers.bedrock.aws.faults import aws
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch

LONGEST_SECONDS = 3600.0  # that one resource is waited for
TRIES = 3  # while AWS says that it is in use: what used it may be gone without AWS knowing everywhere
IN_USE = ("ConflictException", "ResourceInUseException", "DeleteConflict", "OperationAborted", "BucketNotEmpty")


@dataclass(frozen=True)
class Left:
    """What is still there, and why. Without a name: the whole kind, which could not be listed."""

    kind: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else f"every {self.kind} there may be"


def remove_all(clients: Clients, scope: Scope, watch: Watch, kinds: Iterable[Kind]) -> list[Left]:
    """Remove everything of these kinds, in their order, and wait until each is gone. Returns what is left."""
    left: list[Left] = []
    for kind in kinds:
        try:
            with aws(f"listing every {kind.word}"):
                found = list(kind.find(clients, scope))
        except StageError as fault:
            left.append(Left(kind.word, "", str(fault)))
            continue
        needed = next((one for one in left if one.kind in kind.after), None)
        if needed:
            left += [Left(kind.word, one.name, f"kept, as {needed} is still there and needs it") for one in found]
            continue
        ending = []
        for one in found:  # all of a kind are begun before the first is waited for
            try:
                _begin(clients, kind, one, watch)
                ending.append(one)
            except StageError as fault:
                left.append(Left(kind.word, one.name, str(fault)))
        for one in ending:
            try:
                _wait(clients, kind, one, watch)
            except StageError as fault:
                left.append(Left(kind.word, one.name, str(fault)))
    return left


def _begin(clients: Clients, kind: Kind, one: Resource, watch: Watch) -> None:
    if one.status in kind.busy:
        _until(clients, kind, one, watch, kind.busy)
    for number in range(1, TRIES + 1):
        try:
            with aws(f"{kind.verb.rstrip('e')}ing the {one}".replace("stoping", "stopping")):
                kind.end(clients, one)
            return
        except AwsMissing:
            return
        except AwsFault as fault:
            if _status(clients, kind, one) is None:  # gone or over meanwhile
                return
            if fault.code not in IN_USE or number == TRIES:
                raise
            watch.sleep(watch.every)


def _wait(clients: Clients, kind: Kind, one: Resource, watch: Watch) -> None:
    status = _until(clients, kind, one, watch)
    if status is not None and kind.rescue:
        watch.say(f"{one}: {status}; trying the other way")
        with aws(f"deleting the {one} in another way"):
            kind.rescue(clients, one)
        status = _until(clients, kind, one, watch)
    if status is not None:
        raise StageError(f"AWS could not {kind.verb} it: it is {status}. Look at it in the AWS console, and run again.")


def _until(
    clients: Clients, kind: Kind, one: Resource, watch: Watch, busy: tuple[str, ...] | None = None
) -> str | None:
    """The status once it is none of `busy`; without them once it is gone (None) or its deletion failed."""
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
