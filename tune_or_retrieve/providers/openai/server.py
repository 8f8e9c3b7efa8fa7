"""A server as it is: fields that it wants otherwise, and what to do about what it refuses."""

import re
from typing import Any

from pydantic import PrivateAttr

from tune_or_retrieve.chat.openai_client import CompatibleChat
from tune_or_retrieve.providers.openai.params import OpenAIModel

# Words of a refusal that are about a field, and the value of request_fields that helps.
FIELDS = {
    "max_tokens": (r"max_(completion_)?tokens", "max_completion_tokens"),
    "temperature": ("temperature", "null"),
    "seed": ("seed", "null"),
}


class ServerChat(CompatibleChat):
    """A chat model behind the server of an entry in params.yaml."""

    _params: OpenAIModel = PrivateAttr()

    def _get_request_payload(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(*arguments, **options)
        body = dict(payload.get("extra_body", {}))
        for ours, theirs in self._params.request_fields.items():
            value = body.pop(ours, None) if ours in body else payload.pop(ours, None)
            if theirs is not None:
                body[theirs] = value
        return payload | {"extra_body": body | self._params.extra_body}

    def remedy(self, status: int | None, said: str) -> str:
        params = self._params
        if status in (401, 403):
            if params.api_key_env is None:
                return "If the server needs a key, name the environment variable that holds it by api_key_env."
            return (
                f"Check the key in {params.api_key_env}: is it right, still valid, and allowed to use {params.model}?"
            )
        if status == 404 and re.search(rf"model|deployment|{re.escape(params.model)}", said, re.IGNORECASE):
            return f"Check model, {params.model}: the server lists what it has at {params.base_url}/models."
        if status == 408:
            return "If the model needs longer for a reply, raise timeout_seconds."
        if status in (None, 404, 405) or status < 400:  # the client follows no redirection
            return self._about_url()
        if status in (400, 422):
            return self._about_fields(said)
        return ""

    def _about_url(self) -> str:
        url = self._params.base_url
        if ".azure.com/" in url and "/deployments/" in url:
            return "" if self._params.api_version else "Azure needs api_version with such a base_url."
        return "Check base_url" + (f", {url}." if url.endswith("/v1") else f": perhaps it is {url}/v1.")

    def _about_fields(self, said: str) -> str:
        about = [name for name, (words, _) in FIELDS.items() if re.search(rf"\b{words}\b", said, re.IGNORECASE)]
        if about:
            fields = ", ".join(f"{name}: {FIELDS[name][1]}" for name in about)
            return (
                f"If the server does not take {' and '.join(about)} as sent, rename or leave out what it refuses, in "
                f"the entry of {self._params.model}: request_fields: {{{fields}}}."
            )
        if "response_format" in said:
            return f"Set response_format in the entry of {self._params.model}: json_object or none."
        extra = next((name for name in self._params.extra_body if name in said), None)
        return f"Check extra_body.{extra} in the entry of {self._params.model}." if extra else ""
