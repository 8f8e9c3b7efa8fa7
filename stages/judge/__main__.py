"""``python -m stages.judge <judge>``: controls and scores of one judge, from the repository's root."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from stages.judge.controls.choosing import choose
from stages.judge.inputs import read_answers, read_validation
from stages.judge.judging import (
    check_coverage,
    doubt,
    gradings,
    judge_answers,
    judge_controls,
    metrics,
    open_judge,
)
from stages.judge.params import JudgeParams, LlmJudgeParams
from tune_or_retrieve.base.errors import NotYet, StageError
from tune_or_retrieve.base.files import write_json, write_jsonl
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.questions import read_questions
from tune_or_retrieve.base.records import Effort
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.base.study import ApproachesParams


@stage
def main() -> None:
    if len(sys.argv) != 2:
        raise StageError("usage: python -m stages.judge <judge>, a name of params.yaml under `judges`.")
    name = sys.argv[1]
    params, arms = load(f"judges.{name}", JudgeParams), load("study.approaches", ApproachesParams).arms
    questions, answers, pairs = read_questions(), read_answers(arms), read_validation()
    controls = choose(pairs, params.control_pairs)
    with (
        _named(name, params),
        open_judge(name, params, load(SECTION, RunParams), gradings(controls, questions, answers)) as judge,
    ):
        start = time.perf_counter()
        report = judge_controls(judge, controls)
        scores = judge_answers(judge, name, questions, answers)
        effort = getattr(judge, "effort", Effort(seconds=time.perf_counter() - start))
    check_coverage(name, scores, params)
    write_jsonl(Path("data/scores") / f"{name}.jsonl", scores)
    write_json(
        Path("metrics/judge") / f"{name}.json", metrics(report, scores, params, getattr(judge, "asked_again", 0))
    )
    billed_as = getattr(params, "billed_as", None)
    write_json(
        Path("data/timings/judge") / f"{name}.json", effort.model_copy(update={"billed_as": billed_as}).model_dump()
    )
    accuracy = "none" if report.accuracy is None else f"{report.accuracy:.1%}"
    say(f"judge {name}: {accuracy} of control pairs rightly ordered")
    if reason := doubt(report, params):
        say(f"WARNING: judge {name} is UNRELIABLE: {reason}. Do not rest a conclusion on it.")


@contextlib.contextmanager
def _named(name: str, params: JudgeParams) -> Iterator[None]:
    """A fault of a judge's chat model names the judge, and says how to do without it."""
    try:
        yield
    except StageError as fault:
        if not isinstance(params, LlmJudgeParams) or isinstance(fault, NotYet):
            raise
        named = str(fault).startswith(f"judge {name}") or str(fault).startswith(f"judge@{name}")
        told = fault if named else StageError(f"judge {name}: {fault}")
        for note in getattr(fault, "__notes__", []) if told is not fault else []:
            told.add_note(note)
        told.add_note("To leave this judge out, remove it from study.judges in params.yaml.")
        raise told from fault.__cause__


if __name__ == "__main__":
    main()
