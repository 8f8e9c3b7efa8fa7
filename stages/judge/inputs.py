"""What is judged, the answers of every arm of the study, and the validation pairs that controls are made of."""

from collections.abc import Sequence
from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Answer, Pair
from tune_or_retrieve.base.study import Arm, remove_others

VALIDATION = Path("data/qa/validation.jsonl")
ANSWERS = Path("data/answers")


def read_answers(arms: Sequence[Arm]) -> list[Answer]:
    """Those of all arms; the files of others are removed. Raises StageError if a file is missing or empty."""
    paths = [ANSWERS / approach / f"{model}.jsonl" for model, approach in arms]
    remove_others(ANSWERS.glob("*/*.jsonl"), paths)
    answers: list[Answer] = []
    for path in paths:
        rows = list(read_jsonl(path, Answer))
        if not rows:
            raise StageError(f"{path}: holds no answers. Remove it and run `dvc repro`, which makes it again.")
        answers += rows
    return answers


def read_validation() -> list[Pair]:
    """Raises StageError if there is no pair: without controls nothing tells whether the judge can be believed."""
    pairs = list(read_jsonl(VALIDATION, Pair))
    if not pairs:
        raise StageError(
            f"{VALIDATION}: holds no pairs, so that no controls can be made and no judge can be proved. "
            "Set qa.validation_pairs to at least 1 and run `dvc repro`."
        )
    return pairs
