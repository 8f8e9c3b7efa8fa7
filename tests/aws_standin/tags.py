"""Tags by resource: lists of pairs in bedrock, maps in bedrock-agent and s3vectors."""

from typing import Any

from .errors import AwsError, not_found
from .state import State, operation


def as_map(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in pairs or []}


def _known(state: State, arn: str, code: str = "ResourceNotFoundException") -> str:
    if arn not in state.resources:
        error = not_found("The provided resource ARN could not be found.")
        raise AwsError(code, error.message)
    return arn


@operation("bedrock", "ListTagsForResource")
def list_pairs(state: State, params: dict[str, Any]) -> dict[str, Any]:
    tags = state.tags[_known(state, params["resourceARN"])]
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


@operation("bedrock", "TagResource")
def tag_pairs(state: State, params: dict[str, Any]) -> None:
    state.tag(_known(state, params["resourceARN"]), as_map(params["tags"]))


@operation("bedrock", "UntagResource")
def untag_pairs(state: State, params: dict[str, Any]) -> None:
    for key in params["tagKeys"]:
        state.tags[_known(state, params["resourceARN"])].pop(key, None)


def _enter_maps(service: str, code: str) -> None:
    @operation(service, "ListTagsForResource")
    def list_map(state: State, params: dict[str, Any]) -> dict[str, Any]:
        return {"tags": state.tags[_known(state, params["resourceArn"], code)]}

    @operation(service, "TagResource")
    def tag_map(state: State, params: dict[str, Any]) -> None:
        state.tag(_known(state, params["resourceArn"], code), params["tags"])

    @operation(service, "UntagResource")
    def untag_map(state: State, params: dict[str, Any]) -> None:
        for key in params["tagKeys"]:
            state.tags[_known(state, params["resourceArn"], code)].pop(key, None)


_enter_maps("bedrock-agent", "ResourceNotFoundException")
_enter_maps("s3vectors", "NotFoundException")
