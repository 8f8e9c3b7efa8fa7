"""The one JSON object of a schema in what a model wrote, wherever it stands: in a fence, in prose, in a tool call."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tune_or_retrieve.base.validation import rule

Shape = TypeVar("Shape", bound=BaseModel)
SIGN = re.compile(r"\{|<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
CLOSING = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
WRAPPED = ("arguments", "parameters")  # keys of a tool call whose value may be JSON in a string


class Unreadable(Exception):
    """The call succeeded, but its reply is not what was asked for. Its text says why."""


def object_in(text: str, schema: type[Shape]) -> Shape:
    """As `one_object` of all objects in the text that no thinking holds. Text around them is skipped.

    Line breaks may stand raw in strings. Nothing else is repaired.
    """
    values: list[dict[str, Any]] = []
    fault, at = "", 0
    while sign := SIGN.search(text, at):
        at = sign.end()
        if sign[0] == "{":
            try:
                value, at = DECODER.raw_decode(text, sign.start())
                values.append(value)
            except json.JSONDecodeError:
                continue
            except _Repeated as repeated:
                fault = f" ({repeated})"
            except RecursionError:
                raise Unreadable("the reply is nested too deeply") from None
        elif sign[1]:  # some chat templates open the thinking in the prompt, so only its end is in the reply
            values.clear()
        elif closing := CLOSING.search(text, at):
            at = closing.end()
        else:
            break
    if not values:
        raise Unreadable(f"the reply holds no JSON object{fault}")
    return one_object(values, schema)


def one_object(values: Iterable[dict[str, Any]], schema: type[Shape]) -> Shape:
    """The one object of the schema that these are or hold. Keys that the schema lacks are ignored.

    Raises:
        Unreadable: none is of the schema, or two are and differ.
    """
    fits: list[Shape] = []
    faults: list[ValidationError] = []
    waiting: list[Any] = list(values)
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            try:
                fits.append(schema.model_validate(value, extra="ignore"))
                continue
            except ValidationError as fault:
                faults.append(fault)
        waiting += _members(value)
    if any(fit != fits[0] for fit in fits):
        raise Unreadable("the reply holds two different objects of the form asked for")
    if fits:
        return fits[0]
    first = min(faults, key=ValidationError.error_count).errors()[0]
    where = ".".join(map(str, first["loc"])) or "the object"
    given = "" if first["type"] == "missing" else f", got {str(first['input'])[:60]!r}"
    raise Unreadable(f"{where}: {rule(first)}{given}")


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    if isinstance(value, dict):
        for name, member in value.items():
            if name in WRAPPED and isinstance(member, str):
                try:
                    member = DECODER.decode(member)
                except (ValueError, RecursionError):
                    continue
            yield member


class _Repeated(ValueError):
    pass


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _Repeated(f"{twice!r} stands there twice")
    return dict(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats, strict=False)
