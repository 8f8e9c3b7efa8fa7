"""What `tune-or-retrieve check` says of the next `dvc repro`: by real DVC, on a pipeline of three stages."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from small_study import ROOT, change, study_of

from tune_or_retrieve.account.estimate import estimate, total
from tune_or_retrieve.account.requirements import prices, requirements
from tune_or_retrieve.account.work import count, work
from tune_or_retrieve.base import machine, params
from tune_or_retrieve.base.errors import NotYet, StageError
from tune_or_retrieve.base.stage import KEPT, NAME, durations, size_id, stage
from tune_or_retrieve.commands import check as checks
from tune_or_retrieve.commands.preset import apply

NO_FAULTS = "params.yaml: no faults.\n"
STAGES = {"qa": ("seed", "qa.txt"), "judge": ("qa.txt", "judge.txt"), "report": ("judge.txt", "report.txt")}
STAGE = """\
import sys
from pathlib import Path
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.stage import stage

@stage
def main():
    text = Path(sys.argv[1]).read_text()
    if text == "bad":
        raise StageError("seed: bad.")
    Path(sys.argv[2]).write_text(text)

main()
"""
MEASURED = {
    "preset": "local", "processor": "Abacus", "instructions": "baseline", "cores": 2, "emulated": False,
    "stage_seconds": {"qa": 39.5, "judge": 110.0, "report": 7.4},
}  # fmt: skip
BUSY = "What would run is not known: DVC is at work here. Ask again when it has ended.\n"


def _dvc(*arguments: str, code: int = 0) -> str:
    """What it prints, on stdout or, if it fails as expected, on stderr."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def _pipeline(stages: dict[str, tuple[str, str]]) -> None:
    command = f"{sys.executable} stage.py"
    written = {
        name: {"cmd": f"{command} {read} {made}", "deps": [read], "outs": [made]}
        for name, (read, made) in stages.items()
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": written}))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with params.yaml and presets as we ship them, and nothing run yet."""
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_STAGE", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    Path("data/documents").mkdir(parents=True)
    Path("data/eval").mkdir()
    Path("data/eval/questions.jsonl").touch()
    Path("benchmarks/results").mkdir(parents=True)
    Path("benchmarks/results/study.json").write_text(json.dumps([MEASURED]))
    Path("seed").write_text("1")
    Path("stage.py").write_text(STAGE)
    _pipeline(STAGES)
    subprocess.run(["git", "init", "-q"], check=True)
    _dvc("init", "-q")
    return tmp_path


@pytest.fixture
def said(capsys):
    """What `check` prints, without the models' approaches and where text is sent."""

    def check() -> str:
        checks.check()
        return re.sub(r"Approaches of .*\n|No text .*\n|Text is sent:\n(  to .*\n)+", "", capsys.readouterr().out)

    return check


def _durations(**seconds: list[float]) -> None:
    """As measured with a study of this size."""
    mine = size_id(params.everything())
    Path(".cache", NAME).parent.mkdir(exist_ok=True)
    Path(".cache", NAME).write_text(json.dumps({name: [[one, mine] for one in runs] for name, runs in seconds.items()}))


def test_before_the_first_run_our_own_measurement_is_told(project, said):
    assert said() == NO_FAULTS + (
        "At most 3 stages would run:\n"
        "  qa           40 s\n"
        "  judge       110 s\n"
        "  report        7 s\n"
        "About 3 min in all, measured on Abacus (baseline), 2 cores, by benchmarks/results/study.json.\n"
        "Nothing is paid for: all of it runs on this machine (about 0.00 USD of machine time).\n"
    )


def test_a_processor_like_this_one_is_preferred(project, said):
    here = MEASURED | {"instructions": machine.instructions(), "processor": "Twin", "emulated": True}
    Path("benchmarks/results/study.json").write_text(json.dumps([MEASURED, here, MEASURED | {"preset": "quick"}]))
    assert f"measured on Twin ({machine.instructions()}, emulated), 2 cores, by " in said()


def test_a_stage_that_fails_says_where_the_results_of_its_last_run_are(project):
    Path("seed").write_text("bad")
    assert "error: seed: bad.\nERROR: failed to reproduce 'qa'" in _dvc("repro", code=255)  # nothing was there before
    Path("seed").write_text("1")
    _dvc("repro")
    Path("seed").write_text("bad")
    assert _dvc("repro", code=255).startswith(
        "error: seed: bad.\n"
        "Before qa began, DVC removed what its last run had written (qa.txt). `dvc checkout qa` brings its data back, "
        "and git its metrics and plots, if they are committed.\n"
    )
    assert not Path("qa.txt").exists()
    _dvc("checkout", "qa")
    assert Path("qa.txt").read_text() == "1"


def test_after_a_run_nothing_would_run_and_after_a_change_what_it_changes(project, said):
    _dvc("repro")
    assert said() == f"{NO_FAULTS}Nothing would run: all stages are up to date.\n"
    assert {name: len(runs) for name, runs in durations().items()} == {"qa": 1, "judge": 1, "report": 1}
    assert all(run.size == size_id(params.everything()) for runs in durations().values() for run in runs)
    _durations(qa=[30.0], judge=[1.0, 8000.0, 2.0], report=[3.0])
    Path("judge.txt").unlink()
    assert said() == NO_FAULTS + (
        "At most 2 stages would run:\n"
        "  judge       2.2 h\n"
        "  report        3 s\n"
        "About 2.2 h in all, measured here.\n"
        "Nothing is paid for: all of it runs on this machine (about 0.20 USD of machine time).\n"
    )


def test_what_was_measured_with_a_study_of_another_size_counts_less_than_what_we_measured(project, said):
    """Size is what the presets set: other settings count as the same study."""
    _durations(qa=[5.0], extra=[6.0])
    _pipeline({**STAGES, "extra": ("seed", "extra.txt"), "other": ("seed", "other.txt")})
    change(project / "params.yaml", {"qa.seed": 8, "prices.compute_per_hour": None})
    time = [line for line in said().splitlines() if not line.startswith("  ")]
    assert time[2:] == [
        "At least 2 min in all, measured here; judge, report: measured on Abacus (baseline), 2 cores, by "
        "benchmarks/results/study.json; other: not known.",
        "Nothing is paid for: all of it runs on this machine.",
    ]
    change(project / "params.yaml", {"qa.pairs": 999})
    *stages, time, cost = said().splitlines()[2:]
    assert sorted(stages) == [
        "  extra         6 s", "  judge   not known", "  other   not known", "  qa            5 s",
        "  report  not known",
    ]  # fmt: skip
    time, _, unknown = time.partition("; ")
    assert (time, cost) == (
        "At least 11 s in all, measured here with a study of another size",
        "Nothing is paid for: all of it runs on this machine.",
    )
    assert sorted(unknown.removesuffix(": not known.").split(", ")) == ["judge", "other", "report"]
    Path(".cache", NAME).unlink()
    assert "How long that takes is not known: it was never measured here.\n" in said()


@pytest.mark.parametrize("missing", ["benchmarks", "presets"])
def test_without_our_measurements_only_those_made_here_are_told(project, said, missing):
    shutil.rmtree(missing)
    assert "How long that takes is not known: it was never measured here.\n" in said()


@pytest.mark.parametrize("presets", [["quick"], ["quick", "local"]], ids=" ".join)
def test_the_small_study_has_times_of_its_own(project, said, presets):
    small = MEASURED | {"preset": "quick", "stage_seconds": {"qa": 1.0, "judge": 2.0, "report": 3.0}}
    Path("benchmarks/results/study.json").write_text(json.dumps([MEASURED, small]))
    _durations(qa=[500.0])
    for name in presets:
        apply(name)
    assert ("About 6 s in all" in said()) == (presets == ["quick"])


def test_a_running_repro_is_left_alone_and_says_so(project, said):
    """A stage runs the check: DVC has given its lock back meanwhile, and holds the stage's files."""
    command = f"{sys.executable} -m tune_or_retrieve check > said.txt"
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"qa": {"cmd": command, "outs": ["said.txt"]}}}))
    _dvc("repro")
    assert Path("said.txt").read_text().splitlines()[-1:] == BUSY.splitlines()
    assert said() == f"{NO_FAULTS}Nothing would run: all stages are up to date.\n"


def test_a_lock_that_is_taken_is_told(project, said):
    with Path(".dvc/tmp/lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert said() == NO_FAULTS + BUSY
    dead = subprocess.Popen(["true"])
    dead.wait()
    held = {"write": {str(project / "qa.txt"): {"pid": dead.pid, "cmd": "dvc repro"}}, "read": {}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps(held))
    assert "At most 3 stages would run:\n" in said()


def test_no_lock_is_taken(project, said, monkeypatch):
    def taken(*_, **__):
        raise AssertionError("a lock of DVC was taken")

    monkeypatch.setattr("dvc.lock.Lock.lock", taken)
    monkeypatch.setattr("dvc.rwlock._edit_rwlock", taken)
    assert "At most 3 stages would run:\n" in said()


def test_a_pipeline_that_dvc_cannot_read_is_told_in_its_words(project, said):
    Path("dvc.yaml").write_text("stages: {qa: {cmd: 'x ${nothing}'}}")
    line = said().removeprefix(NO_FAULTS)
    assert line.startswith("What would run is not known: DVC says: ")
    assert "nothing" in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("missing", [".dvc", "dvc.yaml"])
def test_without_a_pipeline_only_faults_are_told(project, said, missing):
    Path(missing).rename("elsewhere")
    assert said() == NO_FAULTS


def _paid(project: Path, **changes: object) -> list[str]:
    """Stages of a study that asks models elsewhere, and params without a price of this machine."""
    change(project / "params.yaml", {"prices.compute_per_hour": None, **changes})
    stages = {
        name: {"foreach": items, "do": {"cmd": "true ${item}", "deps": ["seed"], "outs": [f"{name}_${{item}}"]}}
        for name, items in {"answer_rag": ["micro"], "judge": ["claude"]}.items()
    }
    stages["index"] = {"cmd": "true", "deps": ["seed"], "outs": ["index"]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return ["answer_rag@micro", "judge@claude", "index"]


def _dollars(stages: list[str]) -> float:
    content = params.everything()
    rows = estimate(work(requirements(content), count(content), content), prices(content))
    return total([row for row in rows if row.stage in stages])


def test_a_study_on_bedrock_tells_its_price_beside_the_budget(project, said):
    apply("bedrock")
    stages = _paid(project)
    Path(".cache").mkdir()
    entry = {"at": "2026-11-22T00:00:00Z", "stage": "index", "model": "m", "tokens": 200, "dollars": 0.5}
    Path(".cache/spent.jsonl").write_text(json.dumps(entry) + "\n")
    dollars = _dollars(stages)
    assert dollars > 1
    assert said().splitlines()[5:] == [
        "How long that takes is not known: it was never measured here.",
        f"Tokens may cost {dollars:.2f} USD (prices of 2026-11-25; run.budget_usd: 25.00, 0.50 spent so far).",
        "What index costs is not known before the stage chunks has run.",
    ]
    provisioned = {"units": 2, "commitment": "none", "price_per_hour": 20.0, "confirmed": True}
    change(project / "params.yaml", {
        "run.budget_usd": None,
        "models.micro.hosting": {"kind": "provisioned", "provisioned": provisioned},
        "models.lite.hosting": {"kind": "provisioned", "provisioned": provisioned},
    })  # fmt: skip
    assert said().splitlines()[6:] == [
        f"Tokens may cost {dollars:.2f} USD (prices of 2026-11-25; run.budget_usd: null, 0.50 spent so far).",
        "What index costs is not known before the stage chunks has run.",
        "In addition, provisioned throughput of micro at 40.00 USD an hour, used or not.",
    ]
    change(project / "params.yaml", {"prices.currency": "EUR"})
    assert said().splitlines()[6:] == [
        "What it may cost is not known: params.yaml: prices.currency: must be USD for Bedrock. Got 'EUR'."
    ]


def test_where_only_local_stages_would_run_nothing_is_paid_for(project, said):
    apply("bedrock")
    assert said().splitlines()[-1] == "Nothing is paid for: all of it runs on this machine."


def test_models_behind_an_openai_server_are_priced_where_their_price_is_known(project, said):
    """In the currency of the table, as nothing is asked of Bedrock."""
    server = {"provider": "openai", "base_url": "http://models.example:1/v1", "model": "gpt-x"}
    _paid(
        project,
        **{**study_of({"micro": "openai"}, only=("base", "rag")), "models.micro": server, "prices.currency": "EUR"},
    )
    unknown = "What tokens of gpt-x cost is not known: `prices` in params.yaml has no price for them."
    assert said().splitlines()[6:] == [unknown]
    params_file = project / "params.yaml"
    change(params_file, {"prices.per_million_tokens": {"gpt-x": {"input": 1e3, "output": 0.0}}})
    line = said().splitlines()[6]
    assert line.startswith("Tokens may cost ")
    assert line.endswith(" EUR (prices of 2026-11-25; run.budget_usd: null, 0.00 spent so far).")
    assert float(line.split()[3]) > 0
    change(params_file, {"models.micro.base_url": "http://localhost:11434/v1"})
    assert said().splitlines()[6:] == ["Nothing is paid for: all of it runs on this machine."]


@pytest.mark.parametrize(
    ("name", "fault", "places"),
    [
        ("answer_ft_rag@remote", StageError, "study.approaches.ft_rag"),
        ("fine_tune@remote", StageError, "study.fine_tune and study.approaches.ft and ft_rag"),
        ("fine_tune@remote", NotYet, None),  # it only takes longer
        ("judge@facts", StageError, None),
        ("qa", StageError, None),
    ],
)
def test_a_stage_that_failed_says_how_to_leave_its_model_out(tmp_path, monkeypatch, capsys, name, fault, places):
    def fail():
        raise fault("the server is down.")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        _stage(monkeypatch, name, fail)
    advice = [f"To leave this model out, remove it from {places} in params.yaml."] * bool(places)
    assert capsys.readouterr().err.splitlines()[1:] == advice


def _stage(monkeypatch, name: str | None = "qa", main=lambda: None) -> None:
    if name:
        monkeypatch.setenv("DVC_STAGE", name)
    stage(main)()


def test_only_runs_of_dvc_that_ended_well_are_noted(project, monkeypatch):
    def fails():
        raise StageError("no")

    _stage(monkeypatch, name=None)
    with pytest.raises(SystemExit):
        _stage(monkeypatch, main=fails)
    assert not Path(".cache", NAME).exists()
    for _ in range(KEPT + 1):
        _stage(monkeypatch)
    assert {name: len(runs) for name, runs in durations().items()} == {"qa": KEPT}


def test_an_experiment_elsewhere_notes_it_in_the_repository_itself(project, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.chdir(tmp_path_factory.mktemp("copy"))
    shutil.copy(project / "params.yaml", ".")
    _stage(monkeypatch)
    assert (project / Path(".cache", NAME)).exists()
    assert not Path(".cache", NAME).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"qa": [[1]]}', '{"qa": 3}', "\xff"])
def test_a_damaged_file_is_begun_anew(project, monkeypatch, text):
    Path(".cache", NAME).parent.mkdir()
    Path(".cache", NAME).write_bytes(text.encode("latin-1"))
    assert durations() == {}
    _stage(monkeypatch)
    assert list(durations()) == ["qa"]


@pytest.mark.parametrize(
    "breaks",
    [
        lambda: Path(".cache").write_text("no folder"),
        lambda: Path("params.yaml").write_text("a: [1"),
        lambda: Path("presets/mine.yaml").write_text("a: [1"),
        lambda: Path("params.yaml").unlink(),
    ],
    ids=["no folder", "params", "preset", "no params"],
)
def test_a_stage_does_not_fail_over_it(project, monkeypatch, breaks):
    breaks()
    _stage(monkeypatch)
    assert durations() == {}
