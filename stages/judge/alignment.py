"""Which clauses of an answer speak of which clause of the reference."""

from dataclasses import dataclass, field
from functools import cached_property

from stages.judge.matching import harmonic, similarity, topic
from stages.judge.reading.text import Clause, Text

SAME_TOPIC = 0.34  # similarity from which a clause of the answer is held to speak of the reference's clause


@dataclass(frozen=True)
class Alignment:
    """One clause of the reference with the clauses of the answer that speak of it, best first."""

    clause: Clause
    ranked: tuple[tuple[float, Clause], ...]  # (similarity, clause)
    foreign: dict[int, Clause] = field(default_factory=dict)  # ids of answer clauses that rather speak of another one

    @property
    def best(self) -> Clause | None:
        return self.ranked[0][1] if self.ranked and self.ranked[0][0] > 0 else None

    @cached_property
    def aligned(self) -> tuple[Clause, ...]:
        """The best clause and those nearly as good, without those that rather speak of another clause."""
        good = (c for s, c in self.ranked if s > 0 and s >= 0.85 * self.ranked[0][0])
        return tuple(c for c in good if id(c) not in self.foreign)

    @property
    def speaking(self) -> list[Clause]:
        """Aligned clauses that do speak of the reference's; only itself if it is said word for word."""
        clauses = [c for c in self.aligned if topic(self.clause, c) >= SAME_TOPIC]
        return [c for c in clauses if c.words == self.clause.words][:1] or clauses


def align(reference: Text, answer: Text) -> list[Alignment]:
    """By words, a row per clause of the reference."""
    # Which clause of the reference a clause of the answer rather speaks of is asked both ways alike: a short clause of
    # the reference would else draw every longer one of the answer to itself.
    mutual = [[harmonic(clause, other) for other in answer.clauses] for clause in reference.clauses]
    best = [max(range(len(column)), key=lambda n: column[n]) for column in zip(*mutual, strict=True)]
    rows = []
    for clause, shared in zip(reference.clauses, mutual, strict=True):
        scores = [_both_ways(clause, other) for other in answer.clauses]
        order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))
        foreign = {
            id(answer.clauses[n]): reference.clauses[best[n]] for n in order if shared[n] < 0.85 * mutual[best[n]][n]
        }
        rows.append(Alignment(clause, tuple((scores[n], answer.clauses[n]) for n in order), foreign))
    return rows


def _both_ways(clause: Clause, other: Clause) -> float:
    """Recall first; precision breaks ties between a short and a long clause."""
    return 0.85 * similarity(clause, other) + 0.15 * similarity(other, clause)
