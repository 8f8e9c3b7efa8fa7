"""Many model calls at one time, each kept as it ends: a fault or Ctrl-C loses nothing that was paid for."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def each(
    tasks: Sequence[Task], call: Callable[[Task], Result], keep: Callable[[Task, Result], None], concurrency: int
) -> list[Result]:
    """The results of `call`, in the order of the tasks.

    Args:
        call: runs in a thread of its own, at most `concurrency` at one time.
        keep: stores a result or counts what it cost; runs in the thread of the caller, as soon as the call has ended,
            so that it may use a :class:`tune_or_retrieve.chat.call_store.CallStore`.

    Raises:
        Whatever `call` or `keep` raises first, or KeyboardInterrupt. No call is begun after that; those under way are
        waited for and kept. A second Ctrl-C does not wait.
    """
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}
    fault: BaseException | None = None
    begun = 0
    executor = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="model-call")
    try:
        while running or (fault is None and begun < len(tasks)):
            try:
                while fault is None and len(running) < concurrency and begun < len(tasks):
                    begun += 1  # before the call: an interrupt between the two must not begin it twice
                    running[executor.submit(call, tasks[begun - 1])] = begun - 1
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
