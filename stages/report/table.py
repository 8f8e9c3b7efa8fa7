"""metrics/table.md: the compact table, aligned so that a terminal shows it as well as a browser."""

from stages.report.comparisons import Comparison
from stages.report.decision import Decision
from stages.report.evidence import Evidence
from stages.report.hardware import machine_line
from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.words import (
    MISSING,
    interval,
    money,
    number,
    p_value,
    percent,
    score,
    share,
    share_interval,
    signed,
    thousand,
)
from tune_or_retrieve.money.prices import Prices

LEFT_ALIGNED = {"model", "approach", "difference", "call"}


def results_table(evidence: Evidence, prices: Prices, confidence: float) -> str:
    study, decision, cells, notes = evidence.study, evidence.decision, evidence.cells, evidence.notes
    parts = ["# Results\n", f"**{decision.headline}** {decision.because}\n"]
    parts += [f"{text}\n" for text in (decision.sure, decision.otherwise) if text]
    parts.append(markdown_table(*_options(decision, prices)))
    if decision.unlike:
        parts.append(f"Seconds are not compared here: {decision.unlike}.\n")
    for verdict in evidence.verdicts:
        parts.append(f"Who beats whom, {verdict.model}: {verdict.headline} {verdict.because}\n")
        parts += [f"{verdict.worth}\n"] * bool(verdict.worth)
    for set_ in study.sets:
        parts.append(f"## {set_.capitalize()} questions (n = {len(study.select(set_))})\n")
        parts.append(markdown_table(*_rows(study, [c for c in cells if c.set == set_ and c.slice is None], prices)))
        if calls := [c for c in evidence.comparisons if c.set == set_]:
            parts.append(markdown_table(*_calls(study, calls)))
    parts.append("## Notes\n")
    machine = [f"Measured on {line}."] if (line := machine_line(study)) else []
    parts += [f"- {note}" for note in [_legend(study, confidence, prices, cells), *machine, *notes]]
    return "\n".join(parts) + "\n"


def _options(decision: Decision, prices: Prices) -> tuple[list[str], list[list[str]]]:
    """What one may choose between, with the figures that a choice rests on."""
    several = len({one.model for one in decision.options}) > 1
    header = ["model"] * several + ["approach", "score", "right answers", "seconds", "1,000 right answers cost", "call"]
    rows = []
    for one in decision.options:
        rows.append(
            [one.model] * several
            + [
                one.approach,
                f"{number(one.score)} {interval(one.score_interval)}".rstrip(),
                f"{share(one.right)} {share_interval(one.right_interval)}".rstrip(),
                number(one.seconds_p50) if one.alike else MISSING,
                money(thousand(one.cost_per_right), prices.currency),
                decision.mark(one),
            ]
        )
    return header, rows


def _legend(study: Study, confidence: float, prices: Prices, cells: list[Cell]) -> str:
    cost = ""
    if any(cell.cost_per_1000 is not None for cell in cells):
        cost = f" Cost is of 1,000 answers, prices of {prices.as_of}."
    mark = " † marks timings of which some are replayed." if any(cell.replayed for cell in cells) else ""
    detectable = "Detectable is the minimum detectable effect of one comparison. " * study.compares
    retrieval = ", retrieval included" * study.retrieves
    changes = "; changes are of means" * any(map(study.against_base, study.models))
    return (
        f"Scores are means on a 0–10 scale with {100 * confidence:.0f}% intervals (bootstrap over articles). "
        f"{detectable}Seconds are p50 / p95 of one call at a time{retrieval}{changes}.{mark}{cost}"
    )


def _rows(study: Study, cells: list[Cell], prices: Prices) -> tuple[list[str], list[list[str]]]:
    several = len(study.models) > 1
    counting = [j for j in study.judges if any(c.judges[j].fact_recall is not None for c in cells)]
    changes = any(map(study.against_base, study.models))
    priced = any(cell.cost_per_1000 is not None for cell in cells)
    header = ["model"] * several + ["approach"]
    for judge in study.judges:
        mark = "" if study.cards[judge].reliable else " (unreliable)"
        header += [f"{judge}{mark}", *["vs base"] * changes]
    header += [f"fact recall ({judge})" for judge in counting]
    header += ["input tokens", "output tokens", "cut at limit", "seconds"]
    header += ["vs base"] * changes + ["cost"] * priced
    rows = []
    for cell in cells:
        row = [cell.model] * several + [cell.approach]
        for judge in study.judges:
            graded = cell.judges[judge]
            row.append(score(graded, cell.n))
            row += [percent(graded.uplift.percent) if graded.uplift else MISSING] * changes
        row += [number(cell.judges[judge].fact_recall) for judge in counting]
        seconds = f"{number(cell.total.p50)} / {number(cell.total.p95)}{' †' * bool(cell.replayed)}"
        row += [
            number(cell.input_tokens, 0),
            number(cell.output_tokens, 0),
            share(cell.at_token_limit),
            seconds if cell.total.p50 is not None else MISSING,
        ]
        row += [percent(cell.total_change.percent) if cell.total_change else MISSING] * changes
        rows.append(row + [money(cell.cost_per_1000, prices.currency)] * priced)
    return header, rows


def _calls(study: Study, comparisons: list[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Paired differences in points, Holm's p and the minimum detectable effect of each judge, and the call."""
    several = len(study.models) > 1
    header = ["model"] * several + ["difference"]
    for judge in study.judges:
        mark = "" if study.cards[judge].reliable else " (unreliable)"
        header += [f"{judge}{mark}", "p (Holm)", "detectable"]
    rows = []
    for c in comparisons:
        row = [c.model] * several + [f"{c.first} − {c.second}"]
        for paired in c.judges.values():
            difference = f"{signed(paired.difference)} {interval(paired.interval, 2, sign=True)}".rstrip()
            row += [difference, p_value(paired.p_holm), number(paired.detectable)]
        rows.append([*row, c.why])
    return [*header, "call"], rows


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    table = [[cell.replace("|", "\\|") for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    left = [name in LEFT_ALIGNED for name in header]
    lines = [_line(row, widths, left) for row in table]
    rule = "|".join("-" * (w + 2) if is_left else "-" * (w + 1) + ":" for w, is_left in zip(widths, left, strict=True))
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]]) + "\n"


def _line(row: list[str], widths: list[int], left: list[bool]) -> str:
    padded = [
        cell.ljust(width) if is_left else cell.rjust(width)
        for cell, width, is_left in zip(row, widths, left, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
