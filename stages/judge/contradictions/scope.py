"""What a statement is limited to: "only the owner" and "anyone", "unless" and "if", "5 rules per bus"."""

import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.lexicon import opposite
from stages.judge.matching import match, near_copy, topic
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token

_ONLY = re.compile(r"\b(?:only|solely|exclusively)\b", re.IGNORECASE)
_ANY = re.compile(r"\b(?:any|every|all|each|(?:any|every)(?:one|body))\b", re.IGNORECASE)
_SUBJECT = re.compile(r"^\W*(?:only|any|every|all|each)?(.*?)\b(?:can|may|must|is|are|has|have)\b", re.IGNORECASE)
_LIMITED_TOPIC = 0.6
_PER = re.compile(r"\b(?:per|(?:for|in|on|to)\s+(?:each|every))\s", re.IGNORECASE)
_OTHER_CASE = re.compile(r"(?:and\s+)?(?:in\s+(?:which|that)\s+case|otherwise|then|else)\b", re.IGNORECASE)
_TURNED = ({"if", "unless"}, {"when", "unless"}, {"while", "unless"}, {"until", "after"}, {"until", "once"},
           {"until", "when"}, {"until", "if"}, {"before", "after"}, {"before", "once"})  # fmt: skip


def lifted_limits(clause: Clause, other: Clause) -> list[Contradiction]:
    """ "Only the root user can" against "any user can", either way round."""
    for only, everyone in ((clause, other), (other, clause)):
        limit, free = _ONLY.search(only.text), _ANY.search(everyone.text)
        if not limit or not free or _ANY.search(only.text) or _ONLY.search(everyone.text):
            continue
        limited = [t for t in only.tokens if t.start >= limit.end()][:3] or list(only.tokens[-3:])
        freed = [t for t in everyone.tokens if t.start >= free.end()][:1]
        # The same noun, which "only" narrows down: "only the root user", "any user".
        narrowed = bool(freed) and any(match(t, freed[0]) for t in limited[1:])
        modified = [t for t in everyone.tokens if t.start >= free.end()][:2]
        narrowed |= len(modified) == 2 and _is_other_of_kind(limited[:2], modified)
        alike = min(topic(only, everyone), topic(everyone, only)) >= _LIMITED_TOPIC
        if ((narrowed and alike) or _other_subject(only, everyone)) and _cues_agree(clause, other):
            return [Contradiction("scope", f'"{other.text}" against "{clause.text}"')]
    return []


def _is_other_of_kind(limited: list[Token], freed: list[Token]) -> bool:
    """ "Only the root user", "any guest user"."""
    return len(limited) == 2 and match(limited[1], freed[1]) == 1.0 and not match(limited[0], freed[0])


def is_complement(clause: Clause, other: Clause) -> bool:
    """ "Only large ones can" is "small ones cannot": the one thing that differs is denied of its opposite."""
    if bool(_ONLY.search(clause.text)) == bool(_ONLY.search(other.text)) or _cues_agree(clause, other):
        return False
    lost, new = (
        [t for t in one.tokens if not any(t.key == u.key and t.lexical == u.lexical for u in two.tokens)]
        for one, two in ((clause, other), (other, clause))
    )
    amounts = [(t, u) for t in clause.tokens for u in other.tokens if t.quantity and u.quantity and match(t, u)]
    if any(t.quantity.bound_conflicts(u.quantity) for t, u in amounts):
        return all(t.text.endswith("er") for t in (*lost, *new))  # "smaller" says the bound once more
    narrowed = [_first_after_only(c) for c in (clause, other)]
    return len(lost) == len(new) == 1 and opposite(lost[0].text, new[0].text) and {*lost, *new} & {*narrowed} != set()


def _first_after_only(clause: Clause) -> Token | None:
    limit = _ONLY.search(clause.text)
    return next((t for t in clause.tokens if limit and t.start >= limit.end()), None)


def _other_subject(only: Clause, everyone: Clause) -> bool:
    """ "Only admins can" against "every user can": of the same doing, and not "every admin can"."""
    subject, free = _SUBJECT.match(only.text), _SUBJECT.match(everyone.text)
    if not (subject and free and _ONLY.match(only.text.lstrip()) and _ANY.match(everyone.text.lstrip())):
        return False
    limited, freed = ([t for t in c.tokens if t.start < m.end()] for c, m in ((only, subject), (everyone, free)))
    doing, done = ([t for t in c.tokens if t.start >= m.end()] for c, m in ((only, subject), (everyone, free)))
    same = all(any(match(t, u) for u in done) for t in doing) and all(any(match(t, u) for u in doing) for t in done)
    return bool(doing) and same and not any(match(t, u) for t in limited for u in freed)


def turned_conditions(
    rows: list[Alignment], flipped: set[int], reference: Text, answer: Text
) -> list[tuple[int, Contradiction]]:
    """ "A unless B" against "A if B", where nothing else is turned; `flipped` are sentences in which something is."""
    hits = []
    for number, row in enumerate(rows):
        best = row.best
        if best is None or row.clause.sentence in flipped or {row.clause.link, best.link} not in _TURNED:
            continue
        mains, said = (
            [c for c in text.beside(clause) if not _OTHER_CASE.match(c.text)]
            for text, clause in ((reference, row.clause), (answer, best))
        )
        same = all(any(_is_said(d, c) and _signs(c, d) for d in said) for c in mains)
        if mains and same and near_copy(row.clause, best) and _signs(row.clause, best):
            hits.append(
                (number, Contradiction("polarity", f'says "{best.link}" where the reference says "{row.clause.link}"'))
            )
    return hits


def _is_said(clause: Clause, by: Clause) -> bool:
    """Whether the other clause says it, and hardly less: "delete it only", "delete it at any time"."""
    return (topic(clause, by) == 1.0 and topic(by, clause) >= _LIMITED_TOPIC) or near_copy(clause, by)


def exchanged_rates(clause: Clause, other: Clause) -> list[Contradiction]:
    """ "5 rules per bus" against "5 buses per rule"."""
    for what, whom in _rates(clause):
        for what_other, whom_other in _rates(other):
            if what.key == whom_other.key != whom.key == what_other.key:
                return [Contradiction("roles", f'says "{what_other.text} per {whom_other.text}"')]
    return []


def _rates(clause: Clause) -> list[tuple[Token, Token]]:
    things = [t for t in clause.tokens if t.kind != "quantity"]
    found = []
    for border in _PER.finditer(clause.text):
        before = [t for t in things if t.end <= border.start()]
        after = [t for t in things if t.start >= border.end()]
        if before and after:
            found.append((before[-1], after[0]))
    return found


def _cues_agree(clause: Clause, other: Clause) -> bool:
    return clause.cues % 2 == other.cues % 2


def _signs(clause: Clause, other: Clause) -> bool:
    return _cues_agree(clause, other) and all(
        t.sign == u.sign for t in clause.tokens for u in other.tokens if t.key == u.key
    )
