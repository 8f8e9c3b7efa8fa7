"""Faults that a user can fix, and the one place where they become a message and an exit code."""

import contextlib
import errno
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

INTERRUPTED = "\ninterrupted: what was finished is kept; `dvc repro` goes on from there."
INTERRUPTED_CODE = 128 + signal.SIGINT  # as shells report it
NOT_YET_CODE = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, come back
NO_ROOM = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no larger file",
}
CANNOT_WRITE = {  # reasons why nothing can be written to a place
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.EEXIST: "a file is in the way where a folder is needed",
    errno.ENOTDIR: "a file is in the way where a folder is needed",
    errno.EISDIR: "a folder is in the way where a file is needed",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EIO: "the disk reports an input/output error",
}


class StageError(Exception):
    """A fault in the input, set-up or environment. Its text says what, where, the rule, the value and what to do."""


class NotYet(StageError):
    """Not a fault: the work was started elsewhere, goes on without this process and is not finished yet."""


def exits_cleanly(main: Callable[..., None]) -> Callable[..., None]:
    """Make a stage's main end with one message and a non-zero exit instead of a traceback.

    Only faults that a user can fix are caught: :class:`StageError`, an interrupt, a full disk, a missing permission.
    Our own bugs keep their traceback.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs):
        with _interrupts() as came:
            try:
                return main(*args, **kwargs)
            except BaseException as fault:
                message, code = _ending(fault, interrupted=bool(came))
                if message is None:
                    raise
            print(message, file=sys.stderr)
            sys.exit(code)

    return wrapper


def end_at_once_when_interrupted() -> None:
    """While a stage loads its modules nothing has been written, so Ctrl-C needs no clean-up.

    A module may turn an exception that is raised during its import into any other one.
    """

    def end(*_) -> None:
        print(INTERRUPTED, file=sys.stderr, flush=True)
        os._exit(INTERRUPTED_CODE)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background ignores it
        signal.signal(signal.SIGINT, end)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt on Ctrl-C and record it: a library may turn the exception into another one."""
    came: list[int] = []

    def interrupt(number: int, _) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield came
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _ending(fault: BaseException, interrupted: bool) -> tuple[str | None, int]:
    if interrupted or isinstance(fault, KeyboardInterrupt):
        return INTERRUPTED, INTERRUPTED_CODE
    if isinstance(fault, StageError):
        kind, code = ("not yet", NOT_YET_CODE) if isinstance(fault, NotYet) else ("error", 1)
        return "\n".join([f"{kind}: {fault}", *getattr(fault, "__notes__", ())]), code
    if isinstance(fault, OSError) and fault.errno in NO_ROOM:
        return (
            f"error: {NO_ROOM[fault.errno]} while writing {fault.filename or 'a file'}. "
            "Nothing was left half-written: make room and run `dvc repro` again."
        ), 1
    if isinstance(fault, PermissionError) and fault.filename:
        reason = CANNOT_WRITE[fault.errno]
        return f"error: {fault.filename}: {reason}. Put that right and run the same command again.", 1
    return None, 1
