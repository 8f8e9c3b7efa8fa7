"""Wrong polarity: a negation too many or too few, an opposite, a turned condition."""

import re

from stages.judge.alignment import SAME_TOPIC, Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.contraposition import is_unless_turned, links_beside
from stages.judge.contradictions.order import same_order
from stages.judge.contradictions.roles import turned_comparison
from stages.judge.lexicon import opposite
from stages.judge.matching import harmonic, match, near_copy, topic
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token
from tune_or_retrieve.text.stems import stem

_CONDITIONS = ("if", "when", "unless")
_DENIAL = re.compile(r"\b(?:(?:does|do|did|is|are|can|may|must|should|will|has|have)\s+not|cannot)\b", re.IGNORECASE)
_OTHERWISE = re.compile(r"(?:and\s+)?(?:otherwise|or\s+else)\b", re.IGNORECASE)
_ORDER = ("before", "after")


def wrong_polarity(row: Alignment, reference: Text, answer: Text) -> list[Contradiction]:
    clause = row.clause
    hits = []
    # A conjunct may be folded into the clause that rather speaks of another: "for A, but not for B", "for A and for B".
    folded = [row.best] if clause.cues and row.best is not None and topic(clause, row.best) == 1.0 else []
    speaking = row.speaking or folded
    aligned = [c for c in speaking if _is_same_part(clause, c, answer) and _is_otherwise(c) == _is_otherwise(clause)]
    for token in clause.tokens:
        if token.kind == "quantity":
            continue
        pairs = [(t, c) for c in aligned for t in c.tokens if _is_same_word(token, t)]
        if not pairs or any(t.sign == token.sign for t, _ in pairs):
            continue
        if any(own is not token and own.key == token.key and own.sign != token.sign for own in clause.tokens):
            continue  # the reference itself says it both ways
        other, where = pairs[0]
        if _is_denied_subject(other, where) if token.direct else other.direct and _is_denied_subject(token, clause):
            continue
        if is_unless_turned(clause, where) or _denied_alike(clause, where):
            continue
        if (token.direct or other.direct) and _is_turned_round(where, row, reference):
            continue
        if not near_copy(clause, where) and _said_rightly(token, where, row, reference):
            continue
        if (
            (token.lexical != other.lexical and _is_quality(token) == _is_quality(other))
            or token.direct
            or other.direct
        ):
            hits.append(Contradiction("polarity", _flip_text(token, other)))
    if not hits:
        for other_clause in aligned:
            if (
                near_copy(clause, other_clause)
                and (clause.cues - other_clause.cues) % 2
                and not _compensated(clause, other_clause)
                and not _left_out(clause, other_clause)
                and not _is_turned_round(other_clause, row, reference)
            ):
                more, less = (other_clause, clause) if other_clause.cues > clause.cues else (clause, other_clause)
                hits.append(Contradiction("polarity", f'"{less.text}" against "{more.text}"'))
    return hits


def _denied_alike(clause: Clause, other: Clause) -> bool:
    """ "Never use a vacuum cleaner" and "a vacuum cleaner must never be used": both deny the using, once."""
    if not clause.cues or not other.cues or (clause.cues - other.cues) % 2:
        return False
    shared = [(t, u) for t in clause.tokens for u in other.tokens if t.kind != "quantity" and _is_same_word(t, u)]
    turned = [(t, u) for t, u in shared if t.sign != u.sign]
    both = [(t, u) for t, u in shared if t.negated and u.negated]
    if not both or len({t.sign for t, _ in turned}) != 1 or any(t.lexical != u.lexical for t, u in shared):
        return False
    if not any(t.direct and u.direct for t, u in both):
        return False
    # What is denied stands after the negation, and before it where the verb is: "a cleaner must never".
    return all((t.start < both[0][0].start) if not t.negated else (u.start < both[0][1].start) for t, u in turned)


def _is_same_word(token: Token, other: Token) -> bool:
    """Not "the Invoke operation" for "runs", though one means the other."""
    return token.key == other.key and (token.kind == other.kind or stem(token.text) == stem(other.text))


def _is_same_part(clause: Clause, other: Clause, answer: Text) -> bool:
    """Whether both are conditions, or neither: "it is made if there is no log group" does not deny the log group."""
    if _is_one_part(clause, other):
        return True
    return not any(_is_one_part(clause, c) for c in answer.beside(other))


def _is_one_part(clause: Clause, other: Clause) -> bool:
    return (clause.link in _CONDITIONS) == (other.link in _CONDITIONS)


def _said_rightly(token: Token, where: Clause, row: Alignment, reference: Text) -> bool:
    """Whether another clause of the answer says it as the reference does, or this one rather repeats another clause."""
    for score, clause in row.ranked:
        same = any(t.key == token.key and t.sign == token.sign for t in clause.tokens)
        if (
            clause is not where
            and score > 0
            and same
            and _is_one_part(clause, where)
            and topic(row.clause, clause) >= SAME_TOPIC
        ):
            return True
    own = next((t for t in where.tokens if t.key == token.key), None)
    for clause in reference.clauses:
        same = own is not None and any(t.key == own.key and t.sign == own.sign for t in clause.tokens)
        if (
            clause is not row.clause
            and same
            and _is_one_part(clause, where)
            and harmonic(clause, where) >= 0.75 * harmonic(row.clause, where)
        ):
            return True
    return False


def _is_denied_subject(token: Token, clause: Clause) -> bool:
    """ "The uploader does not pay" denies it of the uploader as "not the uploader" does."""
    denial = _DENIAL.search(clause.text)
    return bool(denial) and clause.cues == 1 and token.end <= denial.start()


def _is_turned_round(where: Clause, row: Alignment, reference: Text) -> bool:
    """ "Deletes A, but not B" and "deletes A, but B stays": the negation became an opposite."""
    own = [t for c in reference.beside(row.clause) for t in c.tokens]
    said = [t for t in where.tokens if t.key not in row.clause.keys]
    return not where.cues and any(t.key == u.key and t.lexical != u.lexical for t in own for u in said)


def _left_out(clause: Clause, other: Clause) -> bool:
    """Whether the one does not speak of what the other denies: "checks it and changes nothing", "checks it"."""
    more, less = (other, clause) if other.cues > clause.cues else (clause, other)
    denied = [t for t in more.tokens if t.direct]
    own = [t for t in denied if not any(u.key == t.key and u.sign != t.sign for u in more.tokens)]
    return bool(own) and not any(match(t, u) for t in own for u in less.tokens)


def _compensated(clause: Clause, other: Clause) -> bool:
    """Whether a negation too many is taken back by an opposite: "not enabled", "disabled"."""
    signs, signs_other = (sorted((t.key, t.lexical) for t in c.tokens) for c in (clause, other))
    if signs == signs_other:
        return False
    if any(a.key == b.key and a.lexical != b.lexical for a in clause.tokens for b in other.tokens):
        return True
    return any(opposite(a.text, b.text) for a in clause.tokens for b in other.tokens if a.kind == b.kind == "word")


def _is_other_case(clause: Clause, text: Text) -> bool:
    """Whether it says what follows if the rest is not done: "do A, otherwise B", "B unless A"."""
    return _is_otherwise(clause) or "unless" in links_beside(clause, text)


def _is_otherwise(clause: Clause) -> bool:
    return bool(_OTHERWISE.match(clause.text))


def _flip_text(token: Token, other: Token) -> str:
    own, theirs = ("not " * t.negated + t.text for t in (token, other))
    return f'says "{theirs}" where the reference says "{own}"'


def opposites(clause: Clause, other: Clause, reference: Text, answer: Text) -> list[Contradiction]:
    hits = []
    if turned_comparison(clause, other) or _is_other_case(clause, reference) != _is_other_case(other, answer):
        return []
    heads = [c.tokens[0] for c in answer.beside(other) if c.link in _ORDER]
    extra = [t for t in (*other.tokens, *heads) if t.kind != "quantity" and not _word_in(t, reference)]
    for token in clause.tokens:
        if token.kind == "quantity" or _word_in(token, answer):
            continue
        for b in extra:
            if token.key != b.key and opposite(token.text, b.text) and token.negated == b.negated:
                if _is_quality(token) != _is_quality(b):
                    continue
                if token.text.lower() in _ORDER and same_order(reference, answer):
                    continue
                hits.append(Contradiction("opposite", f'says "{b.text}" where the reference says "{token.text}"'))
    return hits


def _is_quality(token: Token) -> bool:
    """The "visibility timeout" does not say that anything is visible."""
    return token.text.lower().endswith("ity")


def _word_in(token: Token, text: Text) -> bool:
    return any(t.key == token.key for t in text.tokens)
