"""Chat models of Bedrock: what is read of a reply, what is a fault, and that nothing is lost or paid for twice."""

import socket
import threading
from concurrent.futures import wait

import aws_world as world
import pytest
from aws_standin import DROP, LOSE, REGION, Reply, _session
from pydantic import BaseModel, ValidationError

from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.parallel import each
from tune_or_retrieve.chat.structured import Unreadable, parse_reply
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.chat.converse import Converse
from tune_or_retrieve.providers.bedrock.chat.params import ConverseParams

NOVA = "us.amazon.nova-micro-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
OPTIONS = Options(max_tokens=50, temperature=0.0, seed=1)
HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]


class Grade(BaseModel):
    """A grade."""

    score: int


def chat(model=NOVA, options=OPTIONS, **more):
    return Converse(ConverseParams(model=model, **more), options, Clients(_session(REGION)))  # has the models read


@pytest.fixture
def quick(monkeypatch):
    """botocore's waits are passed over; how many there were is what counts."""
    waits = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waits.append)
    return waits


@pytest.mark.parametrize(
    ("said", "text", "stop"),
    [
        ("A queue.", "A queue.", "stop"),
        (" ".join(["word"] * 80), " ".join(["word"] * 50), "length"),
        (Reply("No.", stop="content_filtered"), "No.", "content_filtered"),
        (Reply("Yes", stop="stop_sequence"), "Yes", "stop"),
    ],
)
def test_a_reply_has_all_that_is_measured(aws, said, text, stop):
    aws.settings.answer = lambda request: said
    reply = chat().ask(HELLO)
    assert (reply.text, reply.stop_reason, reply.retries) == (text, stop, 0)
    assert (reply.input_tokens, reply.output_tokens) == aws.ledger.tokens(NOVA)
    assert (reply.cache_read_tokens, reply.cache_write_tokens) == (0, 0)
    assert 0 < reply.server_seconds <= reply.seconds
    sent = aws.ledger.of("Converse")[0].params
    assert sent["inferenceConfig"] == {"maxTokens": 50, "temperature": 0.0}
    assert sent["system"] == [{"text": "Be brief."}]


def test_tokens_of_a_prompt_cache_stand_apart():
    from langchain_core.messages import AIMessage

    from tune_or_retrieve.providers.bedrock.chat.converse import _reply

    usage = {
        "input_tokens": 117,
        "output_tokens": 3,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 90, "cache_creation": 0, "ephemeral_5m_input_tokens": 20},
    }
    metadata = {"stopReason": "end_turn", "metrics": {"latencyMs": [250]}, "ResponseMetadata": {"RetryAttempts": 2}}
    reply = _reply(AIMessage("Yes.", usage_metadata=usage, response_metadata=metadata), 0.5)
    assert (reply.input_tokens, reply.cache_read_tokens, reply.cache_write_tokens) == (7, 90, 20)
    assert (reply.server_seconds, reply.retries) == (0.25, 2)


def test_a_deployment_is_asked_and_read_as_its_base_model(aws):
    aws.pace("custom-model-deployment", polls=0)
    arn = aws.client("bedrock").create_custom_model_deployment(
        modelDeploymentName="micro", modelArn=world.custom_model(aws)
    )["customModelDeploymentArn"]
    aws.settings.answer = lambda request: {"score": 7} if request.tools else "Fine."
    tuned = chat(arn, base_model="amazon.nova-micro-v1:0")
    assert tuned.ask(HELLO).text == "Fine."
    assert parse_reply(tuned.ask(HELLO, Grade), Grade).score == 7
    assert aws.ledger.of("Converse")[-1].params["toolConfig"]["toolChoice"] == {"tool": {"name": "Grade"}}


def test_an_arn_needs_its_base_model():
    with pytest.raises(ValidationError, match="must be the id of the foundation model behind `model`"):
        ConverseParams(model="arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc")


@pytest.mark.parametrize("said", [{"score": 7}, '{"score": 7}', '```json\n{"score": 7}\n```'])
def test_llama_has_the_choice_and_both_of_its_ways_are_read(aws, said):
    aws.settings.answer = lambda request: said
    assert parse_reply(chat(LLAMA).ask(HELLO, Grade), Grade).score == 7
    assert aws.ledger.of("Converse")[0].params["toolConfig"].get("toolChoice") is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("I think 7", "the reply holds no JSON object"),
        ('{"score": 7, "score": 9}', "the reply holds no JSON object ('score' stands there twice)"),
        ('{"score": "high"}', "score: must be a whole number, got 'high'"),
        ("{}", "score: missing"),
        (" ".join(["word"] * 80), "the reply was cut off at max_tokens"),
        (Reply('{"score": 7}', stop="guardrail_intervened"), "the model ended with guardrail_intervened"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(aws, said, reason):
    aws.settings.answer = lambda request: said
    reply = chat(LLAMA).ask(HELLO, Grade)
    with pytest.raises(Unreadable) as caught:
        parse_reply(reply, Grade)
    assert str(caught.value) == reason


def test_throttling_is_waited_out_and_counted(aws, quick):
    aws.fault("Converse", "ThrottlingException", times=2)
    assert chat().ask(HELLO).retries == 2
    assert (len(aws.ledger.bills), len(quick)) == (1, 2)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (LOSE, "the connection was lost"),
        (DROP, "the answer came incomplete or unreadable"),
        ("InternalServerException", "AWS failed, after one try"),
        ("ServiceUnavailableException", "AWS failed, after one try"),
        ("ModelTimeoutException", "the model did not answer in time"),
    ],
)
def test_only_what_was_throttled_is_tried_again(aws, quick, action, message):
    aws.fault("Converse", action, times=1)
    with pytest.raises(AwsFault) as caught:
        chat().ask(HELLO)
    assert str(caught.value).startswith(f"AWS, asking {NOVA}: {message}")
    assert (aws.ledger.count("Converse"), quick) == (1, [])


def test_a_connection_that_never_came_about_is_not_tried_again(aws, quick, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(AwsFault) as caught:
            chat().ask(HELLO)
    assert str(caught.value).startswith(f"AWS, asking {NOVA}: Could not connect to the endpoint URL")
    assert quick == []


def test_30_percent_throttling_loses_nothing_and_pays_nothing_twice(aws, quick, monkeypatch, tmp_path):
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *_, **__: True)  # its pace, not its tries
    fault = aws.fault("Converse", "ThrottlingException", share=0.3, seed=3)
    aws.settings.answer = lambda request: request.user
    model, kept = chat(), []
    with CallStore(tmp_path / "calls.sqlite") as store:

        def keep(number, reply):
            store.put(str(number), reply.model_dump())
            kept.append(number)

        replies = each(range(60), lambda n: model.ask([{"role": "user", "content": f"{n}?"}]), keep, 6)
        stored = [store.get(str(n))["text"] for n in range(60)]
    assert stored == [reply.text for reply in replies] == [f"{n}?" for n in range(60)]
    assert (len(kept), len(aws.ledger.bills), aws.ledger.count("Converse", ok=True)) == (60, 60, 60)
    assert fault.met == sum(reply.retries for reply in replies) > 10
    assert 1 < aws.ledger.peak["Converse"] <= 6
    assert sum(reply.output_tokens for reply in replies) == aws.ledger.tokens()[1]


def test_a_fault_keeps_what_was_under_way_and_begins_nothing_more(monkeypatch):
    begun, kept, failed, gate = [], [], [], threading.Event()

    def call(number):
        begun.append(number)
        if number == 1:
            raise AwsFault("no")
        gate.wait(60)
        return number

    def waiting(futures, **how):
        if failed:  # seen the last time: what is under way may end now
            gate.set()
        ended = wait(futures, **how)
        failed.extend(future for future in ended.done if future.exception())
        return ended

    monkeypatch.setattr("tune_or_retrieve.chat.parallel.wait", waiting)

    with pytest.raises(AwsFault, match="no"):
        each(range(50), call, lambda task, result: kept.append(task), 3)
    assert sorted(begun) == [0, 1, 2]
    assert sorted(kept) == [0, 2]


def test_an_interrupt_keeps_what_was_under_way_and_begins_nothing_more():
    begun, kept, gate = [], [], threading.Event()

    def call(number):
        begun.append(number)
        if number:
            gate.wait(60)
        return number

    def keep(task, result):
        kept.append(task)
        if task == 0:
            gate.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each(range(50), call, keep, 3)
    assert (sorted(begun), sorted(kept)) == ([0, 1, 2], [0, 1, 2])


def test_a_budget_that_is_passed_in_keep_stops_too():
    def keep(task, result):
        raise AwsFault("budget")

    begun = []
    with pytest.raises(AwsFault, match="budget"):
        each(range(9), begun.append, keep, 1)
    assert begun == [0]
