"""Replies that are read as they come: what is stored, what is asked again, and when it is given up."""

import pytest
from pydantic import BaseModel

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.replies import FIRST, REMINDER, Replies
from tune_or_retrieve.chat.structured import ShapedReply, parse_reply


class Score(BaseModel):
    score: int


class Model:
    """Says what it is told to, and remembers what it was asked."""

    identity, reply_class = {"model": "m"}, ShapedReply

    def __init__(self, say):
        self.say, self.asked = say, []

    def ask(self, messages, schema=None):
        self.asked.append(messages[-1]["content"])
        text = self.say(messages[-1]["content"])
        return ShapedReply(text=text, input_tokens=1, output_tokens=1, stop_reason="stop", seconds=0.1)


@pytest.fixture
def store(tmp_path):
    with CallStore(tmp_path / "calls.sqlite") as opened:
        yield opened


def prompt(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def replies(model, store, **more):
    def check(reply):
        parse_reply(reply, Score)

    return Replies("judge m", "judge", model, Score, check, store, 1, "Take another.", **more)


def texts(made):
    return [reply.text for reply in made]


def test_what_can_be_read_is_asked_once_and_what_cannot_twice_in_each_run(store, capsys):
    said = {"a": '{"score": 1}', "b": "No.", "c": "No.", f"c{REMINDER}": '{"score": 3}', f"b{REMINDER}": "Never."}
    model, prompts, settled = Model(said.get), [prompt(text) for text in "abc"], []
    first = replies(model, store, settled=lambda: settled.append(len(model.asked)))
    assert texts(first.to(prompts)) == ['{"score": 1}', "Never.", '{"score": 3}']
    assert model.asked == ["a", "b", "c", f"b{REMINDER}", f"c{REMINDER}"]
    assert (first.asked_again, settled) == (2, [1, 4, 5])
    unread = "judge m: a reply cannot be read: the reply holds no JSON object. It is"
    assert capsys.readouterr().err == f"{unread} 'No.'.\n{unread} 'No.'.\n{unread} 'Never.'.\n"
    model.asked.clear()
    second = replies(model, store)
    assert list(second.unanswered(prompts).values()) == prompts[1:2]
    assert texts(second.to(prompts)) == texts(first.to(prompts))
    assert model.asked == ["b", f"b{REMINDER}"] * 2
    assert second.asked_again == 2


def test_a_reply_that_was_stored_before_it_could_be_read_counts_as_the_first(store):
    model = Model(lambda text: '{"score": 3}')
    ours = replies(model, store)
    stored = ShapedReply(text="No.", input_tokens=1, output_tokens=1, stop_reason="stop", seconds=0.1)
    store.put(ours.key(prompt("a")), stored.model_dump())
    assert ours.unanswered([prompt("a")]) == {}
    for _ in range(2):
        assert texts(ours.to([prompt("a")])) == ['{"score": 3}']
    assert model.asked == [f"a{REMINDER}"]
    # Now it can be read, as one that thinks aloud could not be in an earlier version.
    store.put(ours.key(prompt("b")), stored.model_dump() | {"text": '<think>Hm.</think>{"score": 4}'})
    assert texts(ours.to([prompt("b")])) == ['{"score": 4}']
    assert len(model.asked) == 1


def test_what_is_paid_for_is_told_whether_it_can_be_read_or_not(store):
    told, begun = [], []
    model = Model(lambda text: "No.")
    replies(model, store, spent=told.append, begin=begun.append).to([prompt("a")])
    assert texts(told) == ["No.", "No."]
    assert [[one[-1]["content"] for one in prompts] for prompts in begun] == [["a"], [f"a{REMINDER}"]]


@pytest.mark.parametrize("wrote", ["It is  good.\n" * 30, ""])
def test_a_model_whose_first_replies_cannot_be_read_is_asked_no_more(store, wrote):
    model = Model(lambda text: wrote)
    ours = replies(model, store)
    for number in range(FIRST // 2 - 1):
        ours.to([prompt(str(number))])
    with pytest.raises(StageError) as fault:
        ours.to([prompt("last")])
    shown = f"It is {('It is good. ' * 30)[:200]!r}" if wrote else "It is empty"
    assert str(fault.value) == (
        f"judge m: none of the first {FIRST} replies of the model can be read. Of the last one: the reply holds no "
        f"JSON object. {shown}. Take another."
    )
    assert len(model.asked) == FIRST


def test_one_that_can_be_read_is_enough_to_go_on_also_from_an_earlier_run(store):
    model = Model(lambda text: '{"score": 1}' if text == "a" else "No.")
    replies(model, store).to([prompt("a")])
    prompts = [prompt(text) for text in "abcdefghijkl"]
    assert texts(replies(model, store).to(prompts)) == ['{"score": 1}', *["No."] * 11]
    assert len(model.asked) == 1 + 2 * 11
