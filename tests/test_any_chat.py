"""LangChain chat models that are none of ours as judges: with tools, without, and without any word on usage."""

import itertools
import json

import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

from stages.judge.llm import LlmJudge
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.any_chat import LangChainChat
from tune_or_retrieve.chat.call_store import CallStore

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
