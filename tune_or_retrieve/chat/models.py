"""Entries of `models` in params.yaml, and whatever else names a chat model: which model answers, and where it runs.

Each provider is a package of its own in tune_or_retrieve/providers, imported only where it is used: its module `params`
has the classes `Model`, an entry of `models`, and `Asked`, the same keys for a model that judges or writes pairs.
"""

import functools
import importlib
from types import ModuleType
from typing import Any, get_args

from pydantic import ConfigDict

from tune_or_retrieve.base.params import Provider, Section

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


class ModelParams(Section):
    """What every model has. ``load("models.<name>", ModelParams)`` gives an instance of the provider's own class."""

    # Checked by this class itself only if the provider is not known: then one fault says so, instead of one per key.
    model_config = ConfigDict(extra="ignore")

    provider: Provider

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        provider = provider_of(raw)
        return of_provider(provider, "params").Model if provider else cls


def of_provider(provider: Provider, module: str) -> ModuleType:
    """A module of a provider's package."""
    return importlib.import_module(f"tune_or_retrieve.providers.{provider}.{module}")


def provider_of(raw: Any) -> Provider | None:
    """The provider that a section names; None if it names none that is known."""
    provider = raw.get("provider") if isinstance(raw, dict) else None
    return provider if provider in PROVIDERS else None


@functools.cache
def asked_by(provider: Provider, section: type[Section]) -> type[Section]:
    """`section` with the keys of a chat model of `provider` beside its own."""
    asked = of_provider(provider, "params").Asked
    return type(
        f"{asked.__module__}.{section.__name__}", (asked, section), {"model_config": ConfigDict(extra="forbid")}
    )
