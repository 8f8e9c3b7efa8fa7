"""What judging reads: test questions, the answers of every model and approach, and validation pairs."""

from pathlib import Path

from stages.errors import StageError
from stages.files import read_jsonl
from stages.records import APPROACHES, Answer, Pair, Question

QUESTIONS = (Path("data/eval/questions.jsonl"), Path("data/qa/test.jsonl"))
VALIDATION = Path("data/qa/validation.jsonl")
ANSWERS = Path("data/answers")


def read_questions() -> list[Question]:
    """Raises StageError on two questions with one id, or if there are none."""
    questions: dict[str, Question] = {}
    for path in QUESTIONS:
        for question in read_jsonl(path, Question):
            if question.id in questions:
                raise StageError(f"{path}: question id {question.id!r} is used twice. Give each question its own id.")
            questions[question.id] = question
    if not questions:
        raise StageError(f"no test questions in {' or '.join(map(str, QUESTIONS))}.")
    return list(questions.values())


def read_answers(models: list[str]) -> list[Answer]:
    """All approaches of all models. Raises StageError if a file is missing or empty."""
    answers: list[Answer] = []
    for model in models:
        for approach in APPROACHES:
            path = ANSWERS / approach / f"{model}.jsonl"
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
