"""Structured replies from any chat model: one JSON object of a given schema."""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from tune_or_retrieve.base.validation import rule
from tune_or_retrieve.chat.calls import Options, Reply, ask

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Shape = TypeVar("Shape", bound=BaseModel)
FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL)


class ShapedReply(Reply):
    """`arguments`: the model's arguments to the tool it was offered; None if it wrote text."""

    arguments: dict[str, Any] | None = None


class Asks(Protocol):
    """A chat model that can be asked for a JSON object. `identity`: what replies depend on, for keys of the store."""

    identity: dict[str, Any]
    reply_class: type[ShapedReply]

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply: ...


class Unreadable(Exception):
    """The call succeeded, but its reply is not what was asked for. Its text says why."""


class ShapedChat:
    """`Asks` for LangChain's ChatOpenAI: the embedded engine (whose grammar enforces the schema) or a server."""

    reply_class = ShapedReply

    def __init__(
        self, chat: "BaseChatModel", options: Options, identity: dict[str, Any], waits: Sequence[float] = ()
    ) -> None:
        self._chat, self._options, self._waits = chat, options, waits
        self.identity = identity | options.model_dump()

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply:
        """Raises StageError as tune_or_retrieve.chat.calls.ask."""
        chat: Any = self._chat if schema is None else _WithFormat(self._chat, schema)
        return ShapedReply(**ask(chat, messages, self._options, self._waits).model_dump())


class _WithFormat:
    """The chat with the schema in each request's body; given it otherwise, the client raises on a truncated reply."""

    def __init__(self, chat: "BaseChatModel", schema: type[BaseModel]) -> None:
        self._chat = chat
        form = {"name": schema.__name__, "schema": json_schema(schema), "strict": True}
        self._format = {"response_format": {"type": "json_schema", "json_schema": form}}

    def invoke(self, messages: list[Any], **arguments: Any) -> Any:
        return self._chat.invoke(messages, **arguments | {"extra_body": arguments["extra_body"] | self._format})


def parse_reply(reply: ShapedReply, schema: type[Shape]) -> Shape:
    """The object in a reply: the tool's arguments, or a text that is one JSON object and nothing else.

    Raises:
        Unreadable: truncated, refused, not JSON, or not of the schema. Nothing is guessed or repaired.
    """
    if reply.stop_reason == "length":
        raise Unreadable("the reply was cut off at max_tokens")
    if reply.stop_reason != "stop":
        raise Unreadable(f"the model ended with {reply.stop_reason}")
    value = reply.arguments if reply.arguments is not None else _one_object(reply.text)
    try:
        return schema.model_validate(value)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the object"
        given = "" if first["type"] == "missing" else f", got {str(first['input'])[:60]!r}"
        raise Unreadable(f"{where}: {rule(first)}{given}") from None


def json_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The schema with references inlined: not every model's tools and grammars follow them."""
    made = schema.model_json_schema()
    parts = made.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, dict) and "$ref" in node:
            return inlined(parts[node["$ref"].rsplit("/", 1)[-1]])
        if isinstance(node, dict):
            return {key: inlined(value) for key, value in node.items()}
        return [inlined(value) for value in node] if isinstance(node, list) else node

    return inlined(made)


def _one_object(text: str) -> dict[str, Any]:
    stripped = text.strip()
    if fenced := FENCE.match(stripped):
        stripped = fenced[1]
    try:
        value = json.loads(stripped, object_pairs_hook=_without_repeats)
    except ValueError as fault:
        raise Unreadable(f"the reply is not one JSON object ({str(fault)[:80]})") from None
    if not isinstance(value, dict):
        raise Unreadable(f"the reply is not one JSON object (it is a {type(value).__name__})")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice!r} stands there twice")
    return dict(pairs)
