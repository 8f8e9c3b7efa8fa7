"""Facts of an operation's description: what it does, which permissions it needs, and what its sentences state."""

import re
from collections.abc import Iterator

from stages.qa.reference.anywhere import able
from stages.qa.shared.blocks import plain
from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import (
    base_form,
    first_person,
    has_pointer,
    has_pronoun,
    is_statement,
    is_third_person,
    lower_first,
    word_count,
)
from stages.qa.shared.reading import Reading, Statement
from stages.qa.shared.sentence_facts import definition, how_to
from stages.qa.shared.subject import Subject

OPENING = re.compile(
    r"^(?:This (?:API )?(?:operation|action) |(?P<name>[A-Z]\w+) (?=[a-z]+s ))?"
    r"(?P<verb>[A-Za-z]+)\b"
)
PERMISSION = re.compile(r"^To (?P<do>.{6,120}?), you (?:must have|need) .*\b[a-z0-9-]+:[A-Z]\w+.*\.$", re.IGNORECASE)
REQUIRED_PERMISSION = re.compile(
    r"^Required permissions: ?(?P<code>[a-z]+:[A-Z]\w+)(?: \((?P<where>key policy|IAM policy)\))?\.?$"
)


def facts(reading: Reading) -> Iterator[Fact]:
    subject = reading.subject
    for statement, resolved in reading.standalone("description"):
        words = plain(statement.sentence.text)
        yield from _required_permission(statement, words, subject)
        if not is_statement(words):
            continue
        if statement.number == 0:
            yield from _purpose(statement, words, subject)
        if has_pointer(resolved):
            continue
        found = list(_permission(statement, resolved, subject)) or list(how_to(statement, resolved, reading))
        yield from found or able(statement, resolved, reading)
        yield from definition(statement, resolved)


def _purpose(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = OPENING.match(words)
    if (
        not match
        or not is_third_person(match["verb"])
        or match["verb"].lower() == "represents"
        or (match["name"] and match["name"] != subject.name)
    ):
        return
    does = lower_first(words[match.start("verb") :].rstrip("."))
    if has_pointer(does) or re.search(r"\bit\b|\bthey\b", does):
        return
    yield fact("purpose", statement, f"The {subject.name} operation of {subject.service} {does}.")
    rest = does[len(match["verb"]) :]
    if 4 <= word_count(does) <= 22 and not has_pronoun(does) and subject.name not in does:
        yield fact("purpose.which", statement, f"The {subject.name} operation of {subject.service} {does}.", does=does)
        coordinated = re.search(r"(?:,|\band\b|\bor\b) ([a-z]+s)\b", rest)
        if not (coordinated and is_third_person(coordinated[1])):
            do = first_person(base_form(match["verb"]) + rest)
            if do and subject.service not in do and not re.search(r"^provide|\bme\b|\bcurrently\b", do):
                yield fact(
                    "howto.operation", statement,
                    f"Call the {subject.name} operation of {subject.service}, which {does}.", do=do,
                )  # fmt: skip


def _permission(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = PERMISSION.match(words)
    do = first_person(match["do"]) if match else None
    if do is None or "," in do:
        return
    if re.match(rf"(?:use|call|run|perform) the {subject.name} operation$", do):
        words = f"To call {subject.name} ({subject.service}), {words[match.end('do') + 2 :]}"
        do = f"call {subject.name} in {subject.service}"
    else:
        do = f"{do} in {subject.service}" if subject.name in do else f"{do} with {subject.name} in {subject.service}"
    many = len(re.findall(r"[a-z0-9-]+:[A-Z]\w+", words)) > 1
    named = {"permissions": "permissions", "are": "are"} if many else {"permissions": "permission", "are": "is"}
    yield fact("permission", statement, words, do=do, **named)


def _required_permission(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = REQUIRED_PERMISSION.match(words)
    if match:
        where = f" in the {match['where']}" if match["where"] else ""
        yield fact(
            "permission", statement,
            f"To call {subject.name} ({subject.service}), you need the {match['code']} permission{where}.",
            do=f"call {subject.name} in {subject.service}", permissions="permission", are="is",
        )  # fmt: skip
