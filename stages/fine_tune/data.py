"""Input and output of a training, on this machine or elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.fine_tune.article_text import ArticleText
from tune_or_retrieve.base.records import Pair


@dataclass(frozen=True)
class Data:
    """Pairs of both splits, and the articles that they are based on by id."""

    train: Sequence[Pair]
    validation: Sequence[Pair]
    articles: Mapping[str, ArticleText]


@dataclass(frozen=True)
class Result:
    metrics: dict[str, float | str]  # flat; the same in every run
    curve: list[dict[str, Any]]  # rows: step, epoch, split, loss
    timings: dict[str, float | str]
