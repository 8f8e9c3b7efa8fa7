"""Requests and answers compared with botocore's shapes: what ParamValidator checks, and what it leaves out."""

import functools
from collections.abc import Iterator
from typing import Any

import regex
from botocore.model import Shape
from botocore.validate import ParamValidator

# botocore 1.44.5 writes \d in this pattern as /d: no ARN of a knowledge base matches it, so AWS cannot be holding it.
BROKEN_PATTERNS = {"TaggableResourcesArn": "/d{12}"}


@functools.cache
def _pattern(shape_name: str, pattern: str) -> regex.Pattern[str] | None:
    if BROKEN_PATTERNS.get(shape_name, "\0") in pattern:
        return None
    return regex.compile(pattern)


def faults(params: Any, shape: Shape) -> list[str]:
    """Everything that is wrong with params, each as AWS words it; empty if nothing is."""
    report = ParamValidator().validate(params, shape)
    structure = report.generate_report().splitlines() if report.has_errors() else []
    return structure + list(_constraints(params, shape, ""))


def message(found: list[str]) -> str:
    noun = "validation error" if len(found) == 1 else "validation errors"
    return f"{len(found)} {noun} detected: {'; '.join(found)}"


def _constraints(value: Any, shape: Shape, at: str) -> Iterator[str]:
    """Lengths, ranges, enum values and patterns: ParamValidator knows only the lower bounds."""
    if value is None or getattr(shape, "is_document_type", False):
        return
    kind, rules = shape.type_name, shape.metadata
    if kind == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            yield from _constraints(value.get(name), member, f"{at}.{name}".lstrip("."))
    elif kind == "list" and isinstance(value, list):
        yield from _bounds(len(value), rules, value, at, "have length")
        for n, item in enumerate(value, 1):
            yield from _constraints(item, shape.member, f"{at}.{n}.member")
    elif kind == "map" and isinstance(value, dict):
        yield from _bounds(len(value), rules, value, at, "have length")
        for key, item in value.items():
            yield from _constraints(key, shape.key, f"{at}.{key}.key")
            yield from _constraints(item, shape.value, f"{at}.{key}")
    elif kind == "string" and isinstance(value, str):
        yield from _bounds(len(value), rules, value, at, "have length")
        if shape.enum and value not in shape.enum:
            yield _failed(value, at, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = _pattern(shape.name, rules["pattern"]) if "pattern" in rules else None
        if pattern and not pattern.fullmatch(value):
            yield _failed(value, at, f"Member must satisfy regular expression pattern: {rules['pattern']}")
    elif kind in ("integer", "long", "float", "double") and isinstance(value, int | float):
        yield from _bounds(value, rules, value, at, "have value")


def _bounds(measure: float, rules: dict[str, Any], value: Any, at: str, what: str) -> Iterator[str]:
    if "min" in rules and measure < rules["min"]:
        yield _failed(value, at, f"Member must {what} greater than or equal to {rules['min']}")
    if "max" in rules and measure > rules["max"]:
        yield _failed(value, at, f"Member must {what} less than or equal to {rules['max']}")


def _failed(value: Any, at: str, rule: str) -> str:
    return f"Value '{str(value)[:200]}' at '{at}' failed to satisfy constraint: {rule}"
