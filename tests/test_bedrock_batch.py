"""Batch inference: one job for many calls, submitted once, its replies in the store as if each had been asked."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from aws_process import Killed, Time
from aws_standin import LOSE, Reply
from aws_standin.errors import invalid

from stages.judge.llm import Grade, LlmJudge
from stages.judge.verdict import Verdict
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.call_store import CallStore
from tune_or_retrieve.chat.calls import Options
from tune_or_retrieve.money.spending import Spending
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.chat.batch import fill
from tune_or_retrieve.providers.bedrock.chat.batch_jobs import model_arns
from tune_or_retrieve.providers.bedrock.chat.converse import Converse
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams, ConverseParams

JOB, CREATE = "model-invocation-job", "CreateModelInvocationJob"
CLAUDE = "us.anthropic.claude-sonnet-4-6"
OPTIONS = Options(max_tokens=300, temperature=0.0, seed=1)
GOOD = {"comment": "Right.", "factual_accuracy": 9, "completeness": 8, "relevance": 10, "clarity": 7, "overall": 9}
NUMBER = 120


@dataclass
class World:
    aws: object
    store: CallStore
    time: Time
    graded: LlmJudge
    model: str

    def calls(self, number=NUMBER):
        answers = [f"{n} days." for n in range(number)]
        prompts = self.graded.prompts("How long?", "4 days.", answers)
        return {self.graded.replies.key(prompt): prompt for prompt in prompts}

    def fill(self, number=NUMBER, watch=None, spending=None, **more):
        """The number of replies that are stored now."""
        params, watch, spending = BatchParams(model=self.model, **more), watch or self.time.watch(), spending or Told()
        fill(clients(), params, OPTIONS, Grade, self.calls(number), self.store, "judge", watch, spending)
        return sum(self.store.get(key) is not None for key in self.calls(number))

    def score(self, number=NUMBER):
        return self.graded.score("How long?", "4 days.", [f"{n} days." for n in range(number)])

    def bills(self, batch):
        return sum(bill.batch == batch for bill in self.aws.ledger.bills)


class Told:
    """In the place of Spending."""

    def check_batch(self, prompts, max_tokens):
        assert max_tokens == OPTIONS.max_tokens
        self.checked = len(prompts)

    def promised_batch(self, prompts, max_tokens, job):
        self.promised = job, len(prompts)

    def paid_batch(self, replies, job):
        assert job == self.promised[0]
        self.replies = replies


@pytest.fixture
def world(aws, tmp_path):
    return made(aws, tmp_path, CLAUDE)


def made(aws, tmp_path, model):
    aws.settings.answer = lambda request: GOOD | {"overall": int("\n4 days." in request.user.split("<answer")[1])}
    store = CallStore(tmp_path / "calls.sqlite")
    graded = LlmJudge(Converse(ConverseParams(model=model), OPTIONS, clients()), store, 4)
    return World(aws, store, Time(), graded, model)


def test_replies_of_a_job_are_those_of_single_calls_and_nothing_is_asked_again(world):
    spent = Told()
    assert world.fill(spending=spent) == NUMBER
    assert (spent.checked, spent.promised[1]) == (NUMBER, NUMBER)
    assert [v.overall for v in world.score()] == [int(n == 4) for n in range(NUMBER)]
    assert (world.bills(batch=True), world.bills(batch=False)) == (NUMBER, 0)
    read = sum(reply.input_tokens for reply in spent.replies), sum(reply.output_tokens for reply in spent.replies)
    assert read == world.aws.ledger.tokens()
    (sent,) = world.aws.ledger.of(CREATE)
    name = sent.params["jobName"]
    assert re.fullmatch(r"tune-or-retrieve-batch-judge-[0-9a-f]{12}", name)
    assert (sent.params["modelInvocationType"], sent.params["modelId"]) == ("Converse", CLAUDE)
    assert [text.partition(";")[0] for text in world.time.said] == [
        f"judge: submitted the batch job {name} to {CLAUDE}, at half price",
        "judge: batch job Submitted",
        "judge: batch job InProgress",
        f"judge: batch job Completed ({NUMBER} of {NUMBER})",
        f"judge: the batch job {name} Completed: {NUMBER} of {NUMBER} calls answered, 0 failed, 0 without an answer",
    ]
    assert world.fill() == NUMBER
    assert world.aws.ledger.made(CREATE) == 1


def test_few_calls_are_asked_singly_and_it_is_said(world):
    assert world.fill(99) == 0
    assert world.time.said == [
        "judge: no batch job, as 99 calls are fewer than the 100 that one takes at least: asked singly, "
        "at the full price"
    ]
    assert world.aws.ledger.of(CREATE) == []
    world.score(3)
    assert world.bills(batch=False) == 3


def test_a_run_after_a_crash_waits_for_the_same_job(world):
    world.aws.hold(JOB)

    def killed(seconds):
        raise Killed

    with pytest.raises(Killed):
        world.fill(watch=world.time.watch(sleep=killed))
    world.aws.pace(JOB)
    assert world.fill() == NUMBER
    assert world.aws.ledger.made(CREATE) == 1
    assert world.bills(batch=True) == NUMBER
    assert any("found the batch job" in text and "no other is submitted" in text for text in world.time.said)


def test_a_job_that_nobody_waits_for_is_in_the_ledger_and_holds_the_next_one_to_the_budget(
    world, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    price = {"input": 3.0, "output": 15.0}
    prices = {"as_of": "2026-11-22", "per_million_tokens": {"anthropic.claude-sonnet-4-6": price}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"prices": prices, "run": {"budget_usd": 0.6}}))
    world.aws.hold(JOB)

    def interrupted(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.fill(watch=world.time.watch(sleep=interrupted), spending=Spending("judge@claude", CLAUDE))
    [entry] = [json.loads(line) for line in Path(".cache/spent.jsonl").read_text().splitlines()]
    assert (entry["stage"], entry["provisional"]) == ("judge@claude", True)
    assert 0.3 < entry["dollars"] < 0.6
    with pytest.raises(StageError, match=r"together above budget_usd, \$0\.60\. Nothing was started"):
        world.fill(110, spending=Spending("judge@other", CLAUDE))
    assert world.aws.ledger.made(CREATE) == 1
    world.aws.pace(JOB)
    assert world.fill(spending=Spending("judge@claude", CLAUDE)) == NUMBER
    assert Spending("judge@claude", CLAUDE)._budget.spent() < entry["dollars"]


def test_a_lost_answer_to_the_submission_makes_no_second_job(world):
    world.aws.fault(CREATE, LOSE, times=1)
    assert world.fill() == NUMBER
    assert world.aws.ledger.made(CREATE) == 1
    assert world.bills(batch=True) == NUMBER


def test_records_that_fail_are_counted_and_asked_singly(world):
    """What a model refuses in one record is no fault of the others."""
    answer = world.aws.settings.answer
    failing = {"7 days.", "8 days."}

    def some_fail(request):
        said = request.user.split("<answer")[1].split("\n")[1]
        if said in failing:
            failing.discard(said)
            raise invalid("The model cannot.")
        return answer(request)

    world.aws.settings.answer = some_fail
    assert world.fill() == NUMBER - 2
    assert world.time.said[-1].endswith(
        "118 of 120 calls answered, 2 failed (the first: The model cannot.), 0 without an answer"
    )
    assert [v.overall for v in world.score()] == [int(n == 4) for n in range(NUMBER)]
    assert (world.bills(batch=True), world.bills(batch=False)) == (NUMBER - 2, 2)


def test_replies_of_a_job_that_cannot_be_read_are_asked_for_again_singly_once_in_each_run(world):
    good, refused = world.aws.settings.answer, {"7 days.", "8 days."}

    def answer(request):
        said = request.user.split("<answer")[1].split("\n")[1]
        return Reply("I cannot.", stop="content_filtered") if said in refused else good(request)

    world.aws.settings.answer = answer
    assert world.fill() == NUMBER
    unscored = Verdict(overall=None, comment="unscored: the model ended with content_filtered")
    assert [n for n, verdict in enumerate(world.score()) if verdict == unscored] == [7, 8]
    assert world.bills(batch=False) == 2
    refused.remove("7 days.")
    for _ in range(2):
        assert [n for n, verdict in enumerate(world.score()) if verdict == unscored] == [8]
    assert world.bills(batch=False) == 2 + 2 + 1
    assert world.fill() == NUMBER
    assert world.aws.ledger.made(CREATE) == 1


def test_a_failed_job_says_why_and_another_one_is_paid_for_only_if_the_user_allows_it(world):
    world.aws.fail_next(JOB, "The bucket is gone.")
    for _ in range(2):
        with pytest.raises(StageError) as told:
            world.fill()
        name = world.aws.ledger.of(CREATE)[0].params["jobName"]
        assert str(told.value) == (
            f"judge: the batch job {name} failed: The bucket is gone. Fix the cause; to pay for another job for the "
            "same calls, set `retry: 1`, or switch batch off: the calls are then made singly."
        )
    assert world.aws.ledger.made(CREATE) == 1
    assert world.fill(retry=1) == NUMBER
    first, second = (entry.params["jobName"] for entry in world.aws.ledger.of(CREATE))
    assert second == f"{first}-2"


def test_a_crash_between_the_ledger_and_the_store_enters_nothing_twice(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    price = {"input": 3.0, "output": 15.0}
    prices = {"as_of": "2026-11-22", "per_million_tokens": {"anthropic.claude-sonnet-4-6": price}}
    budget = tmp_path / "params.yaml"
    budget.write_text(yaml.safe_dump({"prices": prices, "run": {"budget_usd": 0.01}}))
    with pytest.raises(StageError, match=r"judge@claude: a batch job of 120 calls, at most: estimated at \$"):
        world.fill(spending=Spending("judge@claude", CLAUDE))
    assert world.aws.ledger.made(CREATE) == 0
    budget.write_text(yaml.safe_dump({"prices": prices, "run": {"budget_usd": 5.0}}))

    def killed(values):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "put_all", killed)
        with pytest.raises(Killed):
            world.fill(spending=Spending("judge@claude", CLAUDE))
    assert world.fill(spending=Spending("judge@claude", CLAUDE)) == NUMBER
    promised, entry = [json.loads(line) for line in Path(".cache/spent.jsonl").read_text().splitlines()]
    assert promised["provisional"]
    assert promised["dollars"] > entry["dollars"]
    assert promised["once"] == entry["once"]
    read, wrote = world.aws.ledger.tokens()
    assert entry["tokens"] == read + wrote
    assert entry["dollars"] == pytest.approx((read * 3.0 + wrote * 15.0) / 1e6 / 2)


def test_a_batch_job_is_compared_with_the_budget_by_the_length_of_each_prompt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prices = {
        "as_of": "2026-11-22",
        "per_million_tokens": {"anthropic.claude-sonnet-4-6": {"input": 2.0, "output": 4.0}},
    }
    prompts = [[{"role": "user", "content": "x" * length}] for length in (1_000_000, *[2000] * 99)]
    most = (500_000 + 99 * 1000) * 1e-6 + 100 * 300 * 2e-6  # at half price: tokens of two characters, and the replies

    def check(budget):
        Path("params.yaml").write_text(yaml.safe_dump({"prices": prices, "run": {"budget_usd": budget}}))
        Spending("judge@claude", CLAUDE).check_batch(prompts, 300)

    check(most + 1e-6)
    with pytest.raises(StageError) as fault:
        check(most - 1e-6)
    assert str(fault.value).startswith(
        f"judge@claude: a batch job of 100 calls, at most: estimated at ${most:.4f}, and $0.0000 are spent already"
    )


def test_ctrl_c_leaves_the_job_running_and_says_how_to_end_it(world):
    world.aws.hold(JOB)

    def interrupted(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.fill(watch=world.time.watch(sleep=interrupted))
    assert "goes on at AWS and is paid for. `dvc repro` picks it up again." in world.time.said[-1]
    assert "aws bedrock stop-model-invocation-job --job-identifier arn:aws:bedrock:" in world.time.said[-1]


def test_a_customised_model_is_asked_singly(aws, world):
    arn = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghijkl"
    params = BatchParams(model=arn, base_model="amazon.nova-micro-v1:0")
    fill(clients(), params, OPTIONS, Grade, world.calls(), world.store, "judge", world.time.watch(), Told())
    assert aws.left() == []
    assert world.time.said == [
        f"judge: no batch job, as a batch job takes no customised model ({arn}): asked singly, at the full price"
    ]


def test_the_role_may_invoke_the_profile_and_what_is_behind_it_and_no_more(world):
    arns = model_arns(clients(), CLAUDE)
    assert [arn.rpartition("/")[2] for arn in arns[:1]] == [CLAUDE]
    assert {arn.rpartition("/")[2] for arn in arns[1:]} == {CLAUDE.removeprefix("us.")}
    assert model_arns(clients(), "amazon.nova-micro-v1:0") == [
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
    ]


@pytest.mark.parametrize("model", ["us.meta.llama3-3-70b-instruct-v1:0", "us.amazon.nova-lite-v1:0"])
def test_models_of_other_makers_take_the_same_records(aws, tmp_path, model):
    world = made(aws, tmp_path, model)
    assert world.fill() == NUMBER
    assert sum(v.overall == 1 for v in world.score()) == 1
    assert world.bills(batch=False) == 0
