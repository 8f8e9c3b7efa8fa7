"""Many model calls at the same time, each stored when it ends: a fault or Ctrl-C loses nothing that was paid for."""

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from tune_or_retrieve.base.errors import StageError

Task = TypeVar("Task")
Result = TypeVar("Result")
ending: contextvars.ContextVar[threading.Event] = contextvars.ContextVar("ending")  # of the `each` that made a call


def each(
    tasks: Sequence[Task], call: Callable[[Task], Result], keep: Callable[[Task, Result], None], concurrency: int
) -> list[Result]:
    """The results of `call`, in the order of the tasks.

    Args:
        call: runs in its own thread, at most `concurrency` at the same time.
        keep: stores a result or counts its cost; runs in the caller's thread as soon as the call has ended,
            so it may use a :class:`tune_or_retrieve.chat.call_store.CallStore`.

    Raises:
        Whatever `call` or `keep` raises first, or KeyboardInterrupt. No call starts after that; those in progress are
        waited for and kept, unless they `pause`. A second Ctrl-C does not wait.
    """
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}
    fault: BaseException | None = None
    started = 0
    end = threading.Event()

    def start(task: Task) -> Result:
        ending.set(end)
        return call(task)

    executor = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="model-call")
    try:
        while running or (fault is None and started < len(tasks)):
            if fault is not None:
                end.set()
            try:
                while fault is None and len(running) < concurrency and started < len(tasks):
                    started += 1  # before the call: an interrupt between the two must not start it twice
                    running[executor.submit(start, tasks[started - 1])] = started - 1
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number = running.pop(future)
                    results[number] = future.result()
                    keep(tasks[number], results[number])
            except KeyboardInterrupt as interrupt:
                if isinstance(fault, KeyboardInterrupt):
                    raise
                fault = interrupt
            except Exception as failed:
                fault = fault or failed
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    if fault is not None:
        raise fault
    return [results[number] for number in range(len(tasks))]


def pause(seconds: float) -> None:
    """Sleep between two tries of a call. Raises StageError at once if the `each` that made the call is ending."""
    end = ending.get(None)
    if end is None:
        time.sleep(seconds)
    elif end.wait(seconds):
        raise StageError("the model call was not tried again: another one failed, or the run was interrupted.")
