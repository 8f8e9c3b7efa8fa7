"""What a log says of long work: each line once, the last one always."""

import itertools

import pytest

from stages import progress


@pytest.mark.parametrize(
    ("items", "total", "step", "lines"),
    [
        # Seconds between readings of the clock; it is read at the start, after each item and before the last line.
        ([], None, 1, ["work: 0 it in 1.0 s"]),
        ([1, 2], None, 1, ["work: 2/2 it in 3.0 s"]),
        ([1, 2, 3, 4], None, 4, ["work: 3/4 it in 12.0 s, 4 s left", "work: 4/4 it in 20.0 s"]),
        ([1, 2, 3, 4], None, 5, ["work: 2/4 it in 10.0 s, 10 s left", "work: 4/4 it in 20.0 s"]),  # ends on the mark
        (iter([1, 2]), None, 5, ["work: 2 it in 10.0 s"]),
        (iter([1]), 3, 10, ["work: 1/3 it in 10.0 s, 20 s left"]),
    ],
)
def test_lines(capsys, monkeypatch, items, total, step, lines):
    clock = itertools.count(0, step)
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    list(progress.track(items, "work", total))
    assert capsys.readouterr().err.splitlines() == lines
