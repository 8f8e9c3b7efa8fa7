"""Nested mappings on one level."""

from typing import Any


def leaves(value: Any, key: str = "") -> dict[str, Any]:
    """Values by their whole keys: ``{"a": {"b": 1}, "c": {}}`` is ``{"a.b": 1, "c": {}}``."""
    if not isinstance(value, dict) or not value:
        return {key: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= leaves(inner, f"{key}.{name}" if key else str(name))
    return found
