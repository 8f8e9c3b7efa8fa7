"""Where fine-tuned models answer: brought up once, waited for, and never at a price that nobody has seen."""

import aws_world as world
import pytest
from aws_standin import DROP, LOSE

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.tuning.hosting import HostingJobs, HostingParams, ProvisionedParams, host

DEPLOY, PROVISION = "CreateCustomModelDeployment", "CreateProvisionedModelThroughput"
ON_DEMAND = HostingParams()


def provisioned(**changes):
    given = {"units": 2, "commitment": "none", "price_per_hour": 60.0, "confirmed": True} | changes
    return HostingParams(kind="provisioned", provisioned=ProvisionedParams(**given))


WAYS = {
    "on_demand": (ON_DEMAND, DEPLOY, "custom-model-deployment", "Active"),
    "provisioned": (provisioned(), PROVISION, "provisioned-model", "InService"),
}


@pytest.fixture
def said():
    return []


@pytest.fixture
def watch(said):
    return Watch(clock=lambda: 0.0, sleep=lambda _: None, say=said.append)


@pytest.fixture
def tuned(aws):
    return world.custom_model(aws)


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_up_once_and_answers(aws, tuned, watch, way):
    params, create, kind, ready = WAYS[way]
    aws.pace(kind, polls=2)
    hosted = host(clients(), "micro", tuned, params, watch)
    assert host(clients(), "micro", tuned, params, watch) == hosted
    [there] = HostingJobs(clients(), "micro", tuned, params, watch).find()
    assert (there.status, there.attempt, there.id, aws.ledger.count(create)) == (ready, 1, hosted.arn, 1)
    hello = [{"role": "user", "content": [{"text": "Hello?"}]}]
    assert clients().bedrock_runtime.converse(modelId=hosted.arn, messages=hello)["stopReason"] == "end_turn"
    tags = {tag["key"]: tag["value"] for tag in aws.ledger.of(create)[0].params["tags"]}
    assert (tags["tune-or-retrieve"], tags["tune-or-retrieve:stage"]) == ("tune-or-retrieve", "fine_tune")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", [LOSE, DROP])
def test_a_lost_answer_makes_no_second_one(aws, tuned, watch, way, action):
    params, create, *_ = WAYS[way]
    aws.fault(create, action, times=1)
    try:
        host(clients(), "micro", tuned, params, watch)
    except AwsFault:
        assert action == DROP
        host(clients(), "micro", tuned, params, watch)
    assert aws.ledger.made(create) == 1


@pytest.mark.parametrize("way", WAYS)
def test_failure_says_why_and_the_next_run_replaces_it(aws, tuned, watch, way):
    params, create, kind, ready = WAYS[way]
    aws.fail_next(kind, "No capacity.")
    with pytest.raises(StageError) as fault:
        host(clients(), "micro", tuned, params, watch)
    jobs = HostingJobs(clients(), "micro", tuned, params, watch)
    (failed,) = jobs.find()
    assert str(fault.value) == (
        f"hosting micro: the {jobs.noun} {failed.name} failed: No capacity. Fix the cause and run `dvc repro`, which "
        "brings up another one; this one costs nothing."
    )
    hosted = host(clients(), "micro", tuned, params, watch)
    assert (hosted.name, aws.ledger.made(create)) == (f"{failed.name}-2", 2)
    jobs.find()  # the look that sees it go
    assert [(one.name, one.status) for one in jobs.find()] == [(hosted.name, ready)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "2 unit(s) of provisioned throughput cost $120.00 an hour, used or not, until deleted: $2,880.00 a day, "
         "$87,600.00 a month"),
        ({"commitment": "1 month", "units": 1}, "1 unit(s) of provisioned throughput cost $60.00 an hour, used or not, "
         "for 1 month at least: $43,200.00, not refundable"),
        ({"commitment": "6 months", "units": 1}, "1 unit(s) of provisioned throughput cost $60.00 an hour, used or "
         "not, for 6 months at least: $259,200.00, not refundable"),
    ],
)  # fmt: skip
def test_a_price_is_shown_and_confirmed_before_anything_is_sent(aws, tuned, watch, said, changes, words):
    sent = len(aws.ledger.entries)
    with pytest.raises(StageError) as fault:
        host(clients(), "micro", tuned, provisioned(confirmed=False, **changes), watch)
    assert str(fault.value) == (
        f"hosting.provisioned: {words}. Nothing was started. Set `confirmed: true` to start it, or `kind: on_demand`, "
        "which costs nothing while idle."
    )
    assert len(aws.ledger.entries) == sent
    host(clients(), "micro", tuned, provisioned(**changes), watch)
    assert said[0] == f"hosting: {words}; `confirmed: true` allows it"
    term = {"1 month": "OneMonth", "6 months": "SixMonths"}.get(changes.get("commitment"))
    assert aws.ledger.of(PROVISION)[0].params.get("commitmentDuration") == term


@pytest.mark.parametrize("params", [ON_DEMAND, provisioned(units=1), provisioned(commitment="1 month")])
def test_changed_params_leave_nothing_behind_that_is_paid_for(aws, tuned, watch, params):
    first = host(clients(), "micro", tuned, provisioned(), watch)
    with pytest.raises(StageError) as fault:
        host(clients(), "micro", tuned, params, watch)
    assert str(fault.value) == (
        f"hosting micro: {first.name} is being paid for by the hour (2 unit(s), commitment none), and params.yaml asks "
        "for something else. Delete it first with `aws bedrock delete-provisioned-model-throughput "
        f"--provisioned-model-id {first.arn}`, or restore its params."
    )
    assert (aws.ledger.count(DEPLOY), aws.ledger.count(PROVISION)) == (0, 1)


def test_provisioned_needs_its_params(aws, tuned, watch):
    with pytest.raises(StageError) as fault:
        host(clients(), "micro", tuned, HostingParams(kind="provisioned"), watch)
    assert str(fault.value) == (
        "hosting.provisioned: missing. kind: provisioned needs units, commitment, price_per_hour (see the Bedrock "
        "console) and confirmed."
    )


def test_an_interrupt_says_what_goes_on(aws, tuned, watch, said):
    def interrupt(_):
        raise KeyboardInterrupt

    aws.hold("provisioned-model")
    with pytest.raises(KeyboardInterrupt):
        host(clients(), "micro", tuned, provisioned(), Watch(sleep=interrupt, say=said.append))
    assert said[-1] == (
        "\nhosting micro: it goes on coming up at AWS. `dvc repro` picks it up again. It is paid for from now on; "
        "`tune-or-retrieve teardown` ends it."
    )
    aws.pace("provisioned-model")
    host(clients(), "micro", tuned, provisioned(), watch)
    assert aws.ledger.count(PROVISION) == 1
