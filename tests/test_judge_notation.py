"""One notation of times, sums, ranges and rates, and texts laid beside one another word for word."""

import pytest

from stages.judge import style
from stages.judge.contradictions.statements import edits, pairs
from stages.judge.notation import in_one_notation
from stages.judge.text import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10 p.m. to 6 a.m.", "from 22:00 to 06:00."),
        ("It opens at 9 a.m. The guard leaves.", "It opens at 09:00. The guard leaves."),
        ("at 12 am and 12:30 pm", "at 00:00 and 12:30"),
        ("at 7:15 sharp", "at 07:15 sharp"),
        ("four and a half hours", "4.5 hours"),
        ("costs €15 or 20 EUR", "costs 15 euros or 20 euros"),
        ("$1,000 or USD 5", "1,000 dollars or 5 dollars"),
        ("at 4 °C or 8 degrees Celsius", "at 4 celsius or 8 celsius"),
        ("takes 3-5 hours", "takes 3 to 5 hours"),
        ("version 1.3-5 hours", "version 1.3-5 hours"),
        ("flushed weekly for 3 minutes, checked daily", "flushed every 1 week for 3 minutes, checked every 1 day"),
        ("the daily report", "the daily report"),
    ],
)  # fmt: skip
def test_one_notation(text, expected):
    assert in_one_notation(text) == expected


@pytest.mark.parametrize(
    ("own", "said", "expected"),
    [
        ("The queue keeps its messages for four days.", "The queue keeps its messages for nine days.", [(("four",), ("nine",))]),  # noqa: E501
        ("The queue keeps its messages for four days.", "The queue does not keep its messages for four days.", [((), ("does", "not"))]),  # noqa: E501
        ("The queue keeps its messages for four days.", "Topics are something else.", []),
        ("A lasts. The queue keeps its messages.", "The queue keeps its messages. A lasts.", []),
    ],
)  # fmt: skip
def test_edits_of_statements(own, said, expected):
    found = [e for a, b in pairs(read(own), read(said)) for e in edits(a, b, every=True)]
    assert [(e.own, e.said) for e in found] == expected


def test_an_answer_keeps_its_line_breaks_and_colons():
    text = "It answers active: false.\nThen it ends; nothing is kept.\nIt answers active: false."
    assert style.statements(text, "") == "It answers active: false.\nThen it ends; nothing is kept."
