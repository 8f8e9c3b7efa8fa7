"""Which clause of an answer speaks of which clause of the reference, and which of its facts it holds."""

import math
from dataclasses import dataclass, field
from functools import cached_property

from stages.judge.lexicon import stem
from stages.judge.text import Clause, Text, Token, identifier_words

# What one fact weighs. A wrong number or identifier makes an answer useless, a missing word seldom does.
_WEIGHT = {"quantity": 3.0, "identifier": 2.5, "name": 1.5, "word": 1.0}
_WEAK_WEIGHT = 0.4
_KNOWN_WEIGHT = 0.15  # of a fact that the question already says
_FUZZY = 0.8  # credit for words of one root that the stems do not join


def weight(token: Token) -> float:
    return _WEAK_WEIGHT if token.weak and token.kind == "word" else _WEIGHT[token.kind]


def match(token: Token, other: Token) -> float:
    """How far two tokens mean the same, 0–1, polarity apart."""
    if token.kind == "quantity" or other.kind == "quantity":
        return float(token.quantity is not None and other.quantity is not None and token.quantity.same(other.quantity))
    if token.key == other.key:
        return 1.0
    if "identifier" in (token.kind, other.kind):
        return _same_identifier(token, other)
    a, b = sorted((token.key, other.key), key=len)
    shared = (
        len(a) if b.startswith(a) else next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    )
    return _FUZZY if shared >= 5 and shared >= 0.7 * len(b) else 0.0


def _same_identifier(a: Token, b: Token) -> float:
    one, two = a.key.lstrip("#"), b.key.lstrip("#")
    if a.kind != b.kind or one == two or (":" in one) == (":" in two):
        return float(a.kind == b.kind and one == two)
    # an action with its owner, and the same action alone: the operation may be meant, or its permission
    return _FUZZY * (one.rsplit(":", 1)[-1] == two.rsplit(":", 1)[-1])


def spelled_out(token: Token, words: tuple[str, ...] | list[str]) -> bool:
    """Whether an identifier is said in plain words one after the other: "visibility timeout"."""
    parts = identifier_words(token.text)
    stems = [stem(w) for w in words]
    return len(parts) > 1 and any(stems[i : i + len(parts)] == parts for i in range(len(stems) - len(parts) + 1))


def found(token: Token, tokens: tuple[Token, ...] | list[Token], words: tuple[str, ...] | list[str] = ()) -> float:
    if token.kind != "quantity" and any(token.key == other.key for other in tokens):
        return 1.0
    best = max((match(token, other) for other in tokens), default=0.0)
    if best < 1.0 and token.kind == "identifier" and words and spelled_out(token, words):
        return 1.0
    if best < 1.0 and token.kind in {"word", "name"}:
        # "the visibility timeout" in the reference, VisibilityTimeout in the answer
        humps = {hump for other in tokens if other.kind == "identifier" for hump in identifier_words(other.text)}
        if stem(token.text) in humps:
            return 0.9
    return best


def similarity(reference: Clause, answer: Clause) -> float:
    """Share of the reference clause's weight that the answer's clause holds, 0–1."""
    total = sum(weight(t) for t in reference.tokens)
    return sum(weight(t) * found(t, answer.tokens, answer.words) for t in reference.tokens) / total


@dataclass(frozen=True)
class Alignment:
    """One clause of the reference with the clauses of the answer that speak of it, best first."""

    clause: Clause
    ranked: tuple[tuple[float, Clause], ...]  # (similarity, clause)
    foreign: dict[int, Clause] = field(default_factory=dict)  # ids of answer clauses that rather speak of another one

    @property
    def best(self) -> Clause | None:
        return self.ranked[0][1] if self.ranked and self.ranked[0][0] > 0 else None

    @property
    def best_similarity(self) -> float:
        return self.ranked[0][0] if self.ranked else 0.0

    @cached_property
    def aligned(self) -> tuple[Clause, ...]:
        """The best clause and those nearly as good, without those that rather speak of another clause."""
        good = (c for s, c in self.ranked if s > 0 and s >= 0.85 * self.best_similarity)
        return tuple(c for c in good if id(c) not in self.foreign)


def align(reference: Text, answer: Text) -> list[Alignment]:
    table = [[_both_ways(clause, other) for other in answer.clauses] for clause in reference.clauses]
    # Which clause of the reference a clause of the answer rather speaks of is asked both ways alike: a short clause of
    # the reference would else draw every longer one of the answer to itself.
    mutual = [[harmonic(clause, other) for other in answer.clauses] for clause in reference.clauses]
    best = [max(range(len(column)), key=lambda n: column[n]) for column in zip(*mutual, strict=True)]
    rows = []
    for clause, scores, shared in zip(reference.clauses, table, mutual, strict=True):
        order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))
        foreign = {
            id(answer.clauses[n]): reference.clauses[best[n]] for n in order if shared[n] < 0.85 * mutual[best[n]][n]
        }
        rows.append(Alignment(clause, tuple((scores[n], answer.clauses[n]) for n in order), foreign))
    return rows


def _both_ways(clause: Clause, other: Clause) -> float:
    """Recall first; precision breaks ties between a short and a long clause."""
    return 0.85 * similarity(clause, other) + 0.15 * similarity(other, clause)


def harmonic(clause: Clause, other: Clause) -> float:
    recall, precision = similarity(clause, other), similarity(other, clause)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def is_known(token: Token, question: Text) -> bool:
    """Whether the question already says it: "retention" in the question does not say "expire"."""
    return any(token.lexical == t.lexical and match(token, t) >= _FUZZY for t in question.tokens)


def importance(clause: Clause, question: Text) -> float:
    """Weight of a clause of the reference: the root of what it says beyond the question, so that no long one rules.

    What the question says already is denied or not: a negation is news even where no word is.
    """
    new = sum(weight(t) for t in clause.tokens if not is_known(t, question))
    if new < 0.5:
        return 1.0 if clause.cues or not question.tokens else 0.5
    return math.sqrt(0.5 + new)


@dataclass(frozen=True)
class Coverage:
    """What the answer holds of one clause of the reference."""

    share: float  # 0–1
    weight: float  # of the clause among all
    missing: tuple[str, ...]  # hard facts not found, as written
    found_hard: int
    n_hard: int


_RAMP = (0.2, 0.72)  # share of a clause's words below which it is not said, and above which it is said


_SHARED = 0.5  # credit for what the reference says more often than the answer


def cover(row: Alignment, answer: Text, question: Text, spent: dict[int, int] | None = None) -> Coverage:
    """How much of a clause is said in the sentences around its best match; the question's words are taken as said.

    `spent` counts how often each amount of the answer (by id) has served: saying "30 days" once does not say both a
    default of 30 days and a range up to 30 days.
    """
    spent = {} if spent is None else spent
    window = _window(row, answer)
    own = [t for c in window for t in c.tokens if not _is_used(t, c, row)]
    tokens = [t for c in window for t in c.tokens]
    words = [w for c in window for w in c.words]
    known_mass = new_mass = known_hit = new_hit = 0.0
    hard = hard_hit = 0.0
    n_hard = n_found = 0
    missing = []
    for token in row.clause.tokens:
        known = is_known(token, question)
        hit = found(token, own, words)
        if not known and token.kind != "quantity":
            hit = max(hit, _SHARED * found(token, tokens, words))
        elif not hit:
            hit = found(token, tokens, words)
        if token.kind == "quantity" and hit:
            twins = [t for t in tokens if t.kind == "quantity" and match(token, t)]
            use = min(twins, key=lambda t: spent.get(id(t), 0))
            hit = hit if not spent.get(id(use)) else _SHARED
            spent[id(use)] = spent.get(id(use), 0) + 1
        mass = weight(token)
        if known:
            known_mass += mass
            known_hit += mass * hit
            continue
        new_mass += mass
        new_hit += mass * hit
        if token.kind in {"quantity", "identifier"}:
            hard, hard_hit = hard + mass, hard_hit + mass * hit
            n_hard, n_found = n_hard + 1, n_found + (hit >= 0.8)
            if hit < 0.8:
                missing.append(token.text)
    if any(c.words == row.clause.words and c.keys == row.clause.keys for c in answer.clauses):
        return Coverage(1.0, importance(row.clause, question), (), n_hard, n_hard)  # word for word
    if new_mass < 0.5:  # the question says it all: only saying it counts (its polarity is looked at elsewhere)
        share = known_hit / known_mass if known_mass else 0.0
        return Coverage(_ramp(share), importance(row.clause, question), (), 0, 0)
    credit = _KNOWN_WEIGHT * known_mass
    lexical = (new_hit + (credit if new_hit > 0 else 0.0)) / (new_mass + credit)
    share = _ramp(lexical) * _density(row, question)
    if hard:
        share = 0.6 * hard_hit / hard + 0.4 * share if hard_hit else 0.5 * share
    return Coverage(share, importance(row.clause, question), tuple(missing), n_found, n_hard)


def _is_used(token: Token, clause: Clause, row: Alignment) -> bool:
    """Whether a word of the answer already serves another clause of the reference, of which its clause speaks."""
    owner = row.foreign.get(id(clause))
    return owner is not None and token.kind != "quantity" and any(match(token, t) for t in owner.tokens)


def _density(row: Alignment, question: Text) -> float:
    """Below 1 where the best clause mostly speaks of something else, and a few common words met by chance."""
    if row.best is None:
        return 0.0
    known = (*row.clause.tokens, *question.tokens)
    total = sum(weight(t) for t in row.best.tokens)
    held = sum(weight(t) * found(t, known) for t in row.best.tokens)
    return min(1.0, 0.4 + 1.5 * held / total)


def _window(row: Alignment, answer: Text) -> list[Clause]:
    if len(answer.sentences) <= 3 or row.best is None:
        return list(answer.clauses)
    centre = row.best.sentence
    return [c for c in answer.clauses if abs(c.sentence - centre) <= 1]


def _ramp(share: float) -> float:
    low, high = _RAMP
    return min(1.0, max(0.0, (share - low) / (high - low)))
