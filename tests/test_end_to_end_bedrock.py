"""The study on Amazon Bedrock for real, but for Amazon: the shipped preset, real DVC, boto3 and langchain-aws.

Retrieval is that of this machine (a mixed set-up), all else is the stand-in's. In one run: kill -9 in the midst of a
fine-tuning job, one job that is not waited for, and 30 % of the calls throttled.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from aws_standin import CREDENTIALS, running
from small_study import CHANGES, HANDWRITTEN, ROOT, change, write_small_study

from stages.bedrock.spending import READ_BY_ALL_THAT_PAY

MODELS, JUDGES, APPROACHES = ("micro", "lite"), ("claude", "llama"), ("base", "rag", "ft", "ft_rag")
JOB, CREATE, DEPLOY = "model-customization-job", "CreateModelCustomizationJob", "CreateCustomModelDeployment"
QUESTIONS = CHANGES["qa.test_questions"] + len(HANDWRITTEN)
SMALL = {
    "knowledge_base.backend": "faiss",
    "retrieval.mode": "bm25",  # no embedding: what is tried here is Bedrock
    "retrieval.top_k": 2,
    "models.lite.customization.wait": False,
    "prices.training_per_1k_tokens": {f"amazon.nova-{model}-v1:0": 0.001 for model in MODELS},
    **{f"judges.{name}.control_pairs": 2 for name in JUDGES},
}


def test_it_ends_with_all_results(study):
    summary = json.loads((study.root / "metrics/summary.json").read_text())
    for model in MODELS:
        for approach in APPROACHES:
            assert any(model in key and approach in key for key in summary), (model, approach)
            assert len(study.rows(f"data/answers/{approach}/{model}.jsonl")) == QUESTIONS
        assert summary[f"{model}.fine_tune_cost"] > 0
    for judge in JUDGES:
        shown = json.loads((study.root / f"metrics/judge/{judge}.json").read_text())
        assert (shown["n"], shown["coverage"]) == (len(MODELS) * len(APPROACHES) * QUESTIONS, 1.0)
    assert (study.root / "metrics/report.html").read_text().count("<html") == 1


def test_killed_in_the_midst_of_a_job_it_attaches_and_submits_nothing(study):
    assert study.killed_at == "InProgress"
    assert study.aws.ledger.made(CREATE) == len(MODELS)
    assert "found the job tune-or-retrieve-micro-" in study.said["attached"]
    assert study.aws.ledger.made(DEPLOY) == len(MODELS)


def test_a_job_that_is_not_waited_for_stops_the_stage_and_says_how_to_go_on(study):
    code, said = study.not_waited
    assert code != 0
    assert re.search(
        r"not yet: fine-tuning lite: the job tune-or-retrieve-lite-\w{12} is InProgress at AWS, and `wait: false` "
        r"stops here\. `dvc repro` comes back to it",
        said,
    )
    assert "exited with 75" in said


def test_with_throttling_nothing_is_lost_and_nothing_paid_twice(study):
    assert study.throttled.met > 5
    made = [entry for entry in study.aws.ledger.of("Converse") if entry.ok]
    bodies = {json.dumps([entry.params[key] for key in ("modelId", "messages", "system")]) for entry in made}
    assert len(made) == len(bodies)
    retries = sum(row["retries"] for row in study.rows("data/timings/answer/rag/micro.jsonl"))
    assert retries > 0


def test_the_ledger_holds_what_the_stand_in_would_charge_for(study):
    spent = study.rows(".cache/spent.jsonl")
    charged = sum(bill.input_tokens + bill.output_tokens for bill in study.aws.ledger.bills)
    assert sum(row["tokens"] for row in spent if not row["stage"].startswith("fine_tune")) == charged
    assert [row["stage"] for row in spent].count("fine_tune@micro") == 1
    said = study.estimate()
    assert "other stages" not in said  # those of the estimate are those of the ledger
    stages = {row["stage"] for row in spent}
    actual = {line.split()[0]: line.split()[-2] for line in said.splitlines() if "@" in line}
    assert actual == {stage: f"{sum(row['tokens'] for row in spent if row['stage'] == stage):,}" for stage in stages}
    assert stages == {
        *(f"fine_tune@{model}" for model in MODELS),
        *(f"answer_{approach}@{model}" for approach in APPROACHES for model in MODELS),
        *(f"judge@{judge}" for judge in JUDGES),
    }


def test_training_leaves_its_record_losses_and_metrics(study):
    record = json.loads((study.root / "data/fine_tune/micro/deployment.json").read_text())
    assert record["base_model"] == "amazon.nova-micro-v1:0:128k"
    assert record["samples"]["train"] == CHANGES["qa.pairs"]
    curve = (study.root / "plots/fine_tune/micro.csv").read_text().splitlines()
    assert curve[0] == "step,epoch,split,loss"
    assert {line.split(",")[2] for line in curve[1:]} == {"train", "validation"}
    assert json.loads((study.root / "metrics/fine_tune/micro.json").read_text())["epochs"] == 2


def test_no_file_and_no_word_holds_a_credential(study):
    texts = [path.read_bytes() for path in study.root.rglob("*") if path.is_file() and ".git" not in path.parts]
    texts += [said.encode() for said in study.said.values()]
    for name, secret in CREDENTIALS.items():
        assert not [1 for text in texts if secret.encode() in text], name


def test_only_what_pays_reads_prices_and_budget_undeclared(study):
    stages = yaml.safe_load((study.root / "dvc.yaml").read_text())["stages"]
    undeclared = set()
    for line in (study.root / "trace").read_text().splitlines():
        stage, key = line.split("\t")
        name, _, item = stage.split(":")[-1].partition("@")
        declared = [re.sub(r"\$\{item\.\w+\}", item, one) for one in stages[name]["params"]]
        if not any(key == one or key.startswith(f"{one}.") for one in declared):
            undeclared.add((name, key))
    paying = ("fine_tune", "judge", *(f"answer_{approach}" for approach in APPROACHES))
    assert undeclared == {(name, key) for name in paying for key in READ_BY_ALL_THAT_PAY}


def test_a_changed_budget_or_job_setting_reruns_what_it_must(study):
    assert study.stale({"budget_usd": 99.0}) == set()
    assert study.stale({"prices.storage_per_model_month": 2.0}) == {"report"}
    assert study.stale({"judges.claude.max_tokens": 400}) == {"judge@claude"}
    lite = {"fine_tune@lite", *(f"answer_{approach}@lite" for approach in APPROACHES)}
    assert study.stale({"models.lite.customization.epochs": 3}) == lite
    assert study.stale({"retrieval.top_k": 3}) == {"retrieve"}


def test_nothing_is_left_to_do_and_a_rerun_pays_nothing(study):
    before = len(study.aws.ledger.bills)
    study.dvc("repro", "--force", "--single-item", "fine_tune@micro", "answer_ft@micro", "judge@claude")
    assert len(study.aws.ledger.bills) == before
    assert study.stale({}) <= {"report"}  # timings of answers are now replayed ones


# --- how it is done ---


class Study:
    def __init__(self, root: Path, aws):
        self.root, self.aws, self.said = root, aws, {}

    def rows(self, name):
        return [json.loads(line) for line in (self.root / name).read_text().splitlines()]

    def environment(self, torch: bool = False):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        ours = {"DVC_NO_ANALYTICS": "true", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
        ours["TUNE_OR_RETRIEVE_PARAMS_TRACE"] = str(self.root / "trace")
        return clean | self.aws.environment | ours | ({} if torch else {"PYTHONPATH": str(self.root / "blocked")})

    def start(self, *command, log, **how):
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", *command], cwd=self.root, env=self.environment(**how), stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip

    def try_dvc(self, *command, **how):
        with (self.root / "log").open("w+") as log:
            code = self.start(*command, log=log, **how).wait()
            log.seek(0)
            return code, log.read()

    def dvc(self, *command, **how):
        code, said = self.try_dvc(*command, **how)
        assert code == 0, said[-6000:]
        return said

    def estimate(self):
        command = [sys.executable, "-m", "stages", "estimate"]
        how = {"cwd": self.root, "env": self.environment(), "check": True, "capture_output": True, "text": True}
        return subprocess.run(command, **how).stdout

    def stale(self, changes):
        """Stages that `dvc status` finds changed of themselves, with these params."""
        before = (self.root / "params.yaml").read_text()
        change(self.root / "params.yaml", changes)
        try:
            said = self.dvc("status", "--json").splitlines()
            listed = json.loads(next(line for line in said if line.startswith("{")))
        finally:
            (self.root / "params.yaml").write_text(before)
        return set(listed)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, running() as aws:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        yield _run(_clone(tmp_path_factory.mktemp("bedrock") / "clone"), aws)


def _run(root, aws) -> Study:
    study = Study(root, aws)
    aws.settings.answer = _answer
    study.dvc("repro", "retrieve", torch=True)

    aws.hold(JOB)
    with (root / "log").open("w") as log:
        process = study.start("repro", "fine_tune@micro", log=log)
        while not aws.ledger.count(CREATE, ok=True):
            assert process.poll() is None, (root / "log").read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    (job,) = aws.client("bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"]
    study.killed_at = job["status"]
    _finish_jobs(aws)
    study.said["attached"] = study.dvc("repro", "fine_tune@micro")

    aws.hold(JOB)
    study.not_waited = study.try_dvc("repro", "fine_tune@lite")
    _finish_jobs(aws)
    study.throttled = aws.fault("Converse", "ThrottlingException", share=0.3, seed=7)
    study.said["throttled"] = study.dvc("repro", "answer_rag@micro", "answer_ft@micro")
    aws.faults.clear()
    study.said["rest"] = study.dvc("repro")
    return study


def _finish_jobs(aws) -> None:
    """Before the next look of a stage, which would otherwise sleep for half a minute."""
    aws.pace(JOB)
    bedrock = aws.client("bedrock")
    for job in bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]:
        while bedrock.get_model_customization_job(jobIdentifier=job["jobArn"])["status"] == "InProgress":
            pass


def _answer(request):
    if request.schema or request.tools:
        grade = {"factual_accuracy": 6, "completeness": 6, "relevance": 8, "clarity": 8, "overall": 6}
        return {"comment": "Partly."} | grade
    return f"It is said that {request.user.split()[-1]}"


def _clone(root: Path) -> Path:
    write_small_study(root, {})
    for name in ("stages", ".dvc/plots", "presets"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    blocked = root / "blocked/torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text('raise RuntimeError("a stage of a run on Bedrock imports torch")\n')
    (root / ".gitignore").open("a").write("log\ntrace\nblocked\n/.venv\n")
    (root / ".venv").symlink_to(sys.prefix)
    subprocess.run(
        [sys.executable, "-m", "stages", "preset", "bedrock"], cwd=root, check=True, stdout=subprocess.DEVNULL
    )
    change(root / "params.yaml", SMALL)
    content = yaml.safe_load((root / "params.yaml").read_text())
    assert content["study"] == {"models": list(MODELS), "judges": list(JUDGES)}
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run(["git", *who, *command], cwd=root, check=True, capture_output=True)
    return root
