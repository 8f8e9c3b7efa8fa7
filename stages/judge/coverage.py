"""How much of each clause of the reference an answer says."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.judge.alignment import Alignment
from stages.judge.matching import SAID, found, fresh, importance, is_known, match, weight
from stages.judge.reading.text import Clause, Text
from stages.judge.reading.tokens import Token

_KNOWN_WEIGHT = 0.15  # of a fact that the question already says
_RAMP = (0.2, 0.72)  # share of a clause's words below which it is not said, and above which it is said
_VERDICT_WEIGHT = 1.5  # of an explicit yes or no, beside clauses of 0.2 to about 3
_VERDICT_SAYS = 0.8  # of the first clause: "No." also says "it cannot be disabled"
_SHARED = 0.5  # credit for what the reference says more often than the answer


@dataclass(frozen=True)
class Coverage:
    """What the answer holds of one clause of the reference."""

    share: float  # 0–1
    weight: float  # of the clause among all
    missing: tuple[str, ...]  # hard facts not found, as written
    found_hard: int
    n_hard: int


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
        hit = found(token, own if known else fresh(own, question), words)
        if not known and token.kind != "quantity":
            hit = max(hit, _SHARED * found(token, fresh(tokens, question), words))
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
        if token.is_hard:
            hard, hard_hit = hard + mass, hard_hit + mass * hit
            n_hard, n_found = n_hard + 1, n_found + (hit >= SAID)
            if hit < SAID:
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


def recall_of(covers: Sequence[Coverage], reference: Text, answer: Text) -> float:
    """Share of the reference that the answer says, 0–1: clauses by weight, and an explicit yes or no."""
    total = sum(c.weight for c in covers)
    said = sum(c.weight * c.share for c in covers)
    if reference.verdict:
        # A yes or no is also given by a clause that says it, and says what the clause that repeats it says.
        agrees = answer.verdict == reference.verdict
        if agrees and covers and not covers[0].n_hard:
            said += covers[0].weight * max(0.0, _VERDICT_SAYS - covers[0].share)
        total += _VERDICT_WEIGHT
        said += _VERDICT_WEIGHT * (agrees or (not answer.verdict and bool(covers) and covers[0].share >= 0.5))
    return said / total if total else 0.0
