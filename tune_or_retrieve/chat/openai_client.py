"""LangChain's ChatOpenAI for OpenAI-compatible servers, configured by params alone and not by OPENAI_* variables."""

import datetime
import email.utils
import json
import os
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

from tune_or_retrieve.chat.calls import CallFailed

NO_KEY = "none"  # the client requires a key; a server without keys ignores it
# What may pass: too slow, a conflict, too many requests, and a server that fails or restarts (5xx). But for 501: the
# server does not know what it is asked for.
TIMED_OUT = 408
TRANSIENT_STATUS = {TIMED_OUT, 409, 429, *range(500, 600)} - {501}
REFUSED_STATUS = {400, 404, 422, 501}
NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")  # codes of a 429 that waiting does not help
PAYMENT_REQUIRED = 402
TOO_LONG = re.compile(r"context[ _](length|size|window)|prompt is too long", re.IGNORECASE)


class CompatibleChat(ChatOpenAI):
    """ChatOpenAI that raises CallFailed for whatever a server does; our own bugs stay what they are."""

    def remedy(self, status: int | None, said: str) -> str:
        """What to do about a fault, in whole sentences.

        Args:
            status: of HTTP; None: the reply is no JSON object, as of a server of another kind.
            said: the server's message.
        """
        return ""

    def _generate(self, *arguments: Any, **options: Any) -> ChatResult:
        try:
            return super()._generate(*arguments, **options)
        except (json.JSONDecodeError, UnicodeDecodeError) as fault:  # nothing but the reply is decoded during a call
            raise self._no_object(fault) from fault
        except openai.APITimeoutError as fault:
            remedy = self.remedy(TIMED_OUT, "")
            raise CallFailed(f"no reply within {self.request_timeout:g} s", remedy, transient=True) from fault
        except openai.APIConnectionError as fault:
            root: BaseException = fault  # LangChain and the client wrap it in exceptions that only say "error"
            while root.__cause__ is not None:
                root = root.__cause__
            reason = f"no connection to {self.openai_api_base}, or it was lost ({type(root).__name__}: {root})"
            raise CallFailed(self._without_key(reason), transient=True) from fault
        except openai.APIStatusError as fault:
            body = fault.body if isinstance(fault.body, dict) else {}
            said = self._shown(body.get("message") or fault.response.text or "nothing")
            too_long = isinstance(fault, ContextOverflowError)
            raise self._failed(
                f"the server answered {fault.status_code}: {said}",
                fault.status_code, said, (fault.code, fault.type), _asked_wait(fault.response.headers), too_long,
            ) from fault  # fmt: skip
        except openai.OpenAIError as fault:
            raise CallFailed(self._shown(f"{type(fault).__name__}: {fault}")) from fault

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        if not isinstance(response, dict | openai.BaseModel):
            raise self._no_object(response)
        held = response if isinstance(response, dict) else response.model_dump(warnings=False)
        if error := held.get("error"):
            raise self._error_inside(error if isinstance(error, dict) else {"message": error})
        if not held.get("choices"):
            raise CallFailed("the server's reply is no chat completion (it holds no choices)")
        if not isinstance(held.get("usage"), dict | None):
            raise CallFailed(f"the server's reply has no valid usage ({self._shown(held['usage'])})")
        try:
            result = super()._create_chat_result(response, generation_info)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as fault:
            what = f"{type(fault).__name__}: {self._shown(fault)}"
            raise CallFailed(f"the server's reply is no chat completion ({what})") from fault
        if not isinstance(result.generations[0].message, AIMessage):
            raise CallFailed("the server's reply is no chat completion (its message is not by the assistant)")
        return result

    def _error_inside(self, error: dict[str, Any]) -> CallFailed:
        """The fault of a reply with status 200 that holds an error, as gateways give it."""
        said, code = self._shown(error.get("message") or error), str(error.get("code"))
        status = int(code) if code.isdecimal() else None
        reason = f"the server answered 200 with an error{f' {status}' if status else ''}: {said}"
        return self._failed(reason, status, said, (code, error.get("type")))

    def _failed(
        self,
        reason: str,
        status: int | None,
        said: str,
        codes: tuple[Any, ...],
        wait_seconds: float | None = None,
        too_long: bool = False,
    ) -> CallFailed:
        if status == PAYMENT_REQUIRED or any(code in NO_CREDIT for code in codes):
            return CallFailed(
                reason, "The quota or credit is used up: add to it at the provider, then run `dvc repro`."
            )
        if too_long or (status in {None, *REFUSED_STATUS} and TOO_LONG.search(said)):
            return CallFailed(
                reason,
                "The prompt is too long for the model: give it fewer or shorter passages (retrieval.top_k, chunking), "
                "lower max_tokens, or serve it with a larger context window.",
            )
        remedy = self.remedy(status, said) if status else ""
        return CallFailed(reason, remedy, status in TRANSIENT_STATUS, wait_seconds, status in REFUSED_STATUS)

    def _no_object(self, what: object) -> CallFailed:
        said = self._shown(what)
        return CallFailed(f"the server's reply is no JSON object ({said})", self.remedy(None, said))

    def _shown(self, text: object) -> str:
        return self._without_key(" ".join(str(text).split()))[:300]

    def _without_key(self, text: str) -> str:
        key = self.openai_api_key.get_secret_value()
        return text if key == NO_KEY else text.replace(key, "***")


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3); None without one."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date - datetime.datetime.now(date.tzinfo)).total_seconds())


Chat = TypeVar("Chat", bound=CompatibleChat)


def openai_client(
    kind: type[Chat], model: str, base_url: str, api_key: str, timeout: float, client: httpx.Client
) -> Chat:
    """Its constructor reads organisation, project, proxy and so on from the environment, so they are hidden from it."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("OPENAI_")}
    hidden |= {name: os.environ[name] for name in ("LC_OUTPUT_VERSION",) if name in os.environ}
    for name in hidden:
        del os.environ[name]
    try:
        return kind(
            model=model,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=0,  # a hidden retry would count as latency: chat.calls retries and says so
            http_client=client,
            use_responses_api=False,  # compatible servers speak Chat Completions
        )
    finally:
        os.environ.update(hidden)
