"""Section `study` of params.yaml: which model answers by which approach, which models are tuned, and who judges."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from tune_or_retrieve.base.params import Name, Provider, Section
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import APPROACHES, FINE_TUNED, RETRIEVING, Approach


class Arm(NamedTuple):
    """One model and one approach by which it answers."""

    model: str
    approach: Approach


def arms(approaches: Mapping[str, Iterable[str]]) -> list[Arm]:
    """The arms of a study, those of one model together: models in the order in which the approaches name them.

    Args:
        approaches: the models of each approach; what is missing, and null, are none.
    """
    models = dict.fromkeys(model for approach in APPROACHES for model in approaches.get(approach) or ())
    return [
        Arm(model, approach) for model in models for approach in APPROACHES if model in (approaches.get(approach) or ())
    ]


def _mapping(value: Any, info: ValidationInfo) -> Any:
    """A list of names, as old files have it, is refused with the mapping that takes its place."""
    if isinstance(value, list):
        shown = ", ".join(f"{name}: {_provider(info, name) or '...'}" for name in value)
        raise ValueError(f"must name the provider of each entry, as in {{{shown}}}: by it dvc.yaml names the code")
    if value is None and info.field_name != "judges":
        raise ValueError("must be a mapping of models to providers; {} names none")
    return value


def _of_entries(value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    """Each entry has its own provider in every mapping: dvc.yaml cannot look it up."""
    faults = [
        _fault(f"must be {wanted}, the provider of {_section(info)}.{name}", (name,), provider)
        for name, provider in value.items()
        if (wanted := _provider(info, name)) and wanted != provider
    ]
    return _refused(value, faults)


def _section(info: ValidationInfo) -> str:
    return "judges" if info.field_name == "judges" else "models"


def _provider(info: ValidationInfo, name: Any) -> str | None:
    """That of an entry of params.yaml; None if there is no such entry, or what it has is no provider."""
    entries = (info.context or {}).get(_section(info))
    entry = entries.get(name) if isinstance(entries, dict) and isinstance(name, str) else None
    provider = entry.get("provider", "none") if isinstance(entry, dict) else None
    known = (*get_args(Provider), *(["none"] if _section(info) == "judges" else []))
    return provider if isinstance(provider, str) and provider in known else None


def _fault(rule: str, loc: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {"type": PydanticCustomError("value_error", rule), "loc": loc, "input": value}


def _refused(value: Any, faults: list[dict[str, Any]]) -> Any:
    """The value, if there are no faults. Raises ValidationError with all of them."""
    if faults:
        raise ValidationError.from_exception_data("study", faults)
    return value


Models = Annotated[dict[Name, Provider], BeforeValidator(_mapping), AfterValidator(_of_entries)]


class ApproachesParams(Section):
    """The models that answer by each approach, each with the provider of its entry of `models`; {}: none."""

    base: Models
    rag: Models
    ft: Models
    ft_rag: Models

    @model_validator(mode="after")
    def _some(self) -> "ApproachesParams":
        if not self.arms:
            raise ValueError("must name a model for at least one approach")
        return self

    @property
    def arms(self) -> list[Arm]:
        return arms(dict(self))


class StudyParams(Section):
    """What is compared. Judges are entries of `judges`, each with its provider; none: asks no model."""

    approaches: ApproachesParams
    fine_tune: Models  # the models of ft and ft_rag
    judges: Annotated[
        dict[Name, Provider | Literal["none"]],
        Field(min_length=1),
        BeforeValidator(_mapping),
        AfterValidator(_of_entries),
    ]

    @model_validator(mode="wrap")
    @classmethod
    def _without_models(cls, raw: Any, handler: Any, info: ValidationInfo) -> Any:
        """`models`, which old files have, is refused once, with the mappings that take its place."""
        if not isinstance(raw, dict) or "models" not in raw:
            return handler(raw)
        old = raw["models"] if isinstance(raw["models"], list | dict) else []
        models = {str(name): _provider(info, name) or "..." for name in old}
        shown = f"{{{', '.join(f'{name}: {provider}' for name, provider in models.items())}}}"
        each = ", ".join(f"{approach}: {shown}" for approach in APPROACHES)
        rule = f"moved. Name the models of each approach, and those to tune: approaches: {{{each}}}, fine_tune: {shown}"
        faults = [_fault(rule, ("models",), {})]
        rest = {name: value for name, value in raw.items() if name != "models"}
        try:
            handler({"approaches": {one: {} for one in APPROACHES}, "fine_tune": {}, **rest})
        except ValidationError as others:
            faults += [
                {**one, "type": PydanticCustomError(one["type"], one["msg"], one.get("ctx"))}
                for one in others.errors(include_url=False)
                if "approaches" in raw or one["loc"][:1] != ("approaches",)
            ]
        return _refused(raw, faults)

    @model_validator(mode="after")
    def _tuned(self) -> "StudyParams":
        """Those of ft and ft_rag are tuned, and no others."""
        faults = [
            _fault("must be in study.fine_tune, too, which tunes it", ("approaches", approach, name), provider)
            for approach in FINE_TUNED
            for name, provider in getattr(self.approaches, approach).items()
            if name not in self.fine_tune
        ]
        used = {arm.model for arm in self.arms if arm.approach in FINE_TUNED}
        faults += [
            _fault(
                "must be in study.approaches.ft or ft_rag, or its training is for nothing",
                ("fine_tune", name),
                provider,
            )
            for name, provider in self.fine_tune.items()
            if name not in used
        ]
        return _refused(self, faults)

    @property
    def arms(self) -> list[Arm]:
        return self.approaches.arms

    @property
    def models(self) -> dict[str, str]:
        """Each model with its provider, in the order of the arms."""
        return {model: getattr(self.approaches, approach)[model] for model, approach in self.arms}

    @property
    def retrieves(self) -> bool:
        return any(arm.approach in RETRIEVING for arm in self.arms)


def remove_others(files: Iterable[Path], kept: Iterable[Path]) -> None:
    """Remove what earlier studies left: a folder that a stage depends on must hold what a clean clone's would.

    Args:
        files: all there are of one kind, such as those of ``Path("data/scores").glob("*.jsonl")``.
    """
    for path in sorted({*files} - {*kept}):
        path.unlink()
        say(f"{path}: removed, as the study no longer has it.")
