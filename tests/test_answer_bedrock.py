"""The answer stage with a model of Amazon Bedrock: what is called, kept, measured and paid for, over the wire."""

import json
from pathlib import Path

import aws_broken as broken
import aws_world as world
import pytest
import yaml
from aws_standin import Reply
from small_study import ONE_THREAD

from stages.answer.__main__ import main
from stages.fine_tune.__main__ import main as fine_tune
from tune_or_retrieve.base.files import read_jsonl, write_jsonl
from tune_or_retrieve.base.records import Answer, AnswerTiming, Passage, Question, Retrieved
from tune_or_retrieve.providers.bedrock.tuning.deployment import Deployment, write_deployment

NOVA = "us.amazon.nova-micro-v1:0"
PRICES = {"as_of": "2026-11-22", "per_million_tokens": {"amazon.nova-micro-v1:0": {"input": 1000.0, "output": 1000.0}},
          "training_per_1k_tokens": {}, "storage_per_model_month": 1.95, "provisioned_per_hour": {}}  # fmt: skip
N = 6


def question(number):
    return Question(
        id=f"q{number}", set="synthetic", slice="seen", question=f"What is number {number}?", reference="A thing.",
        service="sqs", kind="purpose", evidence=[],
    )  # fmt: skip


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = {
        "models": {"micro": {
            "provider": "bedrock", "model": NOVA,
            "customization": {
                "base_model": "amazon.nova-micro-v1:0:128k", "epochs": 2, "learning_rate": 1e-5, "warmup_steps": 10,
            },
        }},
        "answer": {"max_tokens": 20, "temperature": 0.0, "seed": 5, "repeats": 1},
        "prices": PRICES, "run": ONE_THREAD.model_dump() | {"concurrency": {"bedrock": 3}},
    }  # fmt: skip
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    write_jsonl(tmp_path / "data/qa/handwritten.jsonl", [])
    write_jsonl(tmp_path / "data/qa/test.jsonl", [question(n) for n in range(N)])
    given = [Passage(chunk_id="a#0", article_id="a", title="A", section="", text="Given.", score=1.0)]
    rows = [Retrieved(question_id=f"q{n}", passages=given) for n in range(N)]
    write_jsonl(tmp_path / "data/contexts/contexts.jsonl", rows)
    return tmp_path


def change(root, key, value):
    params = yaml.safe_load((root / "params.yaml").read_text())
    *parents, last = key.split(".")
    section = params
    for part in parents:
        section = section[part]
    section[last] = value
    (root / "params.yaml").write_text(yaml.safe_dump(params))


def deploy(root, arn, weights="arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-micro-v1:0/abc"):
    write_deployment(
        root / "data/fine_tune/micro",
        Deployment(
            region="us-east-1", deployment_arn=arn, hosting="on_demand", custom_model_arn=weights,
            base_model="amazon.nova-micro-v1:0:128k", job_arn="j", attempt=1, hyperparameters={}, train_sha256="t",
            validation_sha256="v", samples={}, rejected={},
        ),
    )  # fmt: skip


def run(monkeypatch, capsys, approach="base"):
    """Exit code and stderr."""
    monkeypatch.setattr("sys.argv", ["answer", approach, "micro"])
    try:
        main()
    except SystemExit as end:
        return end.code, capsys.readouterr().err
    return 0, capsys.readouterr().err


def answers(approach="base"):
    return list(read_jsonl(Path(f"data/answers/{approach}/micro.jsonl"), Answer))


def timings(approach="base"):
    return list(read_jsonl(Path(f"data/timings/answer/{approach}/micro.jsonl"), AnswerTiming))


def spent():
    path = Path(".cache/spent.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    "setting",
    [
        broken.NO_JSON,
        broken.NO_PROFILE,
        broken.address("nonsense", "Invalid endpoint: nonsense", "BEDROCK_RUNTIME"),
        broken.address("http://", "Invalid endpoint: http://", "BEDROCK"),
    ],
    ids=("process", "profile", "address", "no host"),
)
def test_a_wrong_setting_of_aws_is_one_message(aws, root, monkeypatch, capsys, tmp_path, setting):
    setting.set(monkeypatch, tmp_path)
    code, said = run(monkeypatch, capsys)
    assert (code, said.startswith("error: AWS, "), said.endswith(f": {setting.said}\n")) == (1, True, True)
    assert aws.ledger.entries == []


def test_each_question_is_asked_once_and_rows_carry_what_was_measured(aws, root, monkeypatch, capsys):
    aws.settings.answer = lambda request: f"It is {request.user.split()[-1]}"
    assert run(monkeypatch, capsys)[0] == 0
    assert [row.text for row in answers()] == [f"It is {n}?" for n in range(N)]
    assert {row.stop_reason for row in answers()} == {"stop"}
    assert all(row.input_tokens > 0 and row.output_tokens > 0 for row in answers())
    assert len(timings()) == N
    assert all(0 < row.server_seconds <= row.seconds + 1 and row.retries == 0 for row in timings())
    assert aws.ledger.count("Converse", ok=True) == N
    assert {entry.params["modelId"] for entry in aws.ledger.of("Converse")} == {NOVA}
    assert [(row["stage"], row["model"]) for row in spent()] == [("answer_base@micro", NOVA)] * N
    assert sum(row["tokens"] for row in spent()) == sum(row.input_tokens + row.output_tokens for row in answers())


def test_what_is_stored_is_not_paid_for_again(aws, root, monkeypatch, capsys):
    run(monkeypatch, capsys)
    first = [row.seconds for row in timings()]
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == N
    assert [(row.seconds, row.replayed) for row in timings()] == [(seconds, True) for seconds in first]


def test_throttled_calls_are_made_again_and_counted(aws, root, monkeypatch, capsys):
    aws.fault("Converse", "ThrottlingException", times=2)
    assert run(monkeypatch, capsys)[0] == 0
    assert len(answers()) == N
    assert sum(row.retries for row in timings()) == 2
    assert (aws.ledger.count("Converse", ok=True), len(spent())) == (N, N)


def test_a_fault_keeps_what_was_answered(aws, root, monkeypatch, capsys):
    def answer(request):
        return Reply("Cut", stop="max_tokens") if "number 1" in request.user else "Said."

    aws.settings.answer = answer
    aws.fault("Converse", "InternalServerException", times=1)
    code, said = run(monkeypatch, capsys)
    assert (code, said.count("error: answer_base@micro: question q")) == (1, 1)
    assert not Path("data/answers").exists()
    before = aws.ledger.count("Converse", ok=True)
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == N
    assert before < N
    assert [row.stop_reason for row in answers()][1] == "length"


def test_the_fine_tuned_model_is_asked_by_its_deployment(aws, root, monkeypatch, capsys):
    code, said = run(monkeypatch, capsys, "ft")
    assert (code, said) == (
        1,
        "error: data/fine_tune/micro/deployment.json: no such file. Run `dvc repro`, which makes it by fine-tuning on "
        "Amazon Bedrock.\n",
    )
    model = world.custom_model(aws)
    bedrock = aws.client("bedrock")
    made = bedrock.create_custom_model_deployment(modelDeploymentName="one", modelArn=model)
    arn = made["customModelDeploymentArn"]
    while bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)["status"] == "Creating":
        pass
    deploy(root, arn, model)
    assert run(monkeypatch, capsys, "ft_rag")[0] == 0
    assert {entry.params["modelId"] for entry in aws.ledger.of("Converse")} == {arn}
    assert {row["model"] for row in spent()} == {"amazon.nova-micro-v1:0"}
    # The same weights hosted anew: nothing is asked again.
    deploy(root, arn.replace("custom-model-deployment/", "custom-model-deployment/x"), model)
    assert run(monkeypatch, capsys, "ft_rag")[0] == 0
    assert aws.ledger.count("Converse", ok=True) == N


def test_a_model_tuned_elsewhere_is_asked_by_its_arn(aws, root, monkeypatch, capsys):
    model = world.custom_model(aws)
    bedrock = aws.client("bedrock")
    made = bedrock.create_custom_model_deployment(modelDeploymentName="one", modelArn=model)
    arn = made["customModelDeploymentArn"]
    while bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)["status"] == "Creating":
        pass
    change(root, "models", {"micro": {"provider": "bedrock", "model": NOVA, "tuned": arn}})
    monkeypatch.setattr("sys.argv", ["fine_tune", "micro"])
    fine_tune()
    assert run(monkeypatch, capsys, "ft")[0] == 0
    assert {entry.params["modelId"] for entry in aws.ledger.of("Converse")} == {arn}
    assert {row["model"] for row in spent()} == {"amazon.nova-micro-v1:0"}
    assert aws.ledger.count("Converse", ok=True) == N


def test_a_deployment_that_is_gone_says_how_to_bring_it_back(aws, root, monkeypatch, capsys):
    deploy(root, "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/0123456789ab")
    code, said = run(monkeypatch, capsys, "ft")
    assert code == 1
    assert said.endswith(
        "`dvc repro --force --single-item fine_tune@micro` deploys its model again. If it was torn down, too, it is "
        "gone for good: a higher models.micro.customization.retry trains another one, which is paid for.\n"
    )


@pytest.mark.parametrize("budget", [0.0, 0.3])
def test_the_budget_stops_the_stage_before_it_is_passed(aws, root, monkeypatch, capsys, budget):
    change(root, "run.budget_usd", budget)
    code, said = run(monkeypatch, capsys)
    assert code == 1
    assert "budget_usd" in said
    assert said.rpartition("error: ")[2].count("answer_base@micro: ") == 1
    assert not Path("data/answers").exists()
    assert sum(row["dollars"] for row in spent()) <= budget
    assert aws.ledger.count("Converse", ok=True) == len(spent())
    assert len(spent()) < N
    change(root, "run.budget_usd", None)
    assert run(monkeypatch, capsys)[0] == 0
    assert aws.ledger.count("Converse", ok=True) == N


def test_a_model_without_a_price_is_refused_before_it_is_asked(aws, root, monkeypatch, capsys):
    change(root, "prices", PRICES | {"per_million_tokens": {}})
    assert run(monkeypatch, capsys) == (
        1,
        "error: params.yaml: the price table of 2026-11-22 has no per_million_tokens for us.amazon.nova-micro-v1:0, so "
        "its cost cannot be known. Add it, as amazon.nova-micro-v1:0, or correct the id: `tune-or-retrieve doctor` "
        "says whether it exists. Known: none.\n",
    )
    assert aws.ledger.count("Converse") == 0


def test_without_credentials_the_fault_says_what_to_do(root, monkeypatch, capsys):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    code, said = run(monkeypatch, capsys)
    assert code == 1
    assert "error: answer_base@micro: question q" in said
    assert "AWS, asking us.amazon.nova-micro-v1:0: no credentials were found. Log in with `aws configure`" in said
