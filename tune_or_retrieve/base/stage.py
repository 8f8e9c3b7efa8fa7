"""The main function of a stage: how it ends, and how long it took, from which `check` estimates the next run."""

import contextlib
import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import NotYet, StageError, exits_cleanly
from tune_or_retrieve.base.files import write_json
from tune_or_retrieve.base.home import cached
from tune_or_retrieve.base.leaves import leaves

BEGAN = time.perf_counter()  # early in the process, so that most imports are counted
NAME = "durations.json"  # in .cache
KEPT = 10  # runs of each stage
PRESETS = Path("presets")
LOCK = Path("dvc.lock")
NO_SIZE = "run.budget_usd"  # a preset sets it, but it makes no run longer


class Run(NamedTuple):
    """How long a stage took."""

    seconds: float
    size: str  # see `size_id`


def stage(main: Callable[[], None]) -> Callable[[], None]:
    """As `exits_cleanly`. A stage that DVC runs records how long it took if it succeeded, and never fails over that.

    DVC removes the outs of a stage before it runs it, so a stage that fails says where those of the last run are.
    """

    @functools.wraps(main)
    def wrapper() -> None:
        name = os.environ.get("DVC_STAGE")
        try:
            main()
        except StageError as fault:
            if name and not isinstance(fault, NotYet) and (places := _named_in(name)):
                fault.add_note(f"To leave this model out, remove it from {places} in params.yaml.")
            if name and (removed := _removed(name)):
                fault.add_note(
                    f"Before {name} began, DVC removed what its last run had written ({', '.join(removed)}). "
                    f"`dvc checkout {name}` brings its data back, and git its metrics and plots, if they are committed."
                )
            raise
        if name:
            with contextlib.suppress(OSError, StageError):
                _note(name, time.perf_counter() - BEGAN)

    return exits_cleanly(wrapper)


def durations() -> dict[str, list[Run]]:
    """The last runs of each stage, the newest last; none where the file is missing or damaged."""
    try:
        return TypeAdapter(dict[str, list[Run]]).validate_json(cached(NAME).read_bytes())
    except (OSError, ValidationError):
        return {}


def size_id(content: Mapping[str, Any]) -> str:
    """Identifies studies of the same size; see `size`."""
    return hashlib.sha256(json.dumps(size(content), sort_keys=True, default=str).encode()).hexdigest()[:16]


def size(content: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a study long or short: the values in `content` (params.yaml) of all keys that a preset sets."""
    values = leaves(content)
    keys = {key for file in PRESETS.glob("*.yaml") for key in leaves(params.everything(file))}
    keys |= {"articles.source", *(key for key in values if key.startswith("study."))}
    return {key: values.get(key) for key in sorted(keys - {NO_SIZE})}


def _named_in(stage: str) -> str:
    """The keys by which a model has this stage; empty for a stage that is not of one model."""
    if stage.startswith("answer_"):
        return f"study.approaches.{stage.removeprefix('answer_').partition('@')[0]}"
    return "study.fine_tune and study.approaches.ft and ft_rag" if stage.startswith("fine_tune@") else ""


def _removed(name: str) -> list[str]:
    """Outs of the last run of a stage that are no longer there. `persist` in dvc.yaml would keep them, but without its
    run cache."""
    try:
        outs = params.everything(LOCK)["stages"][name]["outs"]
        return [out["path"] for out in outs if not Path(out["path"]).exists()]
    except (OSError, StageError, KeyError, TypeError):
        return []


def _note(name: str, seconds: float) -> None:
    runs = durations()
    runs[name] = [*runs.get(name, []), Run(round(seconds, 1), size_id(params.everything()))][-KEPT:]
    write_json(cached(NAME), runs)
