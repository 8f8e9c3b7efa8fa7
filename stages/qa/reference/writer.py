"""An article of API documentation to its facts, and the facts to candidate pairs."""

from collections.abc import Iterator

from stages.qa.reference import anywhere, descriptions, errors, parameters
from stages.qa.reference.phrasings import question
from stages.qa.reference.two_facts import two_facts
from stages.qa.shared.fact_sheet import FactSheet, pair
from stages.qa.shared.reading import read
from tune_or_retrieve.base.records import Article, Pair

READERS = (descriptions.facts, parameters.facts, errors.facts, anywhere.conditions, anywhere.statements)
# Forms that make no question of their own: they answer only behind another fact.
ONLY_BEHIND_ANOTHER = ("instead",)


def facts(article: Article, text: str, siblings: frozenset[str]) -> FactSheet:
    """All facts that are found, in the order of the article for each reader.

    Args:
        siblings: names of the operations of the same service.
    """
    reading = read(article, text, siblings)
    return FactSheet(reading, [fact for reader in READERS for fact in reader(reading)])


def pairs(sheet: FactSheet, seed: int) -> Iterator[Pair]:
    """A pair of each fact, and some of two facts together."""
    for fact in sheet.facts:
        if fact.form not in ONLY_BEHIND_ANOTHER:
            asked, phrasing = question(sheet, fact, sheet.number(seed, fact))
            yield pair(asked, fact.answer, sheet.quotes(fact), sheet.article.service, phrasing)
    yield from two_facts(sheet, seed)
