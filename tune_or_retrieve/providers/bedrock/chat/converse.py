"""Converse: one call of a chat model of Amazon Bedrock, with all that the study measures about it."""

import time
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_aws import ChatBedrockConverse
from pydantic import BaseModel

from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.structured import ShapedReply, json_schema
from tune_or_retrieve.providers.bedrock.aws.faults import AnswerCut, aws, member
from tune_or_retrieve.providers.bedrock.chat.params import ConverseParams

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from tune_or_retrieve.providers.bedrock.aws.session import Clients

# Converse's words for the two endings that the study distinguishes. Others (content_filtered, ...) stay as they are.
STOP_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


class ConverseReply(ShapedReply):
    """`input_tokens` are those billed in full: tokens of a prompt cache are counted separately."""

    cache_read_tokens: int
    cache_write_tokens: int
    server_seconds: float  # as Bedrock measured it, without network and retries; `seconds` has both
    retries: int  # after throttling, within `seconds`


class Converse:
    """A chat model. May be asked from several threads at once.

    Args:
        clients: their bedrock_runtime retries adaptively after throttling, and repeats nothing that may be paid for.
        options: temperature and max_tokens are sent; Converse has no seed.
    """

    reply_class = ConverseReply

    def __init__(self, params: ConverseParams, options: Options, clients: "Clients"):
        self._params = params
        with aws(f"making the model {params.model}"):
            self.chat = ChatBedrockConverse(
                model=params.model,
                provider=params.maker,
                base_model=params.foundation,
                client=clients.bedrock_runtime,
                bedrock_client=clients.bedrock,
                max_tokens=options.max_tokens,
                temperature=options.temperature,
            )
        # What a reply depends on, for the keys of the store.
        self.identity: dict[str, Any] = {
            "provider": "bedrock",
            "model": params.model,
            "base_model": params.foundation,
            "region": clients.region,
            "max_tokens": options.max_tokens,
            "temperature": options.temperature,
        }

    def ask(self, messages: Sequence[dict[str, str]], schema: type[BaseModel] | None = None) -> ConverseReply:
        """One reply, asked for once: only what was throttled is tried again.

        Args:
            schema: the reply should be an object of it. The model is forced to call a tool of that shape if it can be;
                if it has the choice (Llama), it may write text instead.

        Raises:
            AwsFault: refused, throttled to the end, lost, or truncated: an answer without text, token counts, stop
                reason or latency is a fault and not an empty reply.
        """
        with aws(f"asking {self._params.model}"):
            start = time.perf_counter()
            message = self._invoke(list(messages), schema)
            return _reply(message, time.perf_counter() - start)

    def _invoke(self, messages: list[dict[str, str]], schema: type[BaseModel] | None) -> "AIMessage":
        chat: Any = self.chat
        if schema is not None:
            forced = {"tool": schema.__name__, "any": "any"}
            choices = self.chat.supports_tool_choice_values or ()
            choice = next((forced[kind] for kind in forced if kind in choices), None)
            if choices:  # a model without tools gets the schema from the prompt alone
                chat = self.chat.bind_tools([_tool(schema)], tool_choice=choice)
        with warnings.catch_warnings():  # of langchain-aws, for models that take no temperature
            warnings.simplefilter("ignore", UserWarning)
            try:
                return chat.invoke(messages)
            except ValueError as fault:
                # langchain-aws's own message for an answer without members; faults of AWS have a cause.
                if fault.__cause__ is None and str(fault).startswith("No 'output' key"):
                    raise AnswerCut("no output") from None
                raise


def _tool(schema: type[BaseModel]) -> dict[str, Any]:
    function = {"name": schema.__name__, "description": schema.__doc__ or "", "parameters": json_schema(schema)}
    return {"type": "function", "function": function}


def _reply(message: "AIMessage", seconds: float) -> ConverseReply:
    answer, usage = message.response_metadata, message.usage_metadata
    cache = (usage or {}).get("input_token_details", {})
    read, written = cache.get("cache_read", 0), sum(n for name, n in cache.items() if name != "cache_read")
    stop = member(answer, "stopReason")
    output_tokens = member(usage, "output_tokens")
    if not output_tokens and (message.text or message.tool_calls):
        raise AnswerCut("no usage")  # langchain-aws reads missing counts as 0
    return ConverseReply(
        text=str(message.text),
        arguments=message.tool_calls[0]["args"] if message.tool_calls else None,
        input_tokens=member(usage, "input_tokens") - read - written,
        output_tokens=output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
        stop_reason=STOP_REASONS.get(stop, stop),
        seconds=seconds,
        server_seconds=member(answer, "metrics", "latencyMs", 0) / 1000,
        retries=member(answer, "ResponseMetadata").get("RetryAttempts", 0),
    )
