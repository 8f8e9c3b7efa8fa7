"""AWS's rest-json protocol, both ways, by botocore's own service models."""

import base64
import functools
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.utils import parse_to_aware_datetime

from .constraints import faults, message
from .errors import Answer, AwsError, invalid

# The services played here, by the name that their requests are signed with.
SERVICES = {
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "s3vectors": ("s3vectors",),
}


@dataclass(frozen=True)
class Route:
    service: ServiceModel
    operation: OperationModel
    path: re.Pattern[str]
    parameters: int  # of the path: fewer is more exact


@functools.cache
def models() -> dict[str, ServiceModel]:
    session = botocore.session.Session()
    return {name: session.get_service_model(name) for names in SERVICES.values() for name in names}


@functools.cache
def json_operation(service: str, operation: str) -> OperationModel:
    """Of a service whose protocol is json."""
    return botocore.session.Session().get_service_model(service).operation_model(operation)


def check(params: dict[str, Any], shape: Shape) -> None:
    """Raises ValidationException for what breaks the model's rules."""
    if found := faults(params, shape):
        raise invalid(message(found))


@functools.cache
def _routes(signing_name: str) -> list[Route]:
    routes = []
    for name in SERVICES[signing_name]:
        service = models()[name]
        for operation in map(service.operation_model, service.operation_names):
            uri = operation.http["requestUri"].partition("?")[0]
            path = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(uri))
            routes.append(Route(service, operation, re.compile(path), path.count("(?P<")))
    return sorted(routes, key=lambda route: route.parameters)


def find(signing_name: str, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
    """The operation of a still percent-encoded path and the parameters in it, decoded. Where two services share a
    path (the tags of bedrock-agent and bedrock-agent-runtime), the first in SERVICES has it.
    """
    for route in _routes(signing_name):
        if route.operation.http["method"] == method and (match := route.path.fullmatch(raw_path)):
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def parse(operation: OperationModel, path: dict[str, str], query: str, headers: Any, body: bytes) -> dict[str, Any]:
    """The operation's parameters out of a request. Raises ValidationException for what breaks the model's rules."""
    shape = operation.input_shape
    if shape is None:
        return {}
    asked = parse_qs(query, keep_blank_values=True)
    try:
        document = json.loads(body) if body else {}
    except ValueError as error:
        raise AwsError("SerializationException", f"The body is not JSON: {error}") from error
    params: dict[str, Any] = {}
    for name, member in shape.members.items():
        location, wire_name = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            params[name] = path[wire_name]
        elif location == "querystring":
            if wire_name in asked:
                params[name] = _from_text(asked[wire_name], member)
        elif location == "header":
            if wire_name in headers:
                params[name] = headers[wire_name]
        elif wire_name in document:
            params[name] = document[wire_name]
    check(params, shape)
    return params


def _from_text(values: list[str], shape: Shape) -> Any:
    if shape.type_name == "list":
        return values
    text = values[0]
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return text == "true"
    if shape.type_name == "timestamp":
        return parse_to_aware_datetime(text)
    return text


def answer(operation: OperationModel, result: dict[str, Any]) -> Answer:
    """The HTTP answer to a request. Raises AssertionError for what AWS could not answer by the operation's shape."""
    status, headers = operation.http.get("responseCode", 200), {"Content-Type": "application/json"}
    shape = operation.output_shape
    if shape is None:
        assert not result, f"{operation.name} answers nothing, not {result}"
        return status, headers, b""
    result = _present(result, shape)
    found = faults(result, shape)
    assert not found, f"AWS cannot answer {operation.name} so: {message(found)}"
    assert not any(member.serialization.get("location") for member in shape.members.values()), operation.name
    return status, headers, json.dumps(_to_json(result, shape)).encode()


def _present(value: Any, shape: Shape) -> Any:
    """The value without the members that are None: handlers write None for what AWS leaves out."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        given = {name: item for name, item in value.items() if item is not None}
        return {k: _present(v, shape.members[k]) if k in shape.members else v for k, v in given.items()}
    if shape.type_name == "list":
        return [_present(item, shape.member) for item in value]
    return value


def _to_json(value: Any, shape: Shape) -> Any:
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "structure":
        members = ((shape.members[name], name, item) for name, item in value.items())
        return {member.serialization.get("name", name): _to_json(item, member) for member, name, item in members}
    if shape.type_name == "list":
        return [_to_json(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _to_json(item, shape.value) for key, item in value.items()}
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if shape.type_name == "timestamp":
        return _timestamp(value, shape.serialization.get("timestampFormat", "unixtimestamp"))
    return value


def _timestamp(value: datetime, form: str) -> str | float:
    if form == "iso8601":
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.timestamp()
