"""Progress of long work: a bar on a terminal, plain lines in a log."""

import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

T = TypeVar("T")
LOG_EVERY_SECONDS = 10.0
RECENT_SECONDS = 60.0  # the time left is estimated from the last minute: earlier items may have been easier
LONG_SECONDS = 3600.0


class Progress:
    """Prints to stderr how far a loop is and how long is left: when it starts, every ten seconds, and when it ends.

    The pace is measured from the end of the first item, which often includes the set-up, such as loading a model.

    Args:
        total: number of items; None if unknown.
        at_once: items processed at the same time. They end in bursts, so the pace is measured over at least this many.
        shorter: what makes the loop shorter, after "To shorten it:". Printed once, if more than an hour is left after
            the first minute.
        clock: seconds, from any origin.
    """

    def __init__(
        self,
        label: str,
        total: int | None = None,
        unit: str = "it",
        at_once: int = 1,
        shorter: str = "",
        clock: Callable[[], float] = time.monotonic,
    ):
        self._label, self._total, self._unit = label, total, unit
        self._at_once, self._shorter, self._clock = at_once, shorter, clock
        self._began = self._last = clock()
        self._done = self._said = 0
        self._marks = deque([(self._began, 0)])  # when how many were done, those of the last minute
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(desc=label, total=total, unit=unit, disable=False)
        elif total != 0:
            self._line()

    def advance(self, count: int = 1) -> None:
        """`count` more items are done."""
        now = self._clock()
        if self._done == 0:
            self._marks = deque([(now, count)])
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        if now - self._last < LOG_EVERY_SECONDS:
            return
        left = self._left(now)
        self._marks.append((now, self._done))
        self._last = now
        if self._bar is None:
            self._line(now - self._began, left)
        if self._shorter and left is not None and left > LONG_SECONDS and now - self._began >= RECENT_SECONDS:
            (self._bar.write if self._bar is not None else say)(
                f"{self._label}: at this pace, {duration(left)} are left. To shorten it: {self._shorter}."
            )
            self._shorter = ""

    def close(self) -> None:
        """The loop has ended."""
        if self._bar is not None:
            self._bar.close()
        elif self._total != 0 and (self._done == 0 or self._said != self._done):  # it may have been printed just now
            self._line(self._clock() - self._began)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, fault: type[BaseException] | None, *_) -> None:
        if fault is None:
            self.close()
        elif self._bar is not None:
            self._bar.close()

    def _left(self, now: float) -> float | None:
        """Seconds, at the pace of the last minute; None if unknown."""
        while len(self._marks) > 1 and now - self._marks[1][0] >= RECENT_SECONDS:
            self._marks.popleft()
        since, before = self._marks[0]
        if self._total is None or self._done - before < self._at_once or self._done >= self._total:
            return None
        return (now - since) / (self._done - before) * (self._total - self._done)

    def _line(self, seconds: float | None = None, left: float | None = None) -> None:
        self._said = self._done
        of = "" if self._total is None else f"/{self._total}"
        say(
            f"{self._label}: {self._done}{of} {self._unit}"
            + (f" in {duration(seconds, 1)}" if seconds is not None else "")
            + (f", {duration(left)} left" if left is not None else "")
        )


def track(items: Iterable[T], label: str, total: int | None = None, unit: str = "it", shorter: str = "") -> Iterator[T]:
    """Yield `items` and print the progress; arguments as for :class:`Progress`."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    with Progress(label, total, unit, shorter=shorter) as progress:
        for item in items:
            yield item
            progress.advance()


def say(message: str) -> None:
    """Print one plain line for whoever is watching."""
    print(message, file=sys.stderr, flush=True)


def quiet_libraries() -> None:
    """Keep progress bars of libraries and their warnings for programmers out of the log. Call it before loading them.

    Settings of the environment or ``python -W`` take precedence.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    if not sys.warnoptions:
        warnings.simplefilter("ignore", FutureWarning)  # of what will change with another version than the one pinned


def duration(seconds: float, digits: int = 0) -> str:
    """Seconds as people read them: "12 s", "3 min", "2.2 h".

    Args:
        digits: of seconds.
    """
    if seconds < 120:
        return f"{seconds:.{digits}f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
