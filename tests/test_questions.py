"""The test questions of both files, as every stage after qa reads them."""

from pathlib import Path

import pytest

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import write_jsonl
from tune_or_retrieve.base.questions import FILES, read_questions
from tune_or_retrieve.base.records import Question


def write(root: Path, handwritten: list[str], synthetic: list[str]) -> None:
    for file, set_, ids in zip(FILES, ("handwritten", "synthetic"), (handwritten, synthetic), strict=True):
        rows = [
            Question(
                id=id_,
                set=set_,
                slice="seen",
                question="What?",
                reference="That.",
                service="s3",
                kind="limit",
                evidence=[],
            )
            for id_ in ids
        ]
        write_jsonl(root / file, rows)


def test_questions_of_both_files_in_order(tmp_path):
    write(tmp_path, ["one"], ["two", "three"])
    assert [(row.id, row.set) for row in read_questions(tmp_path)] == [
        ("one", "handwritten"),
        ("two", "synthetic"),
        ("three", "synthetic"),
    ]


@pytest.mark.parametrize("empty", [0, 1])
def test_one_of_the_files_may_be_empty(tmp_path, empty):
    ids = [["one"], ["two"]]
    ids[empty] = []
    write(tmp_path, *ids)
    assert len(read_questions(tmp_path)) == 1


@pytest.mark.parametrize(
    ("handwritten", "synthetic", "message"),
    [
        (["one", "one"], [], "{0}: question id 'one' is used twice. Give each question its own id."),
        (["one"], ["two", "one"], "{1}: question id 'one' is used twice. Give each question its own id."),
        ([], [], "no test questions in {0} or {1}. Set qa.test_questions, or write your own questions."),
    ],
)
def test_faults_are_named(tmp_path, handwritten, synthetic, message):
    write(tmp_path, handwritten, synthetic)
    with pytest.raises(StageError) as fault:
        read_questions(tmp_path)
    assert str(fault.value) == message.format(*(tmp_path / file for file in FILES))


def test_both_files_must_be_there(tmp_path):
    write(tmp_path, ["one"], [])
    (tmp_path / FILES[1]).unlink()
    with pytest.raises(StageError) as fault:
        read_questions(tmp_path)
    assert str(fault.value) == f"{tmp_path / FILES[1]}: no such file. Run `dvc repro`, which makes it."
