"""What an answer says that cannot be true if its reference is. One finder for each kind of error."""

from stages.judge.alignment import Alignment
from stages.judge.contradictions.amounts import exchanged_bounds, replaced_amounts
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.names import replaced_names
from stages.judge.contradictions.negation import denied_parts, negations
from stages.judge.contradictions.substitution import substitutions
from stages.judge.contradictions.swapped_spans import swapped_spans
from stages.judge.contradictions.yes_no import wrong_yes_or_no
from stages.judge.reading.text import Text

__all__ = ["Contradiction", "contradictions"]


def contradictions(rows: list[Alignment], reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Every contradiction found, none twice."""
    return list(
        dict.fromkeys(
            [
                *wrong_yes_or_no(reference, answer, question),
                *negations(rows, reference, answer),
                *denied_parts(reference, answer),
                *substitutions(reference, answer),
                *swapped_spans(reference, answer),
                *replaced_amounts(reference, answer, question),
                *exchanged_bounds(reference, answer),
                *replaced_names(reference, answer, question),
            ]
        )
    )
