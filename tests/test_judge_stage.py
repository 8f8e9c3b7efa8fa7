"""``python -m stages.judge``: what it reads and writes, and what it says to bad input."""

import json
import sys
import time

import pytest
import yaml
from small_study import ONE_THREAD, models_of

from stages.judge import __main__ as stage
from stages.judge.controls.controls import KINDS
from stages.judge.facts import FactsJudge
from stages.judge.verdict import Verdict
from tune_or_retrieve.base.files import write_jsonl
from tune_or_retrieve.base.records import APPROACHES, Answer, Pair, Question, Quote, Score

REFERENCE = "A lease lasts 900 seconds by default. It cannot be renewed with RenewLease."


def question(number: int, where: str) -> Question:
    return Question(id=f"q{number}", set=where, slice="seen", question="How long is a lease?", reference=REFERENCE,
                    service="s3", kind="limit", evidence=[])  # fmt: skip


def answer(number: int, approach: str, text: str) -> Answer:
    return Answer(question_id=f"q{number}", model="micro", approach=approach, text=text, input_tokens=1,
                  output_tokens=1, stop_reason="stop")  # fmt: skip


def pair(number: int) -> Pair:
    texts = [
        REFERENCE,
        "CreateTopic makes up to 10 topics. They are public.",
        "Keys never expire. A key has one alias.",
    ]
    return Pair(id=str(number), question="What is so?", answer=texts[number % 3], kind="k" + str(number),
                evidence=[Quote(article_id=f"a/{number}", start=0, end=1, text="x")], service=f"s{number}", phrasing="p")  # fmt: skip  # noqa: E501


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository with everything that the stage reads."""
    section = {"kind": "facts", "min_control_accuracy": 0.9, "control_pairs": 10, "contradiction_cap": 3.0}
    params = {"study": {**models_of({"micro": "embedded"}), "judges": {"facts": "none"}}, "judges": {"facts": section}}
    params["run"] = ONE_THREAD.model_dump()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    write_jsonl(tmp_path / "data/qa/handwritten.jsonl", [question(1, "handwritten")])
    write_jsonl(tmp_path / "data/qa/test.jsonl", [question(2, "synthetic")])
    write_jsonl(tmp_path / "data/qa/validation.jsonl", [pair(n) for n in range(3)])
    texts = {"base": "A lease lasts 2 days.", "rag": REFERENCE, "ft": "A lease lasts 15 minutes.", "ft_rag": ""}
    for approach in APPROACHES:
        rows = [answer(n, approach, texts[approach]) for n in (1, 2)]
        write_jsonl(tmp_path / f"data/answers/{approach}/micro.jsonl", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["judge", *arguments])
    stage.main()


def set_param(folder, key: str, value) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["judges"]["facts"][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def test_scores_every_answer_and_reports_the_controls(repository, monkeypatch, capsys):
    run(monkeypatch, "facts")
    scores = [Score.model_validate_json(line) for line in (repository / "data/scores/facts.jsonl").open()]
    assert [(s.approach, s.question_id) for s in scores] == [(a, q) for a in APPROACHES for q in ("q1", "q2")]
    by_approach = {s.approach: s.overall for s in scores}
    assert by_approach["rag"] > by_approach["ft"] > by_approach["base"] > by_approach["ft_rag"] == 0
    figures = json.loads((repository / "metrics/judge/facts.json").read_text())
    assert figures["n"] == figures["n_scored"] == 8
    assert figures["coverage"] == 1
    assert figures["reliable"] == 1
    assert figures["control_accuracy"] >= 0.9
    assert figures["control_accuracy_reference_over_empty"] == 1
    assert figures["control_score_reference"] >= 9
    by_kind = {kind: figures[f"control_n_{kind}"] for kind in KINDS}
    assert sum(by_kind.values()) == figures["control_n"]
    assert by_kind["swapped_role"] == 0 < by_kind["swapped_number"]
    assert figures["control_max_swapped_role"] is None
    assert figures["control_max_swapped_number"] <= 3
    assert all(not isinstance(value, dict) for value in figures.values())
    assert "UNRELIABLE" not in capsys.readouterr().err


def test_only_the_arms_of_the_study_are_judged_and_answers_of_others_go(repository, monkeypatch, capsys):
    params = yaml.safe_load((repository / "params.yaml").read_text())
    params["study"] |= models_of({"micro": "embedded"}, only=("base", "rag"))
    (repository / "params.yaml").write_text(yaml.safe_dump(params))
    other = repository / "data/answers/base/nano.jsonl"
    write_jsonl(other, [answer(1, "base", "A lease lasts 3 days.")])
    run(monkeypatch, "facts")
    scores = [Score.model_validate_json(line) for line in (repository / "data/scores/facts.jsonl").open()]
    assert [(s.approach, s.question_id) for s in scores] == [(a, q) for a in ("base", "rag") for q in ("q1", "q2")]
    left = {
        str(path.relative_to(repository / "data/answers")) for path in (repository / "data/answers").rglob("*.jsonl")
    }
    assert left == {"base/micro.jsonl", "rag/micro.jsonl"}
    said = [line for line in capsys.readouterr().err.splitlines() if line.endswith("as the study no longer has it.")]
    assert said == [
        f"data/answers/{name}.jsonl: removed, as the study no longer has it."
        for name in ("base/nano", "ft/micro", "ft_rag/micro")
    ]


def test_the_same_input_gives_the_same_bytes(repository, monkeypatch):
    outs = [repository / "data/scores/facts.jsonl", repository / "metrics/judge/facts.json"]
    run(monkeypatch, "facts")
    first = [path.read_bytes() for path in outs]
    run(monkeypatch, "facts")
    assert [path.read_bytes() for path in outs] == first


def test_judging_offline_takes_this_machines_time(repository, monkeypatch):
    """Of controls and answers, and no tokens. The clock goes on by a quarter of a second a grading."""
    score, now = FactsJudge.score, [0.0]

    def slow(*arguments):
        now[0] += 0.25
        return score(*arguments)

    monkeypatch.setattr(FactsJudge, "score", slow)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    run(monkeypatch, "facts")
    timing = json.loads((repository / "data/timings/judge/facts.json").read_text())
    assert now[0] > 2 * 0.25  # both questions, and the controls
    assert timing == {"seconds": now[0], "input_tokens": 0, "output_tokens": 0, "billed_as": None}


def test_a_judge_below_the_threshold_is_called_unreliable(repository, monkeypatch, capsys):
    set_param(repository, "contradiction_cap", 10.0)
    set_param(repository, "min_control_accuracy", 1.0)
    monkeypatch.setattr("stages.judge.facts.contradictions", lambda *_: [])
    run(monkeypatch, "facts")
    assert json.loads((repository / "metrics/judge/facts.json").read_text())["reliable"] == 0
    assert "WARNING: judge facts is UNRELIABLE: it orders " in capsys.readouterr().err


def test_a_judge_that_rewards_flattery_is_called_unreliable(repository, monkeypatch, capsys):
    score = FactsJudge.score

    def pleased(self, question, reference, answers):
        """Scores a mere yes or no nearly as high as the truth, so that its order is right."""
        verdicts = score(self, question, reference, answers)
        return [
            v.model_copy(update={"overall": 9.0}) if a in ("Yes.", "No.") else v
            for a, v in zip(answers, verdicts, strict=True)
        ]

    monkeypatch.setattr(FactsJudge, "score", pleased)
    run(monkeypatch, "facts")
    figures = json.loads((repository / "metrics/judge/facts.json").read_text())
    assert figures["control_accuracy"] >= 0.9
    assert figures["control_max_bare_yes"] == 9
    assert (figures["reliable"], figures["control_flattered"]) == (0, 0.5)
    assert (
        "WARNING: judge facts is UNRELIABLE: it gives 7 or more to 50.0% of the controls that only repeat the question "
        "or say yes or no, more than 1 - min_control_accuracy (10.0%). Do not rest a conclusion on it."
    ) in capsys.readouterr().err


def test_a_judge_that_cannot_tell_the_reference_from_babble_is_called_unreliable(repository, monkeypatch, capsys):
    """However low min_control_accuracy is."""
    set_param(repository, "min_control_accuracy", 0.0)
    same = Verdict(overall=4.5, comment="who knows")
    monkeypatch.setattr(FactsJudge, "score", lambda self, question, reference, answers: [same] * len(answers))
    run(monkeypatch, "facts")
    assert json.loads((repository / "metrics/judge/facts.json").read_text())["reliable"] == 0
    assert (
        "WARNING: judge facts is UNRELIABLE: it gives controls of kind other 4.5 points on average, and the reference "
        "itself 4.5. Do not rest a conclusion on it."
    ) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("break_it", "arguments", "message"),
    [
        (lambda f: None, [], "usage: python -m stages.judge <judge>, a name of params.yaml under `judges`."),
        (lambda f: None, ["fact"], "params.yaml: 1 fault:\n  judges.fact: missing. Did you mean 'facts'?"),
        (
            lambda f: (f / "data/answers/ft/micro.jsonl").unlink(),
            ["facts"],
            "data/answers/ft/micro.jsonl: no such file. Run `dvc repro`, which makes it.",
        ),
        (
            lambda f: (f / "data/answers/ft/micro.jsonl").write_text(""),
            ["facts"],
            "data/answers/ft/micro.jsonl: holds no answers. Remove it and run `dvc repro`, which makes it again.",
        ),
        (
            lambda f: (f / "data/qa/validation.jsonl").write_text(""),
            ["facts"],
            "data/qa/validation.jsonl: holds no pairs, so that no controls can be made and no judge can be proved. "
            "Set qa.validation_pairs to at least 1 and run `dvc repro`.",
        ),
        (
            lambda f: write_jsonl(f / "data/qa/test.jsonl", [question(1, "synthetic")]),
            ["facts"],
            "data/qa/test.jsonl: question id 'q1' is used twice. Give each question its own id.",
        ),
        (
            lambda f: write_jsonl(f / "data/qa/test.jsonl", [question(3, "synthetic")]),
            ["facts"],
            "data/answers: 4 answers are to questions that are not among the test questions, first 'q2' (base, micro). "
            "They were made for other questions: run `dvc repro`.",
        ),
        (
            lambda f: set_param(f, "kind", "oracle"),
            ["facts"],
            "params.yaml: 2 faults:\n  judges.facts.kind: must be 'facts', 'semantic' or 'llm'. Got 'oracle'.\n"
            "  judges.facts.contradiction_cap: unknown key. Known: kind, min_control_accuracy, control_pairs.",
        ),
        (
            lambda f: set_param(f, "min_control_accuracy", 2),
            ["facts"],
            "params.yaml: 1 fault:\n  judges.facts.min_control_accuracy: must be less than or equal to 1. Got 2.",
        ),
    ],
)  # fmt: skip
def test_faults_are_one_message_and_leave_nothing(repository, monkeypatch, capsys, break_it, arguments, message):
    break_it(repository)
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, *arguments)
    assert end.value.code == 1
    assert capsys.readouterr().err.split("error: ", 1)[1].strip() == message
    assert not (repository / "data/scores").exists()
    assert not (repository / "metrics").exists()
