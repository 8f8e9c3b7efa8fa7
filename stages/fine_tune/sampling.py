"""The training mix: pairs without passages, and RAFT samples, a question with its passage among distractors.

Zhang et al. 2024, "RAFT: Adapting Language Model to Domain Specific RAG".

Pairs on neighbouring passages share one context: the passage of each is a hard distractor for the others, and the
context is processed once for all of them.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stages.fine_tune.article_text import ArticleText, Excerpt
from stages.fine_tune.params import RaftParams
from tune_or_retrieve.base.records import Pair, Span

BARE_PER_SAMPLE = 8  # pairs without passages that share the system prompt
NEIGHBOURS = 24  # passages near each question, from which its distractors and companions are drawn


@dataclass(frozen=True)
class Turn:
    question: str
    answer: str


@dataclass(frozen=True)
class Sample:
    """Independent questions on the same passages, or on none. No question sees another one."""

    passages: tuple[Excerpt, ...]
    turns: tuple[Turn, ...]
    gold: frozenset[int] = frozenset()  # indices of the passages that hold an answer


class Mix:
    """Samples of the pairs of one split, different in each epoch and the same for the same seed.

    Args:
        pairs: whose evidence is in `articles`.
        articles: texts by id; distractors come from these alone.
    """

    def __init__(self, pairs: Sequence[Pair], articles: Mapping[str, ArticleText], params: RaftParams):
        self._pairs, self._articles, self._params = pairs, articles, params
        self._neighbours = _neighbours(pairs, articles, params.passage_characters) if params.share else []

    def epoch(self, seed: str) -> list[Sample]:
        """Every pair once, in a RAFT sample or without passages, according to the share in params."""
        rng = random.Random(seed)
        order = list(range(len(self._pairs)))
        rng.shuffle(order)
        count = round(self._params.share * len(order))
        return [*self._with_passages(order[:count], rng), *self.bare(order[count:])]

    def both(self, seed: str) -> tuple[list[Sample], list[Sample]]:
        """Every pair twice: without and with passages."""
        rng = random.Random(seed)
        order = list(range(len(self._pairs)))
        return list(self.bare(order)), list(self._with_passages(order, rng))

    def bare(self, order: Sequence[int]) -> Iterator[Sample]:
        for start in range(0, len(order), BARE_PER_SAMPLE):
            yield Sample((), tuple(self._turn(index) for index in order[start : start + BARE_PER_SAMPLE]))

    def _with_passages(self, order: Sequence[int], rng: random.Random) -> Iterator[Sample]:
        waiting = dict.fromkeys(order)
        while waiting:
            first = next(iter(waiting))
            members = [first, *self._companions(first, waiting)]
            for index in members:
                del waiting[index]
            passages = self._context(members, rng)
            evidence = [quote for index in members for quote in self._pairs[index].evidence]
            gold = frozenset(
                i for i, excerpt in enumerate(passages) if any(excerpt.covers(quote) for quote in evidence)
            )
            yield Sample(passages, tuple(self._turn(index) for index in members), gold)

    def _companions(self, first: int, waiting: Mapping[int, None]) -> list[int]:
        """Other waiting pairs, those whose evidence lies in the nearest passages first."""
        wanted = self._params.questions_per_context - 1
        near = []
        for excerpt in self._neighbours[first]:
            for index in waiting:
                if index == first or index in near:
                    continue
                if any(excerpt.overlaps(quote) for quote in self._pairs[index].evidence):
                    near.append(index)
                    if len(near) >= wanted:
                        return near
        service = self._pairs[first].service
        for index in waiting:
            if len(near) >= wanted:
                break
            if index != first and index not in near and self._pairs[index].service == service:
                near.append(index)
        return near[:wanted]

    def _context(self, members: Sequence[int], rng: random.Random) -> tuple[Excerpt, ...]:
        """The passages of all members and distractors, shuffled; none overlap, and no gold passage occurs twice."""
        size = rng.randint(self._params.min_passages, self._params.max_passages)
        excerpts: list[Excerpt] = []
        missing = []
        for index in members:
            evidence = self._pairs[index].evidence
            if rng.random() < self._params.without_gold:
                missing += evidence
                continue
            for quote in evidence:
                if not any(excerpt.covers(quote) for excerpt in excerpts):
                    excerpt = self._articles[quote.article_id].around(quote, self._params.passage_characters, rng)
                    excerpts = self._joined(excerpts, excerpt, rng)
        neighbours = [iter(self._neighbours[index]) for index in members]
        turn = 0
        while neighbours and len(excerpts) < size:
            excerpt = next(neighbours[turn % len(neighbours)], None)
            if excerpt is None:
                del neighbours[turn % len(neighbours)]
                continue
            turn += 1
            if not any(excerpt.overlaps(other) for other in [*excerpts, *missing]):
                excerpts.append(excerpt)
        rng.shuffle(excerpts)
        return tuple(excerpts)

    def _joined(self, excerpts: Sequence[Excerpt], excerpt: Excerpt, rng: random.Random) -> list[Excerpt]:
        """The excerpts with one more; those that it overlaps become one passage with it."""
        near = [other for other in excerpts if excerpt.overlaps(other)]
        if near:
            ends = [excerpt, *near]
            hull = Span(article_id=excerpt.article_id, start=min(c.start for c in ends), end=max(c.end for c in ends))
            excerpt = self._articles[excerpt.article_id].around(hull, 0, rng)
        return [other for other in excerpts if other not in near] + [excerpt]

    def _turn(self, index: int) -> Turn:
        return Turn(self._pairs[index].question, self._pairs[index].answer)


def _neighbours(pairs: Sequence[Pair], articles: Mapping[str, ArticleText], characters: int) -> list[list[Excerpt]]:
    """For each pair the passages of all articles that BM25 finds for its question, best first."""
    import bm25s

    grid = [excerpt for article in articles.values() for excerpt in article.grid(characters)]
    texts = [f"{excerpt.title} {excerpt.section} {excerpt.text}" for excerpt in grid]
    found = bm25s.BM25()
    found.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    questions = bm25s.tokenize([pair.question for pair in pairs], show_progress=False)
    best, _ = found.retrieve(questions, k=min(NEIGHBOURS, len(grid)), show_progress=False)
    return [[grid[index] for index in row] for row in best.tolist()]
