"""Facts that sentences with a condition tell: what happens if, what to do when."""

import re
from collections.abc import Iterator

from stages.qa.descriptions import unsafe
from stages.qa.facts import Fact, Reading
from stages.qa.grammar import BASE_VERBS, FINITE, first_person, has_pointer, has_pronoun, lower_first, word_count
from stages.qa.structure import Statement
from stages.qa.subject import Subject, resolve
from stages.qa.text import plain

OPENING = re.compile(r"^(?:However, |In addition, |Also, |Additionally, )?(?P<if>If|When|Unless) ")
ELLIPSIS = re.compile(
    r"^(?:not |un)?(?:specified|provided|set|included|present|supplied|omitted|left blank|true|false|enabled|empty|null)\b",
    re.IGNORECASE,
)
NAMED_VALUE = re.compile(
    r"^(?:you|the request) (?:don't|do not|doesn't|does not) (?:specify|provide|include|set|supply) (?:a value|one|anything)$|^you omit (?:it|this)$"
)
SUBJECT = re.compile(r"^(?:the|a|an|you|your|no|all|any|each|every|only|one|some|AWS|Amazon|[A-Z])")
STATIVE = re.compile(r"^(?P<what>(?:the|your) [\w .-]{3,60}?) (?P<is>is|are) (?P<rest>.+)$")
PASSIVE = re.compile(
    r"^(?:not |also |automatically |immediately |then |still |no longer |only |being )*(?:\w+ed|\w+en|sent|set|put|kept|made|found|lost|built|read|left|held)\b"
)
UNSAFE_CONDITION = re.compile(
    r"\b(?:so|do so|happens?|occurs?|either|the other|the same|latter|former|for example|such as|including|like|is the case|applicable|necessary|desired|possible|needed)\b"
)


def facts(reading: Reading) -> Iterator[Fact]:
    for statement in reading.statements:
        role = statement.place.role
        if role in ("description", "parameter") and not unsafe(statement):
            yield from _conditional(statement, reading.subject)


def _conditional(statement: Statement, subject: Subject) -> Iterator[Fact]:
    place = statement.place
    parameter = ""
    if place.role == "parameter":
        parameter = f"{place.path[-1]}.{place.name}" if place.path else place.name
    words = resolve(plain(statement.sentence.text), subject, parameter)
    opening = OPENING.match(words)
    if not opening or not words.endswith(".") or not 8 <= word_count(words) <= 45:
        return
    words = words[opening.start("if") :]
    parts = split_condition(words[len(opening["if"]) + 1 : -1])
    if parts is None:
        return
    condition, main = parts
    if parameter and ELLIPSIS.match(condition):
        condition = f"the {parameter} parameter is {condition}"
    if parameter and NAMED_VALUE.match(condition):
        condition = f"you don't specify a value for the {parameter} parameter"
    word = opening["if"].lower()
    if not usable(condition, main):
        return
    asked = f"{word} {condition}"
    slots = {
        "name": subject.name,
        "service": subject.service,
        "condition": asked,
        "condition_first": f"{opening['if']} {condition}",
    }
    form, more = _form(main)
    if form is None:
        return
    if form in ("behaviour.must", "behaviour.should"):
        own = first_person(asked)
        if own is None:
            return
        slots["condition"] = own
    answer = f"{opening['if']} {condition}, {main}."
    if parameter and not re.search(rf"\b{re.escape(place.name)}\b", asked):
        slots["condition"] += ""
        slots["within"] = f"For the {parameter} parameter of {subject.answer.replace(' (', ' in ').rstrip(')')}"
        slots["op"] = f"the {parameter} parameter of {subject.name} in {subject.service}"
        answer = f"For the {parameter} parameter of {subject.answer}, {word} {condition}, {main}."
    yield Fact(form, {**slots, **more}, answer, statement.sentence.start, statement.sentence.end)


def split_condition(words: str) -> tuple[str, str] | None:
    """ "you omit it, the call fails" to its two clauses, at the first comma where the second one stands alone."""
    for match in re.finditer(r", (?:then )?", words):
        condition, main = words[: match.start()], words[match.end() :]
        if condition.count("(") != condition.count(")") or condition.count('"') % 2:
            continue
        if re.match(r"(?:or|and|but|nor)\b", main) or not SUBJECT_OR_VERB(main) or not FINITE_OR_VERB(condition):
            continue
        return condition, main
    return None


def SUBJECT_OR_VERB(main: str) -> bool:
    return bool(SUBJECT.match(main)) or main.split()[0].lower() in BASE_VERBS or main.startswith("we recommend")


def FINITE_OR_VERB(condition: str) -> bool:
    return (
        bool(FINITE.search(condition))
        or condition.startswith("you ")
        or bool(ELLIPSIS.match(condition))
        or bool(re.search(r"\b\w+s\b", condition))
    )


def usable(condition: str, main: str) -> bool:
    if not 3 <= word_count(condition) <= 26 or word_count(main) < 3:
        return False
    if not SUBJECT.match(condition) or re.match(r"(?:\w+ing|\w+ed)\b", condition):
        return False
    if has_pointer(condition) or has_pronoun(condition) or UNSAFE_CONDITION.search(condition):
        return False
    return (
        not has_pointer(main)
        and not re.match(r"(?:it|they|one|its|their)\b", main)
        and ":" not in main
        and ";" not in main
    )


def _form(main: str) -> tuple[str | None, dict[str, str]]:
    first = main.split()[0].lower()
    if main.startswith(("you must", "you need to", "you have to", "you are required to")):
        return "behaviour.must", {}
    if first in BASE_VERBS or main.startswith(("you should", "we recommend")):
        return "behaviour.should", {}
    if main.startswith("you "):
        return (
            (None, {})
            if re.match(r"you (?:can|may|might|could|cannot|can't|do|don't|are|also)\b", main)
            else ("behaviour.happens", {})
        )
    if not FINITE.search(main) and not re.search(r"\b[a-z]+(?:s|ed)\b", main):
        return None, {}
    stative = STATIVE.match(main)
    if stative and not PASSIVE.match(stative["rest"]) and not FINITE.search(stative["what"]):
        return "behaviour.what", {"is_what": f"{stative['is']} {lower_first(stative['what'])}"}
    if re.search(r"\b(?:must|should|can|cannot|can't|might|may)\b", " ".join(main.split()[:8])):
        return (None, {}) if " must " not in f" {main} " else (None, {})
    return "behaviour.happens", {}
