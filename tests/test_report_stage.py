"""The stage as it is run: its params, its faults, and its outs under the real DVC."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import struck
from report_rows import study_params, write_study
from test_report_summary import many, steady

from stages.report.__main__ import main
from stages.report.inputs import remove_dropped
from stages.report.params import ReportParams
from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import INTERRUPTED, StageError
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.money.prices import Prices

ROOT = Path(__file__).parent.parent
PARAMS = """\
articles: {source: botocore}
study:
  approaches: {base: {micro: embedded}, rag: {micro: embedded}, ft: {micro: embedded}, ft_rag: {micro: embedded}}
  fine_tune: {micro: embedded}
  judges: {facts: none, semantic: none}
prices: {as_of: "2026-11-22", currency: USD, compute_per_hour: 0.09, per_million_tokens: {}}
report: {seed: 3, confidence: 0.95, bootstrap_samples: 200, permutation_samples: 200, power: 0.8}
"""
DVC_YAML = """\
stages:
  report:
    cmd: {python} -m stages.report
    params: [study, prices, report, articles.source]
    deps: [data]
    metrics:
      - metrics/summary.json: {{cache: false}}
"""


@pytest.mark.parametrize(
    ("old", "new", "key", "kind", "message"),
    [
        ("seed: 3", "seed: -1", "report", ReportParams, "report.seed: must be greater than or equal to 0. Got -1."),
        ("confidence: 0.95", "confidence: 1.0", "report", ReportParams,
         "report.confidence: must be less than 1. Got 1.0."),
        ("power:", "powr:", "report", ReportParams, None),
        ("2026-11-22", "last week", "prices", Prices,
         "prices.as_of: must be a date like '2026-11-22'. Got 'last week'."),
        ("0.09", "-1", "prices", Prices, "prices.compute_per_hour: must be greater than or equal to 0. Got -1."),
        ("{facts: none, semantic: none}", "[facts, claude]", "study", StudyParams,
         "study.judges: must name the provider of each entry, as in {facts: ..., claude: ...}: by it dvc.yaml names "
         "the code. Got ['facts', 'claude']."),
    ],
)  # fmt: skip
def test_bad_params(tmp_path, old, new, key, kind, message):
    file = tmp_path / "params.yaml"
    file.write_text(PARAMS.replace(old, new), encoding="utf-8")
    with pytest.raises(StageError) as fault:
        params.load(key, kind, file)
    if message is None:
        expected = f"{file}: 2 faults:\n  report.power: missing.\n  report.powr: unknown key. Did you mean 'power'?"
    else:
        expected = f"{file}: 1 fault:\n  {message}"
    assert str(fault.value) == expected


def run(command, cwd):
    # As a user's shell has it: the make that runs these tests would have its own words on what the inner one prints.
    ours = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    environment = {**ours, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path):
    write_study(tmp_path, many(2, 4), {"facts": steady(), "semantic": steady(spread=0.8)})
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return tmp_path


def test_a_fault_leaves_nothing_half_written(project):
    (project / "data/scores/semantic.jsonl").unlink()
    done = run([sys.executable, "-m", "stages.report"], project)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: data/scores/semantic.jsonl: no such file. Run `dvc repro`, which makes it.\n"
    assert not list(project.glob("metrics/*.html")) + list(project.glob("plots/*"))


def test_what_the_study_no_longer_has_is_removed(project, monkeypatch, capsys):
    """Of its models and judges: outs that the report reads whole folders of. Timings of other stages stay."""
    monkeypatch.chdir(project)
    before = {str(path) for path in Path().rglob("*.json*")}
    remove_dropped(study_params({"micro": ["base", "rag"]}, ["facts"]))
    gone = [
        *(f"{folder}/{approach}/micro.jsonl" for folder in ("data/answers", "data/timings/answer")
          for approach in ("ft", "ft_rag")),
        *("data/timings/fine_tune/micro.json", "metrics/fine_tune/micro.json"),
        *("data/timings/judge/semantic.json", "metrics/judge/semantic.json", "data/scores/semantic.jsonl"),
    ]  # fmt: skip
    assert before - {str(path) for path in Path().rglob("*.json*")} == set(gone)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{file}: removed, as the study no longer has it." for file in gone]


@pytest.mark.parametrize(("source", "compared"), [("botocore", True), ("folder", False)])
def test_the_study_of_aws_is_compared_with_if_its_documentation_was_read(project, monkeypatch, source, compared):
    monkeypatch.chdir(project)
    (project / "params.yaml").write_text(PARAMS.replace("source: botocore", f"source: {source}"), encoding="utf-8")
    main()
    page = (project / "metrics/report.html").read_text(encoding="utf-8")
    assert ("Compared with the study of Amazon Nova" in page) == compared


def test_make_repro_ends_with_the_table_once_whether_or_not_the_report_was_made(project):
    """The real Makefile, its set-up done, in an environment whose DVC has only this stage left to run."""
    for name in ("Makefile", "requirements.lock", "requirements-nodeps.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    for name, script in {
        "tune-or-retrieve": "",  # of the check of params.yaml, which has tests of its own
        "dvc": f"test -e metrics/report.html || exec {sys.executable} -m stages.report",
    }.items():
        (project / ".venv/bin").mkdir(parents=True, exist_ok=True)
        (project / ".venv/bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (project / ".venv/bin" / name).chmod(0o755)
    (project / ".venv/.ready").touch()
    for made in (True, False):
        done = run(["make", "repro"], project)
        table = (project / "metrics/table.md").read_text(encoding="utf-8")
        assert (done.returncode, done.stdout.endswith(table), done.stdout.count(table)) == (0, True, 1), done
        assert ("report: the table is in metrics/table.md" in done.stderr) == made


def _interrupted(command, cwd) -> tuple[int, str]:
    """Exit code and what the stage said, when Ctrl-C comes as a terminal sends it: to all processes at once."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
    environment |= struck.environment(cwd / "site", signal.SIGINT)
    environment["PYTHONPATH"] += f"{os.pathsep}{ROOT}"
    allowed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731 - a job in the background ignores it
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, start_new_session=True, preexec_fn=allowed, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = done.stdout.partition("> ")[2].partition("\n")[2].partition("ERROR: failed to reproduce")[0]
    return done.returncode, said


def test_ctrl_c_under_dvc_then_it_goes_on_and_reads_the_flat_keys(project):
    (project / "dvc.yaml").write_text(DVC_YAML.format(python=sys.executable), encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    for command in (["git", "init", "-q"], [*dvc, "init", "-q"], [*dvc, "config", "core.analytics", "false"]):
        assert run(command, project).returncode == 0
    assert _interrupted([*dvc, "repro"], project) == (255, f"comparisons: 0/4 families{INTERRUPTED}\n")
    assert not (project / "metrics/summary.json").exists()
    done = run([*dvc, "repro"], project)
    assert done.returncode == 0, done.stderr
    shown = json.loads(run([*dvc, "metrics", "show", "--json"], project).stdout)
    summary = json.loads((project / "metrics/summary.json").read_text(encoding="utf-8"))
    assert shown[""]["data"]["metrics/summary.json"]["data"] == summary
    assert not [value for value in summary.values() if not isinstance(value, int | float)]
