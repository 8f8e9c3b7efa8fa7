"""What an answer says against its reference: wrong amounts, names, polarity, opposites, exchanged roles."""

import re
from dataclasses import dataclass, replace

from stages.judge.alignment import Alignment, found, harmonic, match, similarity, weight
from stages.judge.lexicon import NOUN_VERBS, VERBS, opposite, sisters
from stages.judge.text import Clause, Text, Token

_SAME_TOPIC = 0.34  # similarity from which a clause of the answer is held to speak of the reference's clause
_EXCHANGE_TOPIC = 0.6
_NEAR_COPY = 0.72  # both ways: the answer's clause is the reference's but for a word or two
_YES_NO = re.compile(r"^\W*(?:can|could|does|do|did|is|are|was|were|will|would|must|should|has|have|may|might)\b", re.I)


@dataclass(frozen=True)
class Contradiction:
    kind: str  # amount, bound, name, polarity, opposite, roles, verdict
    text: str  # for people: 'says "30 minutes" where the reference says "30 seconds"'
    clause: int = 0  # of the reference


def contradictions(rows: list[Alignment], reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Every contradiction found, in the order of the reference, none twice."""
    everything: list[Contradiction] = list(_verdict(reference, answer, question))
    polarity: list[tuple[Alignment, Contradiction]] = []
    for number, row in enumerate(rows):
        if row.best is None:
            continue
        hits = _amounts(row, reference, answer, question) + _exchanged_amounts(row, reference, answer)
        if any(c.words == row.clause.words for c in answer.clauses):
            everything += [replace(hit, clause=number) for hit in hits]
            continue  # said word for word: nothing but its amounts can differ
        hits += _names(row, reference, answer, question)
        hits += _exchanged_words(row, rows, answer)
        polarity += [(row, replace(hit, clause=number)) for hit in _polarity(row, reference)]
        polarity += [(row, replace(hit, clause=number)) for hit in _links(row, reference, answer)]
        for clause in _speaking(row):
            hits += _opposites(row.clause, clause, reference, answer)
            hits += _roles(row.clause, clause)
            hits += _edits(row.clause, clause)
        everything += [replace(hit, clause=number) for hit in hits]
    everything += _without_contraposition(polarity, rows)
    said = {hit.text for hit in everything}
    everything += [hit for hit in _renamed(reference, answer, question) if hit.text not in said]
    return list(dict.fromkeys(everything))


def _speaking(row: Alignment) -> list[Clause]:
    """Aligned clauses that do speak of the reference's; only itself if it is said word for word."""
    clauses = [c for c in row.aligned if _topic(row.clause, c) >= _SAME_TOPIC]
    return [c for c in clauses if c.words == row.clause.words][:1] or clauses


def _topic(clause: Clause, other: Clause) -> float:
    """Similarity of two clauses without their amounts, which are what may differ."""
    tokens = [t for t in clause.tokens if t.kind != "quantity"]
    total = sum(weight(t) for t in tokens)
    return sum(weight(t) * found(t, other.tokens, other.words) for t in tokens) / total if total else 0.0


def near_copy(clause: Clause, other: Clause) -> bool:
    return min(similarity(clause, other), similarity(other, clause)) >= _NEAR_COPY


# ---- amounts ---------------------------------------------------------------------------------------------------------


def _amounts(row: Alignment, reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    hits = []
    for token in (t for t in row.clause.tokens if t.kind == "quantity"):
        said = [t for t in answer.quantities if match(token, t)]
        if said:
            wrong = [t for t in said if token.quantity.bound_conflicts(t.quantity)]
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
                new = not any(match(other, t) for t in (*reference.quantities, *question.quantities))
                if new and (same_bound or alone) and _rivals(token, other):
                    hits.append(Contradiction("amount", f'says "{other.text}" where the reference says "{token.text}"'))
        if said:
            hits += _amended(token, row, reference, question)
    # An amount in the place of another one of the same reference.
    best = row.best
    mine = [t for t in row.clause.tokens if t.kind == "quantity"]
    theirs = [t for t in best.tokens if t.kind == "quantity"]
    if mine and theirs and _topic(row.clause, best) >= 0.6 and len(mine) == len(theirs):
        for a, b in zip(mine, theirs, strict=True):
            new = not any(match(b, t) for t in (*reference.quantities, *question.quantities))
            lost = not any(match(a, t) for t in theirs) and not any(match(b, t) for t in mine)
            if _rivals(a, b) and (lost or (new and near_copy(row.clause, best))):
                hits.append(Contradiction("amount", f'says "{b.text}" where the reference says "{a.text}"'))
    return hits


def _rivals(token: Token, other: Token) -> bool:
    """Whether two amounts cannot both be true in one place."""
    a, b = token.quantity, other.quantity
    if a.same(b):
        return False
    return a.family == b.family or a.raw == b.raw or ("count" in (a.family, b.family) and not (
        a.counts_things and b.counts_things
    ))  # fmt: skip


def _elsewhere(other: Token, clause: Clause, row: Alignment, reference: Text, question: Text) -> bool:
    """Whether an amount of the answer is explained by another place of the reference, or by the question."""
    if any(match(other, t) for t in question.quantities):
        return True
    for c in reference.clauses:
        if any(match(other, t) for t in c.tokens if t.kind == "quantity"):
            return c is row.clause or _topic(c, clause) >= _topic(row.clause, clause)
    return False


def _amended(token: Token, row: Alignment, reference: Text, question: Text) -> list[Contradiction]:
    """The right amount is said, and elsewhere in the answer another one for the same thing."""
    hits = []
    for _, clause in row.ranked:
        amounts = [t for t in clause.tokens if t.kind == "quantity"]
        if any(match(token, t) for t in amounts) or _topic(row.clause, clause) < 0.75:
            continue
        other_subject = [t for t in clause.tokens if t.kind != "quantity" and not found(t, row.clause.tokens)]
        for other in amounts:
            known = any(match(other, t) for t in (*reference.quantities, *question.quantities))
            if not known and not other_subject and token.quantity.family == other.quantity.family:
                hits.append(Contradiction("amount", f'says "{token.text}" and also "{other.text}"'))
    return hits


def _exchanged_amounts(row: Alignment, reference: Text, answer: Text) -> list[Contradiction]:
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


# ---- names and identifiers -------------------------------------------------------------------------------------------


def _names(row: Alignment, reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    hits = []
    asked = [w for c in question.clauses for w in c.words]
    answer_words = [w for c in answer.clauses for w in c.words]
    for clause in row.aligned:
        extra = [t for t in clause.tokens if not found(t, row.clause.tokens, row.clause.words)]
        topic = _topic(row.clause, clause)
        for token in row.clause.tokens:
            # An identifier is there if it is named; words that spell it out ("lists bulk operations") may stand beside.
            unnamed = token.kind == "identifier" and not any(match(token, t) == 1.0 for t in clause.tokens)
            if token.kind == "quantity" or (not unnamed and found(token, clause.tokens, clause.words) >= 0.8):
                continue
            alike = [t for t in answer.tokens if t.kind != "identifier" or _shape(t) == _shape(token)]
            gone = not found(token, alike, answer_words)
            for other in extra:
                asked_for = found(other, question.tokens, asked) >= 0.8
                in_reference = any(match(other, t) >= 0.8 for t in reference.tokens)
                if token.kind == other.kind == "identifier" and _shape(token) == _shape(other):
                    wrong = (gone and not asked_for and not in_reference) or (
                        topic >= 0.5 and _slot(token, row.clause, other, clause)
                    )
                elif sisters(token.text, other.text):
                    wrong = topic >= 0.5 and (gone or in_reference) and _slot(token, row.clause, other, clause)
                else:
                    wrong = (
                        token.kind == "name"
                        and other.kind == "name"
                        and gone
                        and not asked_for
                        and topic >= 0.5
                        and _slot(token, row.clause, other, clause)
                    )
                if wrong:
                    hits.append(Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"'))
    return hits


_RENAMED_SHARE = 0.7  # of the reference's words in the answer, for a lost identifier to count as exchanged


def _renamed(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Wherever they stand: an identifier is gone and a new one is there, in a text that is else the reference's."""
    words = [t for t in reference.tokens if t.kind in {"word", "name"}]
    if not words or sum(t.key in answer.keys for t in words) < _RENAMED_SHARE * len(words):
        return []
    hits = []
    for token in (t for t in reference.tokens if t.kind == "identifier"):
        if any(match(token, t) for t in answer.tokens):
            continue
        for other in (t for t in answer.tokens if t.kind == "identifier" and _shape(t) == _shape(token)):
            if not any(match(other, t) for t in (*reference.tokens, *question.tokens)):
                hits.append(Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"'))
                break
    return hits


def _shape(token: Token) -> str:
    return "owned" if ":" in token.text else "plain"


def _slot(token: Token, clause: Clause, other: Token, clause_other: Clause) -> bool:
    """Whether two tokens stand in the same place: a neighbour is shared, or both stand at the same end."""
    i, j = clause.tokens.index(token), clause_other.tokens.index(other)
    if near_copy(clause, clause_other) and i == j:
        return True
    left, left_other = clause.tokens[i - 1 : i], clause_other.tokens[j - 1 : j] if j else ()
    right, right_other = clause.tokens[i + 1 : i + 2], clause_other.tokens[j + 1 : j + 2]
    same_left = bool(left and left_other and match(left[0], left_other[0])) if i else not j
    same_right = bool(right and right_other and match(right[0], right_other[0])) if right else not right_other
    return same_left or same_right


def _exchanged_words(row: Alignment, rows: list[Alignment], answer: Text) -> list[Contradiction]:
    """Two words of the reference, each said in the other's place: strongly / eventually, standard / FIFO."""
    hits = []
    for clause in row.aligned:
        if _topic(row.clause, clause) < _EXCHANGE_TOPIC:
            continue
        gone, new = _beyond(row.clause, clause), _beyond(clause, row.clause)
        for token in gone:
            elsewhere = any(_same_word(token, c) for c in answer.clauses if c is not clause)
            for other in new:
                of_another = any(_same_word(other, r.clause) for r in rows if r is not row)
                if elsewhere and of_another and _slot(token, row.clause, other, clause):
                    hits.append(Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"'))
    return hits


def _beyond(clause: Clause, other: Clause) -> list[Token]:
    """Words that a clause says more often than the other."""
    return [
        t
        for t in clause.tokens
        if t.kind != "quantity"
        and sum(u.key == t.key and u.lexical == t.lexical for u in clause.tokens)
        > sum(u.key == t.key and u.lexical == t.lexical for u in other.tokens)
    ]


def _same_word(token: Token, clause: Clause) -> bool:
    return any(t.key == token.key and t.lexical == token.lexical for t in clause.tokens)


# ---- polarity and opposites ------------------------------------------------------------------------------------------


def _polarity(row: Alignment, reference: Text) -> list[Contradiction]:
    clause = row.clause
    hits = []
    aligned = _speaking(row)
    for token in clause.tokens:
        if token.kind == "quantity":
            continue
        pairs = [(t, c) for c in aligned for t in c.tokens if t.key == token.key]
        if not pairs or any(t.sign == token.sign for t, _ in pairs):
            continue
        if any(own is not token and own.key == token.key and own.sign != token.sign for own in clause.tokens):
            continue  # the reference itself says it both ways
        other, where = pairs[0]
        if not near_copy(clause, where) and _said_rightly(token, where, row, reference):
            continue
        if token.lexical != other.lexical or token.direct or other.direct:
            hits.append(Contradiction("polarity", _flip_text(token, other)))
    if not hits:
        for other_clause in aligned:
            if (
                near_copy(clause, other_clause)
                and (clause.cues - other_clause.cues) % 2
                and not _compensated(clause, other_clause)
            ):
                more, less = (other_clause, clause) if other_clause.cues > clause.cues else (clause, other_clause)
                hits.append(Contradiction("polarity", f'"{less.text}" against "{more.text}"'))
    return hits


def _said_rightly(token: Token, where: Clause, row: Alignment, reference: Text) -> bool:
    """Whether another clause of the answer says it as the reference does, or this one rather repeats another clause."""
    for score, clause in row.ranked:
        same = any(t.key == token.key and t.sign == token.sign for t in clause.tokens)
        if clause is not where and score > 0 and same and _topic(row.clause, clause) >= _SAME_TOPIC:
            return True
    own = next((t for t in where.tokens if t.key == token.key), None)
    for clause in reference.clauses:
        same = own is not None and any(t.key == own.key and t.sign == own.sign for t in clause.tokens)
        if clause is not row.clause and same and harmonic(clause, where) >= 0.75 * harmonic(row.clause, where):
            return True
    return False


def _compensated(clause: Clause, other: Clause) -> bool:
    """Whether a negation too many is taken back by an opposite: "not enabled", "disabled"."""
    signs, signs_other = (sorted((t.key, t.lexical) for t in c.tokens) for c in (clause, other))
    if signs == signs_other:
        return False
    if any(a.key == b.key and a.lexical != b.lexical for a in clause.tokens for b in other.tokens):
        return True
    return any(opposite(a.text, b.text) for a in clause.tokens for b in other.tokens if a.kind == b.kind == "word")


def _flip_text(token: Token, other: Token) -> str:
    own, theirs = ("not " * t.negated + t.text for t in (token, other))
    return f'says "{theirs}" where the reference says "{own}"'


def _without_contraposition(hits: list[tuple[Alignment, Contradiction]], rows: list[Alignment]) -> list[Contradiction]:
    """ "Cannot X unless Y" is "can X only if Y": a flip beside a turned condition takes it back."""
    turned = {
        row.clause.sentence
        for row in rows
        if row.best is not None and {row.clause.link, row.best.link} in ({"if", "unless"}, {"when", "unless"})
    }
    flipped: dict[int, set[int]] = {}
    for row, _ in hits:
        flipped.setdefault(row.clause.sentence, set()).add(id(row.clause))
    conditional = {row.clause.sentence for row in rows if row.clause.link in {"unless", "until"}}
    return [
        hit
        for row, hit in hits
        if hit.kind == "opposite"
        or (
            row.clause.sentence not in turned
            and not (row.clause.sentence in conditional and len(flipped[row.clause.sentence]) > 1)
        )
    ]


def _opposites(clause: Clause, other: Clause, reference: Text, answer: Text) -> list[Contradiction]:
    hits = []
    extra = [t for t in other.tokens if t.kind != "quantity" and not _word_in(t, reference)]
    for token in clause.tokens:
        if token.kind == "quantity" or _word_in(token, answer):
            continue
        for b in extra:
            if token.key != b.key and opposite(token.text, b.text) and token.negated == b.negated:
                hits.append(Contradiction("opposite", f'says "{b.text}" where the reference says "{token.text}"'))
    return hits


_OTHER_LINK = {"if": "unless", "unless": "if", "before": "after", "after": "before", "until": "after"}


def _links(row: Alignment, reference: Text, answer: Text) -> list[Contradiction]:
    """ "If" for "unless", "before" for "after", where the main clause is as much denied as the reference's."""
    hits = []
    for other in _speaking(row):
        if _OTHER_LINK.get(row.clause.link) != other.link or not other.link or similarity(row.clause, other) < 0.6:
            continue
        main = [c for c in reference.clauses if c.sentence == row.clause.sentence and c is not row.clause]
        main_other = [c for c in answer.clauses if c.sentence == other.sentence and c is not other]
        if sum(c.cues for c in main) % 2 == sum(c.cues for c in main_other) % 2:
            hits.append(Contradiction("opposite", f'says "{other.link}" where the reference says "{row.clause.link}"'))
    return hits


def _word_in(token: Token, text: Text) -> bool:
    return any(t.key == token.key for t in text.tokens)


# ---- roles -----------------------------------------------------------------------------------------------------------

_PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being|gets?|got)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)
_DIRECTION = re.compile(r"\b(from|to|into|onto)\s", re.IGNORECASE)
_END_OF_OBJECT = re.compile(
    r"\b(?:from|to|into|onto|by|in|on|with|for|when|and|or|is|are|as|at|before|after)\s|[,;.]", re.IGNORECASE
)


def _roles(clause: Clause, other: Clause) -> list[Contradiction]:
    hits = []
    for pivot in clause.tokens:
        if pivot.kind != "word":
            continue
        twins = [t for t in other.tokens if t.key == pivot.key]
        copula = re.search(r"\b(?:is|are|be|was)\b", clause.text + " " + other.text)
        certain = pivot.key in VERBS and (pivot.key not in NOUN_VERBS or pivot.text.endswith(("s", "ed")))
        usable = certain or (near_copy(clause, other) and (pivot.key in VERBS or not copula))
        if len(twins) != 1 or not usable or sum(t.key == pivot.key for t in clause.tokens) != 1:
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
        if left and right and left <= sides_other[n + 1] and right <= sides_other[n]:
            return Contradiction("roles", f'exchanges what stands before and after "{frame[n]}"')
    return None


def _segments(clause: Clause) -> list[set[str]]:
    borders = [m.end() for m in re.finditer(rf"\b(?:{'|'.join(_PREPOSITIONS)})\b", clause.text.lower())]
    sides: list[set[str]] = [set() for _ in range(len(borders) + 1)]
    for t in clause.tokens:
        if not _is_adverb(t) and t.key not in _PREPOSITIONS:
            sides[sum(t.start >= b for b in borders)].add(t.key)
    return sides


_PREPOSITIONS = ("from", "to", "into", "onto", "by", "of", "with", "than", "before", "after")
_VERBATIM_WORDS = 4  # besides the one that differs, for a clause to count as said word for word


def _substituted(a: Token, b: Token) -> bool:
    """Whether a word that differs in a clause said word for word is another thing, not another way to say it."""
    plain = all(len(t.text) >= 3 and not t.weak and t.key not in VERBS and not _is_inflected(t) for t in (a, b))
    return plain and not a.key.startswith(b.key[:4])


def _is_inflected(token: Token) -> bool:
    return token.text.endswith(("ly", "ed", "ing", "en")) or _is_adverb(token)


def _frame(clause: Clause) -> list[str]:
    """The prepositions in their order: "to B from A" is not "from B to A"."""
    return [w for w in clause.words if w in _PREPOSITIONS]


def _edits(clause: Clause, other: Clause) -> list[Contradiction]:
    """Word for word the same, but for words that were exchanged or that stand in one another's place."""
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
    same_frame = _frame(clause) == _frame(other)
    swaps = {(a.key, a.lexical, b.key, b.lexical) for a, b in changed}
    if len(changed) == 1 and len(clause.tokens) > _VERBATIM_WORDS and same_frame and _substituted(*changed[0]):
        a, b = changed[0]
        return [Contradiction("name", f'says "{b.text}" where the reference says "{a.text}"')]
    for a, b in changed:
        exchanged = (b.key, b.lexical, a.key, a.lexical) in swaps and len(changed) <= 2 and same_frame
        if exchanged or sisters(a.text, b.text) or (opposite(a.text, b.text) and a.negated == b.negated):
            return [
                Contradiction("roles" if exchanged else "name", f'says "{b.text}" where the reference says "{a.text}"')
            ]
    return []


# ---- yes and no ------------------------------------------------------------------------------------------------------


def _verdict(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """An explicit yes or no against the reference's."""
    if not answer.verdict:
        return []
    expected = reference.verdict or _implied(reference, question)
    if expected and expected != answer.verdict:
        return [Contradiction("verdict", f'says "{answer.verdict}" where the reference says "{expected}"')]
    return []


def _implied(reference: Text, question: Text) -> str:
    """The yes or no that a reference without either gives to a yes-no question; "" if it cannot be told."""
    if not _YES_NO.match(question.raw) or not reference.clauses:
        return ""
    asked = {t.key: t for t in question.tokens}
    shared = [(t, asked[t.key]) for t in reference.clauses[0].tokens if t.key in asked and t.kind != "quantity"]
    if len(shared) < 0.6 * len(question.tokens):
        return ""  # it answers in other words
    flipped = [1 for a, b in shared if a.sign != b.sign and (a.direct or b.direct or a.lexical != b.lexical)]
    if flipped:
        return "no"
    return "" if reference.clauses[0].cues else "yes"
