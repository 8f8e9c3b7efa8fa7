"""Articles to passages that a model is shown, and which of them it is shown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stages.qa.shared.seeded import choice
from tune_or_retrieve.base.records import Article
from tune_or_retrieve.text.sentences import Break, units

CHARACTERS_PER_TOKEN = 4  # of English, roughly: it bounds a prompt, and nothing is billed by it


class Passage(NamedTuple):
    """``text[start:end]`` of an article, in whole sentences."""

    article: Article
    start: int
    end: int
    section: str  # headings above it, " > " between them; "" if none


def passages(article: Article, text: str, max_tokens: int) -> Iterator[Passage]:
    """The article in passages of at most about `max_tokens`, in order; a longer sentence is a passage of its own.

    Once a passage is half full, the next heading begins a new one. Headings alone make no passage.
    """
    most = max_tokens * CHARACTERS_PER_TOKEN
    taken: list = []
    for unit in units(text):
        length = unit.end - taken[0].start if taken else 0
        heading = unit.before <= Break.SUBSECTION
        if taken and (length > most or (heading and taken[-1].end - taken[0].start >= most / 2)):
            body = len(taken)
            while body and taken[body - 1].heading:
                body -= 1  # a heading goes with what follows it
            yield from _passage(article, taken[:body])
            taken = taken[body:]
        taken.append(unit)
    if taken:
        yield from _passage(article, taken)


def _passage(article: Article, taken: Sequence) -> Iterator[Passage]:
    if taken and not taken[-1].heading:
        yield Passage(article, taken[0].start, taken[-1].end, " > ".join(taken[0].path))


def spread(
    articles: Sequence[Article], texts: Mapping[str, str], max_tokens: int, number: int, seed: int
) -> list[Passage]:
    """Up to `number` passages: one of each article, then a second of each, and so on; in the order of the articles.

    The choice follows from the seed and the offsets, so that a larger number keeps the passages of a smaller one.
    """
    ranked = []
    for at, article in enumerate(articles):
        found = list(passages(article, texts[article.id], max_tokens))
        mixed = sorted(found, key=lambda one: choice(seed, "passage", one.article.id, str(one.start)))
        ranked += [(rank, choice(seed, "article", article.id), at, one) for rank, one in enumerate(mixed)]
    chosen = sorted(ranked, key=lambda one: one[:3])[:number]
    return [one for *_, one in sorted(chosen, key=lambda one: (one[2], one[3].start))]
