"""What is done first, and what follows from what: "A before B", "if A, B" against the same two the other way round."""

import itertools
import re
from dataclasses import replace

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import harmonic
from stages.judge.text import Clause, Text, read

_CROSSED = 0.6  # each step is the other text's other step at least so far
_MARGIN = 0.3  # and both together more than they are the step in their own place
_TURNED = 0.8  # the same for a condition: it often speaks of what follows from it, too
_THEN = re.compile(
    r"(?:[,;:]\s*|\s+)?\b(?:(?:and|only)\s+)?(?:then|afterwards?|next|finally|after\s+that)\b[\s,]*", re.IGNORECASE
)
# A time to wait is no step: "after 5 minutes".
_TIME = r"\d|(?:an?|one|two|three|four|five|six|seven|eight|nine|ten)\s+(?:second|minute|hour|day|week|month|year)s?\b"
_BETWEEN = re.compile(rf"\b(before|after)\s+(?=\w)(?!that\b|this\b|which\b|the\s+next\b|{_TIME})", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:that|which|who)\b", re.IGNORECASE)
_CONDITION = re.compile(r"\b(?:if|when|whenever|unless|until|once)\b", re.IGNORECASE)
_ORDER_WORDS = frozenset(("first", "then", "next", "finally", "before", "after"))

_Steps = tuple[Clause, Clause]


def reversed_order(reference: Text, answer: Text) -> list[Contradiction]:
    """Two steps of the reference that the answer says in the other order; without words of order none is said."""
    said = _ordered(answer)
    hits = []
    for earlier, later in _ordered(reference):
        if any(_is_straight(earlier, later, one, two) for one, two in said):
            continue
        for one, two in said:
            if _is_clear(earlier, later, two, one, _CROSSED):
                hits.append(Contradiction("order", f'"{one.text}" is said to come before "{two.text}"'))
    return hits


def reversed_conditions(reference: Text, answer: Text) -> list[Contradiction]:
    """ "If A, B" against "if B, A"."""
    hits = []
    for condition, then in _conditional(reference):
        for one, two in _conditional(answer):
            if _is_clear(condition, then, two, one, _TURNED):
                hits.append(Contradiction("order", f'"{one.text}" is said to be the condition'))
    return hits


def _conditional(text: Text) -> list[_Steps]:
    """(condition, what follows) of sentences of these two alone, without a negation."""
    found = []
    for _, group in itertools.groupby(text.clauses, key=lambda clause: clause.sentence):
        clauses = list(group)
        conditions = [c for c in clauses if c.link in {"if", "when"}]
        if len(clauses) == 2 and len(conditions) == 1 and not any(c.cues for c in clauses):
            found.append((conditions[0], clauses[1 - clauses.index(conditions[0])]))
    return found


def same_order(reference: Text, answer: Text) -> bool:
    """Whether both say one order, "A before B" or "B after A"."""
    return any(
        _is_clear(earlier, later, one, two, _CROSSED)
        for earlier, later in _ordered(reference)
        for one, two in _ordered(answer)
    )


def _is_clear(earlier: Clause, later: Clause, one: Clause, two: Clause, enough: float) -> bool:
    """Whether one says the earlier and two the later, each at least so far, and clearly not the other way round."""
    return min(harmonic(earlier, one), harmonic(later, two)) >= enough and _lead(earlier, later, one, two) > _MARGIN


def _is_straight(earlier: Clause, later: Clause, one: Clause, two: Clause) -> bool:
    return min(harmonic(earlier, one), harmonic(later, two)) > _MARGIN and _lead(earlier, later, one, two) > 0


def _lead(earlier: Clause, later: Clause, one: Clause, two: Clause) -> float:
    """How much more one and two say them in this order than in the other."""
    straight = harmonic(earlier, one) + harmonic(later, two)
    return straight - (harmonic(earlier, two) + harmonic(later, one))


def _ordered(text: Text) -> list[_Steps]:
    """(earlier, later) of every order that is said in words."""
    return [(one, two) for a, b in (*_by_then(text), *_by_before(text)) if (one := _step(a)) and (two := _step(b))]


def _by_then(text: Text) -> list[tuple[str, str]]:
    found = []
    previous = ""
    for sentence in text.sentences:
        first, *others = _THEN.split(sentence)
        steps = [first, *others] if first.strip() else ([previous, *others] if previous else others)
        # "If A, then B" is a condition, not an order.
        found += [(a, b) for a, b in itertools.pairwise(steps) if not _CONDITION.search(a)]
        previous = steps[-1] if steps else ""
    return found


def _by_before(text: Text) -> list[tuple[str, str]]:
    found = []
    for sentence in text.sentences:
        left, *rest = _BETWEEN.split(sentence, maxsplit=1)
        if not rest:
            continue
        word, right = rest
        if not left.strip():
            right, _, left = right.partition(",")
        if not _is_denied(left):
            found.append((left, right) if word.lower() == "before" else (right, left))
        elif word.lower() == "before" and not _RELATIVE.search(left):  # "never delete A before B" is B before A
            found.append((right, left))
    return found


def _is_denied(text: str) -> bool:
    return sum(clause.cues for clause in read(text).clauses) % 2 == 1


def without_denied_order(hits: list[Contradiction], reference: Text, answer: Text) -> list[Contradiction]:
    """Without those of a negation that only turns the order round: "cannot delete A before B", "delete B before A"."""
    denied = [
        any(
            len(parts) == 3 and _is_denied(parts[0])
            for parts in (_BETWEEN.split(s, maxsplit=1) for s in text.sentences)
        )
        for text in (reference, answer)
    ]
    turned = denied[0] != denied[1] and same_order(reference, answer)
    return [hit for hit in hits if not (turned and hit.kind == "polarity")]


def _step(text: str) -> Clause | None:
    clauses = read(text.strip(" ,;:.")).clauses
    tokens = tuple(t for c in clauses for t in c.tokens if t.text.lower() not in _ORDER_WORDS)
    words = tuple(w for c in clauses for w in c.words)
    return replace(clauses[0], text=text.strip(" ,;:."), tokens=tokens, words=words) if tokens else None
