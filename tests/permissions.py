"""A user for whom permissions count, which they do not for root."""

import contextlib
import os

NOBODY = 65534


@contextlib.contextmanager
def as_nobody():
    """As another user, if this one is root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
