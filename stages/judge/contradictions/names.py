"""Another identifier in the place of the reference's."""

import itertools
from collections.abc import Sequence

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import match
from stages.judge.reading.text import Text
from stages.judge.reading.tokens import Token

_SHARE = 0.7  # of a sentence's words in the answer's, for a lost identifier to count as replaced
_FEW_SHARE = 0.5  # the same where hardly more are new than are lost


def replaced_names(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """An identifier of a sentence is gone and a new one is there, wherever they stand; else it is the same."""
    known = (*reference.tokens, *question.tokens)
    ours = [(own, _unmatched(own, answer.tokens)) for own in _by_sentence(reference)]
    theirs = [(said, _unmatched(said, known)) for said in _by_sentence(answer)]
    hits = []
    for (own, lost), (said, new) in itertools.product(ours, theirs):
        words = {t.key for t in own if t.kind in {"word", "name"}}
        few = len({t.key for t in new}) <= len(lost) + 1
        if not words or len(words & {t.key for t in said}) < (_FEW_SHARE if few else _SHARE) * len(words):
            continue
        hits += [
            Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"')
            for token, other in itertools.product(lost, new)
            if (":" in token.text) == (":" in other.text)  # an operation is no rival of a permission
        ]
    return hits


def _unmatched(sentence: list[Token], others: Sequence[Token]) -> list[Token]:
    """The identifiers of a sentence that are not among `others`."""
    return [t for t in sentence if t.kind == "identifier" and not any(match(t, u) for u in others)]


def _by_sentence(text: Text) -> list[list[Token]]:
    return [[t for clause in clauses for t in clause.tokens] for clauses in text.by_sentence]
