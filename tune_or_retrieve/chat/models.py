"""Entries of `models` in params.yaml and other sections that name a chat model: which model, and where it runs.

Each provider is a package in tune_or_retrieve/providers, imported only where it is used. Its module `params` has the
classes `Model`, for an entry of `models`, and `Asked`, with the same keys for a model that judges or writes pairs.
"""

import functools
import importlib
from types import ModuleType
from typing import Any, get_args

from pydantic import ConfigDict

from tune_or_retrieve.base.params import Provider, Section

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


class ModelParams(Section):
    """The keys of every model. ``load("models.<name>", ModelParams)`` returns an instance of the provider's class.

    Each provider's class also has two properties. `sent_to`: where the text goes that the model reads, in words; None:
    it stays in this process. `billed_as`: the name by which the price of its tokens is found; None: it runs on this
    machine, whose time is paid for.
    """

    # Only if the provider is unknown is this class itself used: then there is one fault, instead of one for each key.
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
    """The provider that a section names; None if it is missing or unknown."""
    provider = raw.get("provider") if isinstance(raw, dict) else None
    return provider if provider in PROVIDERS else None


@functools.cache
def asked_by(provider: Provider, section: type[Section]) -> type[Section]:
    """`section` with the keys of a chat model of `provider` added to its own."""
    asked = of_provider(provider, "params").Asked
    return type(
        f"{asked.__module__}.{section.__name__}", (asked, section), {"model_config": ConfigDict(extra="forbid")}
    )
