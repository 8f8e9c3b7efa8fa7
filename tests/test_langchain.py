"""Chat models of LangChain that are none of ours: with tools, without, without any word on usage; by their name."""

import itertools
import json
import sys
from pathlib import Path

import pytest
import yaml
from fake_openai import completion, running
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from small_study import ONE_THREAD

from stages.answer.__main__ import main as answer
from stages.fine_tune.__main__ import main as fine_tune
from stages.judge.llm import Grade, LlmJudge
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, write_jsonl
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Answer, Question
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.engine import asker
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.commands.check import refuse_faults
from tune_or_retrieve.providers.langchain.engine import LangChainChat

GOOD = {"comment": "Right.", "factual_accuracy": 9, "completeness": 8, "relevance": 10, "clarity": 7, "overall": 9}
ASKED = ("How long does a queue hold messages?", "It holds messages for 4 days.")


class Asked(FakeListChatModel):
    """Remembers what it was asked. LangChain's own fake, which knows no tools and tells no usage."""

    seen: list = []  # noqa: RUF012  # a pydantic field

    def _call(self, messages, *rest, **more):
        self.seen.append(messages)
        return super()._call(messages, *rest, **more)


class WithTools(GenericFakeChatModel):
    """As most models: takes tools, and puts its reply into one."""

    def bind_tools(self, tools, **_):
        return self


def graded(model, tmp_path):
    with CallStore(tmp_path / "calls.sqlite") as store:
        [verdict] = LlmJudge(LangChainChat(model, {"model": "fake"}), store, 1).score(*ASKED, ["Four days."])
    return verdict


def called(**metadata):
    call = {"name": "Grade", "args": GOOD, "id": "1", "type": "tool_call"}
    return WithTools(messages=itertools.repeat(AIMessage("", tool_calls=[call], response_metadata=metadata)))


def test_a_model_without_tools_is_told_the_schema_in_words(tmp_path):
    model = Asked(responses=[json.dumps(GOOD)])
    assert graded(model, tmp_path).overall == 9
    [messages] = model.seen
    told = messages[-1].content.partition("Reply with one JSON object of this schema and nothing else:\n")[2]
    assert json.loads(told)["properties"]["overall"] == {
        "maximum": 10, "minimum": 0, "title": "Overall", "type": "integer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "overall", "comment"),
    [
        ({}, 9, "Right."),
        ({"stop_reason": "tool_use"}, 9, "Right."),
        ({"stop_reason": "max_tokens"}, None, "unscored: the reply was cut off at max_tokens"),
        ({"finish_reason": "length"}, None, "unscored: the reply was cut off at max_tokens"),
        ({"stop_reason": "refusal"}, None, "unscored: the model ended with refusal"),
    ],
)
def test_a_model_with_tools_answers_by_one_and_its_end_is_read(tmp_path, metadata, overall, comment):
    verdict = graded(called(**metadata), tmp_path)
    assert (verdict.overall, verdict.comment) == (overall, comment)


def test_a_call_that_fails_is_one_message(tmp_path):
    with pytest.raises(StageError) as fault:
        graded(GenericFakeChatModel(messages=iter([])), tmp_path)
    assert str(fault.value).startswith("the model call failed (")


# By name, as in params.yaml. LangChain's main package is an extra that is not installed: a stand-in makes the model of
# the one provider whose package is.

STAND_IN = """
from langchain_openai import ChatOpenAI

def init_chat_model(model, **arguments):
    provider, _, name = model.partition(":")
    if provider != "openai":
        raise ImportError(f"Initializing it requires the langchain-{provider} package.\\nPlease install it.")
    return ChatOpenAI(model=name, **arguments)
"""
OPTIONS = Options(max_tokens=16, temperature=0.0, seed=5)


@pytest.fixture
def langchain(tmp_path, monkeypatch):
    package = tmp_path / "packages" / "langchain"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "chat_models.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(package.parent)
    for name in ("langchain", "langchain.chat_models"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    yield
    for name in ("langchain", "langchain.chat_models"):
        sys.modules.pop(name, None)


def entry(tmp_path, **keys):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"models": {"far": {"provider": "langchain", "model": "openai:big", **keys}}}))
    return load("models.far", ModelParams, path)


def run(monkeypatch, capsys, stage, *arguments):
    """Exit code and stderr."""
    monkeypatch.setattr("sys.argv", ["stage", *arguments])
    try:
        stage()
    except SystemExit as end:
        return end.code, capsys.readouterr().err
    return 0, capsys.readouterr().err


@pytest.fixture
def study(tmp_path, monkeypatch):
    for name, id_ in (("handwritten", "one"), ("test", "two")):
        row = Question(id=id_, set="synthetic", question=f"What is {id_}?", reference="A thing.", service="sqs",
                       kind="purpose", slice="seen", evidence=[])  # fmt: skip
        write_jsonl(tmp_path / f"data/qa/{name}.jsonl", [row])
    monkeypatch.chdir(tmp_path)

    def write(url, **keys):
        far = {"provider": "langchain", "model": "openai:big", "model_args": {"base_url": url}, **keys}
        content = {
            "models": {"far": far},
            "run": ONE_THREAD.model_dump(),
            "answer": {**OPTIONS.model_dump(), "repeats": 1},
        }
        Path("params.yaml").write_text(yaml.safe_dump(content))

    return write


def test_it_answers_as_it_is_and_as_it_was_tuned_elsewhere(langchain, study, monkeypatch, capsys):
    with running() as fake:
        study(fake.url, tuned="openai:big-tuned")
        assert run(monkeypatch, capsys, fine_tune, "far") == (
            0,
            "far was tuned elsewhere (openai:big-tuned): nothing is trained\n",
        )
        assert run(monkeypatch, capsys, answer, "base", "far")[0] == 0
        assert run(monkeypatch, capsys, answer, "ft", "far")[0] == 0
        assert run(monkeypatch, capsys, answer, "base", "far") == (
            0,
            "answer_base@far: 2 of 2 calls are taken from the store.\n",
        )
    assert [request["model"] for request in fake.requests] == ["big", "big", "big-tuned", "big-tuned"]
    assert {headers["authorization"] for headers in fake.headers} == {"Bearer from-the-environment"}
    assert {request["temperature"] for request in fake.requests} == {0.0}
    assert {request["max_completion_tokens"] for request in fake.requests} == {16}
    rows = list(read_jsonl(Path("data/answers/base/far.jsonl"), Answer))
    assert [(row.text, row.input_tokens, row.output_tokens, row.stop_reason) for row in rows] == [
        ("Fine.", 7, 3, "stop")
    ] * 2


def test_what_the_study_sends_can_be_left_out(langchain, tmp_path):
    with running() as fake:
        arguments = {"base_url": fake.url, "temperature": None, "top_p": 0.5}
        with asker(entry(tmp_path, model_args=arguments), OPTIONS, ONE_THREAD) as model:
            model.ask([{"role": "user", "content": "Hello"}])
    assert "temperature" not in fake.requests[0]
    assert fake.requests[0]["top_p"] == 0.5


def test_it_judges(langchain, tmp_path):
    with running() as fake, CallStore(tmp_path / "calls.sqlite") as store:
        fake.script = [completion(json.dumps(GOOD)), *[completion('{"comment": "Ri', stop="length")] * 2]
        with asker(entry(tmp_path, model_args={"base_url": fake.url}), OPTIONS, ONE_THREAD) as model:
            verdicts = LlmJudge(model, store, 1).score(*ASKED, ["Four days.", "Five days."])
            assert model.ask([{"role": "user", "content": "Hello"}], Grade).stop_reason == "stop"
    assert [verdict.overall for verdict in verdicts] == [9, None]
    assert verdicts[1].comment == "unscored: the reply was cut off at max_tokens"


def test_answers_without_token_counts_are_a_fault(langchain, study, monkeypatch, capsys):
    with running() as fake:
        fake.script = [{name: value for name, value in completion().items() if name != "usage"}]
        study(fake.url)
        assert run(monkeypatch, capsys, answer, "base", "far") == (
            1,
            "answer_base@far: 0/2 calls\n"
            "error: answer_base@far: question one: the model call failed: the reply has no token counts (usage), which "
            "the study needs.\n",
        )


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("anthropic:big", "LangChain cannot make it (ImportError: Initializing it requires the langchain-anthropic "
                          "package. Please install it)."),
        ("openai:big", "LangChain cannot make it (OpenAIError: "),
    ],
)  # fmt: skip
def test_a_package_or_key_that_is_missing(langchain, tmp_path, monkeypatch, model, said):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(StageError) as fault, asker(entry(tmp_path, model=model), OPTIONS, ONE_THREAD):
        pass
    assert str(fault.value).startswith(f"model {model}: {said}")


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain", None)
    with pytest.raises(StageError) as fault, asker(entry(tmp_path), OPTIONS, ONE_THREAD):
        pass
    assert str(fault.value) == (
        "model openai:big: provider langchain needs LangChain's main package, which is an extra. Run: "
        ".venv/bin/pip install -e '.[langchain]'"
    )


HELD = "must hold no secret such as {}: LangChain reads it from the environment."


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"model": "claude"}, "model: must be PROVIDER:MODEL in LangChain's words, as in anthropic:claude-sonnet-4-6. "
                              "Got 'claude'."),
        ({"model_args": {"api_key": "sk-1"}}, f"model_args: {HELD.format('api_key')}"),
        ({"model_args": {"default_headers": {"X-Api-Key": "sk-1"}}}, f"model_args: {HELD.format('X-Api-Key')}"),
        ({"model_args": {"auth": [{"access_token": "t"}]}}, f"model_args: {HELD.format('access_token')}"),
        ({"model_args": {"base_url": "https://me:pw@host/v1"}}, "model_args: must hold no URL with user and password."),
        ({"model_args": {"model_provider": "x"}}, "model_args: must not hold model_provider: `model` says it."),
        ({"model_args": {"temperature": 1.0}},
         "model_args: must not set temperature, which is the study's own key: null leaves it out."),
        ({"tuned": "openai:big"}, "tuned: must be another model than `model`, tuned from it. Got 'openai:big'."),
    ],
)  # fmt: skip
def test_faults_in_the_entry(tmp_path, keys, fault):
    with pytest.raises(StageError) as caught:
        entry(tmp_path, **keys)
    assert str(caught.value).splitlines()[1:] == [f"  models.far.{fault}"]


def test_keys_that_only_sound_like_secrets(tmp_path):
    arguments = {"max_completion_tokens": 9, "stop_tokens": [], "keyword": "x", "top_k": 3}
    assert entry(tmp_path, model_args=arguments).model_args == arguments


def test_check_says_that_the_extra_is_missing(tmp_path, monkeypatch):
    content = yaml.safe_load((Path(__file__).parent.parent / "params.yaml").read_text())
    content["models"]["far"] = {"provider": "langchain", "model": "openai:big"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "data/documents").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "langchain", None)
    with pytest.raises(StageError) as fault:
        refuse_faults()
    assert str(fault.value).startswith("model openai:big: provider langchain needs LangChain's main package")
