"""A statement said nearly word for word, of which a part is denied, or is not denied any more."""

from collections.abc import Sequence

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.statements import edits, pairs
from stages.judge.lexicon import NEGATIONS, STOPWORDS, concept
from stages.judge.text import Text

_DENYING = NEGATIONS | {"unless"}
_COPULAS = frozenset(("remain", "remains", "stay", "stays", "become", "becomes", "get", "gets"))
_LEAST_SHARE = 0.6


def turned_parts(reference: Text, answer: Text) -> list[Contradiction]:
    """ "And writes logs" against "but does not write logs", all else equal."""
    hits = []
    for own, said in pairs(reference, answer):
        changes = edits(own, said, least_share=_LEAST_SHARE, every=True)
        read = [(_read(edit.own), _read(edit.said)) for edit in changes]
        if any(ours != theirs for (ours, _), (theirs, _) in read):
            continue  # more is said otherwise than what is denied
        turned = [edit for edit, ((_, one), (_, two)) in zip(changes, read, strict=True) if one != two]
        if len(turned) % 2 == 0:
            continue  # denied twice: "cannot unless", "can only if", or in another place: "logs no event"
        for edit in turned:
            one, two = (" ".join((edit.before, *words)).strip() for words in (edit.own, edit.said))
            text = f'says "{two}" where the reference says "{one}"'
            hits.append(Contradiction("polarity", text, clause=reference.first_clause(own.sentence)))
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
