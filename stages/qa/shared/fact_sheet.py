"""The facts of an article, and the candidate pairs that are made of them."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.qa.shared.blocks import plain
from stages.qa.shared.reading import Reading, Statement
from stages.qa.shared.seeded import choice
from stages.qa.shared.subject import Subject
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.records import Article, Pair, Quote


class Fact(NamedTuple):
    """One fact, with its evidence ``text[start:end]``."""

    form: str  # of its phrasings, "limit.length"; the part before the dot is the kind of fact
    slots: dict[str, str]  # the words that a question about it needs
    answer: str
    start: int
    end: int
    more: tuple[tuple[int, int], ...] = ()  # further passages that it rests on

    @property
    def kind(self) -> str:
        return self.form.partition(".")[0]


def fact(form: str, statement: Statement, answer: str, **slots: str) -> Fact:
    """A fact that rests on one sentence."""
    return Fact(form, slots, answer, statement.sentence.start, statement.sentence.end)


class FactSheet(NamedTuple):
    """An article and its facts."""

    reading: Reading
    facts: list[Fact]

    @property
    def article(self) -> Article:
        return self.reading.article

    @property
    def subject(self) -> Subject:
        return self.reading.subject

    def quotes(self, *facts: Fact) -> list[Quote]:
        id_, text = self.article.id, self.reading.text
        spans = [span for one in facts for span in ((one.start, one.end), *one.more)]
        return [Quote(article_id=id_, start=start, end=end, text=text[start:end]) for start, end in spans]

    def number(self, seed: int, *facts: Fact) -> int:
        """A number that chooses phrasings. It follows from the seed and the facts, and not from the order of work."""
        parts = (part for one in facts for part in (one.form, str(one.start), str(one.end)))
        return choice(seed, self.article.id, *parts)


def pair(question: str, answer: str, quotes: Sequence[Quote], service: str, phrasing: str) -> Pair:
    """A candidate; its kind is what stands before the first dot or slash of the phrasing's name."""
    evidence = list({(quote.article_id, quote.start, quote.end): quote for quote in quotes}.values())
    spans = [(quote.article_id, quote.start, quote.end) for quote in evidence]
    return Pair(
        id=content_key(spans, question)[:16],
        question=question,
        answer=plain(answer),
        evidence=evidence,
        service=service,
        kind=phrasing.partition("/")[0].partition(".")[0],
        phrasing=phrasing,
    )
