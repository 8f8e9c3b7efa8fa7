"""Section `study`: which arms a study has, and what does not fit together."""

from pathlib import Path

import pytest
import yaml
from small_study import APPROACHES, models_of

from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.study import ApproachesParams, StudyParams, arms

MICRO = {"micro": "embedded"}
ENTRIES = {
    "models": {"micro": {"provider": "embedded"}, "far": {"provider": "openai"}, "odd": {"provider": "nobody"}},
    "judges": {"facts": {"kind": "facts"}},
}
ALL = "{base: {micro: embedded}, rag: {micro: embedded}, ft: {micro: embedded}, ft_rag: {micro: embedded}}"


def write(study: dict) -> Path:
    path = Path("params.yaml")
    path.write_text(
        yaml.safe_dump({"study": study, "judges": {"facts": {"kind": "facts"}}, **ENTRIES}, sort_keys=False)
    )
    return path


@pytest.mark.parametrize(
    ("approaches", "expected"),
    [
        ({}, []),
        ({"base": None, "rag": {}}, []),
        ({"rag": MICRO, "base": {"far": "openai", **MICRO}}, ["far base", "micro base", "micro rag"]),
        ({"ft": {"b": "x"}, "rag": {"a": "x"}, "ft_rag": {"b": "x"}}, ["a rag", "b ft", "b ft_rag"]),
    ],
)
def test_arms_are_together_by_model_in_the_order_of_the_approaches(approaches, expected):
    assert [" ".join(arm) for arm in arms(approaches)] == expected


def test_what_a_study_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    approaches = {"base": {"far": "openai"}, "rag": {"far": "openai"}, "ft": MICRO, "ft_rag": {}}
    study = params.load("study", StudyParams, write(
        {"approaches": approaches, "fine_tune": MICRO, "judges": {"facts": "none"}}
    ))  # fmt: skip
    assert [" ".join(arm) for arm in study.arms] == ["far base", "far rag", "micro ft"]
    assert (study.models, study.retrieves) == ({"far": "openai", "micro": "embedded"}, True)
    assert params.load("study.approaches", ApproachesParams).arms == study.arms


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            {"approaches": {**dict.fromkeys(APPROACHES, MICRO), "base": {"micro": "openai", "far": "embedded"}}},
            [
                "study.approaches.base.micro: must be embedded, the provider of models.micro. Got 'openai'.",
                "study.approaches.base.far: must be openai, the provider of models.far. Got 'embedded'.",
            ],
        ),
        (
            {"fine_tune": {}},
            [
                f"study.approaches.{approach}.micro: must be in study.fine_tune, too, which tunes it. Got 'embedded'."
                for approach in ("ft", "ft_rag")
            ],
        ),
        (
            {"fine_tune": {"far": "openai", **MICRO}},
            ["study.fine_tune.far: must be in study.approaches.ft or ft_rag, or its training is for nothing. Got "
             "'openai'."],
        ),
        (models_of({}), ["study.approaches: must name a model for at least one approach."]),
        (
            {"approaches": {"base": MICRO, "rag": None, "ft": ["micro", "other"]}},
            [
                "study.approaches.rag: must be a mapping of models to providers; {} names none. Got None.",
                "study.approaches.ft: must name the provider of each entry, as in {micro: embedded, other: ...}: by it "
                "dvc.yaml names the code. Got ['micro', 'other'].",
                "study.approaches.ft_rag: missing.",
            ],
        ),
        ({"judges": {"facts": "bedrock"}}, ["study.judges.facts: must be none, the provider of judges.facts. Got "
                                            "'bedrock'."]),
        ({"approaches": {**dict.fromkeys(APPROACHES, MICRO), "base": {"odd": "openai"}}}, []),  # a fault of the entry
    ],
)  # fmt: skip
def test_mappings_that_do_not_fit_together(tmp_path, monkeypatch, change, faults):
    monkeypatch.chdir(tmp_path)
    path = write({**models_of(MICRO), "judges": {"facts": "none"}, **change})
    if not faults:
        params.load("study", StudyParams, path)
        return
    with pytest.raises(StageError) as caught:
        params.load("study", StudyParams, path)
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    assert str(caught.value) == "\n  ".join([f"params.yaml: {count}:", *faults])


@pytest.mark.parametrize(
    ("study", "others"),
    [
        ({"models": MICRO, "judges": {"facts": "none"}}, []),
        ({"models": ["micro"], "judges": {}}, ["study.judges: must not be empty. Got {}."]),
        ({"models": MICRO, **models_of(MICRO, only=["base"]), "judges": {"facts": "none"}}, []),
        ({"models": MICRO, "judges": {"facts": "none"}, "jugdes": {}},
         ["study.jugdes: unknown key. Did you mean 'judges'?"]),
    ],
)  # fmt: skip
def test_models_of_old_files_are_shown_as_the_mappings_that_take_their_place(tmp_path, monkeypatch, study, others):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError) as caught:
        params.load("study", StudyParams, write(study))
    moved = (
        f"study.models: moved. Name the models of each approach, and those to tune: approaches: {ALL}, fine_tune: "
        "{micro: embedded}."
    )
    head = f"params.yaml: {1 + len(others)} fault{'s' * bool(others)}:"
    assert str(caught.value) == "\n  ".join([head, moved, *others])
