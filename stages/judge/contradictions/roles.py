"""Exchanged roles: who does it to whom, from where to where, and words that differ in an else equal clause."""

import itertools
import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.nouns import is_listed, is_noun, is_plural
from stages.judge.lexicon import NOUN_VERBS, VERBS, opposite, sisters
from stages.judge.matching import match, near_copy
from stages.judge.text import Clause
from stages.judge.tokens import Token
from tune_or_retrieve.text.stems import stem

_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being|gets?|got)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)
_MUTUAL = frozenset(("match", "equal"))  # a rule matches an event as much as the event the rule
_DIRECTION = re.compile(r"\b(from|to|into|onto)\s", re.IGNORECASE)
_END_OF_OBJECT = re.compile(
    r"\b(?:from|to|into|onto|by|in|on|with|for|when|and|or|is|are|as|at|before|after)\s|[,;.]", re.IGNORECASE
)


def exchanged_roles(clause: Clause, other: Clause) -> list[Contradiction]:
    hits = []
    if turned_comparison(clause, other):
        return []
    for pivot in clause.tokens:
        if (
            pivot.kind != "word"
            or _is_adverb(pivot)
            or pivot.key in _MUTUAL
            or "-" in clause.text[pivot.start : pivot.end]
        ):
            continue
        twins = [t for t in other.tokens if t.key == pivot.key]
        copula = re.search(r"\b(?:is|are|be|was)\b", clause.text + " " + other.text)
        if any(is_plural(c, t) for c, t in ((clause, pivot), *((other, t) for t in twins))):
            continue
        if pivot.key not in VERBS and is_listed(clause, pivot):
            continue
        certain = pivot.key in VERBS and (pivot.key not in NOUN_VERBS or pivot.text.endswith(("s", "ed")))
        usable = certain or (
            near_copy(clause, other) and (pivot.key in VERBS or (not copula and _is_framed_alike(clause, other)))
        )
        if len(twins) != 1 or not usable or sum(t.key == pivot.key for t in clause.tokens) != 1:
            continue
        if not _comparable(clause, pivot, other, twins[0]):
            continue
        before, after = _sides(clause, pivot)
        before_other, after_other = _sides(other, twins[0])
        if _is_passive(clause, pivot) != _is_passive(other, twins[0]):
            before_other, after_other = after_other, before_other
        straight = len(before & before_other) + len(after & after_other)
        crossed = len(before & after_other) + len(after & before_other)
        if before & after_other and after & before_other and crossed > straight:
            hits.append(Contradiction("roles", f'exchanges who and whom of "{pivot.text}"'))
    origin, goal = _directions(clause)
    origin_other, goal_other = _directions(other)
    crossed = len(origin & goal_other) + len(goal & origin_other)
    if crossed and not len(origin & origin_other) + len(goal & goal_other):
        hits.append(Contradiction("roles", "exchanges from and to"))
    return hits


def _sides(clause: Clause, pivot: Token) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """What stands before and after the verb; what stands on both sides says nothing."""
    things = [t for t in clause.tokens if t.kind != "quantity" and not _is_adverb(t)]
    before = {(t.key, t.lexical) for t in things if t.end <= pivot.start}
    after = {(t.key, t.lexical) for t in things if t.start >= pivot.end}
    return before - after, after - before


def _is_adverb(token: Token) -> bool:
    return token.text.endswith("ly") or token.text in {"always", "default"}


def _is_passive(clause: Clause, pivot: Token) -> bool:
    by = re.search(r"\bby\b", clause.text[pivot.end :])
    return bool(by and _PASSIVE.search(clause.text[: pivot.start]))


def _comparable(clause: Clause, pivot: Token, other: Clause, twin: Token) -> bool:
    """Whether both say who does it and to whom in places that can be compared."""
    if _is_agentless(clause, pivot) != _is_agentless(other, twin):
        return False  # "an item can be restored", "you can restore an item": who does it is not said
    if stem(pivot.text) != stem(twin.text) and _is_bare(clause, pivot) != _is_bare(other, twin):
        return False  # "the stream keeps records", "records stay in the stream"
    return is_noun(clause, pivot) == is_noun(other, twin)


def _is_agentless(clause: Clause, pivot: Token) -> bool:
    passive = _PASSIVE.search(clause.text[: pivot.start])
    return bool(passive) and not re.search(r"\b(?:by|with)\b", clause.text[pivot.end :])


def _is_bare(clause: Clause, pivot: Token) -> bool:
    """Whether no object follows the verb."""
    return bool(re.match(rf"\W*(?:$|(?:{'|'.join((*_PREPOSITIONS, *_PLACES))})\b)", clause.text[pivot.end :]))


def _directions(clause: Clause) -> tuple[set[str], set[str]]:
    origin: set[str] = set()
    goal: set[str] = set()
    for start in _DIRECTION.finditer(clause.text):
        rest = clause.text[start.end() :]
        stop = _END_OF_OBJECT.search(rest)
        end = start.end() + (stop.start() if stop else len(rest))
        things = [t for t in clause.tokens if start.end() <= t.start < end]
        keys = [t.key for t in things if t.kind != "quantity" and not _is_adverb(t)][:3]
        (origin if start[1].lower() == "from" else goal).update(keys)
    return origin - goal, goal - origin


def _across(clause: Clause, other: Clause) -> Contradiction | None:
    """The same words around the same prepositions, but some changed sides: "copy A to B", "copy B to A"."""
    frame = _frame(clause)
    if (
        not frame
        or frame != _frame(other)
        or sorted(t.key for t in clause.tokens) != sorted(t.key for t in other.tokens)
    ):
        return None
    sides, sides_other = _segments(clause), _segments(other)
    for n in range(len(sides) - 1):
        left, right = sides[n] - sides_other[n], sides[n + 1] - sides_other[n + 1]
        if frame[n] == "of" and any(t.kind == "quantity" for t in clause.tokens):
            continue  # "5 Gbps of bandwidth", "a bandwidth of 5 Gbps"
        if re.search(rf"\b(?:and|or)\s+{frame[n]}\b", clause.text, re.IGNORECASE):
            continue  # "by age or by count"
        if left and right and left <= sides_other[n + 1] and right <= sides_other[n]:
            return Contradiction("roles", f'exchanges what stands before and after "{frame[n]}"')
    return None


def turned_comparison(clause: Clause, other: Clause) -> bool:
    """ "A more than B" and "B less than A": the sides of "than" are exchanged, and so is the comparison."""
    (left, right), (left_other, right_other) = _around_than(clause), _around_than(other)
    exchanged = (left - right) & (right_other - left_other) and (right - left) & (left_other - right_other)
    own = [t for t in clause.tokens if t.key not in other.keys]
    theirs = [t for t in other.tokens if t.key not in clause.keys]
    return bool(exchanged) and any(opposite(a, b) for a in _compared(clause, own) for b in _compared(other, theirs))


def _compared(clause: Clause, tokens: list[Token]) -> list[str]:
    """What the comparison may be in, "more" and "less" among it, which are no tokens."""
    return [t.text for t in tokens] + [w for w in clause.words if w in {"more", "less", "fewer"}]


def _around_than(clause: Clause) -> tuple[set[str], set[str]]:
    border = re.search(r"\bthan\b", clause.text)
    if not border:
        return set(), set()
    left, right = ({t.key for t in clause.tokens if (t.start < border.start()) == side} for side in (True, False))
    return left, right


def _segments(clause: Clause) -> list[set[str]]:
    borders = [m.end() for m in re.finditer(rf"\b(?:{'|'.join(_PREPOSITIONS)})\b", clause.text.lower())]
    sides: list[set[str]] = [set() for _ in range(len(borders) + 1)]
    for t in clause.tokens:
        if not _is_adverb(t) and t.key not in _PREPOSITIONS:
            sides[sum(t.start >= b for b in borders)].add(t.key)
    return sides


_PREPOSITIONS = ("from", "to", "into", "onto", "by", "of", "with", "than", "before", "after")


_PLACES = ("in", "on", "at", "for", "within", "during", "per")


def _frame(clause: Clause, of: tuple[str, ...] = _PREPOSITIONS) -> list[str]:
    """The prepositions in their order: "to B from A" is not "from B to A"."""
    return [w for w in clause.words if w in of]


def _is_framed_alike(clause: Clause, other: Clause) -> bool:
    return _frame(clause) == _frame(other) and _frame(clause, _PLACES) == _frame(other, _PLACES)


def _is_beside(a: Token, b: Token, clause: Clause) -> bool:
    keys = [t.key for t in clause.tokens]
    return a.key in keys and b.key in keys and abs(keys.index(a.key) - keys.index(b.key)) == 1


def _touch(a: Token, b: Token, clause: Clause) -> bool:
    """Whether the two stand side by side, with nothing between."""
    keys = {a.key, b.key}
    return any(
        {one.key, two.key} == keys and not clause.text[one.end : two.start].strip(" -'s")
        for one, two in itertools.pairwise(clause.tokens)
    )


def _is_joined(a: Token, b: Token, clause: Clause) -> bool:
    """Whether both stand in one list of the clause, so that their order says nothing."""
    ends = sorted((t.start, t.end) for t in clause.tokens if t.key in (a.key, b.key))
    between = clause.text[ends[0][1] : ends[-1][0]] if len(ends) == 2 else ""
    return bool(re.search(r"\b(?:and|or)\b", between)) and len(between.split()) <= 4


def edits(clause: Clause, other: Clause) -> list[Contradiction]:
    """Word for word the same, but for words that were exchanged or that stand in one another's place."""
    if turned_comparison(clause, other):
        return []
    if crossed := _across(clause, other):
        return [crossed]
    if len(clause.tokens) != len(other.tokens):
        return []
    changed = [
        (a, b)
        for a, b in zip(clause.tokens, other.tokens, strict=True)
        if a.kind != "quantity" and b.kind != "quantity" and (not match(a, b) or a.lexical != b.lexical)
    ]
    if not changed or len(changed) > len(clause.tokens) / 2:
        return []
    same_frame = _is_framed_alike(clause, other)
    swaps = {(a.key, a.lexical, b.key, b.lexical) for a, b in changed}
    for a, b in changed:
        named = (a.kind == "identifier") != (b.kind == "identifier")
        loose = {a.key, b.key} & NOUN_VERBS or named or _is_adverb(a) or _is_adverb(b)
        if loose and _is_beside(a, b, clause) and _is_beside(a, b, other):
            continue  # "internet access", "access the internet"; "the directive max_size"; "successfully verified"
        if _touch(a, b, clause) and _touch(a, b, other):
            continue  # "supported destinations", "the destinations supported"
        if _is_joined(a, b, clause):
            continue  # "by age or by count"
        exchanged = (b.key, b.lexical, a.key, a.lexical) in swaps and len(swaps) <= 2 and same_frame
        moved = a.key in other.keys and b.key in clause.keys  # both stand in both, in another order
        rivals = sisters(a.text, b.text) or (opposite(a.text, b.text) and a.negated == b.negated)
        if exchanged or (rivals and not moved):
            return [
                Contradiction("roles" if exchanged else "name", f'says "{b.text}" where the reference says "{a.text}"')
            ]
    return []
