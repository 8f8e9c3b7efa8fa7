"""OpenAI-compatible servers as they are: what they are sent, what they refuse, and how they fail."""

import email.utils
import threading
import time

import pytest
from fake_openai import DROP, STALL, completion, running
from pydantic import BaseModel
from small_study import ONE_THREAD

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import say_once
from tune_or_retrieve.chat.calls import Options, Reply, ask, waits
from tune_or_retrieve.chat.engine import asker, chat_model, identity
from tune_or_retrieve.chat.parallel import each, pause
from tune_or_retrieve.chat.prompts import messages
from tune_or_retrieve.chat.structured import ShapedChat, parse_reply
from tune_or_retrieve.providers.openai.params import AskedOpenAIModel, OpenAIModel

GREEDY = Options(max_tokens=12, temperature=0.0, seed=5)
QUESTION = messages("What is a queue?")
PLAIN = {"model": "qwen", "messages": QUESTION, "max_tokens": 12, "temperature": 0.0, "seed": 5, "stream": False}
KEPT = " Run `dvc repro` again later: replies that came are kept."
TOO_LONG = (
    " The prompt is too long for the model: give it fewer or shorter passages (retrieval.top_k, chunking), lower "
    "max_tokens, or serve it with a larger context window."
)
NO_CREDIT = " The quota or credit is used up: add to it at the provider, then run `dvc repro`."


@pytest.fixture
def fake():
    with running() as fake:
        yield fake


def remote(fake, kind=OpenAIModel, **changes):
    return kind(**{"provider": "openai", "base_url": fake.url, "model": "qwen", "timeout_seconds": 60.0, **changes})


def call(fake, **changes):
    """The reply, and the seconds waited before each further try."""
    waited = []
    with chat_model(remote(fake, **changes), ONE_THREAD) as chat:
        return ask(chat, QUESTION, GREEDY, waits=(1.0, 4.0), sleep=waited.append, key="k"), waited


def fault_of(fake, **changes):
    with pytest.raises(StageError) as caught:
        call(fake, **changes)
    return str(caught.value).replace(fake.url, "URL").removeprefix("the model call failed")


def error(status, message, headers=(), **more):
    return status, {"error": {"message": message, **more}}, dict(headers)


# What is sent


def test_request_is_what_compatible_servers_know(fake, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-user")
    monkeypatch.setenv("STUDY_KEY", "secret")
    reply, _ = call(fake, api_key_env="STUDY_KEY")
    assert fake.requests == [PLAIN]
    assert fake.headers[0]["authorization"] == "Bearer secret"
    assert "openai-organization" not in fake.headers[0]
    assert reply.model_dump(exclude={"seconds"}, exclude_none=True) == {
        "text": "Fine.",
        "input_tokens": 7,
        "output_tokens": 3,
        "stop_reason": "stop",
    }


@pytest.mark.parametrize(
    ("entry", "removed", "added"),
    [
        ({"request_fields": {"max_tokens": "max_completion_tokens"}}, ["max_tokens"], {"max_completion_tokens": 12}),
        ({"request_fields": {"temperature": None, "seed": None}}, ["temperature", "seed"], {}),
        ({"request_fields": {"seed": "random_seed"}}, ["seed"], {"random_seed": 5}),
        ({"request_fields": {"max_tokens": None}}, ["max_tokens"], {}),
        ({"extra_body": {"reasoning_effort": "low", "top_k": 1}}, [], {"reasoning_effort": "low", "top_k": 1}),
        ({"request_fields": {"temperature": None}, "extra_body": {"temperature": 1}}, [], {"temperature": 1}),
    ],
)
def test_fields_are_left_out_renamed_and_added(fake, entry, removed, added):
    call(fake, **entry)
    assert fake.requests == [{key: value for key, value in PLAIN.items() if key not in removed} | added]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"temperature": None, "seed": None},
            "model a: request_fields leaves out temperature, seed, so what params.yaml says of it has no effect, and "
            "replies may differ from run to run.\n",
        ),
        (
            {"max_tokens": None},
            "model a: request_fields leaves out max_tokens, so what params.yaml says of it has no effect.\n",
        ),
        ({"max_tokens": "max_completion_tokens"}, ""),
    ],
)
def test_what_is_left_out_is_said_once(fake, fields, said, capsys):
    say_once.cache_clear()
    for _ in range(2):
        call(fake, model="a", request_fields=fields)
    assert capsys.readouterr().err == said


def test_fields_are_part_of_what_a_stored_call_depends_on_and_the_key_is_not(fake):
    plain = {"provider": "openai", "base_url": fake.url, "model": "qwen"}
    assert identity(remote(fake, api_key_env="STUDY_KEY", timeout_seconds=1.0, api_version="v")) == plain
    assert identity(remote(fake, request_fields={"seed": None}, extra_body={"top_k": 1})) == {
        **plain,
        "request_fields": {"seed": None},
        "extra_body": {"top_k": 1},
    }


def test_azure_gets_its_version_and_its_key_in_its_own_header(fake, monkeypatch):
    monkeypatch.setenv("STUDY_KEY", "secret")
    paths = []
    fake.script = lambda body, path: paths.append(path) or completion()
    url = f"{fake.url.removesuffix('/v1')}/openai/deployments/mine"
    call(fake, base_url=url, api_key_env="STUDY_KEY", api_version="2024-10-21")
    assert paths == ["/openai/deployments/mine/chat/completions?api-version=2024-10-21"]
    assert fake.headers[0]["api-key"] == "secret"
    assert "authorization" not in fake.headers[0]


def test_remote_models_take_no_adapter(fake, tmp_path):
    with pytest.raises(StageError) as caught:
        identity(remote(fake), tmp_path / "adapter.gguf")
    assert str(caught.value) == (
        f"provider 'openai' cannot load the adapter {tmp_path / 'adapter.gguf'}: serve the fine-tuned model under a "
        "name of its own and enter that as `tuned`, or use provider 'embedded'."
    )


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, "not set"),
        ("", "empty"),
        ("se cret", "not printable ASCII without spaces"),
        ("secret\r", "not printable ASCII without spaces"),
    ],
)
def test_key_that_is_none(fake, monkeypatch, value, state):
    monkeypatch.delenv("STUDY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("STUDY_KEY", value)
    with pytest.raises(StageError) as caught:
        call(fake, api_key_env="STUDY_KEY")
    assert str(caught.value) == (
        f"model qwen at {fake.url}: environment variable STUDY_KEY must hold the API key. It is {state}."
    )


# What is tried again


@pytest.mark.parametrize(
    ("script", "waits"),
    [
        ([408], [1.0]),
        ([409], [1.0]),
        ([429], [1.0]),
        ([500], [1.0]),
        ([503, 504], [1.0, 4.0]),
        ([DROP], [1.0]),
        ([{"error": {"message": "rate-limited upstream", "code": 429}}], [1.0]),
        ([{"error": {"message": "overloaded", "code": "503"}}], [1.0]),
        ([completion("Fi", "error")], [1.0]),
        ([error(429, "slow down", {"Retry-After": "30"})], [30.0]),
        ([error(429, "slow down", {"Retry-After": "0.5"})], [1.0]),  # never sooner than without the header
        ([error(503, "restarting", {"Retry-After": "soon"})], [1.0]),
    ],
)
def test_transient_faults_are_tried_again(fake, script, waits, capsys):
    fake.script = list(script)
    reply, waited = call(fake)
    assert (reply.text, waited) == ("Fine.", waits)
    assert len(fake.requests) == len(script) + 1
    assert capsys.readouterr().err.count("tried again in") == len(script)
    assert {headers["idempotency-key"] for headers in fake.headers} == {"k"}  # one call, however often it is tried


def test_a_date_to_wait_for_is_waited_for(fake):
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    fake.script = [error(429, "slow down", {"Retry-After": date})]
    [waited] = call(fake)[1]
    assert 60 < waited <= 100


def test_a_time_out_is_tried_again(fake):
    fake.script = [STALL]
    reply, waited = call(fake, timeout_seconds=2.0)
    assert (reply.text, waited) == ("Fine.", [1.0])
    assert reply.seconds < 2  # of the try that succeeded


def test_a_call_of_a_judge_has_one_key_in_all_its_tries_and_another_call_has_another(fake):
    fake.script = [503]
    with chat_model(remote(fake), ONE_THREAD) as chat:
        judge = ShapedChat(chat, GREEDY, {"model": "qwen"}, waits=(0.0,))
        judge.ask(QUESTION)
        judge.ask(messages("What is a stack?"))
    first, second, third = (headers["idempotency-key"] for headers in fake.headers)
    assert first == second != third


def test_a_call_that_waits_is_not_tried_again_once_another_has_failed(fake):
    waits = threading.Event()

    def answer(body, path):
        if body["messages"][-1]["content"] == "first":
            return error(429, "slow down", {"Retry-After": "250"})
        return error(401, "no key") if waits.wait(60) else completion()

    def made(text):
        return ask(chat, [{"role": "user", "content": text}], GREEDY, waits=(1.0,), sleep=sleep)

    def sleep(seconds):
        waits.set()
        pause(seconds)

    fake.script = answer
    with chat_model(remote(fake), ONE_THREAD) as chat, pytest.raises(StageError) as caught:
        each(["first", "second"], made, lambda *_: None, 2)
    assert str(caught.value).startswith("the model call failed: the server answered 401: no key.")
    assert len(fake.requests) == 2


def test_time_outs_to_the_end(fake):
    fake.script = [STALL] * 3
    assert fault_of(fake, timeout_seconds=0.5) == (
        f" after 3 tries: no reply within 0.5 s. If the model needs longer for a reply, raise timeout_seconds.{KEPT}"
    )


def test_waits_grow_to_a_minute():
    assert waits(6) == (1.0, 4.0, 15.0, 60.0, 60.0, 60.0)


# What ends the stage, in one message


@pytest.mark.parametrize(
    ("script", "tries", "fault"),
    [
        ([429] * 3, 3, f" after 3 tries: the server answered 429: made to fail with 429.{KEPT}"),
        ([500] * 3, 3, f" after 3 tries: the server answered 500: made to fail with 500.{KEPT}"),
        (
            [error(429, "slow down", {"Retry-After": "7200"})],
            1,
            f": the server answered 429: slow down. It asks to wait 2.0 h.{KEPT}",
        ),
        (
            [error(429, "You exceeded your current quota", code="insufficient_quota")],
            1,
            f": the server answered 429: You exceeded your current quota.{NO_CREDIT}",
        ),
        ([402], 1, f": the server answered 402: made to fail with 402.{NO_CREDIT}"),
        (
            [401],
            1,
            ": the server answered 401: made to fail with 401. If the server needs a key, name the environment "
            "variable that holds it by api_key_env.",
        ),
        (
            [error(404, "The model `qwen` does not exist.")],
            1,
            ": the server answered 404: The model `qwen` does not exist. Check model, qwen: the server lists what it "
            "has at URL/models.",
        ),
        (
            [(404, {"detail": "Not Found"}, {})],
            1,
            ': the server answered 404: {"detail": "Not Found"}. Check base_url, URL.',
        ),
        (
            [error(400, "This model's maximum context length is 4096 tokens.", code="context_length_exceeded")],
            1,
            f": the server answered 400: This model's maximum context length is 4096 tokens.{TOO_LONG}",
        ),
        (
            [error(400, "the request exceeds the available context size (512 tokens)")],
            1,
            f": the server answered 400: the request exceeds the available context size (512 tokens).{TOO_LONG}",
        ),
        (
            [error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")],
            1,
            ": the server answered 400: Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead. If "
            "the server does not take max_tokens as sent, rename or leave out what it refuses, in the entry of qwen: "
            "request_fields: {max_tokens: max_completion_tokens}.",
        ),
        (
            [error(422, "Extra inputs are not permitted: temperature, seed")],
            1,
            ": the server answered 422: Extra inputs are not permitted: temperature, seed. If the server does not take "
            "temperature and seed as sent, rename or leave out what it refuses, in the entry of qwen: "
            "request_fields: {temperature: null, seed: null}.",
        ),
        (
            [error(308, "moved to https")],
            1,
            ": the server answered 308: moved to https. Check base_url, URL.",
        ),
        ([error(400, "bad words")], 1, ": the server answered 400: bad words."),
        ([501], 1, ": the server answered 501: made to fail with 501."),
        (
            [{**completion(), "usage": None}],
            1,
            ": the server's reply has no token counts (usage), which the study needs.",
        ),
        (
            [{**completion(), "usage": {}}],
            1,
            ": the server's reply has no token counts (usage), which the study needs.",
        ),
        (
            [{**completion(), "usage": {"total_tokens": 10}}],
            1,
            ": the server's reply has no token counts (usage), which the study needs.",
        ),
        (
            [completion("Fine.", None)],
            1,
            ": the server's reply has no finish_reason, which the study needs.",
        ),
        ([{**completion(), "usage": [1]}], 1, ": the server's reply has no valid usage ([1])."),
        ([{**completion(), "usage": []}], 1, ": the server's reply has no valid usage ([])."),
        (
            [{**completion(), "usage": {"prompt_tokens": 7, "completion_tokens": "few", "total_tokens": 9}}],
            1,
            ": the server's reply is no chat completion (output_tokens must be a whole number, got 'few').",
        ),
        (
            [completion("Fine.", ["stop"])],
            1,
            ": the server's reply is no chat completion (stop_reason must be text, got \"['stop']\").",
        ),
        (
            [{**completion(), "choices": [{"finish_reason": "stop", "message": {"role": "user", "content": "Fine."}}]}],
            1,
            ": the server's reply is no chat completion (its message is not by the assistant).",
        ),
        ([{"error": "overloaded"}], 1, ": the server answered 200 with an error: overloaded."),
        (
            [{"error": {"message": "no such key", "code": 401}}],
            1,
            ": the server answered 200 with an error 401: no such key. If the server needs a key, name the environment "
            "variable that holds it by api_key_env.",
        ),
        *(
            ([body], 1, ": the server's reply is no chat completion (it holds no choices).")
            for body in ({**completion(), "choices": []}, {**completion(), "choices": None}, {"ok": True}, {})
        ),
        (
            [{**completion(), "choices": [{}]}],
            1,
            ": the server's reply is no chat completion (AttributeError: 'NoneType' object has no attribute 'get').",
        ),
        (
            [{**completion(), "choices": ["Fine."]}],
            1,
            ": the server's reply is no chat completion (TypeError: string indices must be integers, not 'str').",
        ),
        (
            [b"<html>"],
            1,
            ": the server's reply is no JSON object (Expecting value: line 1 column 1 (char 0)). Check base_url, URL.",
        ),
        ([["Fine."]], 1, ": the server's reply is no JSON object (['Fine.']). Check base_url, URL."),
        (
            [(200, b"<html>", {"Content-Type": "text/html"})],
            1,
            ": the server's reply is no JSON object (<html>). Check base_url, URL.",
        ),
        (
            [b'{"id": "\xff"}'],
            1,
            ": the server's reply is no JSON object ('utf-8' codec can't decode byte 0xff in position 8: invalid start "
            "byte). Check base_url, URL.",
        ),
    ],
)
def test_other_faults_stop(fake, script, tries, fault):
    fake.script = list(script)
    assert (fault_of(fake), len(fake.requests)) == (fault, tries)


def test_a_base_url_without_its_path_is_explained(fake):
    fake.script = lambda body, path: completion() if path == "/v1/chat/completions" else (404, {"detail": "no"}, {})
    fault = fault_of(fake, base_url=fake.url.removesuffix("/v1"))
    assert fault == ': the server answered 404: {"detail": "no"}. Check base_url: perhaps it is URL.'
    assert call(fake)[0].text == "Fine."


def test_azure_without_a_version_is_explained(fake, monkeypatch):
    url = "http://mine.openai.azure.com/openai/deployments/qwen"
    with chat_model(remote(fake, base_url=url), ONE_THREAD) as chat:
        assert chat.remedy(404, "Resource not found") == "Azure needs api_version with such a base_url."


def test_a_wrong_key_is_explained_and_never_shown(fake, monkeypatch):
    monkeypatch.setenv("STUDY_KEY", "sk-secret")
    fake.script = [error(401, "Incorrect API key provided: sk-secret.")]
    assert fault_of(fake, api_key_env="STUDY_KEY") == (
        ": the server answered 401: Incorrect API key provided: ***. Check the key in STUDY_KEY: is it right, still "
        "valid, and allowed to use qwen?"
    )


@pytest.mark.parametrize(
    ("sent", "options", "fault"),
    [
        (QUESTION, GREEDY.model_copy(update={"seed": object()}), TypeError),
        ([{"role": "nobody", "content": "?"}], GREEDY, ValueError),
        ([{"content": "?"}], GREEDY, ValueError),
    ],
)
def test_a_fault_of_ours_is_not_put_down_to_the_server(fake, sent, options, fault):
    with chat_model(remote(fake), ONE_THREAD) as chat, pytest.raises(fault):
        ask(chat, sent, options)
    assert fake.requests == []


def test_nobody_listens():
    with running() as gone:
        pass
    assert fault_of(gone) == (
        " after 3 tries: no connection to URL, or it was lost (ConnectError: [Errno 111] Connection refused)." + KEPT
    )


# What the model thought


@pytest.mark.parametrize(
    ("message", "stop", "text"),
    [
        ({"content": ""}, "stop", ""),
        ({"content": None}, "stop", ""),
        ({"content": "<think>\nHm.\n</think>\n\nFour days."}, "stop", "Four days."),
        ({"content": "Hm.\n</think>\n\nFour days."}, "stop", "Four days."),  # the template opened it
        ({"content": "<think>Hm, so"}, "length", ""),
        ({"content": None, "reasoning_content": "Hm, so"}, "length", ""),
        ({"content": "Four days.", "reasoning_content": "Hm."}, "stop", "Four days."),
        ({"content": "Four days.", "reasoning": "Hm."}, "stop", "Four days."),
        (
            {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Four days."}]},
            "stop",
            "Four days.",
        ),
        ({"content": "Write <think> and </think> around it."}, "stop", "Write <think> and </think> around it."),
        ({"content": "  Four days."}, "stop", "  Four days."),
    ],
)
def test_thinking_is_counted_but_is_no_part_of_the_text(fake, message, stop, text):
    reply = completion(stop=stop)
    reply["choices"][0]["message"] |= message
    fake.script = [reply]
    reply, _ = call(fake)
    assert (reply.text, reply.output_tokens, reply.stop_reason) == (text, 3, stop)


# How a judge or a writer asks for an object


class Grade(BaseModel):
    overall: int


def refusing(*forms, status=400):
    """A server that does not know these kinds of response_format."""

    def answer(body, path):
        kind = body.get("response_format", {"type": "none"})["type"]
        if kind in forms:
            return error(status, f"response_format: {kind} is not supported")
        return completion('{"overall": 7}')

    return answer


def kinds(fake):
    return [request.get("response_format", {"type": "none"})["type"] for request in fake.requests]


@pytest.mark.parametrize(
    ("refused", "asked", "said"),
    [
        ((), ["json_schema", "json_schema"], ""),
        (
            ("json_schema",),
            ["json_schema", "json_object", "json_object"],
            "model qwen: the server refuses response_format 'json_schema'. The prompt carries the schema instead, with "
            "response_format 'json_object'.\n",
        ),
        (
            ("json_schema", "json_object"),
            ["json_schema", "json_object", "none", "none"],
            "model qwen: the server refuses response_format 'json_schema'. The prompt carries the schema instead, with "
            "response_format none.\n",
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 404, 422, 501])
def test_a_form_that_the_server_refuses_is_tried_once(fake, refused, asked, said, status, capsys):
    fake.script = refusing(*refused, status=status)
    with asker(remote(fake, AskedOpenAIModel), GREEDY, ONE_THREAD) as model:
        replies = [model.ask(QUESTION, Grade) for _ in range(2)]
    assert [parse_reply(reply, Grade).overall for reply in replies] == [7, 7]
    assert (kinds(fake), capsys.readouterr().err) == (asked, said)
    for kind, request in zip(kinds(fake), fake.requests, strict=True):
        assert ('"overall"' in request["messages"][-1]["content"]) == (kind != "json_schema")


@pytest.mark.parametrize("form", ["json_schema", "json_object", "none"])
def test_a_form_that_params_choose_is_the_only_one(fake, form):
    with asker(remote(fake, AskedOpenAIModel, response_format=form), GREEDY, ONE_THREAD) as model:
        model.ask(QUESTION, Grade)
        assert model.identity["response_format"] == form
    assert kinds(fake) == [form]


def test_another_refusal_changes_no_form(fake):
    """A text that a filter refuses is refused in any form: the last fault counts, and the next call begins anew."""
    fake.script = lambda body, path: error(400, "filtered")
    with asker(remote(fake, AskedOpenAIModel), GREEDY, ONE_THREAD) as model:
        with pytest.raises(StageError) as caught:
            model.ask(QUESTION, Grade)
        fake.script = []
        model.ask(QUESTION, Grade)
        fake.script = [error(400, "filtered")]
        with pytest.raises(StageError):  # json_schema was accepted before, so nothing else is tried
            model.ask(QUESTION, Grade)
    assert str(caught.value) == "the model call failed: the server answered 400: filtered."
    assert kinds(fake) == ["json_schema", "json_object", "none", "json_schema", "json_schema"]


def test_auto_keeps_the_keys_of_stored_gradings(fake):
    with asker(remote(fake, AskedOpenAIModel), GREEDY, ONE_THREAD) as model:
        assert model.identity == identity(remote(fake)) | GREEDY.model_dump()


def test_thinking_in_a_reply_that_was_stored_before_is_left_out():
    stored = {
        "text": "<think>Hm.</think>Four.",
        "input_tokens": 1,
        "output_tokens": 9,
        "stop_reason": "stop",
        "seconds": 1,
    }
    assert Reply.model_validate(stored).text == "Four."
