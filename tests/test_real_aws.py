"""The flow of a study on real AWS, opt-in; and the same tests on the stand-in in every run, so that it does not rot.

    TUNE_OR_RETRIEVE_REAL_AWS=1 .venv/bin/python -m pytest tests/test_real_aws.py -k account -s

with credentials as AWS tools take them. At most TUNE_OR_RETRIEVE_REAL_AWS_USD dollars (2.0); fine-tuning only with
TUNE_OR_RETRIEVE_REAL_AWS_TRAIN=1, since it takes an hour and its model is priced at a month of storage. Everything made
is removed in the end, also after a failure. After kill -9: `tune-or-retrieve teardown`.
"""

import os
import shutil
import socket
import subprocess
import sys

import aws_flow as flow
import pytest
from aws_hidden import show_aws
from conftest import HashingEmbedder
from pytest_socket import SocketConnectBlockedError
from small_study import CHANGES, HANDWRITTEN, ROOT

from tune_or_retrieve.base.errors import StageError

QUESTIONS, DOCUMENTS = CHANGES["qa.test_questions"] + len(HANDWRITTEN), 16

REFUSED_BY_DEFAULT = (
    "real AWS, which costs money: only with TUNE_OR_RETRIEVE_REAL_AWS=1 (at most $2.00, or "
    "TUNE_OR_RETRIEVE_REAL_AWS_USD)"
)


def _has_credentials() -> bool:
    import botocore.session  # here: it may look for an instance's role over the network

    return botocore.session.get_session().get_credentials() is not None


REFUSED = flow.refusal(os.environ, _has_credentials)
REAL = pytest.mark.skip(REFUSED) if REFUSED else pytest.mark.enable_socket


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return flow.prepare(tmp_path_factory.mktemp("real") / "prepared", HashingEmbedder())


@pytest.fixture(scope="module")
def copied(prepared, tmp_path_factory):
    """Makes a copy of the prepared study."""
    return lambda: shutil.copytree(prepared, tmp_path_factory.mktemp("study") / "study", symlinks=True)


@pytest.fixture(scope="module", params=["stand-in", "stand-in, trained", pytest.param("account", marks=REAL)])
def seen(request, copied, callers_aws):
    """A study that has run and was taken down again."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "account":
            show_aws(patch, callers_aws)
            return flow.study(copied(), flow.cap(os.environ), os.environ.get(flow.TRAIN) == "1")
        from aws_standin import running  # here: moto takes a second to import

        with running() as aws, flow.quickly():
            show_aws(patch, aws.environment)
            aws.settings.answer = _answer
            seen = flow.study(copied(), flow.DEFAULT_USD, "trained" in request.param)
            assert aws.left() == []
            return seen


def _approaches(seen):
    return ("base", "rag", "ft", "ft_rag") if seen.train else ("base", "rag")


def test_doctor_finds_all_well(seen):
    lines = seen.said["doctor"].splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    looked_at = [line.removeprefix("ok").strip().partition(": ")[0] for line in lines]
    assert looked_at[:2] == ["credentials", "region"]
    assert {"model us.amazon.nova-micro-v1", "model us.meta.llama3-3-70b-instruct-v1", "bucket"} <= {
        what.split(":")[0] for what in looked_at
    }


def test_the_knowledge_base_holds_every_document(seen):
    managed = seen.json("data/index/managed.json")
    assert (managed["documents"], managed["failed"]) == (DOCUMENTS, 0)
    assert managed["store"] == "s3_vectors"


def test_retrieval_finds_the_passages_that_answer(seen):
    rows = seen.rows("data/contexts/contexts.jsonl")
    assert len(rows) == QUESTIONS
    assert {len(row["passages"]) for row in rows} <= {1, 2}
    metrics = seen.json("metrics/retrieve.json")
    assert metrics["backend"] == "bedrock (s3_vectors)"
    assert metrics["handwritten.recall_at_5"] == 1.0
    assert metrics["synthetic.recall_at_5"] >= 0.5


def test_every_question_is_answered_and_with_passages_where_it_should(seen):
    for approach in _approaches(seen):
        rows = seen.rows(f"data/answers/{approach}/micro.jsonl")
        timings = seen.rows(f"data/timings/answer/{approach}/micro.jsonl")
        assert (len(rows), len(timings)) == (QUESTIONS, QUESTIONS), approach
        assert all(row["text"].strip() and row["output_tokens"] > 0 for row in rows), approach
    read = {a: sum(row["input_tokens"] for row in seen.rows(f"data/answers/{a}/micro.jsonl")) for a in ("base", "rag")}
    assert read["rag"] > read["base"]


def test_the_judge_grades_every_answer(seen):
    shown = seen.json("metrics/judge/llama.json")
    assert (shown["n"], shown["coverage"]) == (len(_approaches(seen)) * QUESTIONS, 1.0)
    assert all(0 <= row["overall"] <= 10 for row in seen.rows("data/scores/llama.jsonl"))


def test_training_leaves_its_record_and_metrics(seen):
    if not seen.train:
        assert not (seen.root / "data/fine_tune").exists()
        return
    assert seen.json("data/fine_tune/micro/deployment.json")["samples"]["train"] == CHANGES["qa.pairs"]
    assert seen.json("metrics/fine_tune/micro.json")["epochs"] == 1
    losses = (seen.root / "plots/fine_tune/micro.csv").read_text().splitlines()
    assert losses[0] == "step,epoch,split,loss"
    assert len(losses) > 1


def test_what_was_spent_is_entered_and_below_the_cap(seen):
    spent = seen.rows(".cache/spent.jsonl")
    stages = {"index", "retrieve", "judge@llama", *(f"answer_{approach}@micro" for approach in _approaches(seen))}
    assert {row["stage"] for row in spent} == stages | ({"fine_tune@micro"} if seen.train else set())
    assert 0 < sum(row["dollars"] for row in spent) <= seen.usd


def test_nothing_is_left(seen):
    assert "nothing is left of tune-or-retrieve in " in seen.said["teardown"]
    assert seen.said["resources"] == seen.said["before"]
    assert seen.said["resources"].startswith("nothing of tune-or-retrieve in ")


# --- what holds the flow, on the stand-in ---


@pytest.fixture
def start(aws, copied):
    """Runs a study under a cap, and gives the fault that ends it."""
    aws.settings.answer = _answer

    def run(usd):
        with flow.quickly(), pytest.raises(StageError) as fault:
            flow.study(copied(), usd, train=True)
        return str(fault.value)

    return run


def test_a_step_that_fails_is_told_and_all_is_taken_down(aws, start):
    aws.fault("StartIngestionJob", "AccessDeniedException")
    assert "access is denied" in start(flow.DEFAULT_USD)
    assert aws.ledger.made("CreateKnowledgeBase") == 1
    assert aws.left() == []


def test_before_a_step_passes_the_cap_the_study_ends_and_all_is_taken_down(aws, start):
    said = start(5e-5)  # what the index costs, and no answers beside it
    assert said.startswith("answer_base@micro: estimated at $0.000")
    assert "together above budget_usd, $0.00. Nothing was started." in said
    assert aws.ledger.made("Retrieve") >= QUESTIONS
    assert aws.ledger.count("Converse") == 0
    assert aws.left() == []


def test_under_a_cap_of_almost_nothing_nothing_is_made(aws, start):
    assert start(1e-9).startswith("index: estimated at $0.0000")
    assert not [one.operation for one in aws.ledger.entries if one.operation.startswith(("Create", "Put", "PUT"))]


def test_a_study_that_is_there_already_is_not_touched(aws, start):
    import aws_ours as ours

    from tune_or_retrieve.providers.bedrock.aws.session import clients

    ours.bucket_of(clients())
    before = aws.left()
    assert before
    assert "Nothing was touched. Choose another region or account" in start(flow.DEFAULT_USD)
    assert aws.left() == before


@pytest.mark.parametrize(
    ("environment", "credentials", "said"),
    [
        ({}, True, REFUSED_BY_DEFAULT),
        ({flow.OPT_IN: "0"}, True, REFUSED_BY_DEFAULT),
        ({flow.OPT_IN: "1"}, False, "TUNE_OR_RETRIEVE_REAL_AWS=1, but there are no AWS credentials: log in with `aws "
                                    "configure` or `aws sso login`"),
        *(({flow.OPT_IN: "1", flow.USD: usd}, True, "TUNE_OR_RETRIEVE_REAL_AWS_USD must be an amount of US dollars "
           f"above 0, such as 2.0. Got {usd!r}") for usd in ("much", "-1", "inf", "nan", "0")),
        ({flow.OPT_IN: "1", flow.USD: "0.5"}, True, None),
        ({flow.OPT_IN: "1"}, True, None),
    ],
)  # fmt: skip
def test_real_aws_is_asked_only_when_all_is_given(environment, credentials, said):
    assert flow.refusal(environment, lambda: credentials) == said


@pytest.fixture(scope="module")
def early():
    """What a fixture sees that is there before those of a test."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def test_the_blocks_hold_otherwise(early):
    hidden = {"AWS_EC2_METADATA_DISABLED": "true"}
    hidden |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    now = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for settings in (early, now):
        assert {name: value for name, value in settings.items() if name != "AWS_CA_BUNDLE"} == hidden
    with pytest.warns(UserWarning, match="192.0.2.1"), pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 443), timeout=1)


def test_whoever_has_aws_settings_is_skipped_and_blocked_all_the_same():
    theirs = dict.fromkeys(("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"), "mine")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_real_aws.py",
         "-k", "blocks_hold or (nothing_is_left and account)"],
        cwd=ROOT, env={**os.environ, **theirs, flow.OPT_IN: ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert "1 passed, 1 skipped" in done.stdout, done.stdout
    assert REFUSED_BY_DEFAULT in done.stdout


def test_credentials_are_found_where_there_are_any(monkeypatch):
    assert not _has_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    assert _has_credentials()


def _answer(request):
    if request.schema or request.tools:
        grade = {"factual_accuracy": 6, "completeness": 6, "relevance": 8, "clarity": 8, "overall": 6}
        return {"comment": "Partly."} | grade
    return f"It is said that {request.user.split()[-1]}"
