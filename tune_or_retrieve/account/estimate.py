"""What a study on Bedrock will cost, computed from its counts: AWS is not asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tune_or_retrieve.base.records import RETRIEVING
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.budget import Spent
from tune_or_retrieve.money.cost import Usage, cost_or_none
from tune_or_retrieve.money.prices import Prices

UNKNOWN = "unknown"
ABOUT = "~"


@dataclass(frozen=True)
class Tokens:
    """Of one call, on average: what is read and what is written."""

    input: float
    output: float


@dataclass(frozen=True)
class Calls:
    """Calls of one kind."""

    stage: str
    model: str  # whose price it is: the base model of a fine-tuned one
    n: int
    each: Tokens
    batch: bool = False


@dataclass(frozen=True)
class Training:
    """One training job, and a month of storage of the model that it makes."""

    stage: str
    model: str  # base model
    tokens: int  # of the training set
    epochs: int


@dataclass(frozen=True)
class Row:
    """One line of the estimate."""

    stage: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    trained_tokens: int
    dollars: float | None  # None: the price is not known


def answering(
    arms: Iterable[Arm], models: Mapping[str, str], n_questions: int, repeats: int, bare: Tokens, with_passages: Tokens
) -> list[Calls]:
    """The arms of these models, each question `repeats` times, and the warm-up of each arm.

    Args:
        models: base model by the model's name in params.yaml.
    """
    n = n_questions * repeats + 1
    return [
        Calls(f"answer_{approach}@{name}", models[name], n, with_passages if approach in RETRIEVING else bare)
        for name, approach in arms
        if name in models
    ]


def embedding(stage: str, model: str, n_texts: int, tokens: float) -> Calls:
    """Chunks into the index, or queries; `tokens` of one text."""
    return Calls(stage, model, n_texts, Tokens(tokens, 0))


def estimate(work: Sequence[Calls | Training], prices: Prices) -> list[Row]:
    """A row for each piece of work, in that order; tokens are rounded up.

    Raises:
        StageError: a model is not in the table at all.
    """
    return [_training(one, prices) if isinstance(one, Training) else _calls(one, prices) for one in work]


def total(rows: Sequence[Row]) -> float:
    """Dollars of the rows whose price is known."""
    return sum(row.dollars for row in rows if row.dollars is not None)


def table(rows: Sequence[Row], prices: Prices, spent: Mapping[str, Spent]) -> str:
    """The rows as text for a terminal, with what was spent, by stage, next to the estimate."""
    wide = max([len("stage"), *(len(row.stage) for row in rows)])
    model = max([len("model"), *(len(row.model) for row in rows)])
    actual = f"  {'actual tokens':>13}  {'actual $':>10}"
    lines = [f"{'stage':{wide}}  {'model':{model}}  {'calls':>7}  {'tokens in':>12}  {'out':>10}  {'$':>10}{actual}"]
    for row in rows:
        read = row.input_tokens + row.trained_tokens
        line = f"{row.stage:{wide}}  {row.model:{model}}  {row.calls:>7,}  {read:>12,}  {row.output_tokens:>10,}"
        line += f"  {UNKNOWN if row.dollars is None else _dollars(row.dollars):>10}"
        lines.append(line + _actual(spent.get(row.stage)))
    known = {row.stage for row in rows}
    if other := [one for stage, one in spent.items() if stage not in known]:
        lines.append(f"other stages: {sum(one.tokens for one in other):,} tokens, {_sum(other)} spent")
    if any(one.about for one in spent.values()):
        lines.append(f"{ABOUT}: AWS bills these tokens without reporting them; they were counted in what was sent.")
    unknown = [row for row in rows if row.dollars is None]
    sums = f"{'at least ' if unknown else ''}{_dollars(total(rows))} estimated, {_sum(spent.values())} spent"
    lines.append(f"total: {sums} (US dollars, prices of {prices.as_of})")
    lines += [f"{one.stage}: price not known: enter {one.model} in params.yaml under `prices`." for one in unknown]
    return "\n".join(lines)


def _actual(spent: Spent | None) -> str:
    if spent is None:
        return f"  {'-':>13}  {'-':>10}"
    return f"  {(ABOUT if spent.about else '') + f'{spent.tokens:,}':>13}  {_sum([spent]):>10}"


def _sum(spent: Iterable[Spent]) -> str:
    """Dollars; what was spent at a price that is not known is mentioned, and not silently left out."""
    found = list(spent)
    dollars, unknown = sum(one.dollars for one in found), any(one.unknown for one in found)
    return (f"{_dollars(dollars)} + {UNKNOWN}" if dollars else UNKNOWN) if unknown else _dollars(dollars)


def _calls(calls: Calls, prices: Prices) -> Row:
    read, written = _up(calls.n * calls.each.input), _up(calls.n * calls.each.output)
    usage = Usage(calls.model, input_tokens=read, output_tokens=written, batch=calls.batch)
    return Row(calls.stage, calls.model, calls.n, read, written, 0, cost_or_none(usage, prices))


def _training(training: Training, prices: Prices) -> Row:
    trained = training.tokens * training.epochs
    dollars = cost_or_none(Usage(training.model, trained_tokens=trained), prices)
    month = prices.storage_per_model_month
    dollars = None if dollars is None or month is None else dollars + month
    return Row(training.stage, training.model, 1, 0, 0, trained, dollars)


def _up(tokens: float) -> int:
    return -int(-tokens // 1)


def _dollars(value: float) -> str:
    return f"{value:.4f}" if value < 1 else f"{value:,.2f}"
