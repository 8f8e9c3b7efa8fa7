"""Facts to candidate pairs: the words of a question, and the pair with its quotes."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.qa.facts import Fact, Reading
from stages.qa.phrasing import choice, put
from stages.qa.subject import Subject
from stages.qa.text import plain
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.records import Article, Pair, Quote


class Told(NamedTuple):
    """An article and the facts that it tells."""

    article: Article
    text: str
    reading: Reading
    facts: list[Fact]

    @property
    def subject(self) -> Subject:
        return self.reading.subject

    def quotes(self, fact: Fact) -> list[Quote]:
        spans = [(fact.start, fact.end), *fact.more]
        return [Quote(article_id=self.article.id, start=a, end=b, text=self.text[a:b]) for a, b in spans]

    def number(self, seed: int, *facts: Fact) -> int:
        """A number that chooses phrasings. It follows from the seed and the facts, not from the order of work."""
        return choice(seed, self.article.id, *(part for f in facts for part in (f.form, str(f.start), str(f.end))))

    def slots(self, fact: Fact, number: int) -> dict[str, str]:
        """The words that a phrasing may hold."""
        return {
            "op": self.subject.question(number // 97),
            "within": self.subject.context(number // 89),
            "name": self.subject.name,
            "service": self.subject.service,
            **fact.slots,
        }

    def asked(self, fact: Fact, number: int) -> tuple[str, str]:
        """The question for a fact, and the name of its phrasing."""
        return put(fact.form, self.slots(fact, number), number)


def single(told: Told, fact: Fact, seed: int) -> Pair:
    """The pair of one fact."""
    question, phrasing = told.asked(fact, told.number(seed, fact))
    return pair(question, fact.answer, told.quotes(fact), told.article.service, phrasing)


def pair(question: str, answer: str, quotes: Sequence[Quote], service: str, phrasing: str) -> Pair:
    """A candidate; its kind is what stands before the first dot or slash of the phrasing's name."""
    evidence = list({(quote.article_id, quote.start, quote.end): quote for quote in quotes}.values())
    places = [(quote.article_id, quote.start, quote.end) for quote in evidence]
    return Pair(
        id=content_key(places, question)[:16],
        question=question,
        answer=plain(answer),
        evidence=evidence,
        service=service,
        kind=phrasing.partition("/")[0].partition(".")[0],
        phrasing=phrasing,
    )
