"""An explicit yes or no that is not the reference's."""

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.reading.text import Text


def wrong_yes_or_no(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    expected = reference.verdict or _implied(reference, question)
    if answer.verdict and expected and expected != answer.verdict:
        return [Contradiction("yes_no", f'says "{answer.verdict}" where the reference says "{expected}"')]
    return []


def _implied(reference: Text, question: Text) -> str:
    """The yes or no that a reference without either gives to a yes/no question; "" if it cannot be told."""
    if not question.is_yes_no or not reference.clauses:
        return ""
    asked = {t.key: t for t in question.tokens}
    shared = [(t, asked[t.key]) for t in reference.clauses[0].tokens if t.key in asked and t.kind != "quantity"]
    if len(shared) < 0.6 * len(question.tokens):
        return ""  # it answers in other words
    if any(a.sign != b.sign and (a.direct or b.direct or a.lexical != b.lexical) for a, b in shared):
        return "no"
    return "" if reference.clauses[0].cues else "yes"
