"""Facts of errors: when an operation returns which."""

import re
from collections import Counter
from collections.abc import Iterator

from stages.qa.shared.blocks import plain
from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import has_pointer, has_pronoun, is_clause, is_statement, lower_first
from stages.qa.shared.reading import Reading
from stages.qa.shared.subject import resolve

BECAUSE = re.compile(r"^The request (?:was rejected|was denied|failed) because (?P<cause>.+)\.$")
# What is not a state of affairs in which the error comes, but advice or the whole rule.
UNSURE = re.compile(r"^[Tt]here is no |\b(?:must|should|can have)\b")
CERTAIN = re.compile(r"(?:the|a|an|your|you|no|one|at least|too many|another)\b", re.IGNORECASE)
VAGUE = re.compile(
    r"\b(?:internal|unknown|unexpected|an error occurred|invalid parameter)\b",
    re.IGNORECASE,
)


def facts(reading: Reading) -> Iterator[Fact]:
    subject = reading.subject
    firsts = [s for s in reading.statements if s.entry.role == "error" and s.number == 0 and s.entry.name]
    told = Counter(plain(s.sentence.text) for s in firsts)
    for statement in firsts:
        words = plain(statement.sentence.text)
        if told[words] > 1 or not is_statement(words) or VAGUE.search(words):
            continue
        resolved = resolve(words, subject)
        match = BECAUSE.match(resolved)
        clause = match["cause"] if match else resolved.rstrip(".")
        if match:
            clause = re.sub(r"^it (?=attempted|would)", "the request ", clause)
        # "Roles are protected." gives a reason; a condition of this very call speaks of a certain thing.
        if not (CERTAIN.match(clause) if match else is_clause(clause)):
            continue
        if has_pointer(clause) or has_pronoun(clause) or subject.name in clause or UNSURE.search(clause):
            continue
        condition = lower_first(clause)
        name = statement.entry.name
        answer = f"{subject.answer} returns {name} if {condition}."
        for form in ("error.when", "error.which"):
            yield fact(form, statement, answer, error=name, condition=condition)
