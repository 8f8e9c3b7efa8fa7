"""The section `articles` of params.yaml."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from tune_or_retrieve.base.params import Filled, Section


def _named_once(names: list[str]) -> list[str]:
    if not names:
        raise ValueError("must name at least one service")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"must name each service once, {', '.join(twice)} is named more than once")
    return names


class BotocoreParams(Section):
    version: Filled  # of the installed package: other versions give other articles
    services: Annotated[list[str], AfterValidator(_named_once)]  # botocore's names


class FolderParams(Section):
    path: Filled  # of .md and .txt files; never null, since dvc.yaml has it as a dependency


class ArticlesParams(Section):
    source: Literal["botocore", "folder"]
    botocore: BotocoreParams
    folder: FolderParams
