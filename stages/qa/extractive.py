"""The generator that needs no model: reads structure and sentences, and asks about each fact once or twice.

A generator is anything that yields candidate pairs. What follows it (verification, deduplication, split, gate)
knows only pairs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from stages.files import content_key
from stages.progress import track
from stages.qa.facts import Fact, Reading, extract
from stages.qa.phrasing import choice, put
from stages.qa.structure import statements
from stages.qa.subject import Subject, subject_of
from stages.qa.text import plain
from stages.records import Article, Pair, Quote


def generate(articles: Sequence[Article], texts: dict[str, str], seed: int) -> Iterator[Pair]:
    """Candidate pairs of all articles, in the order of the articles. ``texts`` by article id."""
    siblings: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        if article.kind == "operation":
            siblings[article.service].add(subject_of(article).name)
    for article in track(articles, "reading articles", unit="articles"):
        text = texts[article.id]
        reading = Reading(
            subject_of(article), statements(text, article.kind == "operation"), frozenset(siblings[article.service])
        )
        for fact in extract(reading):
            yield write(fact, reading.subject, article, text, seed)


def write(fact: Fact, subject: Subject, article: Article, text: str, seed: int) -> Pair:
    """The pair of one fact. Its phrasing follows from the seed and the fact, not from the order of work."""
    number = choice(seed, article.id, fact.form, str(fact.start), str(fact.end))
    slots = {
        "op": subject.question(number // 97),
        "within": subject.context(number // 89),
        "name": subject.name,
        "service": subject.service,
        **fact.slots,
    }
    question, phrasing = put(fact.form, slots, number)
    answer = plain(fact.answer)
    return Pair(
        id=content_key(article.id, fact.start, fact.end, question)[:16],
        question=question,
        answer=answer,
        evidence=[Quote(article_id=article.id, start=fact.start, end=fact.end, text=text[fact.start : fact.end])],
        service=article.service,
        kind=fact.form.partition(".")[0],
        phrasing=phrasing,
    )
