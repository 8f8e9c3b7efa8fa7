"""No dead configuration: code reads each key of params.yaml, in a stage that declares it in dvc.yaml."""

import shutil
from pathlib import Path

import pytest
import yaml
from pipeline import definitions
from small_study import APPROACHES, change

from tune_or_retrieve.base.machine import SECTION as RUN

ROOT = Path(__file__).resolve().parent.parent
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
STAGES = definitions()
# These choose the class that checks the section, before there is an object whose attributes could be read.
CHOOSES_THE_CLASS = {"judges.facts.kind", "judges.semantic.kind"}
# By these dvc.yaml names the code that a stage depends on; `check` and params classes compare them with the entries.
NAMES_CODE = {
    *("qa.provider", "study.fine_tune.micro", "study.judges.facts", "study.judges.semantic"),
    *(f"study.approaches.{approach}.micro" for approach in APPROACHES),
}
# Read only where something runs on Bedrock: see tests/test_end_to_end_bedrock.py. The report reads prices of models
# by their name in a mapping.
ON_BEDROCK = (
    "models.lite.", "knowledge_base.fallback", "knowledge_base.bedrock.", "judges.claude.", "judges.llama.",
    "run.budget_usd", "run.concurrency.", "run.retries",
    "prices.per_million_tokens.", "prices.training_per_1k_tokens.", "prices.storage_per_model_month",
)  # fmt: skip
OTHER_RUNS = [  # for keys that the small study does not need
    ("articles", {"articles.source": "botocore", "articles.botocore.services": ["sts"]}),
    *(("chunks", {"chunking.strategy": strategy}) for strategy in ("fixed_size", "hierarchical", "semantic")),
]


def leaves(value, key: str = ""):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)
    else:
        yield key


@pytest.fixture(scope="module")
def reads(stages, finished, tmp_path_factory) -> set[tuple[str, str]]:
    """Stage and key."""
    root = tmp_path_factory.mktemp("reads") / "study"
    shutil.copytree(finished, root)
    for stage, changes in OTHER_RUNS:
        change(root / "params.yaml", changes)
        code, said = stages.run(root, stage, reads=str(root / "reads"))
        assert code == 0, said
    return {tuple(line.split()) for line in (root / "reads").read_text().splitlines()}


def test_each_key_is_read(reads):
    read = {key for _, key in reads}
    local = {key for key in leaves(PARAMS) if not key.startswith(ON_BEDROCK)}
    assert sorted(local - read - CHOOSES_THE_CLASS - NAMES_CODE) == []


def test_a_stage_reads_only_what_it_declares(reads):
    undeclared = {
        (stage, key)
        for stage, key in reads
        if not any(_covers(declared, key) for declared in (RUN, *STAGES[stage]["params"]))
    }
    assert undeclared == set()


def _covers(declared: str, key: str) -> bool:
    """`declared` may hold the name of an entry: ``judges.${key}``."""
    parts = [None if part.startswith("$") else part for part in declared.split(".")]
    return all(mine in (None, theirs) for mine, theirs in zip(parts, key.split("."), strict=False))
