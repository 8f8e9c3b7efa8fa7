"""A statement denied that the reference makes, or made that it denies."""

import re
from collections.abc import Sequence

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.statements import edits, pairs
from stages.judge.matching import match, similarity
from stages.judge.reading.lexicon import NEGATIONS, STOPWORDS, concept, opposite
from stages.judge.reading.text import Clause, Text

_NEAR = 0.6  # similarity both ways from which two clauses say the same thing, or its contrary
_ONLY = re.compile(r"\b(?:only|other\s+than|except|else)\b", re.IGNORECASE)
_DENYING = NEGATIONS | {"unless"}
_COPULAS = frozenset(("remain", "remains", "stay", "stays", "become", "becomes", "get", "gets"))
_LEAST_SHARE = 0.6  # of the words of two statements that are the same


def negations(rows: Sequence[Alignment], reference: Text, answer: Text) -> list[Contradiction]:
    """Clauses alike but for an odd number of negations and opposites: two of them undo one another."""
    hits = []
    for number, row in enumerate(rows):
        for said in row.speaking:
            if bool(_ONLY.search(row.clause.text)) != bool(_ONLY.search(said.text)):
                continue  # "only admins can", "others cannot"
            near = min(similarity(row.clause, said), similarity(said, row.clause)) >= _NEAR
            if near and _turned(row.clause, said, reference, answer) and not _left_out(row.clause, said):
                hits.append(Contradiction("negation", f'says "{said.text}" against "{row.clause.text}"', number))
    return hits


def _turned(clause: Clause, said: Clause, reference: Text, answer: Text) -> bool:
    # A negation may stand in another clause of the same sentence.
    denied = _odd(clause.cues - said.cues) and _odd(reference.cues(clause.sentence) - answer.cues(said.sentence))
    shared = [(t, u) for t in clause.tokens for u in said.tokens if t.key == u.key and t.kind != "quantity"]
    flipped = sum(t.lexical != u.lexical for t, u in shared)
    only = [t for t in clause.tokens if t.key not in said.keys]
    only_said = [u for u in said.tokens if u.key not in clause.keys]
    opposed = sum(any(opposite(t.text, u.text) for u in only_said) for t in only)
    return _odd(denied + flipped + opposed)


def _odd(number: int) -> bool:
    return number % 2 == 1


def _left_out(clause: Clause, said: Clause) -> bool:
    """Whether the one does not speak of what the other denies: "checks it and changes nothing", "checks it"."""
    more, less = (said, clause) if said.cues > clause.cues else (clause, said)
    denied = [t for t in more.tokens if t.direct]
    return bool(denied) and not any(match(t, u) for t in denied for u in less.tokens)


def denied_parts(reference: Text, answer: Text) -> list[Contradiction]:
    """ "And writes logs" against "but does not write logs", all else being the same word for word."""
    hits = []
    for own, said in pairs(reference, answer):
        changes = edits(own, said, least_share=_LEAST_SHARE, every=True)
        read = [(_read(edit.own), _read(edit.said)) for edit in changes]
        if any(ours != theirs for (ours, _), (theirs, _) in read):
            continue  # more is said otherwise than what is denied
        turned = [edit for edit, ((_, one), (_, two)) in zip(changes, read, strict=True) if one != two]
        if not _odd(len(turned)):
            continue  # denied twice: "cannot unless", "can only if"
        for edit in turned:
            one, two = (" ".join((edit.before, *words)).strip() for words in (edit.own, edit.said))
            text = f'says "{two}" where the reference says "{one}"'
            hits.append(Contradiction("negation", text, reference.first_clause(own.sentence)))
    return hits


def _read(words: Sequence[str]) -> tuple[set[str], bool]:
    """The meanings of its content words, and whether it is denied in all."""
    denied = False
    meanings = set()
    for word in words:
        lower = word.lower()
        if lower in _DENYING:
            denied = not denied
        elif lower not in STOPWORDS | _COPULAS:
            name, sign = concept(lower)
            meanings.add(name)
            denied ^= sign < 0
    return meanings, denied
