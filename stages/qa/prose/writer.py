"""An ordinary document to its facts, and the facts to candidate pairs.

A document has no structure that says what a sentence is about, so the sentence must say it by itself, and the question
names the document's title. The answer is the whole sentence.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from stages.qa.prose.nouns import capitals_within, is_verb, noun
from stages.qa.prose.phrasings import PHRASINGS, core, framed, question
from stages.qa.prose.rules import RULES, SIZE, TIME, Rule
from stages.qa.shared.blocks import plain
from stages.qa.shared.conditionals import OPENING, UNSAFE_CONDITION, conditional, split_condition
from stages.qa.shared.fact_sheet import Fact, FactSheet, fact, pair
from stages.qa.shared.grammar import (
    base_form,
    first_person,
    has_pointer,
    has_pronoun,
    is_statement,
    upper_first,
    word_count,
)
from stages.qa.shared.reading import Reading, Statement, read
from stages.qa.shared.sentence_facts import capability, definition, how_to, quantity, requirement
from tune_or_retrieve.base.records import Article, Pair

# Opens a sentence that what stands behind it may still be about. A condition ("If …, …") ends with its own sentence.
NARROWING = re.compile(
    r"(?:For|In|With|On|Although|Unlike|Only|Some|Suppose|Assume|Imagine|Except|Outside|Under|Starting|Beginning)\b"
)
# Subjects that start afresh, whatever was said before.
AFRESH = ("A ", "An ", "Each ", "Every ")
# No answer to "what happens": something the reader does, a state, more than a clause.
NO_EVENT = re.compile(
    r"^you\b|^[a-z]+ (?:the|your)\b|\btakes\b|[:;]|\b(?:is|are) (?!(?:[a-z]+ly )?[a-z]+(?:ed|en|t)\b)"
)
QUANTIFIED = re.compile(r"(?:all|most|some|every|each|any)\b", re.IGNORECASE)
ONE = re.compile(r"\b(?:in|per|at|for|within|of) one (?!of\b|with\b)[a-z]+\b")  # a number, no pronoun


def facts(article: Article, text: str) -> FactSheet:
    reading = read(article, text)
    return FactSheet(reading, list(_facts(reading)))


def pairs(sheet: FactSheet, seed: int) -> Iterator[Pair]:
    """A pair of each fact, and one of each two that stand side by side: nothing else says what belongs together."""
    title, service = sheet.subject.name, sheet.article.service
    for one in sheet.facts:
        asked, phrasing = question(one, title, sheet.number(seed, one))
        yield pair(asked, one.answer, sheet.quotes(one), service, phrasing)
    for first, second in pairwise(sheet.facts):
        number = sheet.number(seed, first, second)
        words = f"{core(first, number)}, and {core(second, number // 7)}"
        answer = f"{first.answer} {upper_first(second.answer.removeprefix('Yes, ').removeprefix('No, '))}"
        kinds = "error" if "error" in (first.kind, second.kind) else f"{first.kind}+{second.kind}"
        asked = framed(words, title, number // 83)
        yield pair(asked, answer, sheet.quotes(first, second), service, f"two_facts.{kinds}")


def _facts(reading: Reading) -> Iterator[Fact]:
    """The first fact that each sentence surely states."""
    names = capitals_within([plain(s.sentence.text) for s in reading.statements])
    narrowed, block = False, None
    for statement in reading.statements:
        sentence = statement.sentence
        if sentence.block != block:
            narrowed, block = False, sentence.block
        words = plain(sentence.text)
        afresh = words.startswith((*AFRESH, f"{reading.subject.name} "))
        if (
            not _leans(statement, words)
            and (afresh or not narrowed)
            and (found := _first(statement, words, reading, names))
        ):
            yield found
        narrowed = narrowed or NARROWING.match(words) is not None


def _leans(statement: Statement, words: str) -> bool:
    """Does the sentence need what stands around it: a lead-in, a label, another sentence?"""
    return statement.inside or not is_statement(words) or has_pointer(words)


def _first(statement: Statement, words: str, reading: Reading, names: frozenset[str]) -> Fact | None:
    readers = (
        _purpose(statement, words, reading, names),
        _error(statement, words, names),
        _if(statement, words, reading),
        _by_rules(statement, words, reading, names),
        how_to(statement, words, reading),
        capability(statement, words, reading.subject),
        definition(statement, words),
        () if has_pronoun(words) else quantity(statement, words),
        () if has_pronoun(words) else requirement(statement, words),
    )
    return next((found for reader in readers for found in reader), None)


def _purpose(statement: Statement, words: str, reading: Reading, names: frozenset[str]) -> Iterator[Fact]:
    """What the thing that the document is named after does, or is: its first sentence."""
    title = reading.subject.name
    match = re.match(rf"(?P<s>(?:The |An? )?{re.escape(title)}) (?P<v3>[a-z]+s) (?P<what>[^;:]+)\.$", words)
    if statement.number or not match or word_count(match["what"]) < 3:
        return
    s = noun(match["s"], names)
    if s and match["v3"] == "is" and re.match(r"(?:an?|the) ", match["what"]):
        yield fact("definition.is", statement, words, s=s)
    elif s and is_verb(match["v3"], match["s"], title):
        yield fact("purpose.document", statement, words, s=s)


def _error(statement: Statement, words: str, names: frozenset[str]) -> Iterator[Fact]:
    """ "If …, SendParcel returns a … error."."""
    match = re.match(r"(?P<if>If|When) (?P<condition>[^;:]+), (?P<s>[^,;:]+?) returns an? [\w-]+ error\.$", words)
    if match and _plain_condition(match["condition"]) and (s := noun(match["s"], names)):
        rest = first_person(f"{match['if'].lower()} {match['condition']}")
        if rest:
            yield fact("error.document", statement, words, s=s, rest=rest)


def _if(statement: Statement, words: str, reading: Reading) -> Iterator[Fact]:
    opening = OPENING.match(words)
    parts = split_condition(words[opening.end("if") + 1 : -1]) if opening else None
    if parts is None:
        return
    condition = f"{opening['if'].lower()} {parts[0]}"
    for found in conditional(statement, reading.subject):
        if found.form in PHRASINGS:  # others ask about operations and their parameters
            yield found
            return
    if _plain_condition(parts[0]) and not NO_EVENT.search(parts[1]):
        yield from _happens(statement, words, reading, condition)


def _happens(statement: Statement, words: str, reading: Reading, condition: str) -> Iterator[Fact]:
    """What happens under a condition, or what the document's namesake does then."""
    condition = first_person(condition)
    if condition is None:
        return
    acts = re.search(rf", (?:then )?(?P<s>{re.escape(reading.subject.name)}) (?P<v3>[a-z]+s) ", words)
    if acts and acts["v3"] == "returns":
        yield fact("return.when", statement, words, s=acts["s"], rest=condition)
    elif acts and is_verb(acts["v3"], acts["s"], acts["s"]):
        yield fact("behaviour.does", statement, words, s=acts["s"], rest=condition)
    else:
        yield fact("behaviour.document", statement, words, condition=condition)


def _plain_condition(condition: str) -> bool:
    """Does a condition stand on its own?"""
    if has_pronoun(condition) or has_pointer(condition) or UNSAFE_CONDITION.search(condition):
        return False
    return 3 <= word_count(condition) <= 26 and "," not in condition and "(" not in condition


def _by_rules(statement: Statement, words: str, reading: Reading, names: frozenset[str]) -> Iterator[Fact]:
    for rule in RULES:
        match = rule.pattern.match(words)
        slots = _slots(rule, match, reading.subject.name, names) if match else None
        if slots is not None:
            answer = f"{rule.answer}, {slots['s']}{words[match.end('s') :]}" if rule.answer else words
            yield fact(rule.form, statement, answer, **slots)
            return


def _slots(rule: Rule, match: re.Match, title: str, names: frozenset[str]) -> dict[str, str] | None:
    """The words of the question; None where one of them is not sure."""
    slots = match.groupdict(default="")
    if "s" in slots:
        slots["s"] = noun(slots["s"], names)
    if "v3" in slots:
        v3 = slots.pop("v3")
        slots["v"] = base_form(v3) if is_verb(v3, match["s"], title) else None
    for name in slots.keys() - {"s", "v"}:
        words = first_person(slots[name])
        # Behind "No, …" a pronoun stands for the subject.
        leans = words is None or has_pointer(words) or (rule.answer != "No" and has_pronoun(ONE.sub(" ", words)))
        slots[name] = None if leans else words
    if rule.form == "limit.long" and not slots["adj"]:
        slots["adj"] = _adjective(slots["unit"])
    if None in slots.values():
        return None
    if rule.answer == "No" and (QUANTIFIED.match(match["s"]) or re.search(r" for (?:\d|up to|at)", slots["rest"])):
        return None  # what "not" then denies is open
    if rule.form == "capability.cannot":
        slots["rest"] = slots["rest"].replace(" until ", " before ")
    return slots


def _adjective(unit: str | None) -> str | None:
    """ "How long", "how large": what is asked for follows from the unit."""
    if re.fullmatch(rf"{TIME}|characters|words|pages|lines", unit or ""):
        return "long"
    return "large" if re.fullmatch(SIZE, unit or "") else None
