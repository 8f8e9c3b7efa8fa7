"""The losses of a fine-tuning job, from its files in S3 to the rows of the training curve."""

import csv
import io
from collections.abc import Callable
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import get, objects, split_uri

CURVES = {  # split: the file, wherever it lies among the job's outputs, and its column
    "train": ("step_wise_training_metrics.csv", "training_loss"),
    "validation": ("validation_metrics.csv", "validation_loss"),
}


def losses(clients: Clients, output_uri: str, job_arn: str, say: Callable[[str], object]) -> list[dict[str, Any]]:
    """Rows of step, epoch, split and loss, as in local training, by step.

    A split whose file is missing has none, and this is said: a model that was paid for is not given up for its plot.

    Raises:
        StageError: a file lacks a column, or holds something other than numbers.
    """
    bucket, folder = split_uri(output_uri)
    prefix = f"{folder.rstrip('/')}/model-customization-job-{job_arn.rsplit('/', 1)[-1]}/".lstrip("/")
    rows = []
    keys = [key for key, _ in objects(clients, bucket, prefix)]
    for split, (file, column) in CURVES.items():
        key = next((key for key in keys if key.rsplit("/", 1)[-1] == file), None)
        if key is None:
            say(f"no {file} below s3://{bucket}/{prefix}: the training curve has no {split} loss")
        else:
            rows += _rows(get(clients, bucket, key).decode("utf-8"), split, column, f"s3://{bucket}/{key}")
    return sorted(rows, key=lambda row: (row["step"], row["split"]))


def _rows(text: str, split: str, column: str, uri: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(text))
    missing = {"step_number", "epoch_number", column} - set(rows.fieldnames or [])
    if missing:
        raise StageError(f"{uri}: no column {', '.join(sorted(missing))}. Got {', '.join(rows.fieldnames or [])}.")
    try:
        return [
            {
                "step": int(row["step_number"]),
                "epoch": int(row["epoch_number"]),
                "split": split,
                "loss": round(float(row[column]), 6),
            }
            for row in rows
        ]
    except (TypeError, ValueError) as fault:
        raise StageError(f"{uri}, line {rows.line_num}: not a row of numbers ({fault}).") from None
