"""What the params ask of Bedrock, out of the whole of params.yaml: for `doctor`, `estimate`, `resources`, `teardown`.

The only reader of sections that are not its own; so that it stays the only one, it takes what it does not find as not
asked for. What is wrong in a section says `python -m stages check`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from stages.bedrock.chat_params import AREA
from stages.bedrock.doctor import Wanted
from stages.bedrock.prices import in_dollars
from stages.errors import StageError
from stages.prices import Prices


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
class Plan:
    """All by the names in params.yaml; empty where the local side does the work."""

    models: Mapping[str, Asked]
    tuned: Mapping[str, Tuned]
    judges: Mapping[str, Asked]
    writer: Asked | None  # of pairs
    embedding: str | None  # of the knowledge base
    region: str | None
    buckets: tuple[str, ...]
    role_arns: tuple[str, ...]

    @property
    def on_bedrock(self) -> bool:
        return bool(self.models or self.judges or self.writer or self.embedding)

    @property
    def wanted(self) -> Wanted:
        asked = [one.model for one in (*self.models.values(), *self.judges.values())]
        asked += [self.writer.model] if self.writer else []
        asked += [one.base for one in self.tuned.values()] + ([self.embedding] if self.embedding else [])
        makes = bool(self.tuned or self.embedding)
        return Wanted(tuple(dict.fromkeys(asked)), self.buckets, makes, self.role_arns)


def plan(params: Mapping[str, Any]) -> Plan:
    """Args: params: the mapping that params.yaml holds. Raises StageError if its parts name several regions."""
    study = _at(params, "study")
    models = {name: one for name in study.get("models") or [] if _is_bedrock(one := _at(params, "models", name))}
    judges = {name: one for name in study.get("judges") or [] if _is_bedrock(one := _at(params, "judges", name))}
    qa, base = _at(params, "qa"), _at(params, "knowledge_base")
    writer = _at(qa, "llm") if qa.get("generator") == "llm" and _is_bedrock(_at(qa, "llm")) else {}
    base = _at(base, "bedrock") or base if base.get("backend") == "bedrock" else {}
    sections = [*models.values(), *judges.values(), writer, base]
    regions = list(_values(sections, "region"))
    if len(regions) > 1:
        raise StageError(f"params.yaml: names several regions ({', '.join(regions)}). These commands look at one.")
    tuned = {
        name: Tuned(one["base_model"], int(one.get("epochs", 1)))
        for name, model in models.items()
        if (one := _at(model, "customization")).get("base_model")
    }
    return Plan(
        models={name: _asked(one) for name, one in models.items()},
        tuned=tuned,
        judges={name: _asked(one) for name, one in judges.items()},
        writer=_asked(writer) if writer else None,
        embedding=base.get("embedding_model"),
        region=regions[0] if regions else None,
        buckets=tuple(_values(sections, "bucket")),
        role_arns=tuple(_values(sections, "role_arn")),
    )


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


def _is_bedrock(section: Mapping[str, Any]) -> bool:
    return section.get("provider") == "bedrock"


def _asked(section: Mapping[str, Any]) -> Asked:
    model = section.get("base_model") or section.get("model") or ""
    if not section.get("base_model") and model.startswith("arn:"):
        model = AREA.sub("", model.rsplit("/", 1)[-1])
    return Asked(model, section.get("max_tokens"), bool(section.get("batch", False)))


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
