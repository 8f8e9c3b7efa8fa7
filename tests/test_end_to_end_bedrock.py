"""The study on Amazon Bedrock for real, but for Amazon: the shipped preset, real DVC, boto3 and langchain-aws.

One run on a small corpus, from the knowledge base to the report; in it kill -9 during a fine-tuning job, one
job that is not waited for, and 30 % of the calls throttled. What comes after goes on from there, in this order: what
would rerun; a knowledge base deleted by someone else; teardown; the fallback to FAISS. Only the waiting is cut short.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import networkx as nx
import pytest
import yaml
from aws_standin import CREDENTIALS, running
from dvc.repo import Repo
from pipeline import definitions
from small_study import CHANGES, HANDWRITTEN, ROOT, change, models_of, write_small_study

from tune_or_retrieve.base.machine import SECTION as RUN

MODELS, JUDGES, APPROACHES = ("micro", "lite"), ("claude", "llama"), ("base", "rag", "ft", "ft_rag")
JOB, CREATE, DEPLOY = "model-customization-job", "CreateModelCustomizationJob", "CreateCustomModelDeployment"
QUESTIONS = CHANGES["qa.test_questions"] + len(HANDWRITTEN)
SMALL = {
    "retrieval.top_k": 2,
    "models.lite.customization.wait": False,
    **{f"judges.{name}.control_pairs": 2 for name in JUDGES},
}
BACKEND = "bedrock (s3_vectors)"
ANSWERS = {f"answer_{approach}@{model}" for approach in APPROACHES for model in MODELS}
AFTER_TRAINING = {f"{stage}@{model}" for stage in ("fine_tune", "answer_ft", "answer_ft_rag") for model in MODELS}
AFTER_ANSWERS = {*(f"judge@{judge}" for judge in JUDGES), "report"}
AFTER_RETRIEVE = {*(f"answer_{arm}@{model}" for arm in ("rag", "ft_rag") for model in MODELS), *AFTER_ANSWERS}
# In every process: what it loaded, and nothing waits as long as it would for AWS.
SITE = """
import atexit, os, sys, time

sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.02))
if "DVC_STAGE" in os.environ:
    def note():
        with open(os.environ["MODULES"], "a") as file:
            loaded = [name for name in ("torch", "boto3") if name in sys.modules]
            file.write(" ".join([os.environ["DVC_STAGE"], *loaded]) + "\\n")
    atexit.register(note)
"""


def of_model(name):
    return {f"fine_tune@{name}", *(f"answer_{approach}@{name}" for approach in APPROACHES)}


def ran(said):
    return set(re.findall(r"Running stage '(\S+)'", said))


def test_it_ends_with_all_results(study):
    summary, details = (
        json.loads((study.root / f"metrics/{name}.json").read_text()) for name in ("summary", "details")
    )
    for model in MODELS:
        for approach in APPROACHES:
            for found in (summary, details):
                assert any(key.startswith(f"{model}.{approach}.") for key in found), (model, approach)
            assert len(study.rows(f"data/answers/{approach}/{model}.jsonl")) == QUESTIONS
        assert details[f"{model}.fine_tune_cost"] > 0
    params = yaml.safe_load((study.root / "params.yaml").read_text())
    for judge in JUDGES:
        shown = json.loads((study.root / f"metrics/judge/{judge}.json").read_text())
        assert (shown["n"], shown["coverage"]) == (len(MODELS) * len(APPROACHES) * QUESTIONS, 1.0)
        effort = study.effort(f"judge/{judge}")
        assert effort["billed_as"] == params["judges"][judge]["model"]
        assert (effort["seconds"] > 0, effort["input_tokens"] > 0, effort["output_tokens"] > 0) == (True, True, True)
    effort = study.effort("index")
    embedding_model = params["knowledge_base"]["bedrock"]["embedding_model"]
    assert (effort["billed_as"], effort["seconds"], effort["input_tokens"] > 0) == (embedding_model, None, True)
    assert (study.root / "metrics/report.html").read_text().count("<html") == 1


def test_retrieval_is_that_of_bedrock_and_the_report_says_so(study):
    metrics = study.metrics()
    articles = len(list((study.root / "corpus").rglob("*.md")))
    assert (metrics["backend"], metrics["documents"], metrics["documents_failed"]) == (BACKEND, articles, 0)
    for group in ("handwritten", "synthetic"):
        assert 0 < metrics[f"{group}.recall_at_1"] <= metrics[f"{group}.recall_at_10"] <= 1
        assert metrics[f"{group}.ndcg_at_10"] is None
    assert BACKEND in (study.root / "metrics/report.html").read_text()
    assert sorted(path.name for path in (study.root / "data/index").iterdir()) == ["managed.json"]


def test_only_qa_and_chunks_import_torch(study):
    """Of their own choice, not for Bedrock's sake: the extractive generator finds like questions by their vectors, and
    transformers reads the tokenizer of a GGUF file, if chunking.tokenizers names one."""
    loaded = {}
    for line in (study.root / "modules").read_text().splitlines():
        stage, *modules = line.split()
        loaded.setdefault(stage, set()).update(modules)
    assert {stage for stage, modules in loaded.items() if "torch" in modules} == {"qa", "chunks"}
    without = {stage for stage, modules in loaded.items() if "boto3" not in modules}
    assert without == {"articles", "report"}  # in qa and chunks, sentence-transformers and accelerate import it
    assert loaded.keys() == study.stages()


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
        r"stops here\. `dvc repro` looks again",
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
    answered = [bill for bill in study.aws.ledger.bills if "embed" not in bill.model]
    charged = sum(bill.input_tokens + bill.output_tokens for bill in answered)
    counted = [row for row in spent if row["stage"].startswith(("answer_", "judge@"))]
    assert sum(row["tokens"] for row in counted) == charged
    assert [row["stage"] for row in spent].count("index") == 1
    assert [row["stage"] for row in spent].count("fine_tune@micro") == 1
    said = study.command("estimate")
    assert "other stages" not in said  # those of the estimate are those of the ledger
    stages = {row["stage"] for row in spent}
    actual = {
        line.split()[0]: line.split()[-2]
        for line in said.splitlines()
        if line.split()[:1] and line.split()[0] in stages
    }
    untold = {"index", "retrieve", *(f"fine_tune@{model}" for model in MODELS)}  # AWS tells no tokens of these
    assert actual == {
        stage: "~" * (stage in untold) + f"{sum(row['tokens'] for row in spent if row['stage'] == stage):,}"
        for stage in stages
    }
    assert stages == {
        "index",
        "retrieve",
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
    stages = definitions(study.root)
    undeclared = set()
    for line in (study.root / "trace").read_text().splitlines():
        stage, key = line.split("\t")
        if stage == "-":  # a command beside the pipeline: doctor and estimate check all of the file
            continue
        name, _, item = stage.split(":")[-1].partition("@")
        declared = [one.replace("${key}", item) for one in stages[name]["params"]]
        declared += ["knowledge_base"] * any(one.startswith("knowledge_base.") for one in declared)
        if not any(key == one or key.startswith(f"{one}.") for one in declared):
            undeclared.add((name, key))
    undeclared = {(name, key) for name, key in undeclared if key != RUN}
    paying = ("index", "retrieve", "fine_tune", "judge", *(f"answer_{approach}" for approach in APPROACHES))
    assert undeclared == {(name, key) for name in paying for key in ("prices", "run.budget_usd")}


RERUNS = [  # params, and all that may run again for them
    ({"run.budget_usd": 99.0}, set()),
    ({"prices.storage_per_model_month": 2.0}, {"report"}),
    ({"judges.claude.max_tokens": 400}, {"judge@claude", "report"}),
    ({"retrieval.top_k": 3}, {"retrieve", *AFTER_RETRIEVE}),
    ({"chunking.fixed_size.max_tokens": 99}, {"chunks", "index", "retrieve", *AFTER_RETRIEVE}),
    ({"knowledge_base.bedrock.dimensions": 256}, {"index", "retrieve", *AFTER_RETRIEVE}),
    ({"models.lite.customization.epochs": 3}, {*of_model("lite"), *AFTER_ANSWERS}),
    ({"run.concurrency": {"bedrock": 3}}, set()),
    ({"fine_tune.raft.share": 0.5}, {*AFTER_TRAINING, *AFTER_ANSWERS}),
    ({"qa.max_per_article": 3}, {"qa", *AFTER_TRAINING, *AFTER_RETRIEVE, "retrieve", *ANSWERS}),
    ({"report.seed": 4}, {"report"}),
]


@pytest.mark.parametrize(("changes", "reruns"), RERUNS, ids=[next(iter(changes)) for changes, _ in RERUNS])
def test_a_change_reruns_what_it_must_and_no_more(study, changes, reruns):
    with study.params(changes):
        assert study.reruns() == reruns


def test_the_preset_local_reruns_what_it_must_and_back_on_bedrock_nothing_is_to_do(study):
    before = (study.root / "params.yaml").read_text()
    study.command("preset", "local")
    judges = {"judge@facts", "judge@semantic"}
    assert study.reruns() == {"index", "retrieve", *of_model("micro"), *judges, "report"}
    study.command("preset", "bedrock")
    assert yaml.safe_load((study.root / "params.yaml").read_text()) == yaml.safe_load(before)
    assert study.reruns() == set()


def test_nothing_is_left_to_do_and_a_rerun_pays_nothing(study):
    before = len(study.aws.ledger.bills)
    study.dvc("repro", "--force", "--single-item", "fine_tune@micro", "answer_ft@micro", "judge@claude")
    assert len(study.aws.ledger.bills) == before
    assert study.reruns() <= {"report"}  # timings of answers are now replayed ones


# --- a knowledge base deleted behind the pipeline's back ---


def test_a_knowledge_base_that_is_gone_is_said_to_be_and_made_again(study):
    gone = study.built()["knowledge_base_id"]
    study.delete_base()
    with study.params({"retrieval.top_k": 3}):
        code, said = study.try_dvc("repro", "--single-item", "retrieve")
    assert code != 0
    assert (
        f"error: knowledge base {gone} in us-east-1: it is no longer there, deleted since the index stage made it, by "
        "someone else or by a run with other params. Make it again: dvc repro --force --single-item index, then "
        "`dvc repro`.\n"
    ) in said
    assert "Traceback" not in said
    study.dvc("repro", "--force", "--single-item", "index")
    assert study.built()["knowledge_base_id"] != gone
    before = study.aws.ledger.count("Converse")
    assert ran(study.dvc("repro")) == {"retrieve", "report"}  # it finds the same: no answer is asked for again
    assert study.aws.ledger.count("Converse") == before


# --- teardown, and what then ---


@pytest.fixture(scope="module")
def torn_down(study):
    assert study.aws.left() != []
    study.said["teardown"] = study.command("teardown", "--yes")
    return study


def test_teardown_leaves_nothing_and_the_results_stand(torn_down):
    assert torn_down.aws.left() == []
    assert "nothing is left of tune-or-retrieve in us-east-1." in torn_down.said["teardown"]
    assert torn_down.reruns() == set()
    assert torn_down.command("resources").startswith("nothing of tune-or-retrieve")


def test_after_teardown_each_stage_that_needs_what_is_gone_says_what_to_do(torn_down):
    with torn_down.params({"retrieval.top_k": 3}):
        code, said = torn_down.try_dvc("repro", "--single-item", "retrieve")
    assert (code != 0, "it is no longer there" in said, "Traceback" in said) == (True, True, False)
    assert "Make it again: dvc repro --force --single-item index, then `dvc repro`.\n" in said
    with torn_down.params({"answer.max_tokens": 40}):
        code, said = torn_down.try_command("answer", "ft", "micro")
    assert (code != 0, "Traceback" in said) == (True, False)
    assert "If it was torn down, too, it is gone for good: a higher models.micro.customization.retry trains" in said
    code, said = torn_down.try_command("fine_tune", "micro")
    assert (code != 0, "Traceback" in said, "retry" in said) == (True, False, True), said
    assert torn_down.aws.ledger.made(CREATE) == len(MODELS)


# --- the fallback to FAISS ---


def test_without_a_fallback_a_service_that_denies_fails_the_stage(torn_down):
    denied = torn_down.aws.fault("*", "AccessDeniedException", service="bedrock-agent")
    code, said = torn_down.try_dvc("repro", "--force", "--single-item", "index")
    torn_down.aws.faults.clear()
    assert (code != 0, denied.met > 0, "Traceback" in said) == (True, True, False)
    assert "access is denied" in said
    assert "Or set knowledge_base.fallback to faiss, which builds an index on this machine instead.\n" in said


@pytest.fixture(scope="module")
def fallen_back(torn_down):
    # bm25: the index is of both kinds, and the questions need not be embedded
    change(torn_down.root / "params.yaml", {"knowledge_base.fallback": "faiss", "retrieval.mode": "bm25"})
    nowhere = {"AWS_ENDPOINT_URL_BEDROCK_AGENT": "http://127.0.0.1:9"}
    said = torn_down.dvc("repro", "--single-item", "index", "retrieve", "report", env=nowhere)
    torn_down.said["fallback"] = said
    return torn_down


def test_the_fallback_is_loud_and_stands_in_outs_metrics_and_report(fallen_back):
    said = fallen_back.said["fallback"]
    assert "WARNING: NO BEDROCK KNOWLEDGE BASE: AWS, " in said
    assert "a FAISS index is built on this machine INSTEAD" in said
    fallback = json.loads((fallen_back.root / "data/index/fallback.json").read_text())
    assert fallback == {"asked": "bedrock", "used": "faiss", "reason": "EndpointConnectionError"}
    assert (fallen_back.root / "data/index/vectors.faiss").is_file()
    metrics = fallen_back.metrics()
    backend = "faiss, because bedrock could not be had (EndpointConnectionError)"
    assert metrics["backend"] == backend
    assert metrics["handwritten.ndcg_at_10"] is not None
    effort = fallen_back.effort("index")
    assert (effort["seconds"] > 0, effort["billed_as"]) == (True, None)
    assert backend in (fallen_back.root / "metrics/report.html").read_text()
    assert backend in (fallen_back.root / "metrics/table.md").read_text()


# --- how it is done ---


class Study:
    def __init__(self, root: Path, aws):
        self.root, self.aws, self.said = root, aws, {}

    def rows(self, name):
        return [json.loads(line) for line in (self.root / name).read_text().splitlines()]

    def metrics(self):
        return json.loads((self.root / "metrics/retrieve.json").read_text())

    def effort(self, stage):
        return json.loads((self.root / f"data/timings/{stage}.json").read_text())

    def built(self):
        return json.loads((self.root / "data/index/managed.json").read_text())

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        ours = {"DVC_NO_ANALYTICS": "true", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
        ours |= {"PYTHONPATH": str(self.root / "site"), "MODULES": str(self.root / "modules")}
        return clean | self.aws.environment | ours | {"TUNE_OR_RETRIEVE_PARAMS_TRACE": str(self.root / "trace")}

    def start(self, *command, log, env=None):
        return subprocess.Popen(
            [sys.executable, "-m", *command], cwd=self.root, env=self.environment() | (env or {}), stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip

    def _try(self, *command, env=None):
        with (self.root / "log").open("w+") as log:
            code = self.start(*command, log=log, env=env).wait()
            log.seek(0)
            return code, log.read()

    def try_dvc(self, *command, env=None):
        return self._try("dvc", *command, env=env)

    def dvc(self, *command, env=None):
        code, said = self.try_dvc(*command, env=env)
        assert code == 0, said[-6000:]
        return said

    def try_command(self, stage, *arguments):
        """A stage without DVC, which would take away the outs of one that fails."""
        return self._try(f"stages.{stage}", *arguments)

    def command(self, *command):
        code, said = self._try("tune_or_retrieve", *command)
        assert code == 0, said
        return said

    @contextlib.contextmanager
    def params(self, changes):
        before = (self.root / "params.yaml").read_text()
        change(self.root / "params.yaml", changes)
        try:
            yield
        finally:
            (self.root / "params.yaml").write_text(before)

    @contextlib.contextmanager
    def _repo(self):
        with contextlib.chdir(self.root), Repo(str(self.root)) as repo:
            yield repo

    def stages(self):
        with self._repo() as repo:
            return {stage.addressing for stage in repo.index.stages}

    def reruns(self):
        """Stages that DVC finds changed of themselves, and all that come after them."""
        with self._repo() as repo:
            changed = set(repo.status())
            graph = repo.index.graph
            after = {one for stage in graph if stage.addressing in changed for one in nx.ancestors(graph, stage)}
            return changed | {stage.addressing for stage in after}

    def delete_base(self):
        agent, built = self.aws.client("bedrock-agent"), self.built()
        base = {"knowledgeBaseId": built["knowledge_base_id"]}
        source = base | {"dataSourceId": built["data_source_id"]}
        agent.delete_data_source(**source)
        with contextlib.suppress(agent.exceptions.ResourceNotFoundException):
            while agent.get_data_source(**source):
                pass
        agent.delete_knowledge_base(**base)
        with contextlib.suppress(agent.exceptions.ResourceNotFoundException):
            while agent.get_knowledge_base(**base):
                pass


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, running() as aws:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        yield _run(_clone(tmp_path_factory.mktemp("bedrock") / "clone"), aws)


def _run(root, aws) -> Study:
    study = Study(root, aws)
    aws.settings.answer = _answer
    study.said["retrieve"] = study.dvc("repro", "retrieve")

    aws.hold(JOB)
    with (root / "log").open("w") as log:
        process = study.start("dvc", "repro", "fine_tune@micro", log=log)
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
    study.said["rest"] = study.dvc("repro")  # the judges, too
    aws.faults.clear()
    return study


def _finish_jobs(aws) -> None:
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
    for name in ("stages", "tune_or_retrieve", ".dvc/plots", "presets"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    (root / "site").mkdir()
    (root / "site/sitecustomize.py").write_text(SITE)
    (root / ".gitignore").open("a").write("log\ntrace\nmodules\nsite\n/.venv\n")
    (root / ".venv").symlink_to(sys.prefix)
    subprocess.run(
        [sys.executable, "-m", "tune_or_retrieve", "preset", "bedrock"], cwd=root, check=True, stdout=subprocess.DEVNULL
    )
    change(root / "params.yaml", SMALL)
    content = yaml.safe_load((root / "params.yaml").read_text())
    judges = dict.fromkeys(JUDGES, "bedrock")
    assert content["study"] == {**models_of(dict.fromkeys(MODELS, "bedrock")), "judges": judges}
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run(["git", *who, *command], cwd=root, check=True, capture_output=True)
    return root
