"""Another amount in the place of the reference's, or the same amount as another kind of bound."""

import itertools

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import found, match
from stages.judge.reading.text import Text

_SPOKEN = 0.5  # of the reference's words: an answer that speaks of what it speaks of


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


def exchanged_bounds(reference: Text, answer: Text) -> list[Contradiction]:
    """ "At most 30 days" against "at least 30 days"."""
    hits = []
    for token in reference.quantities:
        said = [t for t in answer.quantities if match(token, t)]
        own = [t for t in reference.quantities if match(token, t)]  # it may stand there as a maximum and as a default
        if said and all(t.quantity.bound_conflicts(u.quantity) for t in own for u in said):
            hits.append(Contradiction("amount", f'"{said[0].text}" is said as another kind of bound'))
    return hits
