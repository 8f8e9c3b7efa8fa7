"""An explicit yes or no that is not the reference's."""

import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.text import Text

_YES_NO = re.compile(r"^\W*(?:can|could|does|do|did|is|are|was|were|will|would|must|should|has|have|may|might)\b", re.I)


def wrong_verdict(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
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
