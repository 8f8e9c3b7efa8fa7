"""One notation of times, sums, ranges and rates, and texts laid beside one another word for word."""

import pytest

from stages.judge.contradictions.statements import edits, pairs
from stages.judge.reading import style
from stages.judge.reading.notation import in_one_notation
from stages.judge.reading.quantities import find_quantities
from stages.judge.reading.text import read_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10 p.m. to 6 a.m.", "from 22:00 to 06:00."),
        ("It opens at 9 a.m. The guard leaves.", "It opens at 09:00. The guard leaves."),
        ("at 12 am and 12:30 pm", "at 00:00 and 12:30"),
        ("at 7:15 sharp", "at 07:15 sharp"),
        ("four and a half hours", "4.5 hours"),
        ("costs €15 or £2.50", "costs 15 euros or 2.50 pounds"),
        ("$1,000 or US$5", "1,000 dollars or 5 dollars"),
        ("at 8 degrees Celsius", "at 8 Celsius"),
        ("takes 3-5 hours", "takes 3 to 5 hours"),
        ("version 1.3-5 hours", "version 1.3-5 hours"),
        ("flushed weekly for 3 minutes, checked daily", "flushed a week for 3 minutes, checked a day"),
        ("the daily report", "the daily report"),
        ("120 per minute, each hour, $5/day", "120 1 minute, 1 hour, 5 dollars 1 day"),
        ("$5-10, 9am-5pm", "5 dollars to 10, 09:00 to 17:00"),
        ("an hour and a half", "1.5 hours"),
    ],
)  # fmt: skip
def test_one_notation(text, expected):
    assert in_one_notation(text) == expected


@pytest.mark.parametrize(
    ("text", "family", "values"),
    [
        ("64 KB", "byte", {64_000, 65_536}),
        ("64 kibibytes", "byte", {64_000, 65_536}),
        ("1.5 hours", "second", {5400}),
        ("a quarter of an hour", "second", {900}),
        ("five working days", "second", {5 * 86_400}),
        ("6-month", "second", {180 * 86_400, 182.5 * 86_400}),
        ("250 millilitres", "litre", {0.25}),
        ("20p", "pound", {0.2}),
        ("2/3", "share", {2 / 3}),
        ("99 %", "share", {0.99}),
        ("10 Mbps", "bit per second", {10_000_000}),
        ("10 mbps", "bit per second", {10_000_000}),
        ("3 kilowatt-hours", "watt hour", {3000}),
        ("30m", "metre", {30}),
        ("60dB", "decibel", {60}),
        ("50 per cent", "share", {0.5}),
        ("two dozen", "count", {24}),
        ("a hundred and twenty", "count", {120}),
    ],
)
def test_amounts(text, family, values):
    (quantity,) = find_quantities(in_one_notation(f"It is {text} in all."))
    assert (quantity.family, set(quantity.values)) == (family, values)


@pytest.mark.parametrize("text", ["the third parameter", "a 5G network", "a second queue", "AES-256", "one of them"])
def test_what_is_no_amount(text):
    assert find_quantities(text) == []


@pytest.mark.parametrize(
    ("own", "said", "expected"),
    [
        ("The queue keeps its messages for four days.", "The queue keeps its messages for nine days.", [(("four days",), ("nine days",))]),  # noqa: E501
        ("The queue keeps its messages for four days.", "The queue does not keep its messages for four days.", [((), ("does", "not"))]),  # noqa: E501
        ("The queue keeps its messages for four days.", "Topics are something else.", []),
        ("A lasts. The queue keeps its messages.", "The queue keeps its messages. A lasts.", []),
    ],
)  # fmt: skip
def test_edits_of_statements(own, said, expected):
    found = [e for a, b in pairs(read_text(own), read_text(said)) for e in edits(a, b, every=True)]
    assert [(e.own, e.said) for e in found] == expected


def test_an_answer_keeps_its_line_breaks_and_colons():
    text = "It answers active: false.\nThen it ends; nothing is kept.\nIt answers active: false."
    assert style.statements(text, "") == "It answers active: false.\nThen it ends; nothing is kept."
