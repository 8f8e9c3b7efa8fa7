"""A study that takes minutes, not an hour: a small folder of documents, few pairs, two handwritten questions.

With SHORT changes, one that takes seconds: the chat model is the real one cut short.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from tune_or_retrieve.base.machine import RunParams

ROOT = Path(__file__).resolve().parent.parent
APPROACHES = ("base", "rag", "ft", "ft_rag")
ONE_THREAD = RunParams(device="cpu", gpu_layers=0, threads=1)


def models_of(models: dict[str, str], only: Collection[str] = APPROACHES) -> dict[str, Any]:
    """Of the section `study`: these models, each with its provider, by all approaches or some of them."""
    tuned = dict(models) if {"ft", "ft_rag"} & {*only} else {}
    return {"approaches": {one: dict(models) if one in only else {} for one in APPROACHES}, "fine_tune": tuned}


def study_of(models: dict[str, str], only: Collection[str] = APPROACHES) -> dict[str, Any]:
    """The same as changes to params."""
    return {f"study.{key}": value for key, value in models_of(models, only).items()}


CHANGES = {  # params of a study that takes minutes, not an hour
    "articles.source": "folder",
    "articles.folder.path": "corpus",
    "qa.pairs": 24,
    "qa.validation_pairs": 8,
    "qa.test_questions": 4,
    "fine_tune.local.epochs": 1,
    "fine_tune.local.validation_pairs": 8,
    "answer.max_tokens": 48,
    "report.bootstrap_samples": 200,
}
# Question, reference, article, and the passage that the reference rests on: one of which qa makes no pair, so that
# none leaks it.
HANDWRITTEN = [
    (
        "For how many days does Harbor Queue keep a parcel?",
        "Harbor Queue keeps a parcel for 4 days by default.",
        "queue/send-parcel",
        "Harbor Queue keeps a parcel for 4 days by default.",
    ),
    (
        "Who can shorten the lock of a crate in STRICT mode?",
        "Nobody can shorten the lock, not even the owner of the account.",
        "store/lock-crate",
        "In STRICT mode, nobody can shorten the lock, not even the owner of the account.",
    ),
]
SHORT = {
    **study_of({"micro": "embedded"}),
    "models.micro.weights": "short.gguf",
    "models.micro.sha256": None,
    "run.threads": 1,
    "answer.max_tokens": 8,
    "fine_tune.parity.max_logprob_distance": 1.0,  # what is cut short has no firm opinions
}
RUNS = {  # what is run: the outs of it, in the order of writing
    ("articles",): ["data/articles"],
    ("chunks",): ["data/chunks/chunks.jsonl"],
    ("qa",): [
        *(f"data/qa/{name}.jsonl" for name in ("train", "validation", "test", "handwritten", "seen", "rejected")),
        "metrics/qa.json",
    ],
    ("index",): ["data/index", "data/timings/index.json"],
    ("retrieve",): ["data/contexts/contexts.jsonl", "data/timings/retrieve.jsonl", "metrics/retrieve.json"],
    ("fine_tune", "micro"): [
        *("data/fine_tune/micro", "data/timings/fine_tune/micro.json"),
        *("metrics/fine_tune/micro.json", "plots/fine_tune/micro.csv"),
    ],
    **{
        ("answer", approach, "micro"): [
            *(f"data/answers/{approach}/micro.jsonl", f"data/timings/answer/{approach}/micro.jsonl"),
        ]
        for approach in APPROACHES
    },
    **{
        ("judge", name): [f"data/scores/{name}.jsonl", f"metrics/judge/{name}.json", f"data/timings/judge/{name}.json"]
        for name in ("facts", "semantic")
    },
    ("report",): [
        *("metrics/summary.json", "metrics/details.json", "metrics/table.md", "metrics/report.html"),
        *("plots/quality.csv", "plots/tokens.csv", "plots/latency.csv"),
    ],
}


def write_small_study(root: Path, changes: dict[str, Any]) -> None:
    """Write corpus, params.yaml and questions to `root`: all that is a user's own. `changes` to params by key."""
    shutil.copytree(ROOT / "tests/corpus", root / "corpus")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["models"]["small"] = {**params["models"]["micro"], "context_tokens": 1536}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    change(root / "params.yaml", {**CHANGES, **changes})
    (root / "data/eval").mkdir(parents=True)
    (root / "data/eval/questions.jsonl").write_text("".join(_handwritten(root)))


def change(file: Path, changes: dict[str, Any]) -> None:
    """Set values of a params.yaml by key; each key must be there."""
    params = yaml.safe_load(file.read_text())
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = params
        for part in parents:
            section = section[part]
        assert last in section, key
        section[last] = value
    file.write_text(yaml.safe_dump(params, sort_keys=False))


def _handwritten(root: Path) -> Iterator[str]:
    for number, (question, reference, article, passage) in enumerate(HANDWRITTEN, start=1):
        text = (root / "corpus" / f"{article}.md").read_text()
        start = text.index(passage)
        evidence = {"article_id": article, "start": start, "end": start + len(passage)}
        evidence["sha256"] = hashlib.sha256(passage.encode()).hexdigest()
        row = {"id": f"hand-{number}", "set": "handwritten", "question": question}
        row |= {"reference": reference, "service": article.split("/")[0], "kind": "limit", "evidence": [evidence]}
        yield json.dumps(row) + "\n"
