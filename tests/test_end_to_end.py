"""The whole study for real on a small folder of documents: two models, real DVC, model, training and judges.

It is run twice from clean copies: undisturbed, and with one of the models and killed in every stage. Both must end
with the same hashes.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import struck
import yaml
from pipeline import definitions
from short_model import cut
from small_study import APPROACHES, CHANGES, HANDWRITTEN, study_of, write_small_study

from tune_or_retrieve.base.machine import SECTION as RUN

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("micro", "small")  # the shipped one, and one cut short, which is quick
SHORT = {
    "retrieval.top_k": 2,
    "answer.max_tokens": 24,
    "run.threads": 1,  # the other core has tests of its own
    "models.small.weights": "short.gguf",
    "models.small.sha256": None,
    "fine_tune.parity.max_logprob_distance": 1.0,  # what is cut short has no firm opinions
}


def test_it_ends_with_all_results(study):
    summary, details = (json.loads((study / f"metrics/{name}.json").read_text()) for name in ("summary", "details"))
    assert all(not isinstance(value, dict | list) for value in (summary | details).values()), "flat keys"
    for model in MODELS:
        assert details[f"{model}.fine_tune_cost"] > 0
        for approach in APPROACHES:
            for found in (summary, details):
                assert any(key.startswith(f"{model}.{approach}.") for key in found), (model, approach)
            rows = (study / f"data/answers/{approach}/{model}.jsonl").read_text().splitlines()
            assert len(rows) == CHANGES["qa.test_questions"] + len(HANDWRITTEN)
    for effort in ("index", "judge/facts", "judge/semantic"):
        timing = json.loads((study / f"data/timings/{effort}.json").read_text())
        assert (timing["seconds"] > 0, timing["billed_as"]) == (True, None)
    assert (study / "metrics/report.html").read_text().count("<html") == 1
    assert "ft_rag" in (study / "metrics/table.md").read_text()


def test_the_whole_model_is_served_as_it_was_trained(study):
    """Within the limit that is shipped: the study's own is loose for the model cut short."""
    limit = yaml.safe_load((ROOT / "params.yaml").read_text())["fine_tune"]["parity"]["max_logprob_distance"]
    assert json.loads((study / "metrics/fine_tune/micro.json").read_text())["parity_logprob_distance"] <= limit


def test_nothing_is_left_to_do(study):
    assert "Running stage" not in dvc(study, "repro")


def test_each_stage_reads_the_params_it_declares_and_no_other(study):
    declared = {
        # Of the knowledge base, parts are declared and test_params_read.py looks at each key.
        (name, re.sub(r"^knowledge_base\..*", "knowledge_base", key.replace("${key}", "*")))
        for name, stage in definitions(study).items()
        for key in stage.get("params", [])
    }
    read = set()
    for line in (study / "trace").read_text().splitlines():
        name, key = line.split("\t")
        name = name.split(":")[-1]
        name, _, item = name.partition("@")
        read.add((name, re.sub(rf"\.{re.escape(item)}$", ".*", key) if item else key))
    read = {(name, key) for name, key in read if key != RUN}  # by any stage, and declared by none
    # A stage that declares a section may read it key by key.
    covered = {(n, k) for n, k in declared if any(m == n and (r == k or r.startswith(k + ".")) for m, r in read)}
    undeclared = {(m, r) for m, r in read if not any(m == n and (r == k or r.startswith(k + ".")) for n, k in declared)}
    # Bedrock chunks what it keeps; FAISS is given chunks.
    assert (declared - covered, undeclared) == ({("index", "chunking")}, set())


@pytest.mark.parametrize(
    "command",
    [("metrics", "show"), ("metrics", "diff"), ("plots", "show"), ("exp", "show", "--no-pager"), ("status",)],
    ids=" ".join,
)
def test_the_commands_of_the_readme_work(study, command):
    dvc(study, *command)


def test_an_experiment_reruns_only_what_it_affects(study):
    said = dvc(study, "exp", "run", "-S", "retrieval.top_k=1")
    ran = set(re.findall(r"Running stage '([^']+)'", said))
    assert ran == {
        "retrieve",
        *(f"answer_{approach}@{model}" for approach in ("rag", "ft_rag") for model in MODELS),
        "judge@facts",
        "judge@semantic",
        "report",
    }
    assert "top_k" in dvc(study, "exp", "diff")


def test_killed_in_every_stage_it_ends_with_the_same_hashes(study_hashes, tmp_path):
    root = clone(tmp_path / "killed", study_of({"small": "embedded"}))  # the quick one is enough
    killed: set[str] = set()
    while stage := _repro_and_kill(root, killed):
        killed.add(stage)
        assert not [path for path in _outs(root) if ".tmp-" in str(path)]
    assert killed == set(yaml.safe_load((root / "dvc.yaml").read_text())["stages"])
    of_all_models = ("data/scores", "metrics/judge", "plots/quality", "plots/tokens")
    ours, theirs = (
        {path: md5 for path, md5 in hashes.items() if not path.startswith(of_all_models) and "micro" not in path}
        for hashes in (_hashes(root), study_hashes)
    )
    assert len(ours) >= 12
    assert ours == theirs


# --- how it is done ---


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    root = clone(tmp_path_factory.mktemp("study") / "clone")
    dvc(root, "repro", TUNE_OR_RETRIEVE_PARAMS_TRACE=str(root / "trace"))
    root.joinpath("hashes.json").write_text(json.dumps(_hashes(root)))
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "results")
    return root


@pytest.fixture(scope="module")
def study_hashes(study) -> dict[str, str]:
    return json.loads((study / "hashes.json").read_text())


def clone(root: Path, changes: dict | None = None) -> Path:
    """What a user has after `git clone` and setting their own documents, the environment included."""
    write_small_study(root, {**study_of(dict.fromkeys(MODELS, "embedded")), **SHORT, **(changes or {})})
    cut(root / "short.gguf")
    for name in ("stages", "tune_or_retrieve", ".dvc/plots"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    (root / "metrics/fine_tune").mkdir(parents=True)
    shutil.copy(ROOT / "metrics/fine_tune/.gitkeep", root / "metrics/fine_tune")
    (root / ".gitignore").open("a").write("trace\nhashes.json\nshort.gguf\nsite\n/.venv\n")
    (root / ".venv").symlink_to(sys.prefix)
    _git(root, "init", "-q")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "start")
    return root


def _environment(**extra: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return {**clean, "DVC_NO_ANALYTICS": "true", "HF_HUB_OFFLINE": "1", **extra}


def dvc(root: Path, *command: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *command],
        cwd=root,
        env=_environment(**env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


def _git(root: Path, *command: str) -> None:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, *command], cwd=root, check=True, capture_output=True)


def _repro_and_kill(root: Path, killed: set[str]) -> str | None:
    """Run `dvc repro` until a stage begins its work that was not killed yet: all of it is killed. None if it ended."""
    _remove_cut_lock(root)
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=root,
        env=_environment(PYTHONUNBUFFERED="1", **struck.environment(root / "site", signal.SIGKILL, spared=killed)),
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    assert done.returncode == -signal.SIGKILL, done.stdout[-3000:] + done.stderr[-6000:]
    return re.findall(r"Running stage '([^'@]+)", done.stdout)[-1]


def _remove_cut_lock(root: Path) -> None:
    """As the README tells a user to: DVC writes this file of its own in place, and a kill may come right then."""
    lock = root / ".dvc/tmp/rwlock"
    try:
        json.loads(lock.read_text())
    except FileNotFoundError:
        pass
    except ValueError:
        lock.unlink()


def _outs(root: Path) -> list[Path]:
    return [path for folder in ("metrics", "plots") for path in (root / folder).rglob("*") if path.is_file()]


def _hashes(root: Path) -> dict[str, str]:
    """Hashes in dvc.lock of every out but those that hold timings."""
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    outs = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}
    return {path: md5 for path, md5 in outs.items() if not _holds_timings(path)}


def _holds_timings(path: str) -> bool:
    return path.startswith("data/timings/") or path in {
        "metrics/summary.json",
        "metrics/details.json",
        "metrics/table.md",
        "metrics/report.html",
        "plots/latency.csv",
    }
