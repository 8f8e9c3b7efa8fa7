"""What benchmarks/study.py makes of a run: one entry of each kind, with the seconds of each stage."""

import json
from pathlib import Path

import pytest

from benchmarks.study import KIND, RESULT, Measured, measure, stage_seconds, with_run


def run(preset: str, instructions: str, emulated: bool, minutes: float) -> dict:
    return {"preset": preset, "instructions": instructions, "emulated": emulated, "minutes": minutes}


def test_a_run_takes_the_place_of_that_of_its_kind():
    runs = [run("local", "bf16", False, 12), run("local", "avx2", True, 30)]
    runs = with_run(runs, run("local", "avx2", True, 20))
    runs = with_run(runs, run("local", "avx2", False, 40))
    runs = with_run(runs, run("quick", "avx2", True, 3))
    assert [(*(one[key] for key in KIND), one["minutes"]) for one in runs] == [
        ("local", "avx2", False, 40),
        ("local", "avx2", True, 20),
        ("local", "bf16", False, 12),
        ("quick", "avx2", True, 3),
    ]


def test_a_stage_lasts_until_the_next_begins():
    lines = [
        (0.5, "params.yaml: no faults.\n"),
        (2.0, "Running stage 'qa':\n"),
        (2.1, "> python -m stages.qa\n"),
        (12.0, "Running stage 'answer_base@micro':\n"),
        (19.0, "# Results\n"),
    ]
    assert stage_seconds(Measured(20.0, 1.0, lines)) == {"qa": 10.0, "answer_base@micro": 8.0}
    assert stage_seconds(Measured(20.0, 1.0, [])) == {}


def test_what_a_command_prints_is_shown_and_timed(tmp_path, capsys):
    found = measure(["sh", "-c", 'echo "$ONE"; echo two'], tmp_path, {"ONE": "one"})
    assert [line for _, line in found.lines] == ["one\n", "two\n"]
    assert capsys.readouterr().out == "one\ntwo\n"
    (first, _), (second, _) = found.lines
    assert 0 < first <= second <= found.seconds


def test_a_command_that_fails_ends_it(tmp_path):
    with pytest.raises(SystemExit) as end:
        measure(["sh", "-c", 'exit "$CODE"'], tmp_path, {"CODE": "3"})
    assert str(end.value) == 'sh -c exit "$CODE" ended with 3'


def test_the_committed_runs_say_on_what_they_were_measured():
    runs = json.loads(Path(RESULT).read_text(encoding="utf-8"))
    wanted = {"commit", "preset", "processor", "instructions", "emulated", "cores", "python", "minutes", "peak_gib"}
    assert [wanted - one.keys() for one in runs] == [set()] * len(runs)
    assert len({tuple(one[key] for key in KIND) for one in runs}) == len(runs)
