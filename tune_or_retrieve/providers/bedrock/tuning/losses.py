"""The losses of a fine-tuning job, from its files in S3 to the rows of the training curve."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.providers.bedrock.aws.faults import aws
from tune_or_retrieve.providers.bedrock.aws.session import Clients

CURVES = {  # split: the file, wherever it lies among the job's outputs, and its column
    "train": ("step_wise_training_metrics.csv", "training_loss"),
    "validation": ("validation_metrics.csv", "validation_loss"),
}


def losses(
    clients: Clients, output_uri: str, job_arn: str, splits: Sequence[str], say: Callable[[str], object] = say
) -> list[dict[str, Any]]:
    """Rows of step, epoch, split and loss, as of local training, by step.

    A split whose file is not there has none, as is said: a model that is paid for is not given up for its plot.

    Raises:
        StageError: a file is there but lacks a column or has something else than numbers in it.
    """
    bucket, _, folder = output_uri.removeprefix("s3://").rstrip("/").partition("/")
    prefix = f"{folder}/model-customization-job-{job_arn.rsplit('/', 1)[-1]}/".lstrip("/")
    rows = []
    with aws("reading the losses of the fine-tuning job"):
        pages = clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        for split in splits:
            file, column = CURVES[split]
            key = next((key for key in keys if key.rsplit("/", 1)[-1] == file), None)
            if key is None:
                say(f"no {file} below s3://{bucket}/{prefix}: the training curve has no {split} loss")
                continue
            content = clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            rows += _rows(content.decode("utf-8"), split, column, f"s3://{bucket}/{key}")
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
