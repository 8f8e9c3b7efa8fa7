"""A process that works at AWS, as tests need it: killed at any moment, with a clock of its own."""

from dataclasses import dataclass, field

from tune_or_retrieve.money.jobs import Watch


class Killed(BaseException):
    """As kill -9, as far as what is at AWS goes: nothing of ours runs after it."""


@dataclass
class Time:
    """A clock that only sleeping moves, and what was said."""

    now: float = 0.0
    said: list[str] = field(default_factory=list)

    def sleep(self, seconds):
        self.now += seconds

    def watch(self, **changes):
        return Watch(**{"clock": lambda: self.now, "sleep": self.sleep, "say": self.said.append} | changes)
