"""The section `articles` of params.yaml."""

from typing import Annotated, Literal

from pathspec import GitIgnoreSpec
from pydantic import AfterValidator, Field

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


def matcher(patterns: list[str]) -> GitIgnoreSpec:
    """Raises ValueError if one is no pattern."""
    return GitIgnoreSpec.from_lines(patterns)


def _are_patterns(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        try:
            matcher([pattern])
        except ValueError:
            raise ValueError(f"must hold patterns as in a .gitignore, {pattern!r} is none") from None
    return patterns


def _not_empty(patterns: list[str]) -> list[str]:
    if not patterns:
        raise ValueError('must hold at least one pattern; ["**"] includes all files')
    return patterns


Patterns = Annotated[list[str], AfterValidator(_are_patterns)]  # in the syntax of .gitignore, relative to the folder


class FolderParams(Section):
    path: Filled  # never null, since dvc.yaml has it as a dependency
    include: Annotated[Patterns, AfterValidator(_not_empty)] = Field(["**"])
    exclude: Patterns = Field([])
    strict: bool = False
    max_megabytes: float = Field(50, gt=0, allow_inf_nan=False)  # of one file


class ArticlesParams(Section):
    source: Literal["botocore", "folder"]
    botocore: BotocoreParams
    folder: FolderParams
