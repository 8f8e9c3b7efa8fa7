"""The generator that needs no model: reads structure and sentences, and asks about each fact once or twice, about two
facts of an article together, and about two operations in comparison.

A generator is anything that yields candidate pairs. What follows it (verification, deduplication, split, gate)
knows only pairs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stages.qa import conditions, descriptions, documents, errors_of, parameters, prose
from stages.qa.combined import two_facts
from stages.qa.comparison import comparisons
from stages.qa.facts import ONLY_BEHIND_ANOTHER, Fact, Reading
from stages.qa.structure import statements
from stages.qa.subject import subject_of
from stages.qa.writing import Told, single
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import Article, Pair


def generate(articles: Sequence[Article], texts: dict[str, str], seed: int) -> Iterator[Pair]:
    """Candidate pairs: those of each article, in the order of the articles, then comparisons. ``texts`` by id."""
    siblings: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        if article.kind == "operation":
            siblings[article.service].add(subject_of(article).name)
    by_service: dict[str, list[Told]] = defaultdict(list)
    for article in track(articles, "reading articles", unit="articles", shorter="give fewer articles"):
        told = read(article, texts[article.id], frozenset(siblings[article.service]))
        yield from (single(told, fact, seed) for fact in told.facts if fact.form not in ONLY_BEHIND_ANOTHER)
        yield from two_facts(told, seed)
        if article.kind == "operation":
            by_service[article.service].append(told)
    for operations in by_service.values():
        yield from comparisons(operations, seed)


def read(article: Article, text: str, siblings: frozenset[str]) -> Told:
    reading = Reading(subject_of(article), statements(text, article.kind == "operation"), siblings)
    return Told(article, text, reading, list(extract(reading)))


def extract(reading: Reading) -> Iterator[Fact]:
    """All facts that the extractors find, in the order of the article for each extractor."""
    for module in (descriptions, parameters, errors_of, conditions, prose, documents):
        yield from module.facts(reading)
