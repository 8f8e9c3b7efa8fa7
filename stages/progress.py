"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
LOG_EVERY_SECONDS = 10.0


def track(items: Iterable[T], label: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield `items`, saying on stderr what is done, how far, and how long still."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=label, total=total, unit=unit)
        return
    start = last = time.monotonic()
    done, said = 0, None
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= LOG_EVERY_SECONDS:
            last, said = now, done
            _line(label, done, total, unit, now - start)
    if said != done:  # the end may fall on the mark
        _line(label, done, total, unit, time.monotonic() - start)


def _line(label: str, done: int, total: int | None, unit: str, seconds: float) -> None:
    of = f"/{total}" if total else ""
    left = f", {seconds / done * (total - done):.0f} s left" if total and 0 < done < total else ""
    say(f"{label}: {done}{of} {unit} in {seconds:.1f} s{left}")


def say(message: str) -> None:
    """One plain line for the person who watches."""
    print(message, file=sys.stderr, flush=True)
