"""Fine-tuning jobs on Bedrock: submitted once, found again, waited for, paid for once."""

import contextlib
from dataclasses import replace

import aws_world as world
import pytest
from aws_process import Killed, Time
from aws_standin import DROP, LOSE

from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault
from tune_or_retrieve.providers.bedrock.aws.roles import Role
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.tuning.customization import CustomizationJobs, Data, StillRunning, Training
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams

JOB, CREATE = "model-customization-job", "CreateModelCustomizationJob"
NOVA = CustomizationParams(base_model=world.NOVA, epochs=2, learning_rate=1e-5, warmup_steps=10)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def training(aws):
    data = world.jsonl([world.sample()] * 8)
    files = [Data(world.put(aws, f"{name}.jsonl", data), name) for name in ("train", "validation")]
    return Training("micro", NOVA, *files, f"s3://{world.BUCKET}/out")


@pytest.fixture
def role(aws):
    return Role(world.role(aws), fresh=False)


@pytest.fixture
def train(role):
    """Runs the job of a training, and remembers which jobs it was told to enter."""

    def run(made, training, watch, role=role):
        return CustomizationJobs(made, training, lambda: role, run.paid.append, watch).run()

    run.paid = []
    return run


def test_a_job_is_submitted_waited_for_and_its_losses_are_rows_of_the_curve(aws, train, training, time):
    aws.pace(JOB, polls=2)
    trained = train(clients(), training, time.watch())
    assert (aws.ledger.made(CREATE), train.paid) == (1, [trained.job_arn])
    (entry,) = aws.ledger.of(CREATE)
    name = f"tune-or-retrieve-micro-{training.key[:12]}"
    assert (entry.params["jobName"], entry.params["customModelName"]) == (name, name)
    assert entry.params["hyperParameters"] == {
        "epochCount": "2",
        "learningRate": "0.00001",
        "learningRateWarmupSteps": "10",
    }
    assert trained.model_arn.startswith("arn:aws:bedrock:us-east-1:123456789012:custom-model/")
    assert (trained.attempt, len(trained.curve)) == (1, 10)
    assert trained.curve[:5] == [
        {"step": 1, "epoch": 1, "split": "train", "loss": 2.0},
        {"step": 2, "epoch": 1, "split": "train", "loss": 1.718379},
        {"step": 3, "epoch": 1, "split": "train", "loss": 1.578835},
        {"step": 4, "epoch": 1, "split": "train", "loss": 1.489631},
        {"step": 4, "epoch": 1, "split": "validation", "loss": 1.589631},
    ]
    assert [line.rsplit(";", 1)[0] for line in time.said] == [
        f"fine-tuning micro: submitted the job {name} on amazon.nova-micro-v1:0:128k",
        "fine-tuning micro: InProgress (check Completed, data InProgress, training NotStarted)",
        "fine-tuning micro: InProgress (check Completed, data Completed, training InProgress)",
        "fine-tuning micro: Completed (check Completed, data Completed, training Completed)",
    ]
    tags = {tag["key"]: tag["value"] for tag in entry.params["jobTags"]}
    assert tags == {
        "tune-or-retrieve": "tune-or-retrieve",
        "tune-or-retrieve:stage": "fine_tune",
        "tune-or-retrieve:key": training.key,
    }
    assert entry.params["customModelTags"] == entry.params["jobTags"]


@contextlib.contextmanager
def dying(made, at, event):
    """These clients are killed at their n-th call: before it is sent, or when its answer has come."""
    left = iter(range(at))

    def count(**_):
        if next(left, None) is None:
            raise Killed

    hooks = [service.meta.events for service in (made.bedrock, made.s3)]
    for hook in hooks:
        hook.register(event, count)
    try:
        yield
    finally:
        for hook in hooks:
            hook.unregister(event, count)


@pytest.mark.parametrize("event", ["before-send", "after-call"])
def test_killed_between_any_two_calls_it_is_paid_for_once(aws, train, training, time, event):
    """Other data for each place of the kill: names are for ever."""
    place, whole, made = 0, None, clients()
    while whole is None:
        this = replace(training, train=replace(training.train, sha256=f"{event} {place}"))
        try:
            with dying(made, place, event):
                whole = train(made, this, time.watch())
        except Killed:
            assert len(train(made, this, time.watch()).curve) == 10
        place += 1
        assert aws.ledger.made(CREATE) == place
    assert place >= 8  # list, create, two looks, list of objects, two files; and one that is not killed
    assert (len(whole.curve), len(aws.ledger.bills)) == (10, place)


@pytest.mark.parametrize("action", [LOSE, DROP])
def test_a_lost_answer_to_the_submission_is_not_paid_for_again(aws, train, training, time, action):
    aws.fault(CREATE, action, times=1)
    try:
        train(clients(), training, time.watch())
    except AwsFault:  # a cut answer is noticed, and the rerun goes on
        assert action == DROP
        train(clients(), training, time.watch())
    assert (aws.ledger.made(CREATE), len(aws.ledger.bills)) == (1, 1)


def test_a_role_that_was_just_made_is_waited_for(aws, train, role, training, time):
    aws.account.propagation = 2
    slept = []
    train(clients(), training, time.watch(sleep=slept.append), Role(role.arn, fresh=True))
    assert (slept[:2], aws.ledger.made(CREATE), len(aws.ledger.bills)) == ([2, 4], 1, 1)


def test_a_list_that_was_cut_is_not_taken_for_an_empty_one(aws, train, training, time):
    train(clients(), training, time.watch())
    aws.fault("ListModelCustomizationJobs", DROP, times=1)
    with pytest.raises(AwsFault, match="the answer came incomplete or unreadable"):
        train(clients(), training, time.watch())
    assert aws.ledger.count(CREATE) == 1


def test_failed_says_why_and_only_retry_pays_again(aws, train, training, time):
    aws.fail_next(JOB, "Internal error of training.")
    name = training.name(1)
    message = (
        f"fine-tuning micro: the job {name} failed: Internal error of training. Fix the cause: with other "
        "data or hyperparameters it is a new job anyway. To pay for another job for the same, set `retry: 1` and run "
        "`dvc repro`."
    )
    for _ in range(2):
        with pytest.raises(StageError) as fault:
            train(clients(), training, time.watch())
        assert str(fault.value) == message
    assert aws.ledger.made(CREATE) == 1
    allowed = replace(training, params=NOVA.model_copy(update={"retry": 1}))
    for _ in range(2):
        assert train(clients(), allowed, time.watch()).attempt == 2
    assert [entry.params["jobName"] for entry in aws.ledger.of(CREATE)] == [name, f"{name}-2"]


def test_retry_is_a_bound_and_not_a_wish_that_stays(aws, train, training, time):
    allowed = replace(training, params=NOVA.model_copy(update={"retry": 1}))
    for reason in ("One.", "Two."):
        aws.fail_next(JOB, reason)
        with pytest.raises(StageError, match=reason):
            train(clients(), allowed, time.watch())
    with pytest.raises(StageError, match=r"failed: Two\. .* set `retry: 2`"):
        train(clients(), allowed, time.watch())
    assert aws.ledger.made(CREATE) == 2


def test_stopped_by_hand(aws, train, training, time):
    def stop(_):
        aws.client("bedrock").stop_model_customization_job(jobIdentifier=training.name(1))
        aws.pace(JOB)

    aws.hold(JOB)
    with pytest.raises(StageError, match=f"the job {training.name(1)} was stopped: AWS gives no reason. Fix"):
        train(clients(), training, time.watch(sleep=stop))


def test_a_model_that_was_deleted_is_not_paid_for_again_by_itself(aws, train, training, time):
    trained = train(clients(), training, time.watch())
    aws.client("bedrock").delete_custom_model(modelIdentifier=trained.model_arn)
    with pytest.raises(StageError, match=f"{training.name(1)} was completed, but its model was deleted since. Fix"):
        train(clients(), training, time.watch())


def test_without_waiting_it_submits_stops_and_later_goes_on(aws, train, training, time):
    aws.hold(JOB)
    left = replace(training, params=NOVA.model_copy(update={"wait": False}))
    for _ in range(2):
        with pytest.raises(StillRunning) as stop:
            train(clients(), left, time.watch())
    assert str(stop.value) == (
        f"fine-tuning micro: the job {training.name(1)} is InProgress at AWS, and `wait: false` stops here. "
        "`dvc repro` looks again, as often as you like, and goes on once it is done. DVC calls the "
        "stage failed until then; `dvc repro --keep-going` goes on with what does not need it."
    )
    aws.pace(JOB)
    assert [train(clients(), left, time.watch()).job_arn] * 3 == train.paid  # the running job is in the ledger, too
    assert aws.ledger.made(CREATE) == 1


def test_an_interrupt_leaves_the_job_running_and_says_how_to_come_back(aws, train, training, time):
    def interrupt(_):
        raise KeyboardInterrupt

    aws.hold(JOB)
    with pytest.raises(KeyboardInterrupt):
        train(clients(), training, time.watch(sleep=interrupt))
    (job,) = aws.client("bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"]
    assert job["status"] == "InProgress"
    assert time.said[-1] == (
        f"\nfine-tuning micro: the job {training.name(1)} goes on at AWS and is paid for. `dvc repro` picks it up "
        f"again. `aws bedrock stop-model-customization-job --job-identifier {job['jobArn']}` ends it."
    )
    assert aws.ledger.count("StopModelCustomizationJob") == 0


def test_a_long_wait_is_heard_of_every_ten_minutes(aws, train, training, time):
    def sleep(seconds):
        time.sleep(seconds)
        if time.now > 3600:
            aws.pace(JOB)

    aws.hold(JOB)
    train(clients(), training, time.watch(sleep=sleep, every=60))
    assert 7 <= len(time.said) <= 12


def test_a_missing_curve_is_said_and_a_damaged_one_is_a_fault(aws, train, training, time):
    first = train(clients(), training, time.watch())
    s3, where = aws.client("s3"), f"out/model-customization-job-{first.job_arn.rsplit('/', 1)[-1]}"
    key = f"{where}/training_artifacts/step_wise_training_metrics.csv"
    s3.delete_object(Bucket=world.BUCKET, Key=key)
    rows = train(clients(), training, time.watch()).curve
    assert {row["split"] for row in rows} == {"validation"}
    assert time.said[-1] == (
        f"no step_wise_training_metrics.csv below s3://study-data/{where}/: the training curve has no train loss"
    )
    for text, message in (
        ("step_number,loss\n", "no column epoch_number, training_loss. Got step_number, loss."),
        ("step_number,epoch_number,training_loss\n1,1,x\n",
         "not a row of numbers (could not convert string to float: 'x')."),
    ):  # fmt: skip
        s3.put_object(Bucket=world.BUCKET, Key=key, Body=text.encode())
        with pytest.raises(StageError) as fault:
            train(clients(), training, time.watch())
        assert str(fault.value).startswith(f"s3://study-data/{key}")
        assert str(fault.value).endswith(message)


@pytest.mark.parametrize(
    "change",
    [
        {"params": NOVA.model_copy(update={"base_model": "amazon.nova-lite-v1:0:300k"})},
        {"train": Data("s3://study-data/train.jsonl", "other")},
        {"validation": Data("s3://study-data/validation.jsonl", "other")},
        {"params": NOVA.model_copy(update={"epochs": 3})},
        {"params": NOVA.model_copy(update={"learning_rate": 2e-5})},
        {"params": NOVA.model_copy(update={"warmup_steps": 0})},
    ],
)
def test_other_content_is_another_job(training, change):
    assert replace(training, **change).key != training.key


@pytest.mark.parametrize(
    "change",
    [
        {"train": Data("s3://elsewhere/train.jsonl", "train")},
        {"output_uri": "s3://elsewhere/out"},
        {"params": NOVA.model_copy(update={"role_arn": "arn:aws:iam::123456789012:role/other", "bucket": "elsewhere"})},
        {"params": NOVA.model_copy(update={"retry": 3, "wait": False})},
    ],
)
def test_where_files_lie_and_how_one_waits_make_no_other_job(training, change):
    assert replace(training, **change).key == training.key


def test_nova_ranges_are_checked_before_anything_is_sent(tmp_path):
    file = tmp_path / "params.yaml"
    section = "base_model: m, epochs: 6, learning_rate: 0.001, warmup_steps: -1, batch_size: 2"
    file.write_text(f"fine_tune: {{bedrock: {{{section}}}}}")
    with pytest.raises(StageError) as fault:
        params.load("fine_tune.bedrock", CustomizationParams, file)
    assert str(fault.value).splitlines()[1:] == [
        "  fine_tune.bedrock.epochs: must be less than or equal to 5. Got 6.",
        "  fine_tune.bedrock.learning_rate: must be less than or equal to 0.0001. Got 0.001.",
        "  fine_tune.bedrock.warmup_steps: must be greater than or equal to 0. Got -1.",
        "  fine_tune.bedrock.batch_size: unknown key. Known: base_model, epochs, learning_rate, "
        "warmup_steps, retry, wait, role_arn, bucket.",
    ]
