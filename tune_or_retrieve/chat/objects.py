"""The one JSON object of a schema in what a model wrote, wherever it stands: in a fence, in prose, in a tool call."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tune_or_retrieve.base.validation import rule
from tune_or_retrieve.chat.calls import without_surrogates

Shape = TypeVar("Shape", bound=BaseModel)
SIGN = re.compile(r"\{|<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
CLOSING = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
WRAPPED = ("arguments", "parameters")  # keys of a tool call whose value may be JSON in a string


class Unreadable(Exception):
    """The call succeeded, but its reply is not what was asked for. Its text says why."""


def object_in(text: str, schema: type[Shape]) -> Shape:
    """As `one_object` of all objects in the text that no thinking holds. Text around them is skipped.

    Line breaks may stand raw in strings. Nothing else is repaired: where an object begins as one of the schema would
    and is no valid JSON, no other one is taken for it. So a graded answer that quotes a grade cannot set its own.
    """
    values: list[dict[str, Any]] = []
    keys = "|".join(map(re.escape, schema.model_fields))
    begins = re.compile(rf"\{{\s*[\"']?(?:{keys})[\"']?\s*:", re.IGNORECASE)
    fault, at, broken = "", 0, False
    while sign := SIGN.search(text, at):
        at = sign.end()
        if sign[0] == "{":
            try:
                value, at = DECODER.raw_decode(text, sign.start())
                values.append(value)
            except json.JSONDecodeError:
                broken = broken or begins.match(text, sign.start()) is not None
            except _Repeated as repeated:
                fault = f" ({repeated})"
            except (RecursionError, ValueError):  # ValueError: a number of thousands of digits
                raise Unreadable("the reply is nested too deeply, or holds an endless number") from None
        elif sign[1]:  # some chat templates open the thinking in the prompt, so only its end is in the reply
            values.clear()
            broken = False
        elif closing := CLOSING.search(text, at):
            at = closing.end()
        elif not text[: sign.start()].strip():  # thinking that does not end; elsewhere, the tag is only spoken of
            break
    if not values:
        raise Unreadable(f"the reply holds no JSON object{fault}")
    if broken:
        raise Unreadable("of the objects of the form asked for in the reply, one is no valid JSON")
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
    return {name: without_surrogates(value) if isinstance(value, str) else value for name, value in pairs}


DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats, strict=False)
