"""Faults that a user can mend, and the one place where they become a message and an exit code."""

import errno
import functools
import sys
from collections.abc import Callable
from types import TracebackType

INTERRUPTED = "\ninterrupted: what was finished is kept; `dvc repro` goes on from there."
NO_ROOM = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EFBIG: "the file system or a limit (ulimit -f) allows no larger file",
}


class StageError(Exception):
    """A fault of input, set-up or environment. Its text says what, where, the rule, the value and what to do."""


def exits_cleanly(main: Callable[..., None]) -> Callable[..., None]:
    """Make a stage's main end with one message and a non-zero exit instead of a traceback.

    Only faults that a user can mend are caught: :class:`StageError`, an interrupt, a full disk.
    A fault of ours keeps its traceback.
    """

    @functools.wraps(main)
    def wrapper(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except StageError as fault:
            print(f"error: {fault}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print(INTERRUPTED, file=sys.stderr)
            sys.exit(130)
        except OSError as fault:
            if fault.errno not in NO_ROOM:
                raise
            print(
                f"error: {NO_ROOM[fault.errno]} while writing {fault.filename or 'a file'}. "
                "Nothing was left half-written: make room and run `dvc repro` again.",
                file=sys.stderr,
            )
            sys.exit(1)

    return wrapper


def excepthook(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a stage still loads its modules, before its main could be made to end cleanly."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, fault, trace)
