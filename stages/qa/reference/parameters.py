"""Facts of parameters and response elements: type, limits, valid values, default, meaning."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from stages.qa.shared.blocks import plain
from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import (
    has_pointer,
    has_pronoun,
    is_clause,
    is_noun_phrase,
    is_statement,
    is_third_person,
    lower_first,
    word_count,
)
from stages.qa.shared.reading import Reading, Statement
from stages.qa.shared.subject import Subject, resolve

TYPE = re.compile(r"^\S+(?: in \S+)? is an? (?P<state>required|optional) (?P<type>.+)\.$")
LENGTH = re.compile(
    r"^(?:string|binary value) of (?:(?P<low>\d+) to (?P<high>\d+)|at most (?P<most>\d+)|exactly (?P<exact>\d+)) "
    r"(?P<unit>character|byte)s?$"
)
RANGE = re.compile(
    r"^(?:integer|number) (?:from (?P<low>-?[\d.]+) to (?P<high>-?[\d.]+)|of at least (?P<least>-?[\d.]+)"
    r"|of at most (?P<most>-?[\d.]+))$"
)
ITEMS = re.compile(
    r"^list of (?:(?P<low>\d+) to (?P<high>\d+)|at most (?P<most>\d+)|exactly (?P<exact>\d+)) "
    r"(?P<unit>strings|structures|integers)$"
)
VALUES = re.compile(r"^The valid values of (each item|\S+) are (.+)\.$")
MOST_VALUES = 8
MOST_REQUIRED = 4
VALUE = re.compile(r"^(?P<value>[\w.:-]+)(?: \([Dd]efault\))?(?::| [-–—]) (?P<does>[A-Z].+)\.$")
TELLS = ("Specifies", "Indicates", "Represents", "Defines", "Describes", "Identifies")
# What a parameter can be said to do. ("Renames the object if …" tells what the operation does with it.)
EFFECTS = frozenset(
    """Sets Limits Filters Allows Enables Disables Controls Restricts Overrides Skips Determines Prevents Ensures
    Permits Gives Grants Tells Causes Forces Checks""".split()  # noqa: SIM905
)
DEFAULT = re.compile(
    r"^(?:The default(?: value)?(?: (?:of|for) (?:the \S+ parameter|\S+))?(?: is|:)|Defaults? (?:value )?(?:is|to)"
    r"|Default(?: value)?:) (?:set to )?(?P<value>[^,;:]{1,60})\.$"
)
HUGE = 10**9  # such a bound is that of a number type and tells nothing


def facts(reading: Reading) -> Iterator[Fact]:
    subject = reading.subject
    required = []
    for entry, grouped in groupby(reading.statements, key=lambda statement: statement.entry):
        group = list(grouped)
        if entry.parameter:
            owner = f"{entry.parameter} parameter of {subject.answer}"
            yield from _about(_parameter(group, owner, subject), parameter=entry.parameter)
            match = TYPE.match(plain(group[0].sentence.text))
            if match and match["state"] == "required" and not entry.path:
                required.append(group[0])
        elif entry.role == "response" and entry.name:
            words = plain(group[0].sentence.text)
            owner = f"The {entry.full_name} element in the response of {subject.answer}"
            if not has_pronoun(words):
                yield from _about(_meaning(group[0], words, owner), element=entry.full_name)
    if 1 <= len(required) <= MOST_REQUIRED:
        yield _all_required(subject, required)


def _about(found: Iterable[Fact], **named: str) -> Iterator[Fact]:
    return (one._replace(slots={**named, **one.slots}) for one in found)


def _all_required(subject: Subject, required: Sequence[Statement]) -> Fact:
    names = [statement.entry.name for statement in required]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    are = "parameters of {} are" if names[1:] else "parameter of {} is"
    answer = f"The {listed} {are.format(subject.answer)} required."
    spans = [(statement.sentence.start, statement.sentence.end) for statement in required]
    return Fact("required.all", {}, answer, *spans[0], tuple(spans[1:]))


def _parameter(group: Sequence[Statement], owner: str, subject: Subject) -> Iterator[Fact]:
    head = before = group[0].sentence.block
    meaning_seen = False
    values: list[str] = []
    for statement in group:
        block, words = statement.sentence.block, plain(statement.sentence.text)
        if block == head:
            if match := TYPE.match(words):
                yield from _typed(match, f"The {owner}", statement)
            elif (match := VALUES.match(words)) and match[1] != "each item":
                values = re.split(r",? and |, ", match[2])
                if 2 <= len(values) <= MOST_VALUES:
                    yield fact("valid_values", statement, f"The valid values of the {owner} are {match[2]}.")
        elif block.kind == "item":
            match = VALUE.match(words)
            if match and match["value"] in values and statement.sentence.start == block.start:
                yield from _value(statement, match["value"], match["does"], owner)
        else:
            if not meaning_seen and block != before:
                meaning_seen = True
                yield from _meaning(statement, words, f"The {owner}")
            yield from _default(statement, resolve(words, subject, statement.entry.parameter), owner)
        before = block


def _default(statement: Statement, words: str, owner: str) -> Iterator[Fact]:
    match = DEFAULT.match(words)
    if not match or re.search(r"\b(?:if|when|for|unless|except)\b", words):
        return
    if not has_pointer(match["value"]) and not has_pronoun(match["value"]):
        yield fact("default.parameter", statement, f"The default value of the {owner} is {match['value']}.")


def _value(statement: Statement, value: str, does: str, owner: str) -> Iterator[Fact]:
    """What one of the valid values means."""
    if not 5 <= word_count(does) <= 45 or has_pointer(does) or has_pronoun(does):
        return
    subject, clause = f"{value} value of the {owner}", lower_first(does)
    if is_third_person(does.split()[0]):
        yield fact("valid_values.means", statement, f"The {subject} {clause}.", value=value)
    elif is_noun_phrase(does):
        yield fact("valid_values.means", statement, f"The {subject} means {clause}.", value=value)
    elif is_clause(does):
        yield fact("valid_values.means", statement, f"With the {subject}, {clause}.", value=value)


def _typed(match: re.Match, owner: str, statement: Statement) -> Iterator[Fact]:
    """Limits and need, of a sentence such as "`Colour` is a required string of 3 to 10 characters."."""
    described = match["type"]
    if length := LENGTH.match(described):
        unit = f"{length['unit']}s"
        yield fact("limit.length", statement, f"{owner} {_bounds(length, 'be')} {unit} long.", unit=unit)
    elif (span := RANGE.match(described)) and all(abs(float(number)) < HUGE for number in span.groups() if number):
        if span["high"]:
            yield fact("limit.range", statement, f"{owner} must be between {span['low']} and {span['high']}.")
        elif span["most"]:
            yield fact("limit.maximum", statement, f"{owner} can be at most {span['most']}.")
        elif float(span["least"]) > 0:
            yield fact("limit.minimum", statement, f"{owner} must be at least {span['least']}.")
    elif items := ITEMS.match(described):
        unit = items["unit"].replace("structures", "entries")
        counted = unit if "1" not in (items["most"], items["exact"]) else unit.replace("ies", "ys")[:-1]
        yield fact("limit.items", statement, f"{owner} {_bounds(items, 'hold')} {counted}.", unit=unit)
    if not statement.entry.path:
        kind = re.sub(r" (?:of|from|with) .*", "", described)
        article = "an" if kind[0] in "aeiou" else "a"
        yield fact("required", statement, f"{owner} is {match['state']}; it is {article} {kind}.")


def _bounds(match: re.Match, verb: str) -> str:
    if match["most"]:
        return f"can {verb} at most {match['most']}"
    if match["exact"]:
        return f"must {verb} exactly {match['exact']}"
    return f"{'can' if verb == 'hold' else 'must'} {verb} {match['low']} to {match['high']}"


def _meaning(statement: Statement, words: str, owner: str) -> Iterator[Fact]:
    if not is_statement(words, least=6) or has_pointer(words):
        return
    first = words.split()[0]
    of_parameter = statement.entry.role == "parameter"
    if is_third_person(first) and first[0].isupper():
        if first in TELLS or (first == "Contains" and not of_parameter):
            form = "parameter" if of_parameter else "return" if first == "Contains" else "return.tells"
            if not re.search(r"\b(?:must|should)\b", words):
                yield fact(form, statement, f"{owner} {lower_first(words)}")
        elif of_parameter and first in EFFECTS and not has_pronoun(words):
            yield fact("parameter.does", statement, f"{owner} {lower_first(words)}")
    elif (
        is_noun_phrase(words)
        and not re.match(r"An? (?:optional|required) parameter\b", words)
        and not _restates(words, statement.entry.name)
    ):
        form, verb = ("parameter", "specifies") if of_parameter else ("return", "contains")
        yield fact(form, statement, f"{owner} {verb} {lower_first(words)}")


def _restates(words: str, name: str) -> bool:
    """Does "The bucket name." say no more than the name BucketName does?"""
    told = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))
    content = [
        w
        for w in re.findall(r"[a-z]+", words.lower())
        if len(w) > 3 and w not in ("that", "which", "with", "your", "this", "name")
    ]
    return len([w for w in content if w not in told and w.rstrip("s") not in told]) < 3
