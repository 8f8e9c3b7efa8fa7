"""Params that are passed on as they are must hold no secret: params.yaml and dvc.lock are in git."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticCustomError

NAME = re.compile(
    r"(.*_|api)?(key|key_id|secret|token|password|passwd|bearer|auth|credentials?|authorization|cookie)", re.IGNORECASE
)
IN_URL = re.compile(r"://([^/\s]*@|\S*\?)")  # a user, or a query


def refuse_secrets(value: Any, instead: str) -> None:
    """Raise a fault that does not show the value, if a key at any depth is named like a secret or a URL may hold one.

    Args:
        instead: what to do, as the end of a sentence.
    """
    for name, inner in _within(value):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", name)
        if NAME.fullmatch(words) and isinstance(inner, str):
            raise PydanticCustomError(
                "secret", "must hold no secret such as {name}: {instead}", {"name": name, "instead": instead}
            )
        if isinstance(inner, str) and IN_URL.search(inner):
            raise PydanticCustomError(
                "secret", "must hold no URL with a user or a query: {instead}", {"instead": instead}
            )


def _within(value: Any) -> Iterator[tuple[str, Any]]:
    """All keys at any depth, with their values."""
    inner = (
        value.items() if isinstance(value, dict) else (("", one) for one in value) if isinstance(value, list) else ()
    )
    for name, one in inner:
        yield name, one
        yield from _within(one)
