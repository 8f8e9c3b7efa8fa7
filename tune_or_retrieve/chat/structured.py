"""Structured replies from any chat model: one JSON object of a given schema."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from tune_or_retrieve.chat.calls import Options, Reply, ask
from tune_or_retrieve.chat.objects import Shape, Unreadable, object_in, one_object

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

MOST_LOGPROBS = 20  # of a token: the most that OpenAI's API gives


class ShapedReply(Reply):
    """`arguments`: the model's arguments to the tool it was offered; None if it wrote text."""

    arguments: dict[str, Any] | None = None


class Token(BaseModel):
    """A generated token. `likely`: the most likely ones in its place, each with its log-probability."""

    text: str
    likely: list[tuple[str, float]]


class TokenReply(ShapedReply):
    """`tokens`: None if the server gives no log-probabilities."""

    tokens: list[Token] | None


class Asks(Protocol):
    """A chat model that can be asked for a JSON object. `identity`: what replies depend on, for keys of the store."""

    identity: dict[str, Any]
    reply_class: type[ShapedReply]

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply: ...


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

    def ask_tokens(self, messages: Sequence[dict[str, str]]) -> TokenReply:
        """A reply with log-probabilities. Raises StageError as tune_or_retrieve.chat.calls.ask."""
        chat: Any = _WithLogprobs(self._chat)
        reply = ask(chat, messages, self._options, self._waits)
        return TokenReply(**reply.model_dump(), tokens=chat.tokens)


class _WithLogprobs:
    """The chat, asked for log-probabilities, and those of the last reply."""

    def __init__(self, chat: "BaseChatModel") -> None:
        self._chat = chat
        self.tokens: list[Token] | None = None

    def invoke(self, messages: list[Any], **arguments: Any) -> Any:
        message = self._chat.invoke(messages, **arguments, logprobs=True, top_logprobs=MOST_LOGPROBS)
        given = (message.response_metadata.get("logprobs") or {}).get("content")
        self.tokens = given and [
            Token(text=one["token"], likely=[(other["token"], other["logprob"]) for other in one["top_logprobs"]])
            for one in given
        ]
        return message


class _WithFormat:
    """The chat with the schema in each request's body; given it otherwise, the client raises on a truncated reply."""

    def __init__(self, chat: "BaseChatModel", schema: type[BaseModel]) -> None:
        self._chat = chat
        form = {"name": schema.__name__, "schema": json_schema(schema), "strict": True}
        self._format = {"response_format": {"type": "json_schema", "json_schema": form}}

    def invoke(self, messages: list[Any], **arguments: Any) -> Any:
        return self._chat.invoke(messages, **arguments | {"extra_body": arguments["extra_body"] | self._format})


def parse_reply(reply: ShapedReply, schema: type[Shape]) -> Shape:
    """The one object of the schema in a reply: in the tool's arguments, or anywhere in its text but in its thinking.

    Raises:
        Unreadable: truncated, refused, without such an object, or with two that differ. Nothing is guessed or repaired.
    """
    if reply.stop_reason == "length":
        raise Unreadable("the reply was cut off at max_tokens")
    if reply.stop_reason != "stop":
        raise Unreadable(f"the model ended with {reply.stop_reason}")
    return object_in(reply.text, schema) if reply.arguments is None else one_object([reply.arguments], schema)


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
