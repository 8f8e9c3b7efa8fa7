"""A small study on Amazon Bedrock that may be run for real: under a cap, and taken down whatever comes.

It calls the stages' own mains and commands in this process, so that the same code runs at AWS and at the stand-in.
"""

import contextlib
import functools
import importlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from small_study import ROOT, change, study_of, write_small_study

from tune_or_retrieve.account.estimate import estimate, total
from tune_or_retrieve.account.requirements import prices, requirements
from tune_or_retrieve.account.work import count, work
from tune_or_retrieve.base import params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.commands import account as commands
from tune_or_retrieve.commands.preset import preset
from tune_or_retrieve.money.budget import Budget
from tune_or_retrieve.money.jobs import Watch

OPT_IN, TRAIN, USD = (f"TUNE_OR_RETRIEVE_REAL_AWS{ending}" for ending in ("", "_TRAIN", "_USD"))
DEFAULT_USD = 2.0
MODEL, JUDGE = "micro", "llama"
LOADER = functools.cache(botocore.loaders.create_loader)
LOCAL = (("articles",), ("chunks",), ("qa",))  # on this machine, free
UNTRAINED = (("index",), ("retrieve",), ("answer", "base", MODEL), ("answer", "rag", MODEL))
TRAINED = (("fine_tune", MODEL), ("answer", "ft", MODEL), ("answer", "ft_rag", MODEL))
JUDGED = (("judge", JUDGE),)
SMALL = {
    **study_of({MODEL: "bedrock"}),
    "study.judges": {JUDGE: "bedrock"},
    "models.micro.customization.epochs": 1,
    "retrieval.top_k": 2,
    f"judges.{JUDGE}.control_pairs": 1,
    "run.concurrency": {"bedrock": 2},
}


def refusal(environment: Mapping[str, str], has_credentials: Callable[[], bool]) -> str | None:
    """Why real AWS is not asked, or None if it is. Credentials are looked for only after the opt-in."""
    if environment.get(OPT_IN) != "1":
        return f"real AWS, which costs money: only with {OPT_IN}=1 (at most ${DEFAULT_USD:.2f}, or {USD})"
    try:
        cap(environment)
    except ValueError:
        return f"{USD} must be an amount of US dollars above 0, such as 2.0. Got {environment[USD]!r}"
    if not has_credentials():
        return f"{OPT_IN}=1, but there are no AWS credentials: log in with `aws configure` or `aws sso login`"
    return None


def cap(environment: Mapping[str, str]) -> float:
    """US dollars. Raises ValueError if what is given is no amount of them."""
    usd = float(environment.get(USD, DEFAULT_USD))
    if not 0 < usd < float("inf"):
        raise ValueError(usd)
    return usd


@dataclass
class Seen:
    """What a study said and left in its folder."""

    root: Path
    usd: float
    train: bool
    said: dict[str, str] = field(default_factory=dict)  # of each command; `before`: resources before the study

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / name).read_text().splitlines()]

    def json(self, name: str) -> Any:
        return json.loads((self.root / name).read_text())


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """For the stand-in: waits without sleeping, as it goes on with every look, and reads botocore's models once."""
    with pytest.MonkeyPatch.context() as patch:
        every, clock, _, say = Watch.__init__.__defaults__
        patch.setattr(Watch.__init__, "__defaults__", (every, clock, lambda _: None, say))
        patch.setattr(botocore.loaders, "create_loader", LOADER)
        yield


def prepare(root: Path, embedder: Any) -> Path:
    """A small study on Bedrock in `root`, with articles, passages and pairs; asks nothing of AWS."""
    write_small_study(root, {})
    (root / "presets").symlink_to(ROOT / "presets")
    with _inside(root) as patch, contextlib.redirect_stdout(io.StringIO()):
        # What is alike among so few pairs is not what is tried here, and a model for it takes seconds to load.
        patch.setattr("stages.qa.__main__.Embedder", lambda *_: embedder)
        preset("bedrock")
        change(root / "params.yaml", SMALL)
        for step in LOCAL:
            run(step)
    return root


def study(root: Path, usd: float, train: bool) -> Seen:
    """All steps at AWS, each if it fits under `usd`, and then, whatever came, teardown of all that they made.

    Raises:
        StageError: doctor finds a fault; the account has things of this project already, which teardown would take,
            too; a step fails or does not fit; teardown leaves something.
    """
    seen = Seen(root, usd, train)
    # AWS never forgets a training job by its name, and its model went with teardown: each study has one of its own.
    change(root / "params.yaml", {"run.budget_usd": usd, "fine_tune.seed": time.time_ns() % 2**31})
    if not train:
        change(root / "params.yaml", study_of({MODEL: "bedrock"}, only=("base", "rag")))
    with _inside(root):
        seen.said["doctor"] = _output(commands.doctor)
        seen.said["before"] = _output(commands.resources)
        if not seen.said["before"].startswith("nothing of"):
            raise StageError(
                "this account has things of tune-or-retrieve in this region already, and this study ends with the "
                "removal of all of them. Nothing was touched. Choose another region or account, or remove them "
                f"yourself with `tune-or-retrieve teardown`:\n{seen.said['before']}"
            )
        try:
            for step in (*UNTRAINED, *(TRAINED if train else ()), *JUDGED):
                with _paid(step, usd):
                    run(step)
        finally:
            seen.said["teardown"] = _output(lambda: commands.teardown(yes=True))
            seen.said["resources"] = _output(commands.resources)
    return seen


@contextlib.contextmanager
def _paid(step: Sequence[str], usd: float) -> Iterator[None]:
    """Refuse a step whose estimate does not fit under the cap; enter the estimate of one that keeps no account itself.

    Vectors and objects in S3 for the minutes of a study, a part of a cent, are in no estimate.
    """
    content = params.everything()
    dated, stage = prices(content), "@".join(("_".join(step[:-1]), step[-1])) if step[1:] else step[0]
    rows = [row for row in estimate(work(requirements(content), count(content), content), dated) if row.stage == stage]
    assert rows, f"no estimate of {stage}: what it costs would not be compared with the cap"
    budget = Budget(usd)
    budget.check(total(rows), stage)
    yield
    if stage not in budget.by_stage():
        budget.record(stage, rows[0].model, total(rows), rows[0].input_tokens, once=stage)


@contextlib.contextmanager
def _inside(root: Path) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield patch


def run(step: Sequence[str]) -> None:
    """One stage. Raises what it raises, instead of ending the process with its message."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(step))
        importlib.import_module(f"stages.{step[0]}.__main__").main.__wrapped__()


def _output(command: Callable[[], None]) -> str:
    """What a command prints; shown as well, so that its findings can be read if it fails."""
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            command()
    finally:
        print(text.getvalue(), end="")
    return text.getvalue()
