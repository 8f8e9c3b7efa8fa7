"""Converse: who may be asked, what a request must be like, and what is answered.

What a model says is a function of the test, `standin.settings.answer(request) -> str | dict | Reply`: a string is
text, a dict is what it puts into a tool or a JSON schema. By default it picks a sentence, or fills the schema.
"""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .catalog import MODELS, NO_ACCESS, PROFILES, Model, offered, short
from .errors import AwsError, invalid
from .hosting import DEPLOYMENT, THROUGHPUT, base_model
from .ledger import Bill
from .scripted import default_answer
from .state import State, operation
from .text import tokens


@dataclass(frozen=True)
class Request:
    """What a scripted model is given: `model` is the foundation model's id, `model_id` what the caller named."""

    model: str
    model_id: str
    params: dict[str, Any]
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)  # JSON schema by name
    schema: dict[str, Any] | None = None  # of outputConfig

    @property
    def system(self) -> str:
        return "\n".join(block.get("text", "") for block in self.params.get("system", []))

    @property
    def user(self) -> str:
        """The text of the last user message."""
        return "\n".join(block.get("text", "") for block in self.params["messages"][-1]["content"])


@dataclass(frozen=True)
class Reply:
    """An answer in full: text, or a tool's input, and a stop reason other than that which follows."""

    text: str = ""
    tool: dict[str, Any] | None = None
    stop: str | None = None


Script = Callable[[Request], str | dict[str, Any] | Reply]


def resolve(state: State, model_id: str) -> Model:
    """The foundation model behind any id or ARN that Converse takes. Raises what AWS answers for the others."""
    for kind in (DEPLOYMENT, THROUGHPUT):
        if f":{kind}/" in model_id:
            hosted = state.get(kind, model_id)
            if hosted.status == "Creating":
                raise AwsError("ModelNotReadyException", "The model is not ready for inference. Retry your request.")
            if hosted.status == "Failed":
                raise invalid("The provided model identifier is invalid.")
            return _granted(state, MODELS[base_model(state, hosted)])
    if ":custom-model/" in model_id:
        raise invalid("Invocation of a custom model needs a deployment or provisioned throughput: name its ARN.")
    name = short(model_id)
    if not offered(state) or name not in (MODELS | PROFILES):
        raise invalid("The provided model identifier is invalid.")
    if name in MODELS and not MODELS[name].on_demand:
        raise invalid(
            f"Invocation of model ID {name} with on-demand throughput isn’t supported. Retry your request with the ID "
            "or ARN of an inference profile that contains this model."
        )
    return _granted(state, MODELS.get(name) or PROFILES[name])


def _granted(state: State, model: Model) -> Model:
    if model.id in state.settings.denied_models:
        raise AwsError("AccessDeniedException", NO_ACCESS)
    return model


def _check(model: Model, params: dict[str, Any]) -> None:
    if not model.max_tokens or model.dimensions:
        raise invalid("This action doesn't support the model that you provided.")
    roles = [message["role"] for message in params.get("messages", [])]
    if not roles or roles[0] != "user":
        raise invalid("A conversation must start with a user message.")
    if any(one == other for one, other in itertools.pairwise(roles)):
        raise invalid("A conversation must alternate between user and assistant roles.")
    for m, message in enumerate(params["messages"]):
        for n, block in enumerate(message["content"]):
            if "text" in block and not block["text"].strip():
                raise invalid(f"The text field in the ContentBlock object at messages.{m}.content.{n} is blank.")
    if params.get("inferenceConfig", {}).get("maxTokens", 0) > model.max_tokens:
        raise invalid(f"The maximum tokens you requested exceeds the model limit of {model.max_tokens}.")
    for choice in params.get("toolConfig", {}).get("toolChoice", {}):
        if choice not in model.tool_choices:
            raise invalid(f"This model doesn't support the toolConfig.toolChoice.{choice} field. Remove it.")
    if "textFormat" in params.get("outputConfig", {}) and not model.json_schema:
        raise invalid("This model doesn't support the outputConfig.textFormat field. Remove it.")


@operation("bedrock-runtime", "Converse")
def converse(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return answer(state, params, batch=False)


def answer(state: State, params: dict[str, Any], batch: bool) -> dict[str, Any]:
    """Converse's answer to params, billed to the id that they name."""
    began = time.perf_counter()
    model = resolve(state, params["modelId"])
    _check(model, params)
    specs = [tool["toolSpec"] for tool in params.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    tools = {spec["name"]: spec["inputSchema"]["json"] for spec in specs}
    wanted = params.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    request = Request(model.id, params["modelId"], params, tools, json.loads(wanted["schema"]) if wanted else None)
    said = (state.settings.answer or default_answer)(request)
    content, stop, written = _content(state, said, request)
    read = len(tokens(json.dumps([params.get("system", []), params["messages"], *specs], ensure_ascii=False)))
    state.ledger.bill(Bill(params["modelId"], read, written, batch=batch))
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {"inputTokens": read, "outputTokens": written, "totalTokens": read + written},
        "metrics": {"latencyMs": int((time.perf_counter() - began) * 1000) + 1},
    }


def _content(state: State, said: Any, request: Request) -> tuple[list[dict[str, Any]], str, int]:
    """Content blocks, stop reason and tokens of what a script said, held to the request's limits."""
    reply = said if isinstance(said, Reply) else Reply(text=said) if isinstance(said, str) else Reply(tool=said)
    limits = request.params.get("inferenceConfig", {})
    limit = limits.get("maxTokens", MODELS[request.model].max_tokens)
    if reply.tool is not None and request.tools:
        written = len(tokens(json.dumps(reply.tool)))
        choice = request.params["toolConfig"].get("toolChoice", {}).get("tool", {}).get("name")
        use = {"toolUseId": f"tooluse_{state.new_id(22)}", "name": choice or next(iter(request.tools))}
        if written > limit:  # what was cut off is no JSON, and AWS hands out none of it
            return [{"toolUse": use | {"input": {}}}], "max_tokens", limit
        return [{"toolUse": use | {"input": reply.tool}}], reply.stop or "tool_use", written
    text, stop = reply.text if reply.tool is None else json.dumps(reply.tool), "end_turn"
    for sequence in limits.get("stopSequences", []):
        if sequence in text:
            text, stop = text.partition(sequence)[0], "stop_sequence"
    places = tokens(text)
    if len(places) > limit:
        text, stop, places = text[: places[limit - 1].end()], "max_tokens", places[:limit]
    return [{"text": text}], reply.stop or stop, len(places)


@operation("bedrock-runtime", "CountTokens")
def count_tokens(state: State, params: dict[str, Any]) -> dict[str, Any]:
    resolve(state, params["modelId"])
    given = params["input"].get("converse")
    if given is None:
        raise invalid("The stand-in counts the tokens of Converse requests only.")
    return {"inputTokens": len(tokens(json.dumps([given.get("system", []), given["messages"]], ensure_ascii=False)))}
