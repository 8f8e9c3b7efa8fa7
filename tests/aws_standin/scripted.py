"""What a model says that no test has scripted: the sentence of the prompt that is nearest to its question."""

from typing import Any

from .text import sentences, words

NOTHING = "I have no passage that answers this question."


def default_answer(request: Any) -> str | dict[str, Any]:
    text = _nearest(request.user)
    schema = request.schema or next(iter(request.tools.values()), None)
    return example(schema, schema, text) if schema else text


def _nearest(prompt: str) -> str:
    """The sentence that shares the most words with the last question; a fixed sentence if none shares any."""
    found = sentences(prompt)
    question = next((one for one in reversed(found) if one.endswith("?")), found[-1] if found else "")
    asked = set(words(question.removeprefix("Question:")))
    best = max((one for one in found if one != question), key=lambda one: len(asked & set(words(one))), default="")
    return best if asked & set(words(best)) else NOTHING


def example(schema: dict[str, Any], root: dict[str, Any], text: str) -> Any:
    """The least value that fits a JSON schema, with the text wherever a string may stand."""
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return example(target, root, text)
    for one_of in ("anyOf", "oneOf", "allOf"):
        if one_of in schema:
            return example(schema[one_of][0], root, text)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: example(one, root, text) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {}), root, text)] * max(schema.get("minItems", 1), 1)
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None}.get(kind, text)
