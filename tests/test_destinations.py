"""Where the text of a study is sent, as `check` says it."""

import functools
import operator
import shutil
from pathlib import Path

import pytest
import yaml
from langsmith.utils import get_env_var
from small_study import ROOT, study_of

from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.commands.destinations import destinations
from tune_or_retrieve.commands.preset import apply

TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
HOSTED = {"provider": "openai", "base_url": "https://models.example/v1", "model": "gpt-x"}
HERE = {"provider": "openai", "base_url": "http://localhost:8080/v1", "model": "qwen"}
CHAIN = {"provider": "langchain", "model": "anthropic:claude-x"}
JUDGE = {"kind": "llm", "min_control_accuracy": 0.8, "control_pairs": 40, "max_tokens": 700, "min_coverage": 0.95}


@pytest.fixture
def said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    for name in TRACING:
        monkeypatch.delenv(name, raising=False)

    get_env_var.cache_clear()

    def say(changes):
        params = yaml.safe_load(Path("params.yaml").read_text())
        for key, value in changes.items():
            *parents, last = key.split(".")
            functools.reduce(operator.getitem, parents, params)[last] = value
        Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        return destinations(load("study", StudyParams))

    yield say
    get_env_var.cache_clear()  # it remembers the environment of a test


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, ["No text leaves this machine."]),
        (
            {**study_of({"hosted": "openai"}, only=["base"]), "models.hosted": HOSTED},
            ["Text is sent:", "  to models.example (models.hosted): test questions"],
        ),
        (
            {**study_of({"hosted": "openai"}, only=["base", "rag"]), "models.hosted": HOSTED},
            ["Text is sent:", "  to models.example (models.hosted): test questions, passages of the documents"],
        ),
        (
            {
                "study.judges": {"facts": "none", "strict": "openai", "mild": "langchain"},
                "judges.strict": {**JUDGE, **HERE},
                "judges.mild": {**JUDGE, **CHAIN},
            },
            [
                "Text is sent:",
                "  to localhost:8080, on this machine (judges.strict): test questions, right answers, answers, "
                "validation pairs",
                "  to anthropic by LangChain (judges.mild): test questions, right answers, answers, validation pairs",
            ],
        ),
        (
            {
                "qa.generator": "llm",
                "qa.provider": "openai",
                "qa.llm": {**HOSTED, "max_passages": 9},
                "study.judges": {"strict": "openai"},
                "judges.strict": {**JUDGE, **HOSTED},
            },
            [
                "Text is sent:",
                "  to models.example (qa.llm, judges.strict): passages of the documents, test questions, right "
                "answers, answers, validation pairs",
            ],
        ),
    ],
)
def test_what_is_sent_where(said, changes, lines):
    assert said(changes) == lines


def test_what_bedrock_reads(said):
    apply("bedrock")
    assert said({"models.lite.region": "eu-west-1"}) == [
        "Text is sent:",
        "  to Amazon Bedrock in the region of the AWS profile (knowledge_base, models.micro, judges.claude, "
        "judges.llama): all documents in chunks, test questions, training pairs with passages, passages of the "
        "documents, right answers, answers, validation pairs",
        "  to Amazon Bedrock in eu-west-1 (models.lite): training pairs with passages, test questions, passages of the "
        "documents",
    ]


def test_tracing_of_langchain_is_told(said, monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    assert said({}) == ["Text is sent:", "  to LangSmith (its environment variables): all prompts, replies"]
