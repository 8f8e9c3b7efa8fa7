"""The machines behind the seconds and the number formats, in words."""

from stages.report.inputs import Study
from stages.report.words import listed
from tune_or_retrieve.base.records import RETRIEVING, Approach, Timed


def differing_hardware(study: Study) -> list[str]:
    """A note for each model whose approaches were timed on different machines or settings."""
    notes = []
    for model in filter(study.against_base, study.models):
        others = [a for a in study.timed_approaches(model) if a != "base" and not study.alike(model, a)]
        if others:
            timed = [f"{one} on {listed(_timed_on(study, model, one))}" for one in dict.fromkeys(("base", *others))]
            notes.append(
                f"Seconds of {model} were measured on unlike machines or settings, so no change against base is given "
                f"for {listed(others)}: {'; '.join(timed)}. To measure all anew, remove .cache/calls.sqlite and run "
                "`dvc repro --force` for these stages."
            )
    return notes


def machine_line(study: Study) -> str:
    """Processor, devices, threads and number formats behind the figures, in a line; empty if nothing ran here."""
    parts: dict[str, list[str]] = {}  # by machine

    def add(what: str, on: Timed, dtype: str | None = None) -> None:
        if on.machine:
            how = f"{what} {f'in {dtype} ' if dtype else ''}on {_how(on)}"
            parts.setdefault(on.machine, []).append(how)

    for on in study.retrieval_on:
        add("retrieval", on, study.retrieval_metrics.get("embedding_dtype"))
    for model in study.models:
        of = f" of {model}" if len(study.models) > 1 else ""
        timings = study.training.get(model, {})
        on = Timed(**{key: timings.get(key) for key in Timed.model_fields})
        add(f"training{of}", on, study.trained.get(model, {}).get("dtype"))
        rows = (on for approach in study.timed_approaches(model) for on in study.measured_on(model, approach))
        for on in dict.fromkeys(rows):
            add(f"answers{of}", on)
    return "; ".join(f"{machine}: {', '.join(hows)}" for machine, hows in parts.items())


def _timed_on(study: Study, model: str, approach: Approach) -> list[str]:
    on = study.measured_on(model, approach)
    if approach in RETRIEVING:
        on = list(dict.fromkeys([*on, *study.retrieval_on]))
    return [f"{one.machine}, {_how(one)}" if one.machine else "a machine that is not known" for one in on]


def _how(on: Timed) -> str:
    threads = "" if on.threads is None else f" with {on.threads} thread{'s' * (on.threads > 1)}"
    return f"{on.device}{threads}"
