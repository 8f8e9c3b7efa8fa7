"""The section `articles` of params.yaml."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stages.params import Section


def _no_duplicates(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"must name each service once, {', '.join(twice)} stands more than once")
    return names


class BotocoreParams(Section):
    version: str  # of the installed package: other versions are other articles
    services: Annotated[list[str], Field(min_length=1), AfterValidator(_no_duplicates)]  # botocore's names


class FolderParams(Section):
    path: str | None  # of .md and .txt files


class ArticlesParams(Section):
    source: Literal["botocore", "folder"]
    botocore: BotocoreParams
    folder: FolderParams
