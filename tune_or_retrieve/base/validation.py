"""What pydantic finds wrong, in our words."""

from collections.abc import Mapping
from typing import Any

RULES = {  # by pydantic's name of the fault, where its own text speaks of Python
    "missing": "missing",
    "extra_forbidden": "unknown key",
    "invalid_key": "a key must be text: put it in quotes",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
}


def rule(error: Mapping[str, Any]) -> str:
    """The rule that a value breaks: "must be a whole number"."""
    if error["type"] == "too_short" and error["ctx"]["min_length"] == 1:
        return "must not be empty"
    if error["type"] == "string_type" and error["loc"][-1:] == ("[key]",):
        return RULES["invalid_key"]
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return RULES.get(error["type"]) or text.replace("should ", "must ", 1)


def described(where: str, error: Mapping[str, Any]) -> str:
    """One fault in a sentence or two: "answer.seed: must be a whole number. Got 'x'."."""
    if error["type"] in ("missing", "extra_forbidden", "secret"):  # the value of a secret is never shown
        return f"{where}: {rule(error)}."
    if error["type"] == "value_error" and isinstance(error["input"], dict):  # nor a whole section
        return f"{where}: {rule(error)}."
    return f"{where}: {rule(error)}. Got {error['input']!r}."
