"""The account's other half, which moto plays: S3 objects, IAM roles and what their policies permit."""

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from moto.backends import get_backend
from moto.moto_api._internal.models import moto_api_backend

ID = "123456789012"  # moto's default account


class NotAllowed(Exception):
    """A role cannot be assumed, or its policies do not permit what is wanted of it."""


class NoObject(Exception):
    """A bucket or an object is not there."""


@dataclass(frozen=True)
class Object:
    bucket: str
    key: str
    data: bytes
    etag: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Account:
    """Reads and writes moto's state in the process, so that none of it appears in the ledger.

    `propagation`: how often each new role is unknown to Bedrock before it is found, as after iam:CreateRole.
    """

    def __init__(self) -> None:
        moto_api_backend.reset()
        self.propagation = 0
        self._unseen: dict[str, int] = {}

    @property
    def _s3(self) -> Any:
        return get_backend("s3")[ID]["aws"]

    @property
    def _iam(self) -> Any:
        return get_backend("iam")[ID]["aws"]

    # S3

    def buckets(self) -> list[str]:
        return sorted(self._s3.buckets)

    def objects(self, bucket: str, prefix: str = "") -> list[Object]:
        """The objects below a prefix, by key. Raises NoObject if the bucket is not there."""
        if bucket not in self._s3.buckets:
            raise NoObject(f"The specified bucket does not exist: {bucket}")
        keys = self._s3.buckets[bucket].keys
        found = ((key, keys.getlist(key)[-1]) for key in sorted(keys) if key.startswith(prefix))
        return [Object(bucket, key, object_.value, object_.etag) for key, object_ in found if hasattr(object_, "value")]

    def read(self, uri: str) -> bytes:
        """One object's bytes. Raises NoObject if it is not there."""
        bucket, key = split(uri)
        for found in self.objects(bucket, key):
            if found.key == key:
                return found.data
        raise NoObject(f"The specified key does not exist: {uri}")

    def write(self, uri: str, data: bytes) -> None:
        bucket, key = split(uri)
        if bucket not in self._s3.buckets:
            raise NoObject(f"The specified bucket does not exist: {bucket}")
        self._s3.put_object(bucket, key, data)

    # IAM

    def roles(self) -> list[str]:
        return sorted(role.name for role in self._iam.roles.values())

    def policies(self) -> list[str]:
        """The ARNs of the account's own managed policies, and role/name of the inline ones."""
        managed = [policy.arn for policy in self._iam.managed_policies.values() if f":{ID}:" in policy.arn]
        inline = [f"{role.name}/{name}" for role in self._iam.roles.values() for name in role.policies]
        return sorted(managed + inline)

    def assume(self, role_arn: str, source_arn: str) -> None:
        """Bedrock takes the role for the sake of a resource. Raises NotAllowed as sts:AssumeRole would refuse."""
        role = self._role(role_arn)
        waits = self._unseen.setdefault(role_arn, self.propagation)
        if waits:
            self._unseen[role_arn] = waits - 1
            raise NotAllowed(f"role {role_arn} is not known yet")
        context = {"aws:SourceAccount": ID, "aws:SourceArn": source_arn}
        trust = _statements(role.assume_role_policy_document)
        mine = [one for one in trust if "bedrock.amazonaws.com" in _list(one.get("Principal", {}).get("Service", []))]
        if not _decide(mine, "sts:AssumeRole", None, context):
            raise NotAllowed(f"role {role_arn} does not trust bedrock.amazonaws.com for {source_arn}")

    def demand(self, role_arn: str, action: str, resource: str) -> None:
        """Raises NotAllowed unless the role's policies permit the action on the resource."""
        role = self._role(role_arn)
        documents = [*role.policies.values(), *(_default_version(policy) for policy in role.managed_policies.values())]
        statements = [one for document in documents for one in _statements(document)]
        if not _decide(statements, action, resource, {"aws:ResourceAccount": ID, "aws:PrincipalAccount": ID}):
            raise NotAllowed(f"{role_arn} is not authorized to perform: {action} on resource: {resource}")

    def _role(self, role_arn: str) -> Any:
        for role in self._iam.roles.values():
            if role.arn == role_arn:
                return role
        raise NotAllowed(f"role {role_arn} does not exist")


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _default_version(policy: Any) -> str:
    return next(version.document for version in policy.versions if version.is_default)


def _statements(document: str | dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(document, str):
        document = json.loads(document if document.lstrip().startswith("{") else unquote(document))
    return _list(document["Statement"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _decide(statements: list[dict[str, Any]], action: str, resource: str | None, context: dict[str, str]) -> bool:
    """IAM's rule: some statement allows it and none denies it. `resource` is None in trust policies."""
    effects = set(_effects(statements, action, resource, context))
    return effects == {"Allow"}


def _effects(
    statements: list[dict[str, Any]], action: str, resource: str | None, context: dict[str, str]
) -> Iterator[str]:
    for one in statements:
        acts = any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in _list(one["Action"]))
        on = resource is None or any(fnmatch.fnmatchcase(resource, pattern) for pattern in _list(one["Resource"]))
        if acts and on and _holds(one.get("Condition", {}), context):
            yield one["Effect"]


def _holds(conditions: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
    for operator, keys in conditions.items():
        assert operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike"), f"teach the stand-in {operator}"
        for key, allowed in keys.items():
            match = str.__eq__ if operator == "StringEquals" else fnmatch.fnmatchcase
            if key not in context or not any(match(context[key], pattern) for pattern in _list(allowed)):
                return False
    return True
