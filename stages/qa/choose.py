"""Which of the sound pairs make the sets: no near-duplicates, no leaks, each part from its own articles."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from stages.qa.deduplicate import semantic
from stages.qa.leakage import MARGIN, hits
from stages.qa.quotas import pick
from stages.qa.split import Parts
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.records import Evidence, Pair, Question, Rejection


class Chosen(NamedTuple):
    train: list[Pair]
    validation: list[Pair]
    test: list[Question]
    rejected: list[Rejection]


class Chooser:
    """Chooses the sets out of the pool, looking at more of it if the first look does not suffice."""

    def __init__(self, pool, parts: Parts, embedder, params, characters):
        self.pool = pool
        self.parts = parts
        self.embedder = embedder
        self.params = params
        self.characters = characters
        self.best = Chosen([], [], [], [])

    def choose(self, factor: float) -> Chosen | None:
        """The sets, or None if they are not full; the best so far is kept in `best`."""
        params = self.params
        unseen_wanted = params.test_questions // 2
        seen_wanted = params.test_questions - unseen_wanted
        shortlist = self._shortlist(factor, unseen_wanted)
        kept, rejected = semantic(shortlist, self._embed(shortlist), params.duplicate_similarity)
        by_part = self._by_part([shortlist[number] for number in kept])
        test_pairs = pick(by_part["unseen"], unseen_wanted, 1, self.characters)
        seen_pairs, left, leaks = self._seen(by_part["train"], test_pairs, seen_wanted)
        rejected += leaks
        test = [_question(pair, "unseen") for pair in test_pairs] + [_question(pair, "seen") for pair in seen_pairs]
        validatable, leaks = self._clear(by_part["validation"], test, self._embed([*test_pairs, *seen_pairs]))
        rejected += leaks
        train = self._train(left, seen_pairs)
        validation = pick(validatable, params.validation_pairs, params.max_per_article, self.characters)
        trained = frozenset().union(*(pair.articles for pair in train))
        test = [q for q in test if q.slice == "unseen" or {e.article_id for e in q.evidence} <= trained]
        chosen = Chosen(_sorted(train), _sorted(validation), test, rejected)
        if len(train) + len(validation) + len(test) >= len(self.best.train) + len(self.best.validation) + len(
            self.best.test
        ):
            self.best = chosen
        full = (len(train), len(validation), len(test)) == (
            params.pairs,
            params.validation_pairs,
            params.test_questions,
        )
        return chosen if full else None

    def _seen(
        self, trainable: Sequence[Pair], unseen_pairs: Sequence[Pair], number: int
    ) -> tuple[list[Pair], list[Pair], list[Rejection]]:
        """Pairs to ask seen questions from, the pairs left to train on, and those that leak a test question.

        Each article of a seen question keeps a pair of its own: what loses its last one to the question is not asked.
        """
        candidates = list(trainable)
        while True:
            seen_pairs = pick(candidates, number, 1, self.characters, taken=unseen_pairs)
            test = [_question(pair, "unseen") for pair in unseen_pairs] + [_question(p, "seen") for p in seen_pairs]
            tested = {pair.id for pair in seen_pairs}
            others = [pair for pair in trainable if pair.id not in tested]
            left, leaks = self._clear(others, test, self._embed([*unseen_pairs, *seen_pairs]))
            kept = {article_id for pair in left if len(pair.articles) == 1 for article_id in pair.articles}
            lost = {pair.id for pair in seen_pairs if not pair.articles <= kept}
            if not lost:
                return seen_pairs, left, leaks
            candidates = [pair for pair in candidates if pair.id not in lost]

    def _shortlist(self, factor: float, unseen_wanted: int) -> list[Pair]:
        """A balanced first choice, so that only these have to be embedded."""
        params = self.params
        by_part = self._by_part(self.pool)
        more = max(2, params.max_per_article)
        train = pick(
            by_part["train"], round((params.pairs + params.test_questions) * factor), more + 2, self.characters
        )
        validation = pick(by_part["validation"], round(params.validation_pairs * factor), more, self.characters)
        unseen = pick(by_part["unseen"], round(unseen_wanted * factor * 2), 4, self.characters)
        return [*unseen, *validation, *train]

    def _by_part(self, pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
        found: dict[str, list[Pair]] = defaultdict(list)
        for pair in pairs:
            for name, ids in self.parts._asdict().items():
                if pair.articles <= ids:
                    found[name].append(pair)
        return found

    def _train(self, left: Sequence[Pair], seen_pairs: Sequence[Pair]) -> list[Pair]:
        """The training pairs; first one for each article that a seen question is about."""
        params = self.params
        needed = {article_id for pair in seen_pairs for article_id in pair.articles}
        own = [pair for pair in left if len(pair.articles) == 1 and pair.articles <= needed]
        first = pick(own, len(needed), 1, self.characters)[: params.pairs]
        taken = {pair.id for pair in first}
        rest = [pair for pair in left if pair.id not in taken]
        return first + pick(rest, params.pairs - len(first), params.max_per_article, self.characters, taken=first)

    def _clear(
        self, pairs: Sequence[Pair], questions: Sequence[Question], vectors: np.ndarray
    ) -> tuple[list[Pair], list[Rejection]]:
        """The pairs that leak none of the questions, and the others with the reason."""
        if not questions or not pairs:
            return list(pairs), []
        cosines = self._embed(pairs) @ vectors.T
        leaks = {leak.pair_id: leak for leak in hits(pairs, questions, cosines + MARGIN, self.params.leakage)}
        clear = [pair for pair in pairs if pair.id not in leaks]
        rejected = [
            Rejection(pair=pair, reason=f"leaks a test question: {leaks[pair.id].reason}")
            for pair in pairs
            if pair.id in leaks
        ]
        return clear, rejected

    def _embed(self, pairs: Sequence[Pair]) -> np.ndarray:
        return self.embedder.embed([pair.question for pair in pairs])


def _sorted(pairs: Iterable[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: (pair.evidence[0].article_id, pair.evidence[0].start, pair.id))


def _question(pair: Pair, slice_: str) -> Question:
    return Question(
        id=f"q-{pair.id}",
        set="synthetic",
        slice=slice_,
        question=pair.question,
        reference=pair.answer,
        service=pair.service,
        kind=pair.kind,
        evidence=[
            Evidence(article_id=quote.article_id, start=quote.start, end=quote.end, sha256=sha256_text(quote.text))
            for quote in pair.evidence
        ],
    )
