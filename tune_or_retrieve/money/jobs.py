"""Jobs at a hosted service: found or submitted once, waited for, fetched, and left running on Ctrl-C.

No service is known here. The name of a job follows from its content, so that the same work is found again after a kill
or a lost answer and is never paid for twice. Services keep names for ever: after a failure the next attempt has a name
of its own, and is submitted only where the user allows it to be paid for.
"""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say

SAY_EVERY_SECONDS = 600.0  # while nothing changes
BEGAN = ("creationTime", "createdAt", "submitTime")  # members that hold the time at which a service began, or none

T = TypeVar("T")
Seen = Mapping[str, Any]  # what a service says about a job: its `status`, and more


class Conflict(StageError):
    """The service says that what was to be made is already there, or is in use."""


@dataclass(frozen=True)
class Watch:
    """How to wait: the seconds between two looks, and time itself, which tests set."""

    every: float = 30.0
    clock: Callable[[], float] = time.time  # seconds since the epoch
    sleep: Callable[[float], object] = time.sleep
    say: Callable[[str], object] = say

    def until(self, look: Callable[[], Seen], over: Callable[[Any], bool], tell: Callable[[Any], str]) -> Seen:
        """Look until it is over, and return what was seen last.

        Each change is said at once, with the minutes since the service began or else since the first look, and now and
        then that nothing changes.
        """
        told, at, first = None, 0.0, self.clock()
        while True:
            seen = look()
            text, now = tell(seen), self.clock()
            began = next(filter(None, map(seen.get, BEGAN)), None)
            since = began.timestamp() if began else first
            if text != told or now - at >= SAY_EVERY_SECONDS:
                self.say(f"{text}; {max(0.0, now - since) / 60:.0f} min")
                told, at = text, now
            if over(seen):
                return seen
            self.sleep(self.every)

    @contextlib.contextmanager
    def interruptible(self, goes_on: Callable[[], str]) -> Iterator[None]:
        """On Ctrl-C, say what goes on without us before the interrupt is passed on."""
        try:
            yield
        except KeyboardInterrupt:
            self.say(f"\n{goes_on()}")
            raise


@dataclass(frozen=True)
class Job:
    """`id` is what the service knows it by."""

    id: str
    name: str
    status: str
    attempt: int = 1


class Jobs(ABC, Generic[T]):
    """The jobs of one content at one service. Subclasses make the calls and word the messages; `run` does the rest."""

    service: ClassVar[str]  # AWS
    title: str  # what messages begin with: fine-tuning micro
    noun: str = "job"
    running: Collection[str]  # statuses of jobs that have not ended
    retry: int | None = None  # jobs that may follow those that failed; None: any number, as failures cost nothing

    def __init__(self, watch: Watch):
        self.watch = watch

    @abstractmethod
    def find(self) -> Sequence[Job]:
        """Those that the service lists, by attempt."""

    @abstractmethod
    def submit(self, attempt: int) -> Job:
        """Check the budget, then submit. Raises Conflict if the service has this attempt already."""

    @abstractmethod
    def look(self, job: Job) -> Seen:
        """What the service says of it now."""

    @abstractmethod
    def failure(self, seen: Seen) -> str | None:
        """Why nothing comes of a job that has ended, as in "failed: no capacity"; None if it did its work."""

    @abstractmethod
    def fetch(self, job: Job, seen: Seen) -> T:
        """What a job that has ended has made. Raises StageError, such as :meth:`fault`, if that is nothing."""

    @abstractmethod
    def remedy(self, job: Job) -> str:
        """What to do about a job that failed."""

    def lost(self, job: Job) -> str | None:
        """Why nothing comes of a job that an earlier run submitted and that has ended, or None."""
        return self.failure(self.look(job))

    def begun(self, job: Job) -> None:
        """Called with the job, found or submitted, before it is waited for: to enter it in the ledger."""

    def progress(self, seen: Seen) -> str:
        return seen["status"]

    def submitted(self, job: Job) -> str:
        return f"submitted the {self.noun} {job.name}"

    def stop_command(self, job: Job) -> str | None:
        """The shell command that ends the job."""

    def goes_on(self, job: Job | None) -> str:
        """For whoever pressed Ctrl-C. `job`: None if it is not known whether one was submitted."""
        what = f"the {self.noun} {job.name} goes on" if job else f"a {self.noun}, if one was just submitted, goes on"
        stop = self.stop_command(job) if job else None
        return f"{what} at {self.service} and is paid for. `dvc repro` picks it up again." + (
            f" `{stop}` ends it." if stop else ""
        )

    def fault(self, job: Job, why: str) -> StageError:
        return StageError(f"{self.title}: the {self.noun} {job.name} {why}. {self.remedy(job)}")

    def run(self) -> T:
        """What the job of this content has made. At most one is submitted.

        Raises:
            StageError: the latest job failed, and `retry` allows no other; the service refuses or cannot be reached.
        """
        job = None
        with self.watch.interruptible(lambda: f"{self.title}: {self.goes_on(job)}"):
            job = self.ensure()
            self.begun(job)
            seen = self.wait(job)
        return self.fetch(replace(job, status=seen["status"]), seen)

    def ensure(self) -> Job:
        """The latest job, if it runs or did its work; otherwise the next one, which is submitted."""
        latest = next(reversed(self.find()), None)
        if latest is not None:
            lost = None if latest.status in self.running else self.lost(latest)
            if lost is None:
                self._say(f"found the {self.noun} {latest.name}, {latest.status}; no other is submitted")
                return latest
            if self.retry is not None and latest.attempt > self.retry:
                raise self.fault(latest, lost)
            self._say(f"the {self.noun} {latest.name} {lost}; another one is submitted")
        try:
            job = self.submit(latest.attempt + 1 if latest else 1)
        except Conflict:  # the list, which lags, did not have it yet
            there = next(reversed(self.find()), None)
            if there is None or (latest is not None and there.id == latest.id):
                raise
            return there
        self._say(self.submitted(job))
        return job

    def wait(self, job: Job) -> Seen:
        """Look until the job has ended, however it ends."""
        return self.watch.until(
            lambda: self.look(job),
            lambda seen: seen["status"] not in self.running,
            lambda seen: f"{self.title}: {self.progress(seen)}",
        )

    def _say(self, text: str) -> None:
        self.watch.say(f"{self.title}: {text}")
