"""Structured replies from any chat model: one JSON object of a given schema."""

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from pydantic import BaseModel, ValidationError

from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.chat.calls import CallFailed, Options, RefusedCall, Reply, ask
from tune_or_retrieve.chat.objects import Shape, Unreadable, object_in, one_object

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Form = Literal["json_schema", "json_object", "none"]  # of response_format; none: the prompt alone asks for an object
ResponseFormat = Literal["auto"] | Form
FORMS: tuple[Form, ...] = get_args(Form)
MOST_LOGPROBS = 20  # of a token: the most that OpenAI's API gives


class ShapedReply(Reply):
    """`arguments`: the model's arguments to the tool it was offered; None if it wrote text."""

    arguments: dict[str, Any] | None = None


class LikelyToken(BaseModel):
    token: str
    logprob: float


class Token(BaseModel):
    """A generated token. `top_logprobs`: the most likely ones in its place."""

    token: str
    top_logprobs: list[LikelyToken]


class TokenReply(ShapedReply):
    """`tokens`: None if the server gives no log-probabilities."""

    tokens: list[Token] | None


class Asks(Protocol):
    """A chat model that can be asked for a JSON object. `identity`: what replies depend on, for keys of the store."""

    identity: dict[str, Any]
    reply_class: type[ShapedReply]

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply: ...


class ShapedChat:
    """`Asks` for LangChain's ChatOpenAI: the embedded engine (whose grammar enforces the schema) or a server.

    Args:
        response_format: how to ask for a JSON object; auto: as the first of FORMS that the server accepts.
    """

    reply_class = ShapedReply

    def __init__(
        self,
        chat: "BaseChatModel",
        options: Options,
        identity: dict[str, Any],
        waits: Sequence[float] = (),
        response_format: ResponseFormat = "json_schema",
    ) -> None:
        self._chat, self._options, self._waits = chat, options, waits
        self.identity = identity | options.model_dump()
        self._forms = FORMS if response_format == "auto" else (response_format,)
        self._lock = threading.Lock()

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ShapedReply:
        """Raises StageError as tune_or_retrieve.chat.calls.ask."""
        if schema is None:
            return self._ask(messages, {})
        refused: RefusedCall | None = None
        for form in self._forms:
            try:
                reply = self._ask(*_request(form, messages, schema))
            except RefusedCall as fault:
                refused = fault
            else:
                self._accepted(form)
                return reply
        assert refused is not None
        raise refused

    def _ask(self, messages: Sequence[dict[str, str]], body: dict[str, Any], chat: Any = None) -> ShapedReply:
        key = content_key("call", self.identity, messages, body)
        reply = ask(chat or self._chat, messages, self._options, self._waits, body=body, key=key)
        return ShapedReply(**reply.model_dump())

    def _accepted(self, form: Form) -> None:
        """From now on no other is tried."""
        with self._lock:
            if self._forms[0] != form:
                now = "none" if form == "none" else f"{form!r}"
                say(
                    f"model {self.identity.get('model')}: the server refuses response_format {self._forms[0]!r}. The "
                    f"prompt carries the schema instead, with response_format {now}."
                )
            self._forms = (form,)

    def ask_tokens(self, messages: Sequence[dict[str, str]]) -> TokenReply:
        """A reply with log-probabilities. Raises StageError as tune_or_retrieve.chat.calls.ask."""
        chat = _WithTokens(self._chat)
        reply = self._ask(messages, {"logprobs": True, "top_logprobs": MOST_LOGPROBS}, chat)
        return TokenReply(**reply.model_dump(), tokens=chat.tokens)


class _WithTokens:
    """The chat, which remembers the tokens of its last reply."""

    def __init__(self, chat: "BaseChatModel") -> None:
        self._chat = chat
        self.tokens: list[Token] | None = None

    def invoke(self, messages: list[Any], **arguments: Any) -> Any:
        message = self._chat.invoke(messages, **arguments)
        given = (message.response_metadata.get("logprobs") or {}).get("content")
        try:
            self.tokens = given and [Token.model_validate(one) for one in given]
        except ValidationError as fault:
            where = ".".join(map(str, fault.errors()[0]["loc"]))
            raise CallFailed(f"the server's reply has logprobs of an unknown form ({where})") from fault
        return message


def _request(
    form: Form, messages: Sequence[dict[str, str]], schema: type[BaseModel]
) -> tuple[Sequence[dict[str, str]], dict[str, Any]]:
    """Messages, and the fields of the body that ask for an object of the schema."""
    if form == "json_schema":  # in the body: given it otherwise, the client raises on a truncated reply
        form_of = {"name": schema.__name__, "schema": json_schema(schema), "strict": True}
        return messages, {"response_format": {"type": form, "json_schema": form_of}}
    body = {} if form == "none" else {"response_format": {"type": form}}
    return in_words(messages, schema), body


def in_words(messages: Sequence[dict[str, str]], schema: type[BaseModel]) -> list[dict[str, str]]:
    """Messages of which the last one asks for an object of the schema, for a model that knows no other way."""
    *before, last = messages
    form = json.dumps(json_schema(schema))
    content = f"{last['content']}\n\nReply with one JSON object of this schema and nothing else:\n{form}"
    return [*before, {**last, "content": content}]


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
