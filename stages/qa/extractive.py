"""The generator that needs no model: two writers that read structure and sentences, and ask about the facts they find.

A generator is anything that yields candidate pairs. What follows it (verification, deduplication, split, gate)
knows only pairs.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from stages.qa.prose import writer as prose
from stages.qa.reference import writer as reference
from stages.qa.reference.comparison import comparisons
from stages.qa.shared.fact_sheet import FactSheet
from stages.qa.shared.subject import subject_of
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import Article, Pair


def generate(articles: Sequence[Article], texts: Mapping[str, str], seed: int) -> Iterator[Pair]:
    """Candidate pairs: those of each article, in the order of the articles, then comparisons. ``texts`` by id."""
    names: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        if article.kind == "operation":
            names[article.service].add(subject_of(article).name)
    operations: dict[str, list[FactSheet]] = defaultdict(list)
    for article in track(articles, "reading articles", unit="articles", shorter="give fewer articles"):
        if article.kind == "document":
            yield from prose.pairs(prose.facts(article, texts[article.id]), seed)
            continue
        sheet = reference.facts(article, texts[article.id], frozenset(names[article.service]))
        yield from reference.pairs(sheet, seed)
        if article.kind == "operation":
            operations[article.service].append(sheet)
    for sheets in operations.values():
        yield from comparisons(sheets, seed)
