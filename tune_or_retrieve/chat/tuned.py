"""A model that was tuned elsewhere: what the stage fine_tune leaves of it for the answer stages."""

from pathlib import Path

from pydantic import ValidationError, ValidationInfo

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_json, write_json
from tune_or_retrieve.base.records import Record

FILE = "tuned.json"


class Tuned(Record):
    """Where the tuned model differs from its entry in `models`."""

    tuned: str  # as in the entry
    changes: dict[str, str]  # its other keys that differ, with their values; none: adapter.gguf is applied to it


def write_tuned(folder: Path, tuned: Tuned) -> None:
    write_json(folder / FILE, tuned.model_dump())


def read_tuned(folder: Path) -> Tuned | None:
    """None if the model in `folder` was trained by the stage itself. Raises StageError if the file is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return Tuned.model_validate(read_json(path))
    except ValidationError:
        raise StageError(f"{path}: not the record of a tuned model. Remove it and run `dvc repro`.") from None


def another_model(tuned: str | None, info: ValidationInfo) -> str | None:
    """The rule for `tuned` where it is a name beside `model`."""
    if tuned is not None and tuned == info.data.get("model"):
        raise ValueError("must be another model than `model`, tuned from it")
    return tuned
