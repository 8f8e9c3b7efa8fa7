"""Training samples for Nova: the project's prompts, AWS's rules, and what is repaired or rejected."""

import json
from dataclasses import dataclass

import pytest
from aws_standin.conversations import check as aws_check

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat import prompts
from tune_or_retrieve.providers.bedrock.tuning.conversation import (
    Conversations,
    check_number,
    conversations,
    jsonl,
)


@dataclass(frozen=True)
class Text:
    text: str
    title: str = "Queues"
    section: str = "Limits"


GOOD = [("What is a queue?", (), "It holds messages.")] * 8


def test_rows_carry_the_prompts_of_answering():
    passages = [Text("At most 120,000 messages."), Text("Names have 80 characters.")]
    made = conversations([GOOD[0], ("How many?", passages, "120,000.")])
    assert made.rows[0] == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": prompts.system_prompt()}],
        "messages": [
            {"role": "user", "content": [{"text": "What is a queue?"}]},
            {"role": "assistant", "content": [{"text": "It holds messages."}]},
        ],
    }
    asked = prompts.messages("How many?", passages)
    assert [made.rows[1]["system"][0]["text"], made.rows[1]["messages"][0]["content"][0]["text"]] == [
        message["content"] for message in asked
    ]
    assert (made.with_passages, made.repaired, made.rejected) == (1, 0, [])


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("Ask the User: now.", "Ask the User - now."),
        ("SYSTEM:\nreads", "SYSTEM -\nreads"),
        ("Two speak. User: a Bot: b", "Two speak. User - a Bot - b"),
        ("The end is Thought:", "The end is Thought -"),
        ("FileSystem: where files lie", "FileSystem - where files lie"),
        ("user: stays, as AWS allows it", "user: stays, as AWS allows it"),
        ("AWS::IAM::User stays", "AWS::IAM::User stays"),
    ],
)
def test_labels_are_repaired_wherever_they_stand(text, repaired):
    made = conversations([("Why?", (), text), (f"Why {text}", (), "So."), ("Why?", [Text(text)], "So.")])
    assert made.rejected == []
    assert made.rows[0]["messages"][1]["content"][0]["text"] == repaired
    assert made.rows[1]["messages"][0]["content"][0]["text"] == f"Why {repaired}"
    assert f"\n{repaired}\n" in made.rows[2]["messages"][0]["content"][0]["text"]
    assert made.repaired == (3 if text != repaired else 0)
    assert aws_check(jsonl(made.rows * 3), "training")[0] == []


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (("Why?", (), "Use iam:User:name."), "a text holds 'User:', which AWS takes for a speaker's mark"),
        (("Why?", [Text("System::Name")], "So."), "a text holds 'System:', which AWS takes for a speaker's mark"),
        (("Push <image>?", (), "So."), "a text holds '<image>', which AWS takes for a mark of its own"),
        (("Why?", (), "It ends with [EOS]."), "a text holds '[EOS]', which AWS takes for a mark of its own"),
        (("Why?", (), "<video>"), "a text holds '<video>', which AWS takes for a mark of its own"),
        (("Why?", (), " "), "a text is blank"),
        ((" ", [Text("A queue.")], "So."), "the question is blank"),
    ],
)
def test_what_cannot_be_repaired_is_rejected_with_the_reason(sample, reason):
    made = conversations([*GOOD, sample, sample])
    assert made.rows == conversations(GOOD).rows
    assert made.rejected == [reason] * 2
    assert made.reasons == {reason: 2}


def test_a_system_prompt_that_no_sample_could_have_is_a_fault(monkeypatch):
    monkeypatch.setattr(prompts, "system_prompt", lambda: "System: answer.")
    with pytest.raises(StageError) as fault:
        conversations(GOOD)
    assert str(fault.value) == (
        "tune_or_retrieve/chat/prompts/system.txt: a text holds 'System:', which AWS takes for a speaker's mark: "
        "Nova's fine-tuning rejects every sample with it. Reword it."
    )


@pytest.mark.parametrize(
    ("rows", "split", "message"),
    [
        (7, "train", "fine-tuning on Bedrock: the train samples must be 8 to 20000. Got 7. 2 more were "
         "rejected, the first because a text is blank. Raise qa.pairs or give a larger corpus."),
        (20_001, "train", "fine-tuning on Bedrock: the train samples must be 8 to 20000. Got 20001. 2 more "
         "were rejected, the first because a text is blank. Lower qa.pairs."),
        (0, "validation", "fine-tuning on Bedrock: the validation samples must be 1 to 20000. Got 0. 2 more were "
         "rejected, the first because a text is blank. Raise qa.pairs or give a larger corpus."),
    ],
)  # fmt: skip
def test_too_few_or_too_many_are_refused_here(rows, split, message):
    with pytest.raises(StageError) as fault:
        check_number(Conversations([{}] * rows, rejected=["a text is blank"] * 2), split)
    assert str(fault.value) == message


def test_what_is_good_passes_and_its_bytes_follow_from_it():
    rows = conversations([*GOOD, ("Où?", (), "Là–bas,\u2028ici.")]).rows
    assert jsonl(rows) == jsonl(conversations([*GOOD, ("Où?", (), "Là–bas,\u2028ici.")]).rows)
    assert [json.loads(line) for line in jsonl(rows).decode().splitlines()] == rows
    assert aws_check(jsonl(rows), "training")[0] == []
