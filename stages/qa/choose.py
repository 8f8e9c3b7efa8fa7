"""Which of the sound pairs make the sets: no near-duplicates, no leaks, each part from its own articles."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stages.qa.balance import pick
from stages.qa.deduplicate import semantic
from stages.qa.leakage import MARGIN, hits
from stages.qa.params import QaParams
from stages.qa.split import Parts
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.records import Evidence, Pair, Question, Rejection
from tune_or_retrieve.vectors.embedding import Embeds


class Chosen(NamedTuple):
    train: list[Pair]
    validation: list[Pair]
    test: list[Question]
    rejected: list[Rejection]

    @property
    def sizes(self) -> list[int]:
        return [len(self.train), len(self.validation), len(self.test)]


@dataclass(frozen=True)
class Chooser:
    """Chooses the sets out of the pool."""

    pool: Sequence[Pair]
    parts: Parts
    embedder: Embeds
    params: QaParams
    characters: Mapping[str, int]  # of each article, by id

    def choose(self, factor: float) -> Chosen:
        """The sets, of `factor` times as many pairs as are wanted; they may be too small."""
        params = self.params
        unseen_wanted = params.test_questions // 2
        shortlist = self._shortlist(factor, unseen_wanted)
        kept, rejected = semantic(shortlist, self._embed(shortlist), params.duplicate_similarity)
        by_part = self._by_part([shortlist[number] for number in kept])
        unseen_pairs = pick(by_part["unseen"], unseen_wanted, 1, self.characters)
        seen_wanted = params.test_questions - unseen_wanted
        seen_pairs, test, left, leaks = self._seen(by_part["train"], unseen_pairs, seen_wanted)
        validatable, more_leaks = self._clear(by_part["validation"], test)
        train = self._train(left, seen_pairs)
        validation = pick(validatable, params.validation_pairs, params.max_per_article, self.characters)
        trained = frozenset().union(*(pair.articles for pair in train))
        test = [q for q in test if q.slice == "unseen" or {e.article_id for e in q.evidence} <= trained]
        return Chosen(_sorted(train), _sorted(validation), test, rejected + leaks + more_leaks)

    def _seen(
        self, trainable: Sequence[Pair], unseen_pairs: Sequence[Pair], number: int
    ) -> tuple[list[Pair], list[Question], list[Pair], list[Rejection]]:
        """Pairs to ask seen questions from, all test questions, the pairs left to train on, and those that leak.

        Each article of a seen question keeps a pair to train on; a question that takes its article's last is not asked.
        """
        candidates = list(trainable)
        while True:
            seen_pairs = pick(candidates, number, 1, self.characters, taken=unseen_pairs)
            test = [_question(p, "unseen") for p in unseen_pairs] + [_question(p, "seen") for p in seen_pairs]
            tested = {pair.id for pair in seen_pairs}
            left, leaks = self._clear([pair for pair in trainable if pair.id not in tested], test)
            kept = {article_id for pair in left if len(pair.articles) == 1 for article_id in pair.articles}
            lost = {pair.id for pair in seen_pairs if not pair.articles <= kept}
            if not lost:
                return seen_pairs, test, left, leaks
            candidates = [pair for pair in candidates if pair.id not in lost]

    def _shortlist(self, factor: float, unseen_wanted: int) -> list[Pair]:
        """A balanced first selection: only these have to be embedded."""
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

    def _clear(self, pairs: Sequence[Pair], questions: Sequence[Question]) -> tuple[list[Pair], list[Rejection]]:
        """The pairs that leak none of the questions, and the others with the reason."""
        if not questions or not pairs:
            return list(pairs), []
        cosines = self._embed(pairs) @ self._embed(questions).T
        leaks = {leak.pair_id: leak.reason for leak in hits(pairs, questions, cosines + MARGIN, self.params.leakage)}
        clear, rejected = [], []
        for pair in pairs:
            if reason := leaks.get(pair.id):
                rejected.append(Rejection(pair=pair, reason=f"leaks a test question: {reason}"))
            else:
                clear.append(pair)
        return clear, rejected

    def _embed(self, rows: Sequence[Pair | Question]) -> np.ndarray:
        return self.embedder.embed([row.question for row in rows])


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
