"""The one object of a schema in what a model wrote: where it is found, and what stays unreadable."""

import json

import pytest
from pydantic import BaseModel, ConfigDict

from tune_or_retrieve.chat.objects import Unreadable, object_in, one_object


class Grade(BaseModel):
    model_config = ConfigDict(extra="forbid")

    comment: str
    overall: int


GOOD = {"comment": "Right.", "overall": 7}
WRITTEN = json.dumps(GOOD)
SPREAD = json.dumps(GOOD, indent=2)
EXAMPLE = '{"comment": "an example", "overall": 0}'
CALL = {"name": "Grade", "parameters": GOOD}


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        f"\n {SPREAD}\n",
        # after or around thinking
        f"<think>\nLet me compare.\n</think>\n\n{WRITTEN}",
        f"<think>It could be {EXAMPLE}.</think>{WRITTEN}",
        f"It could be {EXAMPLE}. Let me see.\n</think>\n{WRITTEN}",
        f"<thinking>One {{ and {EXAMPLE}</thinking> {WRITTEN}",
        f"{WRITTEN}\n<think>Was it {EXAMPLE}?</think>",
        # in prose
        f"Here is my grade:\n{WRITTEN}\nIt follows {{the rubric}}.",
        f"The set {{1, 2}} is right: {WRITTEN}",
        f"{WRITTEN}\n\nAgain: {SPREAD}",
        # fences
        *(f"{fence}{kind}\n{SPREAD}\n{fence}" for fence in ("```", "~~~", "````") for kind in ("", "json", "json5")),
        f"```json {WRITTEN} ```",
        f"`{WRITTEN}`",
        # extra keys, raw line breaks
        json.dumps({"score": 1, **GOOD}),
        '{"comment": "Right.", "overall": "7", "why": "two\nlines"}',
        # tool calls written as text
        json.dumps(CALL),
        json.dumps({"type": "function", "function": {"name": "Grade", "arguments": WRITTEN}}),
        json.dumps([{"name": "Grade", "arguments": GOOD}]),
        f"<function=Grade>{WRITTEN}</function>",
        f"<tool_call>\n{json.dumps({'name': 'Grade', 'arguments': GOOD})}\n</tool_call>",
        f"<|python_tag|>{json.dumps(CALL)}",
        f"[TOOL_CALLS][{json.dumps({'name': 'Grade', 'arguments': GOOD})}]",
        json.dumps({"Grade": GOOD}),
    ],
)
def test_it_is_found_wherever_it_stands(text):
    assert object_in(text, Grade) == Grade(**GOOD)


def test_marks_of_thinking_and_line_breaks_may_stand_in_its_strings():
    said = "It ends\nwith </think> {and} <think>"
    assert object_in(json.dumps(GOOD | {"comment": said}).replace("\\n", "\n"), Grade).comment == said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the reply holds no JSON object"),
        ("Overall: 7", "the reply holds no JSON object"),
        ("[7]", "the reply holds no JSON object"),
        (WRITTEN[:-1], "the reply holds no JSON object"),
        (WRITTEN.replace('"', "'"), "the reply holds no JSON object"),
        ('{"comment": "Right.", "overall": 7,}', "the reply holds no JSON object"),
        ('{"a":' * 100_000, "the reply is nested too deeply"),
        ('{"comment": "Right.", "overall": 7, "overall": 9}',
         "the reply holds no JSON object ('overall' stands there twice)"),
        (f"<think>It could be {WRITTEN}", "the reply holds no JSON object"),
        (f"<think>It could be {WRITTEN}</think> I am done.", "the reply holds no JSON object"),
        (f"{WRITTEN} or {EXAMPLE}", "the reply holds two different objects of the form asked for"),
        ("{}", "comment: missing"),
        ('{"comment": "Right.", "overall": "high"}', "overall: must be a whole number, got 'high'"),
        (json.dumps({"name": "Grade", "parameters": GOOD | {"overall": 7.5}}),
         "overall: must be a whole number, got '7.5'"),
    ],
)  # fmt: skip
def test_what_is_not_one_object_of_the_schema_says_why(text, reason):
    with pytest.raises(Unreadable) as caught:
        object_in(text, Grade)
    assert str(caught.value) == reason


def test_the_arguments_of_a_tool_are_read_alike():
    assert one_object([CALL | {"more": 1}], Grade) == Grade(**GOOD)
    with pytest.raises(Unreadable, match=r"^overall: missing$"):
        one_object([{"comment": "Right."}], Grade)
