"""Reading the test questions: the handwritten ones that the corpus can answer, and those that the qa stage makes."""

from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Question

HANDWRITTEN = Path("data/eval/questions.jsonl")
NO_HANDWRITTEN = "Restore it from git, or write it: a question a line. It may be empty."
FILES = (Path("data/qa/handwritten.jsonl"), Path("data/qa/test.jsonl"))


def read_questions(root: Path = Path(".")) -> list[Question]:
    """All test questions, handwritten ones first, in the files' order.

    Raises:
        StageError: a file is missing or damaged, two questions have one id, or there is no question.
    """
    paths = [root / file for file in FILES]
    questions: dict[str, Question] = {}
    for path in paths:
        for question in read_jsonl(path, Question):
            if question.id in questions:
                raise StageError(f"{path}: question id {question.id!r} is used twice. Give each question its own id.")
            questions[question.id] = question
    if not questions:
        raise StageError(
            f"no test questions in {' or '.join(map(str, paths))}. Set qa.test_questions, or write your own questions."
        )
    return list(questions.values())
