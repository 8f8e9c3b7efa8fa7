"""dvc.yaml keeps its promises: what each stage declares is what it uses, and a change reruns what the design says."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from pipeline import definitions
from small_study import APPROACHES

ROOT = Path(__file__).resolve().parent.parent
DVC = [sys.executable, "-m", "dvc"]
STAGES = definitions()
OURS = ("stages", "tune_or_retrieve")
PROVIDER = "tune_or_retrieve/providers/"
# Who may do the work of a stage whose deps name a provider by a param. `fallback` is covered by what it falls back to.
CHOICES = {
    "${item}": ("none", "embedded", "openai", "bedrock"),
    "${qa.provider}": ("none", "embedded", "openai", "bedrock"),
    "${knowledge_base.backend}": ("faiss", "bedrock"),
}
# From lower to higher: no import goes up. Below stages, one of a stage to what is above it is a fault, too.
ROOMS = (
    *(f"tune_or_retrieve.{name}" for name in ("base", "text", "vectors", "money", "chat")),
    *(f"tune_or_retrieve.providers.{name}" for name in ("faiss", "embedded", "openai")),
    *(f"tune_or_retrieve.providers.bedrock.{name}" for name in ("aws", "chat", "tuning", "knowledge_base")),
    "tune_or_retrieve.providers.bedrock", "stages", "tune_or_retrieve.account", "tune_or_retrieve.commands",
    "tune_or_retrieve.__main__",
)  # fmt: skip


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
    return {name for name in found if name.startswith(OURS) and _module_file(name)}


def _closure(package: str, provider: str | None) -> set[Path]:
    """All files of ours that `python -m stages.<package>` may load with a provider, those of the package included.

    What a provider's package holds is loaded by name (tune_or_retrieve.chat.models.of_provider) or in a branch of its
    own: of the other providers nothing is followed.
    """
    todo = list((ROOT / "stages" / package).rglob("*.py"))
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        place = str(path.relative_to(ROOT))
        if path in seen or (place.startswith(PROVIDER) and not place.startswith(f"{PROVIDER}{provider}/")):
            continue
        seen.add(path)
        todo += [file for name in _imports(path) if (file := _module_file(name))]
    return seen - {ROOT / name / "__init__.py" for name in (*OURS, PROVIDER)}


def _package(stage: dict) -> str:
    return re.search(r"stages\.(\w+)", stage["cmd"])[1]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_code_it_imports_and_on_no_other(name):
    deps = [re.sub(r"\$\{[^}]*fallback\}", "none", str(dep)) for dep in STAGES[name]["deps"]]
    choices = next((chosen for key, chosen in CHOICES.items() if any(key in dep for dep in deps)), (None,))
    superfluous = {dep for dep in deps if dep.startswith(OURS) and "/providers/" not in dep}
    for provider in choices:
        filled = [re.sub(r"(?<=providers/)\$\{[^}]*\}", str(provider), dep) for dep in deps]
        declared = [ROOT / dep for dep in filled if dep.startswith(OURS)]
        used = _closure(_package(STAGES[name]), provider)
        assert {str(p.relative_to(ROOT)) for p in used if not {p, *p.parents} & set(declared)} == set(), provider
        superfluous -= {dep for dep in superfluous if any({p, *p.parents} & {ROOT / dep} for p in used)}
    assert superfluous == set()


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_few_dependencies_on_code(name):
    code = [dep for dep in STAGES[name]["deps"] if str(dep).startswith(OURS)]
    assert 2 <= len(code) <= 9


def _modules() -> dict[str, Path]:
    paths = [path for name in OURS for path in (ROOT / name).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def test_no_import_goes_from_lower_to_higher():
    def rank(module: str) -> int:
        rooms = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
        return ROOMS.index(max(rooms, key=len)) if rooms else -1

    up = {
        f"{module} -> {name}"
        for module, path in _modules().items()
        for name in _imports(path)
        if rank(name) > rank(module) >= 0
    }
    assert up == set()


def test_no_module_imports_itself_by_way_of_others():
    modules = _modules()
    graph = {module: _imports(path) & modules.keys() for module, path in modules.items()}
    packages = {module for module, path in modules.items() if path.name == "__init__.py"}
    # `from package import module` names both; what counts is a package that has imports of its own.
    graph = {m: {n for n in names if n not in packages or graph[n]} for m, names in graph.items()}
    order = TopologicalSorter(graph)
    order.prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("name", STAGES)
def test_what_a_stage_depends_on_exists(name):
    outs = {
        str(out if isinstance(out, str) else next(iter(out)))
        for s in STAGES.values()
        for k in ("outs", "metrics", "plots")
        for out in s.get(k, [])
    }
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    filled = {
        "${articles.folder.path}": params["articles"]["folder"]["path"],
        "${qa.provider}": "none", "${knowledge_base.backend}": "faiss", "${knowledge_base.fallback}": "none",
    }  # fmt: skip
    deps = [re.sub(r"\$\{[\w.]+\}", lambda key: filled.get(key[0], key[0]), str(dep)) for dep in STAGES[name]["deps"]]
    for dep in (dep.replace("providers/${item}", "providers/embedded") for dep in deps):
        made = any(out == dep or out.startswith(dep + "/") for out in outs)
        assert made or (ROOT / dep).exists(), dep


# --- what reruns: real DVC and the real graph; only the commands are replaced by one that is quick ---

STAND_IN = '''
"""Stands in for every stage: writes outs that follow from the contents of its deps and its declared params."""
import hashlib, json, os, re, sys
from pathlib import Path
import yaml

name, _, key = os.environ["DVC_STAGE"].partition("@")
stage = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][name]
params = yaml.safe_load(Path("params.yaml").read_text())
def at(path):
    found = params
    for part in path.split("."):
        found = found[part]
    return found

entries = at(stage["foreach"][len("${"):-1]) if "foreach" in stage else {}
stage = stage.get("do", stage)

def fill(text):
    known = {"key": key, "item": entries.get(key)}
    return re.sub(r"\\$\\{([\\w.]+)\\}", lambda m: known.get(m[1]) or at(m[1]), text)

def value(path):
    return at(fill(path))

def digest(path):
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return [(str(p), hashlib.md5(p.read_bytes()).hexdigest()) for p in files if "__pycache__" not in str(p)]

deps = [digest(Path(fill(dep))) for dep in stage["deps"]]
made = json.dumps([deps, {one: value(one) for one in stage["params"]}], sort_keys=True)
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
        "knowledge_base.faiss.bm25.k1",
        1.2,
        _stages("index", "retrieve", "answer_rag", "answer_ft_rag", "judge", "report"),
    ),
    ("knowledge_base.bedrock.dimensions", 256, set()),
    ("judges.claude.max_tokens", 400, set()),
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
    for name in (".dvc", *OURS, "data/eval", "data/documents"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "tmp", "cache"))
    (root / "stand_in.py").write_text(STAND_IN)
    pipeline = (ROOT / "dvc.yaml").read_text()
    ours = re.sub(r"- python: .*", f"- python: '{sys.executable} stand_in.py'", pipeline, count=1)
    assert ours != pipeline
    (root / "dvc.yaml").write_text(ours)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    both = {"micro": "embedded", "lite": "embedded"}
    params["study"] |= {"approaches": dict.fromkeys(APPROACHES, both), "fine_tune": both}
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


def test_dvc_compares_the_summary_alone(graph):
    """What `dvc metrics` and `dvc exp show` list must fit a screen."""
    env = {**os.environ, "DVC_NO_ANALYTICS": "true"}
    shown = subprocess.run(
        [*DVC, "metrics", "show", "--json"], cwd=graph, env=env, capture_output=True, text=True, check=True
    )
    assert list(json.loads(shown.stdout)[""]["data"]) == ["metrics/summary.json"]


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


def test_a_change_of_bedrock_code_reruns_nothing_in_a_local_study(graph):
    for path in (graph / "tune_or_retrieve/providers/bedrock").rglob("*.py"):
        path.write_text(path.read_text() + "\n# changed\n")
    assert _repro(graph) == set()


@pytest.mark.parametrize(
    ("approaches", "expected"),
    [
        (("base",), _stages("judge", "report")),
        (("ft", "ft_rag"), _stages("index", "retrieve", "answer_rag", "judge", "report") | {"answer_ft_rag@micro"}),
    ],
)
def test_a_model_that_leaves_an_approach_reruns_what_reads_its_answers(graph, approaches, expected):
    """And index, to which it matters whether anything retrieves; all after it only because its stand-in writes other
    files."""
    path = graph / "params.yaml"
    before = path.read_text()
    params = yaml.safe_load(before)
    left = {"micro": "embedded"}
    params["study"]["approaches"] |= dict.fromkeys(approaches, left)
    params["study"]["fine_tune"] = left if "ft" in approaches else params["study"]["fine_tune"]
    path.write_text(yaml.safe_dump(params))
    try:
        assert _repro(graph) == expected
    finally:
        path.write_text(before)
        _repro(graph)


def test_one_more_judge_on_bedrock_scores_what_is_there(graph):
    path = graph / "params.yaml"
    before = path.read_text()
    params = yaml.safe_load(before)
    params["study"]["judges"]["claude"] = "bedrock"
    path.write_text(yaml.safe_dump(params))
    try:
        assert _repro(graph) == {"judge@claude", "report"}
        code = graph / "tune_or_retrieve/providers/bedrock/chat/converse.py"
        code.write_text(code.read_text() + "\n# changed\n")
        assert _repro(graph) == {"judge@claude", "report"}
    finally:
        path.write_text(before)
        _repro(graph)


def test_an_edited_prompt_reruns_whatever_asks_a_model(graph):
    """The stage retrieve is among them only because the stand-in for qa writes other files; qa itself does not."""
    (graph / "tune_or_retrieve/chat/prompts/system.txt").write_text("Answer.")
    assert _repro(graph) == _stages(
        "qa", "retrieve", "fine_tune", *(f"answer_{a}" for a in APPROACHES), "judge", "report"
    )


def test_the_stand_in_is_not_the_reason(graph):
    """The stand-in must follow its deps: an edited hand-written question reaches all that read it."""
    with (graph / "data/eval/questions.jsonl").open("a") as file:
        file.write("\n")
    assert _repro(graph) == _stages(
        "qa", "retrieve", "fine_tune", *(f"answer_{a}" for a in APPROACHES), "judge", "report"
    )
