"""params.yaml: every fault at once, with its place, the rule and the value."""

import datetime
import re

import pytest
import yaml
from pydantic import Field

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import SECTIONS, Section, load, load_value


class Lora(Section):
    rank: int = Field(ge=1, le=256)


class FineTune(Section):
    epochs: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    lora: Lora


GOOD = "fine_tune:\n  epochs: 2\n  learning_rate: 0.1\n  lora: {rank: 8}\n"


def test_reads_a_section(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(GOOD)
    assert load("fine_tune", FineTune, path) == FineTune(epochs=2, learning_rate=0.1, lora=Lora(rank=8))
    assert load("fine_tune.lora", Lora, path) == Lora(rank=8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("epochs: 2", "epoch: 2"),
            "2 faults:\n  fine_tune.epochs: missing.\n  fine_tune.epoch: unknown key. Did you mean 'epochs'?",
        ),
        (
            GOOD.replace("rank: 8", "rnk: 8, rank: 8"),
            "1 fault:\n  fine_tune.lora.rnk: unknown key. Did you mean 'rank'?",
        ),
        (
            GOOD.replace("rank: 8", "zzz: 8, rank: 8"),
            "1 fault:\n  fine_tune.lora.zzz: unknown key. Known: rank.",
        ),
        (
            GOOD.replace("epochs: 2", "epochs: 0"),
            "1 fault:\n  fine_tune.epochs: must be greater than or equal to 1. Got 0.",
        ),
        (GOOD.replace("epochs: 2", "epochs: two"), "1 fault:\n  fine_tune.epochs: must be a whole number. Got 'two'."),
        (GOOD.replace("epochs: 2", "epochs: 2.0"), "1 fault:\n  fine_tune.epochs: must be a whole number. Got 2.0."),
        (
            GOOD.replace("epochs: 2", "epochs: 0").replace("rank: 8", "rank: 999"),
            "2 faults:\n  fine_tune.epochs: must be greater than or equal to 1. Got 0."
            "\n  fine_tune.lora.rank: must be less than or equal to 256. Got 999.",
        ),
        (GOOD + "retreival: {}\n", "1 fault:\n  retreival: unknown section. Did you mean 'retrieval'?"),
        (
            GOOD.replace("epochs: 2", "epochs: 0") + "bugdet: 1\nbudget_usd: 2\n",
            f"3 faults:\n  bugdet: unknown section. Known: {', '.join(SECTIONS)}.\n  budget_usd: moved to "
            "run.budget_usd.\n  fine_tune.epochs: must be greater than or equal to 1. Got 0.",
        ),
        ("qa: {}\n", "1 fault:\n  fine_tune: missing. It holds epochs, learning_rate, lora."),
        ("- 1\n", "must be a mapping of sections. Got list."),
    ],
)
def test_faults_are_named(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(StageError, match="^" + re.escape(f"{path}: {message}") + "$"):
        load("fine_tune", FineTune, path)


@pytest.mark.parametrize("key", [None, 1, 1.5, True, datetime.date(2026, 11, 22)])
def test_a_key_that_is_no_text_is_named_wherever_it_stands(tmp_path, key):
    path = tmp_path / "params.yaml"
    good = yaml.safe_load(GOOD)["fine_tune"]

    def fault(content: dict, read=lambda path: load("fine_tune", FineTune, path)) -> str:
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(StageError) as caught:
            read(path)
        return str(caught.value).removeprefix(f"{path}: 1 fault:\n  ")

    unknown = f"unknown section. Known: {', '.join(SECTIONS)}."
    assert fault({key: 3, "fine_tune": good}) == f"{key}: {unknown}"
    rule = f"a key must be text: put it in quotes. Got {key!r}."
    assert fault({"fine_tune": good | {key: 3}}) == f"fine_tune: {rule}"
    assert fault({"fine_tune": good | {"lora": {"rank": 8, key: {}}}}) == f"fine_tune.lora: {rule}"
    mapping = {"study": {"models": {key: "embedded"}}}
    assert fault(mapping, lambda path: load_value("study.models", dict[str, str], path)) == f"study.models: {rule}"
    missing = "study.judges: missing. Known: models."
    assert fault(mapping, lambda path: load_value("study.judges", str, path)) == missing
    missing = f"study.models.micro: missing. Known: {key}."
    assert fault(mapping, lambda path: load_value("study.models.micro", str, path)) == missing


def test_null_as_a_key_has_several_spellings(tmp_path):
    path = tmp_path / "params.yaml"
    for spelling in ("~: 3", "null: 3", "? ~", "? null\n  : 3", "? "):
        path.write_text(f"{GOOD}  {spelling}\n")
        with pytest.raises(StageError, match=r"fine_tune: a key must be text: put it in quotes\. Got None\.$"):
            load("fine_tune", FineTune, path)


def test_broken_yaml_and_missing_file_are_named(tmp_path):
    path = tmp_path / "params.yaml"
    with pytest.raises(StageError, match=r"params\.yaml: no such file\. Run from the root of the repository\.$"):
        load("fine_tune", FineTune, path)
    path.write_text("a: [1")
    with pytest.raises(StageError, match=r"params\.yaml: not valid YAML \(while parsing a flow sequence"):
        load("fine_tune", FineTune, path)
    path.write_text("prices: {as_of: 2026-13-01}")
    with pytest.raises(StageError, match=r"params\.yaml: not valid YAML \(month must be in 1\.\.12\)\.$"):
        load("fine_tune", FineTune, path)
    path.write_text(f"{GOOD}  epochs: 3\n")
    with pytest.raises(StageError, match=r"params\.yaml, line 5: epochs is twice in its section\. Remove one\.$"):
        load("fine_tune", FineTune, path)


@pytest.mark.parametrize("written", ["1e-5", "1e-05", "1E-5", "0.01e-3", "1.0e-05", ".00001", "0.00001", "+1e-5"])
def test_a_small_number_is_read_however_it_is_written(tmp_path, written):
    path = tmp_path / "params.yaml"
    path.write_text(GOOD.replace("0.1", written))
    assert load("fine_tune", FineTune, path).learning_rate == 1e-5


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.5E3", 1500.0), ("010", 10), ("0o10", 8), ("true", True), ("yes", "yes"), ("off", "off"), ("1:30", "1:30")],
)
def test_values_are_those_of_yaml_1_2(tmp_path, written, value):
    path = tmp_path / "params.yaml"
    path.write_text(f"run: {{key: {written}}}\n")
    found = load_value("run.key", object, path)
    assert (type(found), found) == (type(value), value)


def test_reads_a_value_and_says_what_it_must_be(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("study:\n  models: [micro, 3]\n")
    with pytest.raises(StageError, match=re.escape("1 fault:\n  study.models.1: must be text. Got 3.")):
        load_value("study.models", list[str], path)
    path.write_text("study:\n  models: [micro]\n")
    assert load_value("study.models", list[str], path) == ["micro"]


def test_a_trace_says_which_sections_were_read(tmp_path, monkeypatch):
    path, trace = tmp_path / "params.yaml", tmp_path / "trace"
    path.write_text(GOOD)
    monkeypatch.setenv("TUNE_OR_RETRIEVE_PARAMS_TRACE", str(trace))
    monkeypatch.setenv("DVC_STAGE", "fine_tune@micro")
    load("fine_tune", FineTune, path)
    assert trace.read_text() == "fine_tune@micro\tfine_tune\n"
