"""What an answer says against its reference: wrong amounts, names, polarity, opposites, exchanged roles."""

from dataclasses import replace

from stages.judge.alignment import Alignment
from stages.judge.contradictions.amounts import exchanged_amounts, replaced_amounts, unequal_equivalents, wrong_amounts
from stages.judge.contradictions.booleans import without_turned_flags, wrong_flags
from stages.judge.contradictions.conditions import turned_only, with_and_without
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.contraposition import without_contraposition
from stages.judge.contradictions.counts import exchanged_counts
from stages.judge.contradictions.exchanged import exchanged_parts
from stages.judge.contradictions.names import exchanged_names, exchanged_words, renamed, said_of_another, wrong_names
from stages.judge.contradictions.order import reversed_conditions, reversed_order, without_denied_order
from stages.judge.contradictions.parts import denied_parts, denied_sentences, unneeded_parts
from stages.judge.contradictions.polarity import opposites, wrong_polarity
from stages.judge.contradictions.quantifiers import exchanged_frequencies, exchanged_quantifiers
from stages.judge.contradictions.rates import other_rates
from stages.judge.contradictions.replaced import replaced_words
from stages.judge.contradictions.roles import edits, exchanged_roles
from stages.judge.contradictions.scope import exchanged_rates, is_complement, lifted_limits, turned_conditions
from stages.judge.contradictions.together import same_or_other, together_or_apart
from stages.judge.contradictions.turned import turned_parts
from stages.judge.contradictions.yes_no import wrong_verdict
from stages.judge.text import Text

__all__ = ["Contradiction", "contradictions"]


def contradictions(rows: list[Alignment], reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Every contradiction found, in the order of the reference, none twice."""
    everything: list[Contradiction] = list(wrong_verdict(reference, answer, question))
    polarity: list[tuple[Alignment, Contradiction]] = []
    for number, row in enumerate(rows):
        if row.best is None or any(is_complement(row.clause, clause) for clause in row.speaking):
            continue
        hits = wrong_amounts(row, reference, answer, question) + exchanged_amounts(row, reference, answer)
        if any(c.words == row.clause.words for c in answer.clauses):
            everything += [replace(hit, clause=number) for hit in hits]
            continue  # said word for word: nothing but its amounts can differ
        hits += wrong_names(row, reference, answer, question)
        hits += exchanged_words(row, rows, reference, answer)
        hits += denied_parts(row, reference, answer) + unneeded_parts(row, answer)
        polarity += [(row, replace(hit, clause=number)) for hit in wrong_polarity(row, reference, answer)]
        for clause in row.speaking:
            hits += opposites(row.clause, clause, reference, answer)
            hits += exchanged_roles(row.clause, clause)
            hits += edits(row.clause, clause)
            hits += lifted_limits(row.clause, clause)
            hits += exchanged_counts(row.clause, clause)
            hits += exchanged_rates(row.clause, clause)
            hits += exchanged_quantifiers(row.clause, clause, reference, answer)
        everything += [replace(hit, clause=number) for hit in hits]
    polarity = without_turned_flags(polarity, reference, answer)
    everything += without_contraposition(polarity, rows, reference, answer)
    flipped = {row.clause.sentence for row, _ in polarity}
    everything += [replace(hit, clause=number) for number, hit in turned_conditions(rows, flipped, reference, answer)]
    everything += [replace(hit, clause=number) for number, hit in with_and_without(rows, reference, answer)]
    everything += said_of_another(reference, answer) + exchanged_names(reference, answer)
    everything += reversed_order(reference, answer) + reversed_conditions(reference, answer)
    everything += replaced_words(reference, answer) + together_or_apart(reference, answer)
    everything += exchanged_parts(reference, answer)
    everything += denied_sentences(reference, answer) + turned_parts(reference, answer)
    everything += other_rates(reference, answer) + wrong_flags(reference, answer)
    everything += turned_only(reference, answer) + same_or_other(reference, answer)
    everything += exchanged_frequencies(reference, answer)
    everything += unequal_equivalents(reference, answer, question)
    said = {hit.text for hit in everything}
    everything += [hit for hit in replaced_amounts(reference, answer, question) if hit.text not in said]
    everything += [hit for hit in renamed(reference, answer, question) if hit.text not in said]
    return list(dict.fromkeys(without_denied_order(everything, reference, answer)))
