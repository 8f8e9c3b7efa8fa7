"""Wrong amounts: another number, unit or bound, or two amounts exchanged."""

import itertools
import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import found, match, near_copy, topic
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token

_IF = re.compile(r"\b(?:if|when|whenever|once|as\s+soon\s+as)\b", re.IGNORECASE)
_SPOKEN = 0.5  # of the reference's words: an answer that speaks of what it speaks of
_TWIN_TOPIC = 0.9  # both ways: two clauses are the same but for their amounts


def wrong_amounts(row: Alignment, reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    hits = []
    for token in (t for t in row.clause.tokens if t.kind == "quantity"):
        said = [t for t in answer.quantities if match(token, t)]
        if said:
            wrong = [
                t for t in said if token.quantity.bound_conflicts(t.quantity) and not _is_exceeded(t, token, answer)
            ]
            fits = [t for t in said if not token.quantity.bound_conflicts(t.quantity)]
            # The amount may stand in the reference more than once, with other bounds.
            others = [t for t in reference.quantities if t is not token and match(token, t)]
            if wrong and not fits and not others:
                hits.append(Contradiction("bound", f'"{wrong[0].text}" is said as another kind of bound'))
        for clause in row.aligned if not said else ():
            for other in (t for t in clause.tokens if t.kind == "quantity"):
                if _rivals(token, other) and not _elsewhere(other, clause, row, reference, question):
                    hits.append(Contradiction("amount", f'says "{other.text}" where the reference says "{token.text}"'))
        if not said and not hits:
            # The same bound, said anywhere of anything else: "the maximum is 20".
            for other in answer.quantities:
                same_bound = token.quantity.bound and token.quantity.bound == other.quantity.bound
                alone = len(answer.quantities) == 1 == len(reference.quantities)
                other_unit = token.quantity.family == other.quantity.family and token.quantity.raw == other.quantity.raw
                new = not any(match(other, t) for t in (*reference.quantities, *question.quantities))
                if new and (same_bound or alone or other_unit) and _rivals(token, other):
                    hits.append(Contradiction("amount", f'says "{other.text}" where the reference says "{token.text}"'))
        if said:
            hits += _amended(token, row, reference, question)
    # An amount in the place of another one of the same reference.
    best = row.best
    mine = [t for t in row.clause.tokens if t.kind == "quantity"]
    theirs = [t for t in best.tokens if t.kind == "quantity"]
    if mine and theirs and topic(row.clause, best) >= 0.6 and len(mine) == len(theirs):
        for a, b in zip(mine, theirs, strict=True):
            new = not any(match(b, t) for t in (*reference.quantities, *question.quantities))
            lost = not any(match(a, t) for t in theirs) and not any(match(b, t) for t in mine)
            if _rivals(a, b) and (lost or (new and near_copy(row.clause, best))):
                hits.append(Contradiction("amount", f'says "{b.text}" where the reference says "{a.text}"'))
    return hits or _misplaced(row, reference, answer, question)


def replaced_amounts(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """An amount of the reference is nowhere said, and one of its kind is that neither reference nor question knows."""
    known = (*reference.quantities, *question.quantities)
    lost = [t for t in reference.quantities if not any(match(t, u) for u in (*answer.quantities, *question.quantities))]
    new = [t for t in answer.quantities if not any(match(t, u) for u in known)]
    things = [t for t in reference.tokens if t.kind != "quantity"]
    spoken = sum(found(t, answer.tokens, answer.words) for t in things)
    if not lost or spoken < _SPOKEN * len(things) or len({t.key for t in new}) > len(lost) + 1:
        return []  # it speaks of something else, or of more
    return [
        Contradiction("amount", f'says "{two.text}" where the reference says "{one.text}"')
        for one, two in itertools.product(lost, new)
        if one.quantity.family == two.quantity.family
    ]


def _is_exceeded(token: Token, limit: Token, text: Text) -> bool:
    """ "It fails if it exceeds 4 KB" says the same limit as "at most 4 KB"."""
    clause = next((c for c in text.clauses if any(t is token for t in c.tokens)), None)
    if limit.quantity.bound == "default" and clause and "default" in clause.words:
        return True  # "by default, it is up to 4 KB"
    outside = {"above": "max", "below": "min"}.get(token.quantity.bound)
    return bool(clause) and outside == limit.quantity.bound and bool(_IF.search(clause.text[: token.start]))


def _misplaced(row: Alignment, reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """The clause said word for word but for its amount, although the amount stands somewhere else in the answer."""
    mine = [t for t in row.clause.tokens if t.kind == "quantity"]
    twins = [c for c in answer.clauses if min(topic(row.clause, c), topic(c, row.clause)) >= _TWIN_TOPIC]
    theirs = [t for c in twins for t in c.tokens if t.kind == "quantity"]
    if len(mine) != 1 or any(match(mine[0], t) for t in theirs):
        return []
    return [
        Contradiction("amount", f'says "{t.text}" where the reference says "{mine[0].text}"')
        for c in twins
        for t in c.tokens
        if t.kind == "quantity" and _rivals(mine[0], t) and not _elsewhere(t, c, row, reference, question)
    ]


def _rivals(token: Token, other: Token) -> bool:
    """Whether two amounts cannot both be true in one place."""
    a, b = token.quantity, other.quantity
    if a.same(b):
        return False
    bare = any(q.family == "count" and not q.counts_things for q in (a, b))
    return a.family == b.family or a.raw == b.raw or bare


def _elsewhere(other: Token, clause: Clause, row: Alignment, reference: Text, question: Text) -> bool:
    """Whether an amount of the answer is explained by another place of the reference, or by the question."""
    if any(match(other, t) for t in question.quantities):
        return True
    for c in reference.clauses:
        if any(match(other, t) for t in c.tokens if t.kind == "quantity"):
            return c is row.clause or topic(c, clause) >= topic(row.clause, clause)
    return False


def _amended(token: Token, row: Alignment, reference: Text, question: Text) -> list[Contradiction]:
    """The right amount is said, and elsewhere in the answer another one for the same thing."""
    hits = []
    for _, clause in row.ranked:
        amounts = [t for t in clause.tokens if t.kind == "quantity"]
        if any(match(token, t) for t in amounts) or topic(row.clause, clause) < 0.75:
            continue
        other_subject = [t for t in clause.tokens if t.kind != "quantity" and not found(t, row.clause.tokens)]
        for other in amounts:
            known = any(match(other, t) for t in (*reference.quantities, *question.quantities))
            if not known and not other_subject and token.quantity.family == other.quantity.family:
                hits.append(Contradiction("amount", f'says "{token.text}" and also "{other.text}"'))
    return hits


def unequal_equivalents(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """An amount and its equivalent in another unit, "300 seconds (5 minutes)", that are not equal in the answer."""
    hits = []
    for clause in answer.clauses:
        amounts = [t for t in clause.tokens if t.kind == "quantity"]
        for one, two in itertools.pairwise(amounts):
            between, after = clause.text[one.end : two.start], clause.text[two.end :]
            if not _OPENS.fullmatch(between) or not after.startswith(")") or not _rivals(one, two):
                continue
            if _unit(one) == _unit(two) or one.quantity.family != two.quantity.family:
                continue
            for right, wrong in ((one, two), (two, one)):
                new = not any(match(wrong, t) for t in (*reference.quantities, *question.quantities))
                if new and any(match(right, t) for t in reference.quantities):
                    hits.append(Contradiction("amount", f'says "{wrong.text}" of "{right.text}"'))
    return hits


_OPENS = re.compile(r"\s*\((?:or|i\.e\.|that is|equal to|=)?,?\s*", re.IGNORECASE)


def _unit(token: Token) -> str:
    return re.sub(r"[^a-z]", "", token.text.lower()).removesuffix("s")


def exchanged_amounts(row: Alignment, reference: Text, answer: Text) -> list[Contradiction]:
    """Two amounts of the reference, each said in the other's place."""
    hits = []
    for one in (t for t in row.clause.tokens if t.kind == "quantity"):
        for two in reference.quantities:
            if (two.quantity.start == one.quantity.start and two in row.clause.tokens) or not _comparable(one, two):
                continue
            straight = crossed = 0.0
            context_one, context_two = _contexts(one, reference), _contexts(two, reference)
            only_one, only_two = context_one - context_two, context_two - context_one
            for said in answer.quantities:
                near = _contexts(said, answer)
                if match(one, said):
                    straight, crossed = straight + len(near & only_one), crossed + len(near & only_two)
                if match(two, said):
                    straight, crossed = straight + len(near & only_two), crossed + len(near & only_one)
            both = any(match(one, t) for t in answer.quantities) and any(match(two, t) for t in answer.quantities)
            if both and crossed > straight + 1:
                hits.append(
                    Contradiction("amount", f'exchanges "{min(one.text, two.text)}" and "{max(one.text, two.text)}"')
                )
    return hits


def _comparable(one: Token, two: Token) -> bool:
    return one.quantity.family == two.quantity.family and not one.quantity.same(two.quantity)


def _contexts(token: Token, text: Text) -> frozenset[str]:
    """What an amount is said of: its bound, and the words of its clause up to its neighbours."""
    keys: set[str] = set()
    for clause in text.clauses:
        if not any(t is token for t in clause.tokens):
            continue
        amounts = [t for t in clause.tokens if t.kind == "quantity"]
        for t in clause.tokens:
            if t.kind != "quantity" and (len(amounts) == 1 or _nearest(t, amounts) is token):
                keys.add(t.key)
        if token.quantity.bound:
            keys.add("bound " + token.quantity.bound)
    return frozenset(keys)


def _nearest(token: Token, amounts: list[Token]) -> Token:
    return min(amounts, key=lambda a: (a.start - token.end) if a.start >= token.end else 1.5 * (token.start - a.end))
