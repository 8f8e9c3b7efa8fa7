"""Prices, estimate and budget: exact dollars, no model for free, and a ledger that survives a kill."""

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pydantic import ValidationError

import stages
from tune_or_retrieve.account.estimate import (
    Calls,
    Tokens,
    Training,
    answering,
    embedding,
    estimate,
    table,
    total,
)
from tune_or_retrieve.account.requirements import Asked, Requirements, Tuned, requirements
from tune_or_retrieve.account.work import count, work
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import APPROACHES
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.budget import Budget, Spent
from tune_or_retrieve.money.cost import PriceUnknown, Usage, cost, per_hour
from tune_or_retrieve.money.prices import Prices, TokenPrice

MICRO, HAIKU, TITAN = (
    "amazon.nova-micro-v1:0",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "amazon.titan-embed-text-v2:0",
)
PRICES = Prices(
    as_of="2026-11-22",
    per_million_tokens={
        MICRO: TokenPrice(input=0.035, output=0.14),
        HAIKU: TokenPrice(input=1.0, output=5.0, cache_read=0.1, cache_write=1.25),
        f"us.{HAIKU}": TokenPrice(input=1.1, output=5.5),
        TITAN: TokenPrice(input=0.02),
    },
    training_per_1k_tokens={MICRO: 0.001},
    storage_per_model_month=1.95,
    provisioned_per_hour={MICRO: 60.0},
)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(MICRO, 1_000_000, 1_000_000), 0.175),
        (Usage(f"us.{MICRO}", 1_000_000), 0.035),
        (Usage(f"eu.{MICRO}", 1_000_000), 0.035),
        (Usage(f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{MICRO}", 1_000_000), 0.035),
        (Usage(MICRO, 1_000_000, 1_000_000, batch=True), 0.0875),
        (Usage(HAIKU, 0, 1_000_000), 5.0),
        (Usage(f"us.{HAIKU}", 0, 1_000_000), 5.5),
        (Usage(HAIKU, 0, 0, cache_read_tokens=1_000_000, cache_write_tokens=1_000_000), 1.35),
        (Usage(MICRO, 0, 0, cache_read_tokens=1_000_000), 0.035),
        (Usage(f"{MICRO}:128k", trained_tokens=1_000_000), 1.0),
        (Usage(TITAN, 1_000_000), 0.02),
        (Usage("unknown", 0, 0), 0.0),
    ],
)
def test_cost(usage, dollars):
    assert cost(usage, PRICES) == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("usage", "key", "known"),
    [
        (Usage("us.amazon.nova-pro-v1:0", 1), "per_million_tokens", f"{MICRO}, {HAIKU}, us.{HAIKU}, {TITAN}"),
        (Usage("us.amazon.nova-pro-v1:0", trained_tokens=1), "training_per_1k_tokens", MICRO),
    ],
)
def test_a_model_without_a_price_is_never_free(usage, key, known):
    with pytest.raises(StageError) as caught:
        cost(usage, PRICES)
    assert str(caught.value) == (
        f"params.yaml: the price table of 2026-11-22 has no {key} for us.amazon.nova-pro-v1:0, so its cost cannot be "
        f"known. Add it, as amazon.nova-pro-v1:0, or correct the id: `tune-or-retrieve doctor` says whether it exists. "
        f"Known: {known}."
    )


def test_throughput_by_the_hour():
    assert per_hour(f"{MICRO}:128k", 2, PRICES) == 120.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"as_of": "today"}, "must be a date like '2026-11-22'"),
        ({"training_per_1k_tokens": {MICRO: -1.0}}, "greater than or equal to 0"),
        ({"per_million_tokens": {MICRO: {"input": -1.0}}}, "greater than or equal to 0"),
        ({"cents": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_table_is_checked(change, message):
    with pytest.raises(ValidationError, match=message):
        Prices.model_validate(PRICES.model_dump() | change)


WORK = [
    embedding("index", TITAN, 1000, 150.5),
    Training("fine_tune@micro", f"{MICRO}:128k", 200_000, 2),
    *answering([Arm("micro", one) for one in APPROACHES], {"micro": MICRO}, 50, 2, Tokens(100, 40), Tokens(900, 40)),
    Calls("judge@claude", f"us.{HAIKU}", 600, Tokens(700, 100)),
    Calls("qa", MICRO, 40, Tokens(1000, 500), batch=True),
]


def test_an_estimate_has_a_row_for_each_piece_of_work():
    rows = estimate(WORK, PRICES)
    assert [(row.stage, row.calls, row.input_tokens, row.output_tokens, row.trained_tokens) for row in rows] == [
        ("index", 1000, 150_500, 0, 0),
        ("fine_tune@micro", 1, 0, 0, 400_000),
        ("answer_base@micro", 101, 10_100, 4040, 0),
        ("answer_rag@micro", 101, 90_900, 4040, 0),
        ("answer_ft@micro", 101, 10_100, 4040, 0),
        ("answer_ft_rag@micro", 101, 90_900, 4040, 0),
        ("judge@claude", 600, 420_000, 60_000, 0),
        ("qa", 40, 40_000, 20_000, 0),
    ]
    assert [row.dollars for row in rows] == pytest.approx(
        [0.00301, 0.4 + 1.95, 0.0009191, 0.0037471, 0.0009191, 0.0037471, 0.462 + 0.33, 0.0021]
    )
    assert total(rows) == pytest.approx(sum(row.dollars for row in rows))


def test_the_table_shows_what_was_spent_beside_the_estimate():
    rows = estimate(WORK[:2], PRICES)
    assert table(rows, PRICES, {"index": Spent(155_000, 0.0031, about=1), "warm_up": Spent(9, 0.5)}).splitlines() == [
        "stage            model                           calls     tokens in         out           $  "
        "actual tokens    actual $",
        "index            amazon.titan-embed-text-v2:0    1,000       150,500           0      0.0030  "
        "     ~155,000      0.0031",
        "fine_tune@micro  amazon.nova-micro-v1:0:128k         1       400,000           0        2.35  "
        "            -           -",
        "other stages: 9 tokens, 0.5000 spent",
        "~: AWS bills these tokens without reporting them; they were counted in what was sent.",
        "total: 2.35 estimated, 0.5031 spent (US dollars, prices of 2026-11-22)",
    ]


def test_a_price_that_is_not_known_is_said_and_never_taken_for_nothing():
    prices = PRICES.model_copy(update={"training_per_1k_tokens": {MICRO: None}})
    with pytest.raises(PriceUnknown) as caught:
        cost(Usage(f"{MICRO}:128k", trained_tokens=1), prices)
    assert str(caught.value) == f"price not known: enter it in params.yaml as prices.training_per_1k_tokens.{MICRO}"
    rows = estimate(WORK[:2], prices)
    assert [row.dollars for row in rows] == [pytest.approx(0.00301), None]
    spent = {"index": Spent(155_000, 0.0031), "fine_tune@micro": Spent(400_000, 0.0, 1)}
    assert table(rows, prices, spent).splitlines()[2:] == [
        "fine_tune@micro  amazon.nova-micro-v1:0:128k         1       400,000           0     unknown        400,000   "
        "  unknown",
        "total: at least 0.0030 estimated, 0.0031 + unknown spent (US dollars, prices of 2026-11-22)",
        "fine_tune@micro: price not known: enter amazon.nova-micro-v1:0:128k in params.yaml under `prices`.",
    ]


# Budget


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Of the ledger."""
    monkeypatch.chdir(tmp_path)
    return Path(".cache/spent.jsonl")


def test_what_is_recorded_is_found_again_by_stage(path):
    Budget().record("qa", MICRO, 0.035, 1_000_000)
    again = Budget()
    again.record("judge@claude", f"us.{HAIKU}", 1.1, 1_000_000)
    again.record("qa", MICRO, 0.035, 1_000_000)
    assert {stage: (one.tokens, round(one.dollars, 9)) for stage, one in again.by_stage().items()} == {
        "qa": (2_000_000, 0.07), "judge@claude": (1_000_000, 1.1),
    }  # fmt: skip
    assert again.spent() == pytest.approx(1.17)
    again.check(1e9, "qa")


def test_a_budget_is_held_before_it_is_passed(path):
    budget = Budget(2.0)
    budget.record("qa", f"us.{HAIKU}", 1.1, 1_000_000)
    budget.check(0.89, "judge@claude")
    with pytest.raises(StageError) as caught:
        budget.check(0.91, "judge@claude")
    assert str(caught.value) == (
        f"judge@claude: estimated at $0.9100, and $1.1000 are spent already ({path}): together above budget_usd, "
        "$2.00. Nothing was started. Raise budget_usd in params.yaml, ask for less (fewer questions, pairs or "
        "judges), or remove that file if what it lists is settled."
    )


def test_with_a_budget_nothing_starts_whose_price_is_not_known(path):
    Budget().check(None, "fine-tuning micro")
    with pytest.raises(StageError) as caught:
        Budget(2.0).check(None, "fine-tuning micro")
    assert str(caught.value) == (
        "fine-tuning micro: price not known: enter it in params.yaml under `prices`. Nothing was started, as "
        "budget_usd, $2.00, cannot be enforced without it; with budget_usd: null it starts anyway."
    )


def test_what_was_paid_at_an_unknown_price_is_counted_once_its_price_is_there(path):
    Budget().record("fine_tune@micro", MICRO, None, 1000, once="job")
    budget = Budget(2.0)
    assert budget.by_stage() == {"fine_tune@micro": Spent(1000, 0.0, 1)}
    with pytest.raises(StageError) as caught:
        budget.check(0.1, "judge@claude")
    assert str(caught.value) == (
        f"{path}, line 1: fine_tune@micro was paid for while its price was not known, so budget_usd cannot be enforced."
        " Replace null with its dollars."
    )
    for _ in range(2):
        budget.record("fine_tune@micro", MICRO, 1.0, 1000, once="job")
    assert budget.by_stage() == {"fine_tune@micro": Spent(1000, 1.0, 0)}
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(("scoring", "calls"), [("points", 8 * 50 + 3 * 16), ("pairwise", 56 * 50 + 3 * 240)])
def test_a_judge_makes_a_call_for_each_answer_or_for_every_two_in_both_orders(tmp_path, monkeypatch, scoring, calls):
    monkeypatch.chdir(tmp_path)
    judge = {"provider": "bedrock", "model": HAIKU, "control_pairs": 3, "scoring": scoring}
    content = {
        "study": {
            "approaches": {one: ["a", "b"] for one in APPROACHES},
            "judges": {"j": "bedrock"},
        },
        "judges": {"j": judge},
        "qa": {"test_questions": 50},
    }
    [row] = [one for one in work(requirements(content), count(content), content) if one.stage == "judge@j"]
    assert row.n == calls


def test_a_stage_enters_what_it_pays_under_the_name_that_the_estimate_has(tmp_path, monkeypatch):
    """Over the names in the code."""
    entered = set()
    for file in Path(stages.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Spending":
                entered.add(re.sub(r"\{.*?\}", "*", ast.unparse(node.args[0])[1:].strip("'\"")))
    monkeypatch.chdir(tmp_path)  # where nothing can be counted
    required = Requirements(
        {"m": Asked(MICRO)}, {"m": Tuned(MICRO, 1)}, {"j": Asked(HAIKU)}, Asked(MICRO), TITAN, None, {}
    )
    rows = [one.stage for one in work(required, count({}), {"study": {"approaches": {"base": ["m"]}}})]
    names = {re.sub(r"answer_\w+", "answer_*", re.sub(r"@.*", "@*", row)) for row in rows}
    assert entered == names


def test_a_guard_stops_before_the_budget_is_passed(path):
    budget = Budget(1.0)
    budget.record("qa", HAIKU, 0.4, 400_000)
    budget.guard("qa", at_most=0.5)
    budget.record("qa", HAIKU, 0.4, 400_000)
    with pytest.raises(StageError, match=r"qa: stopped before budget_usd, \$1\.00, is passed: \$0\.8000 are spent"):
        budget.guard("qa", at_most=0.5)
    assert budget.spent() == pytest.approx(0.8)


def test_a_line_torn_by_a_kill_costs_no_other(path):
    budget = Budget()
    budget.record("qa", MICRO, 1.0, 1)
    with path.open("ab") as file:
        file.write(b'{"at": "2026-11-24T10:00:00Z", "stage": "q')
    assert budget.spent() == 1.0
    budget.record("qa", MICRO, 2.0, 1)
    assert budget.spent() == 3.0


def test_a_ledger_that_an_editor_saved_is_the_same_ledger(path):
    budget = Budget()
    budget.record("qa", MICRO, 1.0, 1)
    budget.record("qa", MICRO, 2.0, 1)
    path.write_bytes(b"\xef\xbb\xbf\r\n" + path.read_bytes().replace(b"\n", b" \r\n\r\n"))
    assert budget.spent() == 3.0
    path.write_bytes(path.read_text(encoding="utf-8-sig").encode("utf-16"))
    with pytest.raises(StageError) as caught:
        budget.spent()
    assert str(caught.value) == f"{path}: must be UTF-8. Got UTF-16. Save it as UTF-8."


def test_a_line_that_is_no_entry_is_a_fault(path):
    path.parent.mkdir()
    path.write_text('{"stage": "qa"}\n')
    with pytest.raises(StageError) as caught:
        Budget().spent()
    assert str(caught.value) == (
        f"{path}, line 1: not an entry of the spending ledger. Correct or remove the line; without it the budget "
        "cannot be enforced."
    )


WRITER = """
    import sys
    from tune_or_retrieve.money.budget import Budget
    for number in range(25):
        Budget().record("qa", "m", 1.0, 1)
    assert not {"boto3", "langchain_aws"} & set(sys.modules)
"""


def test_two_processes_record_at_once(path):
    command = [sys.executable, "-c", textwrap.dedent(WRITER)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert Budget().spent() == 50.0
