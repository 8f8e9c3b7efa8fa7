"""dvc.yaml keeps its promises: what each stage declares is what it uses, and a change reruns what the design says."""

import ast
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DVC = [sys.executable, "-m", "dvc"]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def _module_file(name: str) -> Path | None:
    path = ROOT / Path(*name.split("."))
    return (
        path / "__init__.py" if path.is_dir() else path.with_suffix(".py") if path.with_suffix(".py").exists() else None
    )


def _imports(path: Path) -> set[str]:
    """Modules of ours that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("stages.") and _module_file(name)}


def _closure(package: str) -> set[Path]:
    """All files of ours that `python -m stages.<package>` may load, those of the package itself included."""
    todo = [_module_file(f"stages.{package}.{path.stem}") for path in (ROOT / "stages" / package).glob("*.py")]
    todo = [path if path else ROOT / "stages" / package / "__init__.py" for path in todo]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        todo += [file for name in _imports(path) if (file := _module_file(name))]
    return seen - {ROOT / "stages" / "__init__.py"}


def _package(stage: dict) -> str:
    return re.search(r"stages\.(\w+)", stage["cmd"])[1]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_code_it_imports_and_on_no_other(name):
    declared = {ROOT / dep for dep in STAGES[name]["deps"] if str(dep).startswith("stages/")}
    used = _closure(_package(STAGES[name]))
    missing = {str(p.relative_to(ROOT)) for p in used if not any(p == d or d in p.parents for d in declared)}
    superfluous = {str(d.relative_to(ROOT)) for d in declared if not any(p == d or d in p.parents for p in used)}
    assert (missing, superfluous) == (set(), set())


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_depends_on_exists(name):
    outs = {
        str(out if isinstance(out, str) else next(iter(out)))
        for s in STAGES.values()
        for k in ("outs", "metrics", "plots")
        for out in s.get(k, [])
    }
    documents = yaml.safe_load((ROOT / "params.yaml").read_text())["articles"]["folder"]["path"]
    for dep in (str(dep).replace("${articles.folder.path}", documents) for dep in STAGES[name]["deps"]):
        made = any(out == dep or out.startswith(dep + "/") for out in outs)
        assert made or (ROOT / dep).exists(), dep


# --- what reruns: real DVC and the real graph; only the commands are replaced by one that is quick ---

STAND_IN = '''
"""Stands in for every stage: writes outs that follow from the contents of its deps and its declared params."""
import hashlib, json, os, re, sys
from pathlib import Path
import yaml

name, _, item = os.environ["DVC_STAGE"].partition("@")
stage = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][name]
params = yaml.safe_load(Path("params.yaml").read_text())

def fill(text):
    text = text.replace("${articles.folder.path}", params["articles"]["folder"]["path"])
    return re.sub(r"\\$\\{item\\.\\w+\\}", item, text)

def value(key):
    found = params
    for part in fill(key).split("."):
        found = found[part]
    return found

def digest(path):
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return [(str(p), hashlib.md5(p.read_bytes()).hexdigest()) for p in files if "__pycache__" not in str(p)]

deps = [digest(Path(fill(dep))) for dep in stage["deps"]]
made = json.dumps([deps, {key: value(key) for key in stage["params"]}], sort_keys=True)
for kind in ("outs", "metrics", "plots"):
    for out in stage.get(kind, []):
        path = Path(fill(out if isinstance(out, str) else next(iter(out))))
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"digest": hashlib.md5((str(path) + made).encode()).hexdigest()})
            path.write_text("step,loss\\n1,1\\n" if path.suffix == ".csv" else text)
        else:
            path.mkdir(parents=True, exist_ok=True)
            (path / "file").write_text(made)
'''

APPROACHES = ("base", "rag", "ft", "ft_rag")


def _stages(*names: str, models=("micro", "lite"), judges=("facts", "semantic")) -> set[str]:
    """Stage names with their matrix items."""
    full = set()
    for name in names:
        items = models if name == "fine_tune" or name.startswith("answer_") else judges if name == "judge" else None
        full |= {f"{name}@{item}" for item in items} if items else {name}
    return full


RERUNS = [
    ("retrieval.top_k", 2, _stages("retrieve", "answer_rag", "answer_ft_rag", "judge", "report")),
    (
        "chunking.fixed_size.max_tokens",
        99,
        _stages("chunks", "index", "retrieve", "answer_rag", "answer_ft_rag", "judge", "report"),
    ),
    ("fine_tune.local.epochs", 2, _stages("fine_tune", "answer_ft", "answer_ft_rag", "judge", "report")),
    ("qa.pairs", 900, _stages("qa", "retrieve", "fine_tune", *(f"answer_{a}" for a in APPROACHES), "judge", "report")),
    ("judges.facts.min_control_accuracy", 0.5, _stages("judge", "report", judges=("facts",))),
    ("prices.as_of", "2030-01-01", _stages("report")),
    ("report.seed", 99, _stages("report")),
    ("run.threads", 1, set()),
    (
        "models.lite.context_tokens",
        1024,
        _stages("fine_tune", *(f"answer_{a}" for a in APPROACHES), models=("lite",)) | _stages("judge", "report"),
    ),
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> Path:
    """A git and DVC repository with the real dvc.yaml, two models, and everything up to date."""
    root = tmp_path_factory.mktemp("graph")
    for name in (".dvc", "stages", "data/eval", "data/documents"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "tmp", "cache"))
    (root / "stand_in.py").write_text(STAND_IN)
    pipeline = (ROOT / "dvc.yaml").read_text()
    ours = re.sub(r"- python: .*", f"- python: '{sys.executable} stand_in.py'", pipeline, count=1)
    assert ours != pipeline
    # No code changes here, and DVC reads and writes dvc.lock anew at each stage, which is many times as long with it.
    (root / "dvc.yaml").write_text(re.sub(r"\n +- stages/(?!prompts$).*", "", ours, flags=re.MULTILINE))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["study"]["models"] = ["micro", "lite"]
    params["models"]["lite"] = dict(params["models"]["micro"])
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copy(ROOT / ".gitignore", root)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    _repro(root)
    return root


def _repro(root: Path) -> set[str]:
    """Run `dvc repro` and return the stages that it ran."""
    env = {**os.environ, "DVC_NO_ANALYTICS": "true"}
    done = subprocess.run([*DVC, "repro"], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r"Running stage '([^']+)'", done.stdout))


def test_nothing_reruns_when_nothing_changed(graph):
    assert _repro(graph) == set()


@pytest.mark.parametrize(("key", "value", "expected"), RERUNS, ids=[key for key, _, _ in RERUNS])
def test_a_change_reruns_what_the_design_promises(graph, key, value, expected):
    path = graph / "params.yaml"
    params = yaml.safe_load(path.read_text())
    section = params
    *parents, last = key.split(".")
    for part in parents:
        section = section[part]
    assert section[last] != value
    section[last] = value
    path.write_text(yaml.safe_dump(params))
    assert _repro(graph) == expected


def test_an_edited_prompt_reruns_training_and_answering_only(graph):
    (graph / "stages" / "prompts" / "system.txt").write_text("Answer.")
    expected = _stages("fine_tune", *(f"answer_{a}" for a in APPROACHES), "judge", "report")
    ran = _repro(graph)
    assert expected <= ran
    assert not ran & _stages("articles", "chunks", "qa")


def test_the_stand_in_is_not_the_reason(graph):
    """The stand-in must follow its deps: an edited hand-written question reaches all that read it."""
    with (graph / "data/eval/questions.jsonl").open("a") as file:
        file.write(textwrap.dedent("\n"))
    assert _repro(graph) == _stages(
        "qa", "retrieve", "fine_tune", *(f"answer_{a}" for a in APPROACHES), "judge", "report"
    )
