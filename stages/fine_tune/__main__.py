"""``python -m stages.fine_tune <model>``: pairs to an adapter, or to a model on Bedrock; or one tuned elsewhere."""

import csv
import sys
from pathlib import Path

from stages.fine_tune.data import Result
from stages.fine_tune.elsewhere import adopt
from stages.fine_tune.inputs import read_data
from stages.fine_tune.params import FineTuneParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_file, write_json
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.chat.models import ModelParams


@stage
def main() -> None:
    if len(sys.argv) != 2:
        raise StageError("usage: python -m stages.fine_tune <model>")
    name = sys.argv[1]
    model, out = load(f"models.{name}", ModelParams), Path("data/fine_tune") / name
    result = _trained(name, model, out) if model.tuned is None else adopt(name, model, out)
    write_json(Path("data/timings/fine_tune") / f"{name}.json", result.timings)
    write_json(Path("metrics/fine_tune") / f"{name}.json", result.metrics)
    with atomic_file(Path("plots/fine_tune") / f"{name}.csv") as file:
        rows = csv.DictWriter(file, ["step", "epoch", "split", "loss"], lineterminator="\n")
        rows.writeheader()
        rows.writerows(result.curve)


def _trained(name: str, model: ModelParams, out: Path) -> Result:
    params = load("fine_tune", FineTuneParams)
    if model.provider == "bedrock":
        from stages.fine_tune import on_bedrock  # here: a local run imports nothing of AWS

        return on_bedrock.fine_tune(name, model, params, read_data(), out)
    from stages.fine_tune.run import check_trainable, fine_tune  # here: a run on Bedrock imports no torch

    run = load(SECTION, RunParams)
    return fine_tune(name, check_trainable(name, model), params, run, read_data(), out)


if __name__ == "__main__":
    main()
