"""The judge stage with kind llm: coverage, what is unscored, and what is paid for."""

import json
from pathlib import Path

import pytest
import yaml
from fake_openai import completion
from fake_openai import running as fake_openai
from small_study import ONE_THREAD, models_of

from stages.judge.__main__ import main
from tune_or_retrieve.base.files import read_jsonl, write_jsonl
from tune_or_retrieve.base.records import APPROACHES, Answer, Pair, Question, Quote, Score

GRADE = {"comment": "Right.", "factual_accuracy": 9, "completeness": 8, "relevance": 10, "clarity": 7, "overall": 9}
JUDGE = {"kind": "llm", "provider": "bedrock", "model": "us.anthropic.claude-sonnet-4-6", 
         "max_tokens": 200, "min_coverage": 0.9, "min_control_accuracy": 0.5, "control_pairs": 1}  # fmt: skip
PRICES = {"as_of": "2026-11-22", "per_million_tokens": {"anthropic.claude-sonnet-4-6": {"input": 3.0, "output": 15.0}}}


def question(n):
    return Question(id=f"q{n}", set="synthetic", slice="seen", question=f"What is {n}?", reference="It is a number.",
                    service="s", kind="k", evidence=[])  # fmt: skip


def answer(n, approach):
    return Answer(question_id=f"q{n}", model="micro", approach=approach, text=f"{approach} says {n}.", input_tokens=1,
                  output_tokens=1, stop_reason="stop")  # fmt: skip


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "A queue holds messages for 4 days, and then it drops them."
    pair = Pair(id="p", question="How long does a queue hold messages?", answer=text, service="s", kind="k",
                phrasing="a", evidence=[Quote(article_id="a", start=0, end=len(text), text=text)])  # fmt: skip
    write_jsonl(Path("data/qa/handwritten.jsonl"), [])
    write_jsonl(Path("data/qa/test.jsonl"), [question(n) for n in range(5)])
    write_jsonl(Path("data/qa/validation.jsonl"), [pair])
    for approach in APPROACHES:
        write_jsonl(Path(f"data/answers/{approach}/micro.jsonl"), [answer(n, approach) for n in range(5)])
    write()
    return tmp_path


def write(**changes):
    judges = {"claude": {key: value for key, value in (JUDGE | changes).items() if value is not None}}
    content = {
        "study": {**models_of({"micro": "bedrock"}), "judges": {"claude": "bedrock"}},
        "judges": judges,
        "prices": PRICES,
    }
    content |= {"run": ONE_THREAD.model_dump() | {"concurrency": {"bedrock": 4}}}
    Path("params.yaml").write_text(yaml.safe_dump(content))


def run(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["judge", "claude"])
    try:
        main()
    except SystemExit as end:
        return end.code, capsys.readouterr().err
    return 0, capsys.readouterr().err


def answered(request):
    """Controls by what they say; of the answers, one is not graded but talked about."""
    if "base says 3" in request.user:
        return {"comment": "I would say it is fine."}
    worth = 9 if "4 days, and then" in request.user.rsplit("Answer", 1)[-1] else 2
    return GRADE | {"overall": worth}


def test_an_unreadable_reply_is_unscored_and_counted(aws, root, monkeypatch, capsys):
    aws.settings.answer = answered
    code, said = run(monkeypatch, capsys)
    assert code == 0, said
    scores = {(s.approach, s.question_id): s for s in read_jsonl(Path("data/scores/claude.jsonl"), Score)}
    unscored = [key for key, score in scores.items() if score.overall is None]
    assert unscored == [("base", "q3")]
    assert scores["base", "q3"].comment == "unscored: factual_accuracy: missing"
    shown = json.loads(Path("metrics/judge/claude.json").read_text())
    assert (shown["n"], shown["n_scored"], shown["coverage"]) == (20, 19, 0.95)
    calls = aws.ledger.count("Converse", ok=True)
    ledger = Path(".cache/spent.jsonl").read_text().splitlines()
    assert len(ledger) == calls == 20 + shown["control_n"] + 1
    assert shown["asked_again"] == 1
    unread = "judge claude: a reply cannot be read: factual_accuracy: missing. It is "
    assert sum(line.startswith(unread) for line in said.splitlines()) == 2
    # Only what could not be read is asked again.
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == calls + 2
    aws.settings.answer = lambda request: GRADE
    assert run(monkeypatch, capsys)[0] == 0
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == calls + 3
    shown = json.loads(Path("metrics/judge/claude.json").read_text())
    assert (shown["n_scored"], shown["asked_again"]) == (20, 0)


def test_a_batch_job_grades_controls_and_answers_at_half_price(aws, root, no_waiting, monkeypatch, capsys):
    """Too few calls for one at first, which is said."""
    aws.settings.answer = lambda request: GRADE
    write(batch=True, min_control_accuracy=0.0)
    code, said = run(monkeypatch, capsys)
    assert code == 0, said
    assert "judge@claude: no batch job, as " in said
    assert not [bill for bill in aws.ledger.bills if bill.batch]
    write_jsonl(Path("data/qa/test.jsonl"), [question(n) for n in range(30)])
    for approach in APPROACHES:
        write_jsonl(Path(f"data/answers/{approach}/micro.jsonl"), [answer(n, approach) for n in range(30)])
    code, said = run(monkeypatch, capsys)
    assert code == 0, said
    assert sum(bill.batch for bill in aws.ledger.bills) == 100  # those not graded before
    last = json.loads(Path(".cache/spent.jsonl").read_text().splitlines()[-1])
    read, wrote = (
        sum(getattr(bill, kind) for bill in aws.ledger.bills if bill.batch)
        for kind in ("input_tokens", "output_tokens")
    )
    assert (last["stage"], last["tokens"]) == ("judge@claude", read + wrote)
    assert last["dollars"] == pytest.approx((read * 3.0 + wrote * 15.0) / 1e6 / 2)


def test_below_the_coverage_the_stage_fails_and_says_why(aws, root, monkeypatch, capsys):
    aws.settings.answer = answered
    write(min_coverage=0.96)
    code, said = run(monkeypatch, capsys)
    assert (code, said.splitlines()[-1]) == (
        1,
        "error: judge claude: scored 19 of 20 answers (95.0%), fewer than judges.claude.min_coverage (96.0%). 1 times: "
        "unscored: factual_accuracy: missing. The next `dvc repro` asks again for what cannot be read and keeps the "
        "rest. If that does not help, raise max_tokens, take another model, or lower min_coverage.",
    )
    assert not Path("data/scores").exists()
    calls = aws.ledger.count("Converse", ok=True)
    aws.settings.answer = lambda request: GRADE
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == calls + 1


def test_the_same_judge_runs_on_an_openai_server_and_reads_no_price(root, monkeypatch, capsys):
    with fake_openai() as server:
        server.script = [completion(json.dumps(GRADE))] * 60
        write(provider="openai", model="qwen", base_url=server.url, min_control_accuracy=0.0)
        code, said = run(monkeypatch, capsys)
    assert code == 0, said
    assert {s.overall for s in read_jsonl(Path("data/scores/claude.jsonl"), Score)} == {9.0}
    assert not Path(".cache/spent.jsonl").exists()


def timing():
    return json.loads(Path("data/timings/judge/claude.json").read_text())


def test_judging_took_as_long_as_when_its_replies_were_new(root, monkeypatch, capsys):
    with fake_openai() as server:
        server.script = [completion(json.dumps(GRADE))] * 60
        write(provider="openai", model="qwen", base_url=server.url, min_control_accuracy=0.0)
        assert run(monkeypatch, capsys)[0] == 0
        first, asked = timing(), len(server.requests)
        assert run(monkeypatch, capsys)[0] == 0
        assert len(server.requests) == asked
    assert first["seconds"] > 0
    # Each of the server's replies says that it read 7 tokens and wrote 3.
    tokens = {"input_tokens": 7 * asked, "output_tokens": 3 * asked}
    assert first == tokens | {"seconds": first["seconds"], "billed_as": None}  # a server on this machine
    assert timing() == first


def test_judging_on_bedrock_is_counted_by_the_tokens_that_are_billed(aws, root, monkeypatch, capsys):
    aws.settings.answer = lambda request: GRADE
    write(min_control_accuracy=0.0)
    assert run(monkeypatch, capsys)[0] == 0
    first = timing()
    tokens = {kind: sum(getattr(bill, kind) for bill in aws.ledger.bills) for kind in ("input_tokens", "output_tokens")}
    assert first == tokens | {"seconds": first["seconds"], "billed_as": JUDGE["model"]}
    assert run(monkeypatch, capsys)[0] == 0
    assert timing() == first


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"provider": "aws"},
            "judges.claude.provider: must be 'embedded', 'openai', 'bedrock' or 'langchain'. Got 'aws'.",
        ),
        ({"provider": "bedrock", "weights": "x"}, "judges.claude.weights: unknown key. Known: "),
        ({"min_coverage": 1.5}, "judges.claude.min_coverage: must be less than or equal to 1. Got 1.5."),
    ],
)
def test_faults_of_its_params(root, monkeypatch, capsys, changes, fault):
    write(**changes)
    code, said = run(monkeypatch, capsys)
    assert code == 1
    assert fault in said


def test_long_answers_do_not_pass_the_budget(aws, root, monkeypatch, capsys):
    aws.settings.answer = lambda request: GRADE
    for approach in APPROACHES:
        long = [answer(n, approach).model_copy(update={"text": f"{approach} {n} " + "word " * 8000}) for n in range(5)]
        write_jsonl(Path(f"data/answers/{approach}/micro.jsonl"), long)
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["run"]["budget_usd"] = 0.45
    Path("params.yaml").write_text(yaml.safe_dump(content))
    code, said = run(monkeypatch, capsys)
    assert code == 1
    assert "judge@claude: stopped before budget_usd, $0.45, is passed" in said
    assert 0 < sum(json.loads(line)["dollars"] for line in Path(".cache/spent.jsonl").read_text().splitlines()) <= 0.45


LEAVE_OUT = "To leave this judge out, remove it from study.judges in params.yaml."


def test_a_server_that_fails_is_the_named_judges(root, monkeypatch, capsys):
    with fake_openai() as server:
        server.script = [(401, {"error": {"message": "wrong key"}}, {})] * 60
        write(provider="openai", model="qwen", base_url=server.url)
        code, said = run(monkeypatch, capsys)
    assert (code, said.splitlines()[-2:]) == (
        1,
        [
            "error: judge claude: the model call failed: the server answered 401: wrong key. If the server needs a "
            "key, name the environment variable that holds it by api_key_env.",
            LEAVE_OUT,
        ],
    )


def test_a_judge_that_never_answers_in_the_form_asked_for_is_stopped_early(root, monkeypatch, capsys):
    with fake_openai() as server:
        server.script = [completion("It is good.")] * 60
        write(provider="openai", model="qwen", base_url=server.url)
        for _ in range(2):
            code, said = run(monkeypatch, capsys)
            assert (code, said.splitlines()[-1]) == (1, LEAVE_OUT)
            assert said.splitlines()[-2] == (
                "error: judge claude: none of the first 10 replies of the model can be read. Of the last one: the "
                "reply holds no JSON object. It is 'It is good.'. Take a model that answers by a JSON object, or raise "
                "judges.claude.max_tokens if it writes or thinks at length. With provider openai or embedded, scoring: "
                "logprob needs no JSON."
            )
        assert len(server.requests) == 20
        server.script = [completion(f"<think>Hm.</think>\n{json.dumps(GRADE)}")] * 60
        assert run(monkeypatch, capsys)[0] == 0
    assert {s.overall for s in read_jsonl(Path("data/scores/claude.jsonl"), Score)} == {9.0}
