"""Facts that sentences state anywhere in an article: in descriptions, parameters and overviews."""

import re
from collections.abc import Iterator

from stages.qa.shared.blocks import plain
from stages.qa.shared.conditionals import conditional
from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import first_person, has_pointer, has_pronoun, is_statement, upper_first, word_count
from stages.qa.shared.reading import Reading, Statement
from stages.qa.shared.sentence_facts import capability, definition, goes_on, how_to, quantity, requirement
from stages.qa.shared.subject import resolve

BEFORE = re.compile(
    r"^Before you (?:can )?(?P<do>[a-z][^,;:]+), you (?:must|need to|have to) [^;:]+\.$"
    r"|^You (?:must|need to|have to) [^;:]+? before you (?:can )?(?P<after>[a-z][^,;:]+)\.$"
)
ALTERNATIVE = re.compile(
    r"^(?:Instead, )?(?P<do>(?:you (?:must|have to|need to)|use|call|create|delete|remove|specify|choose) .+)\.$",
    re.IGNORECASE,
)


def conditions(reading: Reading) -> Iterator[Fact]:
    for statement, words in reading.standalone("description", "parameter"):
        yield from conditional(statement, reading.subject)
        yield from _beforehand(statement, words)


def statements(reading: Reading) -> Iterator[Fact]:
    for statement, words in reading.standalone("description", "parameter", "prose"):
        if not is_statement(words) or has_pointer(words):
            continue
        if statement.entry.role == "prose":
            yield from conditional(statement, reading.subject)
            yield from list(how_to(statement, words, reading)) or able(statement, words, reading)
            yield from definition(statement, words)
        elif statement.entry.role == "parameter":
            yield from able(statement, words, reading)
        if not has_pronoun(words):
            yield from quantity(statement, words)
            yield from requirement(statement, words)


def able(statement: Statement, words: str, reading: Reading) -> Iterator[Fact]:
    """What can or cannot be done, and in the latter case what to do instead."""
    for found in capability(statement, words, reading.subject):
        yield found
        if found.form == "capability.no":
            yield from _instead(statement, reading)


def _instead(statement: Statement, reading: Reading) -> Iterator[Fact]:
    """What the sentence behind "You cannot …" says one has to do instead."""
    after = reading.behind(statement)
    words = resolve(plain(after.sentence.text), reading.subject) if after else ""
    match = ALTERNATIVE.match(words)
    if match and not has_pointer(match["do"]) and not has_pronoun(words) and not goes_on(after, reading):
        yield fact("instead", after, f"{upper_first(match['do'])}.")


def _beforehand(statement: Statement, words: str) -> Iterator[Fact]:
    """The fact of a sentence such as "Before you can delete the queue, you must empty the queue."."""
    match = BEFORE.match(words)
    if not match or has_pointer(words) or not is_statement(words):
        return
    do = first_person(match["do"] or match["after"])
    if do and word_count(do) >= 2 and not has_pronoun(do) and do.split()[0] not in ("call", "use"):
        yield fact("behaviour.before", statement, words, do=do)
