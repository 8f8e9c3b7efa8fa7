"""Facts of parameters and response elements: type, limits, valid values, default, meaning."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from stages.qa.facts import Fact, Reading
from stages.qa.grammar import (
    base_form,
    has_pointer,
    has_pronoun,
    is_clause,
    is_noun_phrase,
    is_third_person,
    lower_first,
    word_count,
)
from stages.qa.structure import Statement
from stages.qa.subject import Subject, resolve
from stages.qa.text import plain

TYPE = re.compile(r"^(\S+)(?: in (\S+))? is (a required|an optional) (.+)\.$")
LENGTH = re.compile(
    r"^(string|binary value) of (?:(\d+) to (\d+)|at most (\d+)|exactly (\d+)|at least (\d+)) (character|byte)s?$"
)
RANGE = re.compile(
    r"^(?:integer|number) (?:from (-?[\d.]+) to (-?[\d.]+)|of at least (-?[\d.]+)|of at most (-?[\d.]+))$"
)
ITEMS = re.compile(r"^list of (?:(\d+) to (\d+)|at most (\d+)|exactly (\d+)) (strings|structures|integers)$")
VALUES = re.compile(r"^The valid values of (each item|\S+) are (.+)\.$")
MOST_VALUES = 8
MOST_REQUIRED = 4
VALUE = re.compile(r"^(?P<value>[\w.:-]+)(?: \([Dd]efault\))?(?::| [-–—]) (?P<does>[A-Z].+)\.$")
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
    required = []
    for place, grouped in groupby(reading.statements, key=lambda statement: statement.place):
        group = list(grouped)
        if place.role == "parameter" and place.name:
            yield from _parameter(reading.subject, group)
            match = TYPE.match(plain(group[0].sentence.text))
            if match and match[3] == "a required" and not place.path:
                required.append(group[0])
        elif place.role == "response" and place.name:
            yield from _response(reading.subject, group)
    if 1 <= len(required) <= MOST_REQUIRED:
        yield _all_required(reading.subject, required)


def _all_required(subject: Subject, required: Sequence[Statement]) -> Fact:
    names = [statement.place.name for statement in required]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    are = "parameters of {} are" if names[1:] else "parameter of {} is"
    answer = f"The {listed} {are.format(subject.answer)} required."
    spans = [(statement.sentence.start, statement.sentence.end) for statement in required]
    return Fact("required.all", {}, answer, *spans[0], tuple(spans[1:]))


def _slots(subject: Subject, statement: Statement) -> tuple[dict[str, str], str]:
    place = statement.place
    nested = place.full_name
    return {"parameter": nested, "element": nested}, f"The {nested} parameter of {subject.answer}"


def _parameter(subject: Subject, group: list[Statement]) -> Iterator[Fact]:
    slots, owner = _slots(subject, group[0])
    head = group[0].sentence.block
    meaning_seen = False
    values: list[str] = []
    for statement in group:
        sentence = statement.sentence
        words = plain(sentence.text)

        def fact(form: str, answer: str, sentence=sentence, **more: str) -> Fact:
            return Fact(form, {**slots, **more}, answer, sentence.start, sentence.end)

        if sentence.block == head:
            if match := TYPE.match(words):
                yield from _typed(match, slots, owner, statement, fact)
            elif (match := VALUES.match(words)) and match[1] != "each item":
                values = re.split(r",? and |, ", match[2])
                if 2 <= len(values) <= MOST_VALUES and len(set(values)) == len(values):
                    yield fact(
                        "valid_values",
                        f"The valid values of the {slots['parameter']} parameter of {subject.answer} are {match[2]}.",
                    )
            continue
        if sentence.block.kind == "item":
            match = VALUE.match(words)
            if match and match["value"] in values and sentence.start == sentence.block.start:
                yield from _value(match["value"], match["does"], slots["parameter"], subject, fact)
            continue
        if not meaning_seen and statement.number and _first_of_block(group, statement):
            meaning_seen = True
            yield from _meaning(words, owner, "parameter", fact, statement.place.name)
        resolved = resolve(words, subject, slots["parameter"])
        default = DEFAULT.match(resolved)
        if default and not re.search(r"\b(?:if|when|for|unless|except)\b", resolved):
            value = default["value"]
            if not has_pointer(value) and not has_pronoun(value):
                answer = f"The default value of the {slots['parameter']} parameter of {subject.answer} is {value}."
                yield fact("default.parameter", answer)


def _value(value: str, does: str, parameter: str, subject: Subject, fact) -> Iterator[Fact]:
    """What one of the valid values means."""
    if not 5 <= word_count(does) <= 40 or has_pointer(does) or has_pronoun(does):
        return
    owner = f"{value} value of the {parameter} parameter of {subject.answer}"
    if is_third_person(does.split()[0]):
        yield fact("valid_values.means", f"The {owner} {lower_first(does)}.", value=value)
    elif is_noun_phrase(does):
        yield fact("valid_values.means", f"The {owner} means {lower_first(does)}.", value=value)
    elif is_clause(does):
        yield fact("valid_values.means", f"With the {owner}, {lower_first(does)}.", value=value)


def _first_of_block(group: list[Statement], statement: Statement) -> bool:
    before = group[statement.number - 1] if statement.number else None
    return before is None or before.sentence.block != statement.sentence.block


def _typed(match: re.Match, slots: dict[str, str], owner: str, statement: Statement, fact) -> Iterator[Fact]:
    described = match[4]
    if length := LENGTH.match(described):
        unit = f"{length[7]}s"
        if length[3]:
            answer = f"{owner} must be {length[2]} to {length[3]} {unit} long."
        elif length[4]:
            answer = f"{owner} can be at most {length[4]} {unit} long."
        elif length[5]:
            answer = f"{owner} must be exactly {length[5]} {unit} long."
        else:
            answer = ""
        if answer:
            yield fact("limit.length", answer, unit=unit)
    elif (span := RANGE.match(described)) and all(abs(float(n)) < HUGE for n in span.groups() if n):
        if span[1]:
            yield fact("limit.range", f"{owner} must be between {span[1]} and {span[2]}.")
        elif span[3] and float(span[3]) > 0:
            yield fact("limit.minimum", f"{owner} must be at least {span[3]}.")
        elif span[4]:
            yield fact("limit.maximum", f"{owner} can be at most {span[4]}.")
    elif items := ITEMS.match(described):
        unit = {"strings": "strings", "integers": "integers", "structures": "entries"}[items[5]]
        low, high, most, exact = items[1], items[2], items[3], items[4]
        one = unit[:-3] + "y" if unit == "entries" else unit[:-1]
        if high:
            yield fact("limit.items", f"{owner} can hold {low} to {high} {unit}.", unit=unit)
        elif most:
            yield fact("limit.items", f"{owner} can hold at most {most} {unit if most != '1' else one}.", unit=unit)
        elif exact:
            yield fact("limit.items", f"{owner} must hold exactly {exact} {unit if exact != '1' else one}.", unit=unit)
    if not statement.place.path:
        kind = re.sub(r" (?:of|from|with) .*", "", described)
        state = "required" if match[3] == "a required" else "optional"
        yield fact("required", f"{owner} is {state}; it is {'an' if kind[0] in 'aeiou' else 'a'} {kind}.")


def _meaning(words: str, owner: str, form: str, fact, name: str) -> Iterator[Fact]:
    if not words.endswith(".") or not 6 <= word_count(words) <= 40 or has_pointer(words) or "(" in words[:1]:
        return
    first = words.split()[0]
    if is_third_person(first) and first[0].isupper():
        if re.search(
            r"^(?:Specifies|Indicates|Represents|Defines|Describes|Identifies)\b", words
        ) and not _has_sentence(words):
            yield fact("parameter" if form == "parameter" else "return.tells", f"{owner} {lower_first(words)}")
        elif form == "parameter" and first in EFFECTS and not has_pronoun(words):
            yield fact("parameter.does", f"{owner} {lower_first(words)}")
    elif (
        is_noun_phrase(words)
        and not re.match(r"An? (?:optional|required) parameter\b", words)
        and not _restates(words, name)
    ):
        verb = "specifies" if form == "parameter" else "contains"
        yield fact(form, f"{owner} {verb} {lower_first(words)}")


def _has_sentence(words: str) -> bool:
    return bool(re.search(r"\b(?:must|should)\b", words))


def _restates(words: str, name: str) -> bool:
    """Does "The bucket name." say no more than the name BucketName does?"""
    told = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))
    content = [
        w
        for w in re.findall(r"[a-z]+", words.lower())
        if len(w) > 3 and w not in ("that", "which", "with", "your", "this", "name")
    ]
    return len([w for w in content if w not in told and w.rstrip("s") not in told]) < 3


def _response(subject: Subject, group: list[Statement]) -> Iterator[Fact]:
    statement = group[0]
    sentence = statement.sentence
    words = plain(sentence.text)
    slots, _ = _slots(subject, statement)
    owner = f"The {slots['element']} element in the response of {subject.answer}"

    def fact(form: str, answer: str, **more: str) -> Fact:
        return Fact(form, {**slots, **more}, answer, sentence.start, sentence.end)

    if has_pronoun(words):
        return
    first = words.split()[0] if words.split() else ""
    if first in ("Contains", "Represents", "Specifies", "Indicates", "Describes", "Identifies"):
        verb = base_form(first)
        if 6 <= word_count(words) <= 40 and words.endswith(".") and not has_pointer(words) and not _has_sentence(words):
            form = "return" if verb == "contain" else "return.tells"
            yield fact(form, f"{owner} {lower_first(words)}")
    else:
        yield from _meaning(words, owner, "return", fact, statement.place.name)
