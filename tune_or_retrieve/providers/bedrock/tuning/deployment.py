"""What fine-tuning on Bedrock leaves in data/fine_tune/<model>: where the model answers, and what it was made of."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_json, write_json
from tune_or_retrieve.base.records import Record

FILE = "deployment.json"


class Deployment(Record):
    """The same for the same params and data: it holds no time and no credential."""

    provider: Literal["bedrock"] = "bedrock"
    region: str
    deployment_arn: str  # Converse's model id
    hosting: Literal["on_demand", "provisioned"]
    custom_model_arn: str
    base_model: str
    job_arn: str
    attempt: int
    hyperparameters: dict[str, str]
    train_sha256: str
    validation_sha256: str
    samples: dict[str, int]  # sent, of each split; of the training split, also those with passages and those repaired
    rejected: dict[str, int]  # samples left out, by reason


def write_deployment(folder: Path, deployment: Deployment) -> None:
    write_json(folder / FILE, deployment.model_dump())


def read_deployment(folder: Path) -> Deployment:
    """Raises StageError if the model was not fine-tuned on Bedrock."""
    path = folder / FILE
    if not path.is_file():
        raise StageError(f"{path}: no such file. Run `dvc repro`, which makes it by fine-tuning on Amazon Bedrock.")
    try:
        return Deployment.model_validate(read_json(path))
    except ValidationError as fault:
        first = fault.errors()[0]
        raise StageError(
            f"{path}: not the record of a deployment ({'.'.join(map(str, first['loc']))}: {first['msg']}). Remove it "
            "and run `dvc repro`."
        ) from None
