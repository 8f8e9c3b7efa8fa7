"""What exists in a region, how it ripens, and the table of operations that change it."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .account import ID, Account
from .errors import AwsError, conflict, not_found
from .ledger import Ledger

Handler = Callable[["State", dict[str, Any]], dict[str, Any] | None]
HANDLERS: dict[tuple[str, str], Handler] = {}


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Enters a function into the table of operations; it gets validated parameters and returns the answer's members."""

    def enter(handler: Handler) -> Handler:
        HANDLERS[service, name] = handler
        return handler

    return enter


@dataclass
class Pace:
    """When the next step of a resource is due: after so many looks at it, so many seconds, and not while held."""

    polls: int = 1
    seconds: float = 0.0
    held: bool = False


@dataclass
class Resource:
    """Anything with a life. `kind` is the word in its ARN; `step` is what happens next, once it is due."""

    kind: str
    id: str
    arn: str
    name: str
    status: str
    fields: dict[str, Any] = field(default_factory=dict)
    step: Callable[["Resource"], None] | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    polls: int = 0
    since: float = field(default_factory=time.monotonic)

    def turn(self, status: str, then: Callable[["Resource"], None] | None = None) -> None:
        """A new status, and the step that ends it."""
        self.status, self.step = status, then
        self.updated, self.polls, self.since = datetime.now(UTC), 0, time.monotonic()


@dataclass
class Settings:
    """What a test may set, for all regions. Kinds are the words in ARNs, such as custom-model-deployment."""

    paces: dict[str, Pace] = field(default_factory=dict)
    next_failures: dict[str, list[str]] = field(default_factory=dict)
    denied_models: set[str] = field(default_factory=set)
    quotas: dict[str, float] = field(default_factory=dict)  # by name, beside or instead of those of quotas.py
    prices: dict[str, list[tuple[float, str]]] = field(default_factory=dict)  # price, unit: instead of price_list.py's
    model_regions: set[str] = field(default_factory=lambda: {"us-east-1"})
    answer: Any = None  # of Converse: see converse.py

    def pace(self, kind: str) -> Pace:
        return self.paces.setdefault(kind, Pace())

    def failure(self, kind: str) -> str | None:
        """The message with which the next job of this kind shall fail, taken off the list."""
        waiting = self.next_failures.get(kind)
        return waiting.pop(0) if waiting else None


class State:
    """One region's resources."""

    def __init__(self, region: str, account: Account, settings: Settings, ledger: Ledger) -> None:
        self.region, self.account, self.settings, self.ledger = region, account, settings, ledger
        self.resources: dict[str, Resource] = {}  # by ARN
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.replays: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any], set[str]]] = {}  # by client token
        self.collections: dict[tuple[str, str], dict[str, Any]] = {}  # OpenSearch Serverless: chunks by key
        self._made = 0

    def new_id(self, length: int = 12) -> str:
        self._made += 1
        return hashlib.sha256(f"{self.region} {self._made}".encode()).hexdigest()[:length]

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{ID}:{rest}"

    def add(self, resource: Resource, tags: dict[str, str] | None = None) -> Resource:
        self.resources[resource.arn] = resource
        self.tag(resource.arn, tags or {})
        return resource

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        merged = self.tags.get(arn, {}) | tags
        if len(merged) > 50:
            raise AwsError("TooManyTagsException", "A resource has at most 50 tags.")
        self.tags[arn] = merged

    def remove(self, resource: Resource) -> None:
        self.resources.pop(resource.arn, None)
        self.tags.pop(resource.arn, None)

    def all(self, kind: str, poll: bool = False) -> list[Resource]:
        for resource in [one for one in self.resources.values() if one.kind == kind]:
            self.advance(resource, poll)
        return [one for one in self.resources.values() if one.kind == kind]

    def listed(self, kind: str, params: dict[str, Any], poll: bool = False) -> list[Resource]:
        """Those that a List request asks for: by part of the name, and by status."""
        return [
            one
            for one in self.all(kind, poll)
            if params.get("nameContains", "") in one.name and params.get("statusEquals", one.status) == one.status
        ]

    def get(self, kind: str, identifier: str, poll: bool = False) -> Resource:
        """By ARN, id or name. `poll` counts as a look at it. Raises ResourceNotFoundException."""
        for resource in [one for one in self.resources.values() if one.kind == kind]:
            if identifier in (resource.arn, resource.id, resource.name):
                self.advance(resource, poll)
                if resource.arn in self.resources:  # the step may have been its end
                    return resource
        raise not_found(f"The provided {kind} {identifier} could not be found")

    def advance(self, resource: Resource, poll: bool) -> None:
        """Takes the next step if it is due; the look that meets the pace still sees the old status."""
        pace = self.settings.pace(resource.kind)
        waited = time.monotonic() - resource.since
        if resource.step and not pace.held and resource.polls >= pace.polls and waited >= pace.seconds:
            step, resource.step = resource.step, None
            step(resource)
        elif poll:
            resource.polls += 1

    def refuse_name(self, kind: str, name: str, error: Callable[[str], AwsError] = conflict) -> None:
        if any(one.name == name for one in self.resources.values() if one.kind == kind):
            raise error(f"The {kind} name {name} is already in use. Choose another name.")


def page(found: list[Any], params: dict[str, Any], member: str) -> dict[str, Any]:
    """One page of a list by maxResults and nextToken, which is the place of the next item."""
    start = int(params.get("nextToken", 0))
    end = start + params.get("maxResults", 1000)
    return {member: found[start:end], "nextToken": str(end) if end < len(found) else None}
