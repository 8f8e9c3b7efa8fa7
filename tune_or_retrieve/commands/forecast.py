"""What `dvc repro` would run, roughly how long it takes, and what it may cost. AWS is not contacted."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tune_or_retrieve.base import machine, params
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_json
from tune_or_retrieve.base.leaves import leaves
from tune_or_retrieve.base.progress import duration
from tune_or_retrieve.base.stage import PRESETS, durations, size, size_id
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.money.cost import in_dollars
from tune_or_retrieve.money.prices import Prices

DVC, GRAPH = Path(".dvc"), Path("dvc.yaml")
SHIPPED = Path("benchmarks/results/study.json")
SIZES = {"local": ("local",), "quick": ("local", "quick")}  # sizes that we measured, and the presets that make them
PAID = ("bedrock", "openai", "langchain")
NOT_KNOWN = "not known"


class Unknown(Exception):
    """Why it is not known what would run."""


class Estimate(NamedTuple):
    """How long a stage takes. `seconds`: None if nothing comparable was measured."""

    stage: str
    seconds: float | None
    source: str


def forecast(content: Mapping[str, Any]) -> list[str]:
    """Lines to print; none without a pipeline. `content`: that of params.yaml, without faults."""
    if not (DVC.is_dir() and GRAPH.is_file()):
        return []
    try:
        stages = stale()
    except Unknown as reason:
        return [f"What would run is not known: {reason}"]
    if not stages:
        return ["Nothing would run: all stages are up to date."]
    rows = last(stages, content)
    wide = max(len(row.stage) for row in rows)
    return [
        f"At most {len(rows)} stage{'s' * (len(rows) > 1)} would run:",
        *(f"  {row.stage:{wide}}  {NOT_KNOWN if row.seconds is None else duration(row.seconds):>9}" for row in rows),
        _sum(rows),
        *_cost(rows, content),
    ]


def stale() -> list[str]:
    """Stages that DVC finds changed and all after them, in the order in which it would run them.

    DVC's locks are not taken, so a run that starts meanwhile need not wait.

    Raises:
        Unknown: DVC is running, or finds a fault.
    """
    if _at_work():
        raise Unknown("DVC is at work here. Ask again when it has ended.")
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.reproduce import plan_repro

    try:
        with Repo() as repo:
            graph = repo.index.graph
            changed = [one for one in graph if one.cmd and not one.frozen and _changed(one)]
            later = {one for each in changed for one in networkx.ancestors(graph, each)}
            return [one.addressing for one in plan_repro(graph) if one in later or one in changed]
    except (DvcException, OSError) as fault:  # OSError: a run that started meanwhile removed a file
        raise Unknown(f"DVC says: {' '.join(str(fault).split())}") from None


def _changed(stage: Any) -> bool:
    return stage.always_changed or stage.changed_stage() or any(one.status() for one in (*stage.deps, *stage.outs))


def _at_work() -> bool:
    """Whether another process holds DVC's lock, or the files of a stage, which DVC locks while it runs."""
    import psutil

    try:
        with (DVC / "tmp/lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released at once
    except BlockingIOError:
        return True
    except OSError:  # missing or not readable: unknown
        pass
    try:
        held = json.loads((DVC / "tmp/rwlock").read_text()).get("write", {})
    except (OSError, ValueError):
        return False
    return any(psutil.pid_exists(one["pid"]) and one["pid"] != os.getpid() for one in held.values())


def last(stages: Sequence[str], content: Mapping[str, Any]) -> list[Estimate]:
    """How long each stage takes: measured here with a study of this size, else by us, else here with another size."""
    here, mine, (ours, place) = durations(), size_id(content), _shipped(content)
    found = []
    for name in stages:
        runs = here.get(name, [])
        if same := [run.seconds for run in runs if run.size == mine]:
            found.append(
                Estimate(name, max(same), "measured here")
            )  # the longest: shorter ones may have found everything in the store
        elif name in ours:
            found.append(Estimate(name, ours[name], f"measured on {place}, by {SHIPPED}"))
        elif runs:
            found.append(Estimate(name, max(run.seconds for run in runs), "measured here with a study of another size"))
        else:
            found.append(Estimate(name, None, NOT_KNOWN))
    return found


def _shipped(content: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """Seconds of each stage as we measured them with a study like this one, on the most similar processor."""
    mine, like = size(content), machine.instructions()
    for name, presets in SIZES.items():
        files = [PRESETS / f"{preset}.yaml" for preset in presets]
        if not all(file.is_file() for file in (*files, SHIPPED)):
            continue
        values = {"articles.source": "botocore"}
        for file in files:
            values |= leaves(params.everything(file))
        if mine == {key: values.get(key) for key in mine}:
            runs = [run for run in read_json(SHIPPED) if run["preset"] == name]
            for run in sorted(runs, key=lambda run: (run["instructions"] != like, run["emulated"])):
                emulated = ", emulated" if run["emulated"] else ""
                place = f"{run['processor']} ({run['instructions']}{emulated}), {run['cores']} cores"
                return run["stage_seconds"], place
    return {}, ""


def _sum(rows: Sequence[Estimate]) -> str:
    seconds = [row.seconds for row in rows if row.seconds is not None]
    if not seconds:
        return "How long that takes is not known: it was never measured here."
    by_source: dict[str, list[str]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row.stage)
    unknown = by_source.pop(NOT_KNOWN, [])
    (most, _), *others = sorted(by_source.items(), key=lambda one: -len(one[1]))
    parts = [most, *(f"{', '.join(stages)}: {source}" for source, stages in others)]
    if unknown:
        parts.append(f"{', '.join(unknown)}: {NOT_KNOWN}")
    return f"{'At least' if unknown else 'About'} {duration(sum(seconds))} in all, {'; '.join(parts)}."


def _cost(rows: Sequence[Estimate], content: Mapping[str, Any]) -> Iterator[str]:
    prices = params.load("prices", Prices)
    seconds, hour = sum(row.seconds or 0 for row in rows), prices.compute_per_hour
    machine_time = f"about {seconds / 3600 * hour:.2f} {prices.currency} of machine time" if hour and seconds else ""
    study = params.load("study", StudyParams)
    asked = {*study.models.values(), *study.judges.values(), content["qa"].get("provider")}
    asked |= {content["knowledge_base"]["backend"]} if study.retrieves else set()
    paid = list(_paid([row.stage for row in rows], content, prices)) if asked & set(PAID) else []
    yield from paid
    if not paid:
        yield f"Nothing is paid for: all of it runs on this machine{f' ({machine_time})' if machine_time else ''}."
    elif machine_time:
        yield f"In addition, {machine_time}."


def _paid(stages: Sequence[str], content: Mapping[str, Any], prices: Prices) -> Iterator[str]:
    """What is paid for by tokens; nothing if none of the stages calls a hosted model."""
    from tune_or_retrieve.account.estimate import estimate  # here: it imports boto3
    from tune_or_retrieve.account.requirements import provisioned, requirements
    from tune_or_retrieve.account.work import count, work
    from tune_or_retrieve.money.budget import Budget

    try:
        asked, counted = requirements(content, PAID), count(content)
        todo = [one for one in work(asked, counted, content) if one.stage in stages]
        if not todo:
            return
        if requirements(content).on_bedrock:
            in_dollars(prices)
        spent = sum(one.dollars for one in Budget().by_stage().values())
    except StageError as fault:
        yield f"What it may cost is not known: {fault}"
        return
    dollars, unpriced = 0.0, {}
    for one in todo:
        try:
            [row] = estimate([one], prices)
        except StageError:  # a model that is not in the table
            row = None
        if row is None or row.dollars is None:
            unpriced[one.model] = None
        else:
            dollars += row.dollars
    if dollars:
        limit = params.load_value("run.budget_usd", float | None)
        budget = f"run.budget_usd: {'null' if limit is None else f'{limit:.2f}'}"
        yield (
            f"Tokens may cost {dollars:.2f} {prices.currency} (prices of {prices.as_of}; {budget}, {spent:.2f} spent "
            "so far)."
        )
    if unpriced:
        yield f"What tokens of {', '.join(unpriced)} cost is not known: `prices` in params.yaml has no price for them."
    if asked.embedding and counted.chunks is None and "index" in stages:
        yield "What index costs is not known before the stage chunks has run."
    for name, per_hour in provisioned(content).items():
        if any(stage.endswith(f"@{name}") for stage in stages):
            yield f"In addition, provisioned throughput of {name} at {per_hour:.2f} USD an hour, used or not."
