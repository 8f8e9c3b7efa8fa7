"""What a study requires of Bedrock, read from the whole of params.yaml: for `doctor`, `estimate`, `resources`,
`teardown`.

The only reader of sections that belong to others. It takes what it does not find as not required: faults in a section
are reported by `tune-or-retrieve check`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tune_or_retrieve.account.doctor import Wanted
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import RETRIEVING
from tune_or_retrieve.base.study import arms
from tune_or_retrieve.money.cost import in_dollars
from tune_or_retrieve.money.prices import AREA, Prices, names
from tune_or_retrieve.providers.openai.params import on_this_machine


@dataclass(frozen=True)
class Tuned:
    """A model that is fine-tuned: its base model's id, and for how many epochs."""

    base: str
    epochs: int


@dataclass(frozen=True)
class Asked:
    """A chat model, and how it is asked."""

    model: str  # the id whose price it is
    max_tokens: int | None = None
    batch: bool = False


@dataclass(frozen=True)
class Requirements:
    """By the names in params.yaml; empty where the work is done on this machine."""

    models: Mapping[str, Asked]
    tuned: Mapping[str, Tuned]
    judges: Mapping[str, Asked]
    writer: Asked | None  # of pairs
    embedding: str | None  # of the knowledge base
    search: tuple[str, str] | None  # in it: `retrieval.mode`, and the store
    wanted: Mapping[str | None, Wanted]  # by region; None: that of the AWS profile

    @property
    def on_bedrock(self) -> bool:
        return bool(self.models or self.judges or self.writer or self.embedding)


def requirements(params: Mapping[str, Any], providers: Sequence[str] = ("bedrock",)) -> Requirements:
    """What is required of Bedrock, or of other `providers`: not of a server on this machine.

    Args:
        params: the mapping that params.yaml holds.
    """

    def asks(section: Mapping[str, Any]) -> bool:
        here = on_this_machine(str(section.get("base_url", "")))
        return section.get("provider") in providers and not here

    study, approaches = _at(params, "study"), _at(params, "study", "approaches")
    named = dict.fromkeys(arm.model for arm in arms(approaches))
    models = {name: one for name in named if asks(one := _at(params, "models", name))}
    judges = {name: one for name in study.get("judges") or [] if asks(one := _at(params, "judges", name))}
    qa, base = _at(params, "qa"), _at(params, "knowledge_base")
    writer = _at(qa, "llm") if qa.get("generator") == "llm" and asks(_at(qa, "llm")) else {}
    retrieves = any(approaches.get(approach) for approach in RETRIEVING)
    base = _at(base, "bedrock") if base.get("backend") == "bedrock" and retrieves else {}
    trained = study.get("fine_tune") or ()
    needed = [one if name in trained else {**one, "customization": None} for name, one in models.items()]
    wanted: dict[str | None, Wanted] = {}
    for section in (*needed, *judges.values(), writer, base):
        if section:
            region = section.get("region")
            wanted[region] = wanted.get(region, Wanted()) + _wanted(section)
    tuned = {
        name: Tuned(one["base_model"], int(one.get("epochs", 1)))
        for name, model in models.items()
        if name in trained and (one := _at(model, "customization")).get("base_model")
    }
    return Requirements(
        models={name: _asked(one) for name, one in models.items()},
        tuned=tuned,
        judges={name: _asked(one) for name, one in judges.items()},
        writer=_asked(writer) if writer else None,
        embedding=base.get("embedding_model"),
        search=(str(_at(params, "retrieval").get("mode")), str(base.get("store"))) if base else None,
        wanted=wanted,
    )


def regions_and_buckets(params: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """All that are named, also in models and judges that the study does not use now: they may have made something."""
    sections = [_at(params, name) for name in ("models", "judges", "qa", "knowledge_base")]
    return list(_values(sections, "region")), list(_values(sections, "bucket"))


def hourly(params: Mapping[str, Any]) -> dict[str, float]:
    """Dollars an hour of a unit of provisioned throughput, by base model, as entered under `hosting`."""
    found = {}
    for model in _at(params, "models").values():
        base, given = _at(model, "customization").get("base_model"), _at(model, "hosting", "provisioned")
        if isinstance(base, str) and isinstance(price := given.get("price_per_hour"), int | float):
            found[names(base)[-1]] = float(price)
    return found


def provisioned(params: Mapping[str, Any]) -> dict[str, float]:
    """Dollars an hour of each tuned model that is hosted on provisioned throughput, all its units together."""
    found = {}
    for name in _at(params, "study").get("fine_tune") or ():
        hosting = _at(params, "models", name, "hosting")
        given = _at(hosting, "provisioned")
        if hosting.get("kind") == "provisioned" and given.get("price_per_hour"):
            found[name] = float(given["price_per_hour"]) * int(given.get("units", 1))
    return found


def prices(params: Mapping[str, Any]) -> Prices:
    """The section `prices`. Raises StageError if it is not in US dollars, or wrong."""
    try:
        return in_dollars(Prices.model_validate(_at(params, "prices")))
    except ValidationError as fault:
        lines = [f"prices.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors()]
        raise StageError("\n  ".join(["params.yaml:", *lines])) from None


def _at(content: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content if isinstance(content, Mapping) else {}


def _asked(section: Mapping[str, Any]) -> Asked:
    model = section.get("base_model") or section.get("model") or ""
    if not section.get("base_model") and model.startswith("arn:"):
        model = AREA.sub("", model.rsplit("/", 1)[-1])
    return Asked(model, section.get("max_tokens"), bool(section.get("batch", False)))


def _wanted(section: Mapping[str, Any]) -> Wanted:
    """What one section needs: its models, and a bucket and a role where it makes something."""
    customization = _at(section, "customization")
    # fine-tuning has a section of its own
    makes = customization or (section if section.get("batch") or section.get("embedding_model") else None)
    return Wanted(
        called=_given(_asked(section).model),
        tuned=_given(customization.get("base_model")),
        embedding=_given(section.get("embedding_model")),
        buckets=(makes.get("bucket"),) if makes else (),
        role_arns=(makes.get("role_arn"),) if makes else (),
    )


def _given(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _values(sections: list[Any], key: str) -> Iterator[str]:
    """The values of a key in these sections and what is nested in them, each once, in their order."""
    seen = set()
    for section in sections:
        for name, value in section.items():
            found = [value] if name == key and isinstance(value, str) else []
            found += list(_values([value], key)) if isinstance(value, Mapping) else []
            for one in found:
                if one not in seen:
                    seen.add(one)
                    yield one
