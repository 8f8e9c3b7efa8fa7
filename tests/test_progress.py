"""What a log says of long work: its beginning, then a line every ten seconds, and its end, each once."""

import os
import subprocess
import sys

import pytest

from tune_or_retrieve.base.progress import Progress, track


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("items", "total", "step", "said"),
    [  # `step`: seconds that each item takes
        ([], None, 1, []),
        (iter([]), None, 1, ["work: 0 it", "work: 0 it in 0.0 s"]),
        ([1, 2], None, 1, ["work: 0/2 it", "work: 2/2 it in 2.0 s"]),
        ([1, 2, 3, 4], None, 4, ["work: 0/4 it", "work: 3/4 it in 12.0 s, 4 s left", "work: 4/4 it in 16.0 s"]),
        (  # the end falls on the mark
            [1, 2, 3, 4],
            None,
            5,
            ["work: 0/4 it", "work: 2/4 it in 10.0 s, 10 s left", "work: 4/4 it in 20.0 s"],
        ),
        (iter([1, 2]), None, 5, ["work: 0 it", "work: 2 it in 10.0 s"]),
        (  # the first says nothing of the pace
            iter([1, 2]),
            3,
            10,
            ["work: 0/3 it", "work: 1/3 it in 10.0 s", "work: 2/3 it in 20.0 s, 10 s left"],
        ),
    ],
)
def test_lines(capsys, monkeypatch, items, total, step, said):
    clock = Clock()
    monkeypatch.setattr(Progress.__init__, "__defaults__", (*Progress.__init__.__defaults__[:-1], clock))
    for _ in track(items, "work", total):
        clock.now += step
    assert lines(capsys) == said


def test_it_says_so_before_the_first_item_is_made(capsys):
    def items():
        assert lines(capsys) == ["work: 0/1 it"]
        yield 1

    assert list(track(items(), "work", 1)) == [1]


def test_the_time_left_is_that_of_the_last_minute(capsys):
    """The first item loads a model for 30 seconds; ninety take a second each, then each takes five."""
    clock = Clock()
    with Progress("work", 200, clock=clock) as progress:
        for seconds in [30, *[1] * 90, *[5] * 109]:
            clock.now += seconds
            progress.advance()
    said = dict(line.removeprefix("work: ").split("/200 it in ") for line in lines(capsys)[1:-1])
    assert [said[done] for done in ("1", "11", "91", "103")] == [
        "30.0 s",
        "40.0 s, 3 min left",  # 189 items
        "2 min, 109 s left",
        "3 min, 8 min left",  # a minute after it became slow: 97 items
    ]


def test_calls_at_one_time_end_in_bursts(capsys):
    clock = Clock()
    with Progress("work", 32, "calls", at_once=8, clock=clock) as progress:
        for number in range(32):  # eight a minute
            clock.now = 60.0 * (number // 8 + 1) + number % 8 * 0.1
            progress.advance()
    assert lines(capsys) == [
        "work: 0/32 calls",
        "work: 1/32 calls in 60.0 s",
        "work: 9/32 calls in 2 min, 3 min left",
        "work: 17/32 calls in 3 min, 112 s left",
        "work: 25/32 calls in 4 min, 52 s left",
        "work: 32/32 calls in 4 min",
    ]


def test_what_takes_more_than_an_hour_says_once_how_to_shorten_it(capsys):
    clock = Clock()
    progress = Progress("work", 1000, shorter="give fewer files", clock=clock)
    for _ in range(20):
        clock.now += 10
        progress.advance()
    hints = [(number, line) for number, line in enumerate(lines(capsys)) if "shorten" in line]
    assert hints == [(7, "work: at this pace, 2.8 h are left. To shorten it: give fewer files.")]


def test_a_loop_that_fails_has_no_last_line(capsys):
    def items():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(track(items(), "work", 2))
    assert lines(capsys) == ["work: 0/2 it"]


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ([], {}, []),
        ([], {"TQDM_DISABLE": ""}, ["bar"]),
        (["-W", "default"], {}, ["FutureWarning: is_old is deprecated"]),
    ],
)
def test_libraries_say_nothing_in_our_log(options, environment, said):
    script = (
        "import warnings\n"
        "from tqdm.auto import tqdm\n"
        "list(tqdm([1], desc='bar'))\n"
        "warnings.warn('is_old is deprecated', FutureWarning)\n"
    )
    code = f"import sys; sys.argv = ['-m']; import stages; exec({script!r})"  # as `python -m stages.<name>` begins
    clean = {key: value for key, value in os.environ.items() if key != "TQDM_DISABLE"}
    done = subprocess.run(
        [sys.executable, *options, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    found = [one for one in ("bar", "FutureWarning: is_old is deprecated") if one in done.stderr]
    assert (found, bool(done.stderr)) == (said, bool(said))
