"""Jobs at any hosted service: submitted once, found again, waited for, left running on Ctrl-C. No AWS is needed."""

import subprocess
import sys
from dataclasses import replace

import pytest

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Conflict, Job, Jobs, Watch

MODULES = "import sys, tune_or_retrieve.money.jobs; sys.exit(bool({'boto3', 'botocore'} & set(sys.modules)))"


class Service:
    """Remembers jobs by name, as hosted services do. Each look brings a running one nearer to its end."""

    def __init__(self):
        self.jobs: dict[str, list[str]] = {}  # statuses to come
        self.ends = ["running", "done"]  # of the next job
        self.lags = 0  # lists that do not show the newest job yet

    def list(self):
        names = list(self.jobs)
        if self.lags:
            self.lags -= 1
            names = names[:-1]
        return names

    def submit(self, name):
        if name in self.jobs:
            raise Conflict(f"{name} is there already.")
        self.jobs[name] = list(self.ends)

    def look(self, name):
        statuses = self.jobs[name]
        return statuses.pop(0) if len(statuses) > 1 else statuses[0]


class Tuning(Jobs[str]):
    service, title, running, retry = "the service", "tuning micro", ("running",), 0

    def __init__(self, service, watch, **changes):
        super().__init__(watch)
        self.at, self.entered = service, []
        for name, value in changes.items():
            setattr(self, name, value)

    def find(self):
        return [Job(name, name, self.at.jobs[name][0], number) for number, name in enumerate(self.at.list(), start=1)]

    def submit(self, attempt):
        self.at.submit(f"job-{attempt}")
        return Job(f"job-{attempt}", f"job-{attempt}", "running", attempt)

    def look(self, job):
        return {"status": self.at.look(job.name)}

    def failure(self, seen):
        return None if seen["status"] == "done" else f"{seen['status']}: no capacity"

    def begun(self, job):
        self.entered.append(job.id)

    def fetch(self, job, seen):
        if why := self.failure(seen):
            raise self.fault(job, why)
        return f"the model of {job.name}"

    def remedy(self, job):
        return f"Set `retry: {job.attempt}`."

    def stop_command(self, job):
        return f"cancel {job.id}"


@pytest.fixture
def said():
    return []


@pytest.fixture
def watch(said):
    return Watch(clock=lambda: 0.0, sleep=lambda _: None, say=said.append)


def test_a_job_is_submitted_once_and_found_again(said, watch):
    service = Service()
    for _ in range(2):
        jobs = Tuning(service, watch)
        assert (jobs.run(), jobs.entered) == ("the model of job-1", ["job-1"])
    assert list(service.jobs) == ["job-1"]
    assert said == [
        "tuning micro: submitted the job job-1", "tuning micro: running; 0 min", "tuning micro: done; 0 min",
        "tuning micro: found the job job-1, done; no other is submitted", "tuning micro: done; 0 min",
    ]  # fmt: skip


def test_on_a_conflict_it_looks_again(watch):
    service = Service()
    service.submit("job-1")
    service.lags = 1
    assert Tuning(service, watch).run() == "the model of job-1"
    service.lags = 9
    with pytest.raises(Conflict, match=r"^job-1 is there already\.$"):
        Tuning(service, watch).run()


def test_a_failure_is_paid_for_again_only_as_often_as_retry_allows(said, watch):
    service = Service()
    service.ends = ["running", "failed"]
    for _ in range(2):
        with pytest.raises(StageError) as fault:
            Tuning(service, watch).run()
        assert str(fault.value) == "tuning micro: the job job-1 failed: no capacity. Set `retry: 1`."
    assert list(service.jobs) == ["job-1"]
    service.ends = ["running", "done"]
    assert Tuning(service, watch, retry=1).run() == "the model of job-2"
    assert "tuning micro: the job job-1 failed: no capacity; another one is submitted" in said


def test_failures_that_cost_nothing_are_repeated_without_a_limit(watch):
    service = Service()
    service.ends = ["failed"]
    for attempt in (1, 2, 3):
        with pytest.raises(StageError, match=f"the job job-{attempt} failed"):
            Tuning(service, watch, retry=None).run()


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(said, watch):
    def interrupt(_):
        raise KeyboardInterrupt

    service = Service()
    with pytest.raises(KeyboardInterrupt):
        Tuning(service, replace(watch, sleep=interrupt)).run()
    assert said[-1] == (
        "\ntuning micro: the job job-1 goes on at the service and is paid for. `dvc repro` picks it up again. `cancel "
        "job-1` ends it."
    )
    assert Tuning(service, watch).run() == "the model of job-1"


def test_ctrl_c_before_the_answer_to_a_submission_says_what_is_known(said, watch):
    def interrupt(attempt):
        raise KeyboardInterrupt

    jobs = Tuning(Service(), watch, submit=interrupt)
    with pytest.raises(KeyboardInterrupt):
        jobs.run()
    assert said == [
        "\ntuning micro: a job, if one was just submitted, goes on at the service and is paid for. `dvc repro` picks "
        "it up again."
    ]


def test_no_boto3_is_imported():
    assert subprocess.run([sys.executable, "-c", MODULES], check=False).returncode == 0
