"""A part denied: one sentence of several; "deleted with its cards" against "deleted; its cards are kept"."""

import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.statements import WORD
from stages.judge.lexicon import NEGATIONS, concept
from stages.judge.matching import found, match
from stages.judge.text import Clause, Text

_ELLIPSIS = re.compile(r"\bnot\W*$", re.IGNORECASE)
_NEED = concept("needed")[0]
_NEEDED = re.compile(r"\b(?:must|needs?|needed|requires?|required|both)\b", re.IGNORECASE)
_UNNEEDED = re.compile(r"\bnot\s+(?:needed|required|necessary)\W*$", re.IGNORECASE)
_CONDITIONS = frozenset(("if", "when", "unless", "until", "before", "after", "while", "once"))


def denied_sentences(reference: Text, answer: Text) -> list[Contradiction]:
    """A sentence word for word but for a negation, even where another one says the same words rightly of else."""
    ours, theirs = ([_without_negations(one) for one in text.sentences] for text in (reference, answer))
    return [
        Contradiction(
            "polarity", f'"{answer.sentences[m]}" against "{reference.sentences[n]}"', clause=reference.first_clause(n)
        )
        for n, own in enumerate(ours)
        for m, said in enumerate(theirs)
        if said[0] == own[0] and (said[1] - own[1]) % 2 and said not in ours and own not in theirs
    ]


def _without_negations(sentence: str) -> tuple[list[str], int]:
    """The other words, and how many negations there are."""
    words = re.sub(r"\bcannot\b", "can not", sentence.lower())
    found = WORD.findall(words)
    return [word for word in found if word not in NEGATIONS], sum(word in NEGATIONS for word in found)


def denied_parts(row: Alignment, reference: Text, answer: Text) -> list[Contradiction]:
    """Short clauses, all of the reference's words, that turn one of them for what no other clause says it of."""
    if row.clause.cues or _is_conditional(row.clause, reference):
        return []
    hits = []
    for part in row.parts:
        if _is_conditional(part, answer):
            continue
        for token in row.clause.tokens:
            turned = [t for t in part.tokens if t.key == token.key and t.sign != token.sign]
            others = [t for t in part.tokens if t.key != token.key]
            if not turned or not (
                turned[0].lexical != token.lexical or turned[0].direct or _is_elliptic(part, row.clause, answer)
            ):
                continue
            rightly = any(
                any(t.key == token.key and t.sign == token.sign for t in c.tokens)
                and all(any(match(t, u) for u in c.tokens) for t in others)
                for c in answer.clauses
                if c is not part
            )
            both = any(t.key == token.key and t.sign == turned[0].sign for t in row.clause.tokens)
            if not rightly and not both:
                hits.append(Contradiction("polarity", f'"{part.text}" against "{row.clause.text}"'))
    return hits


def _is_elliptic(part: Clause, clause: Clause, text: Text) -> bool:
    """ "A counts, but B does not": it is said of the clause if that speaks of counting, too."""
    own = {t.key for t in part.tokens}
    spoken = {t.key for c in text.beside(part) for t in c.tokens if any(match(t, u) for u in clause.tokens)}
    return bool(_ELLIPSIS.search(part.text)) and bool(spoken - own)


def unneeded_parts(row: Alignment, answer: Text) -> list[Contradiction]:
    """ "A and B must allow it" against "A must allow it; B is not needed"."""
    if row.clause.cues or not _NEEDED.search(row.clause.text):
        return []
    return [
        Contradiction("polarity", f'"{c.text}" against "{row.clause.text}"')
        for c in answer.clauses
        if _UNNEEDED.search(c.text)
        and c.cues == 1
        and all(found(t, row.clause.tokens) for t in c.tokens if t.key != _NEED)
    ]


def _is_conditional(clause: Clause, text: Text) -> bool:
    return any(c.link in _CONDITIONS for c in text.clauses if c.sentence == clause.sentence)
