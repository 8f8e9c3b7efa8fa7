"""Facts of an operation's description: what it does, how to do a thing, permissions, definitions, abilities, limits."""

import re
from collections.abc import Iterator

from stages.qa.facts import Fact, Reading, alone
from stages.qa.grammar import (
    base_form,
    first_person,
    has_pointer,
    has_pronoun,
    is_third_person,
    lower_first,
    upper_first,
    word_count,
)
from stages.qa.structure import Statement
from stages.qa.subject import Subject, resolve
from stages.qa.text import plain

OPENING = re.compile(
    r"^(?:This (?:operation|action|API|API operation|API action) |(?P<name>[A-Z]\w+) (?=[a-z]+s ))?"
    r"(?P<verb>[A-Za-z]+)\b"
)
TO_USE = re.compile(
    r"^To (?P<do>.{6,140}?), (?:you )?(?:can |must )?(?P<use>(?:also )?(?:use|call|specify|set|include|omit|add|choose"
    r"|create|provide|send|submit|run|issue|enter) .+)\.$"
)
NO_PURPOSE = re.compile(r"(?:do|use|be|get started|avoid|ensure|make sure|learn|find out|help|perform the|call|run)\b")
PERMISSION = re.compile(
    r"^(?:To (?P<do>.{6,120}?), )?(?:you|the caller) (?:must have|need|must be granted|should have|require) "
    r"(?P<need>.*\b(?:[a-z0-9-]+:[A-Z]\w+|permissions? to perform the [a-z0-9-]+:[A-Z]\w+).*)\.$",
    re.IGNORECASE,
)
REQUIRED_PERMISSION = re.compile(
    r"^Required permissions: ?(?P<code>[a-z]+:[A-Z]\w+)(?: \((?P<where>key policy|IAM policy)\))?\.?$"
)
CAN = re.compile(r"^You (?P<can>can|can't|cannot|can not|may) (?:also |optionally |then |now )?(?P<do>[a-z]+ .+)\.$")
DEFINITION = re.compile(r"^(?P<term>(?:An?|The) [A-Za-z][\w -]{2,45}?) (?P<verb>is|are) (?P<what>(?:an?|the) .+)\.$")
ALTERNATIVE = re.compile(
    r"^(?:Instead, )?(?P<do>(?:[Yy]ou (?:must|have to|need to)|[Uu]se|[Cc]all|[Cc]reate|[Dd]elete"
    r"|[Rr]emove|[Ss]pecify|[Cc]hoose) .+?)(?: instead)?\.$"
)
# Words that make no term to be defined.
VERY_COMMON = frozenset(
    ("following", "name", "type", "value", "number", "maximum", "minimum", "default", "result", "response", "request")
)


def facts(reading: Reading) -> Iterator[Fact]:
    subject = reading.subject
    for statement, resolved in alone(reading, "description"):
        words = plain(statement.sentence.text)
        yield from _required_permission(statement, words, subject)
        if not words.endswith(".") or not 5 <= word_count(words) <= 45:
            continue
        if statement.number == 0 and subject.kind == "operation":
            yield from _purpose(statement, words, subject)
        if has_pointer(resolved):
            continue
        found = list(_permission(statement, resolved, subject)) or list(how_to(statement, resolved, reading))
        yield from found or able(statement, resolved, reading)
        yield from definition(statement, resolved, subject)


def goes_on(statement: Statement, statements: list[Statement]) -> bool:
    """Is the sentence one step of several, with the next one told behind it?"""
    after = [s for s in statements if s.sentence.block == statement.sentence.block and s.number == statement.number + 1]
    return bool(after) and re.match(r"(?:Then|Next|After|Finally|Otherwise|And)\b", after[0].sentence.text) is not None


def _fact(form: str, statement: Statement, subject: Subject, answer: str, **slots: str) -> Fact:
    base = {"name": subject.name, "service": subject.service}
    return Fact(form, {**base, **slots}, answer, statement.sentence.start, statement.sentence.end)


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
    if has_pointer(does) or re.search(r"\bit\b|\bthey\b", does) or word_count(does) < 3 or does.endswith(":"):
        return
    yield _fact("purpose", statement, subject, f"The {subject.name} operation of {subject.service} {does}.")
    rest = does[len(match["verb"]) :]
    if 4 <= word_count(does) <= 22 and not has_pronoun(does) and subject.name not in does:
        yield _fact(
            "purpose.which", statement, subject, f"The {subject.name} operation of {subject.service} {does}.", does=does
        )
        coordinated = re.search(r"(?:,|\band\b|\bor\b|\bthen\b) (?:then |also |optionally )?([a-z]+s)\b", rest)
        if not (coordinated and is_third_person(coordinated[1])):
            do = first_person(base_form(match["verb"]) + rest)
            if do and subject.service not in do and not re.search(r"^provide|\bme\b|\b(?:currently|immediately)\b", do):
                yield _fact(
                    "howto.operation", statement, subject,
                    f"Call the {subject.name} operation of {subject.service}, which {does}.", do=do,
                )  # fmt: skip


def how_to(statement: Statement, words: str, reading: Reading) -> Iterator[Fact]:
    """The fact of a sentence such as "To delete the alias, use DeleteAlias."."""
    match = TO_USE.match(words)
    if not match or has_pronoun(match["do"]) or word_count(match["do"]) < 3 or re.search(r"[,(]", match["do"]):
        return
    if NO_PURPOSE.match(match["do"]) or re.search(r"\b(?:it|them|another|other|different)\b", match["use"]):
        return
    do = first_person(match["do"])
    if not do:
        return
    subject = reading.subject
    if goes_on(statement, reading.statements):
        return
    named = set(re.findall(r"\w+", match["use"])) & reading.siblings
    if subject.kind == "operation" and named - {subject.name}:
        # Asked with the operation at hand, "How do I delete the alias with CreateAlias?" would be the wrong question.
        if len(named) == 1 and re.match(r"(?:also )?(?:use|call) ", match["use"]):
            yield _fact("howto.other", statement, subject, words, do=do)
    else:
        yield _fact("howto.use", statement, subject, words, do=do)


def _permission(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = PERMISSION.match(words)
    if not match or "permission" not in words or has_pronoun(words):
        return
    do = match["do"]
    if do is None or "," in do:
        return
    if re.match(rf"(?:use|call|run|perform) the {subject.name} operation$", do):
        answer = f"To call {subject.name} ({subject.service}), {words[match.end('do') + 2 :]}"
        do = f"call {subject.name} in {subject.service}"
    else:
        answer = words
        mine = first_person(do)
        if mine is None:
            return
        do = (
            f"{mine} in {subject.service}" if subject.name in do else f"{mine} with {subject.name} in {subject.service}"
        )
    many = len(re.findall(r"[a-z0-9-]+:[A-Z]\w+", words)) > 1
    yield _fact(
        "permission", statement, subject, answer,
        do=do, permissions="permissions" if many else "permission", are="are" if many else "is",
    )  # fmt: skip


def _required_permission(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = REQUIRED_PERMISSION.match(words)
    if match and subject.kind == "operation":
        where = f" in the {match['where']}" if match["where"] else ""
        yield _fact(
            "permission", statement, subject,
            f"To call {subject.name} ({subject.service}), you need the {match['code']} permission{where}.",
            do=f"call {subject.name} in {subject.service}", permissions="permission", are="is",
        )  # fmt: skip


def able(statement: Statement, words: str, reading: Reading) -> Iterator[Fact]:
    """What can or cannot be done, and in the latter case what to do instead."""
    for fact in capability(statement, words, reading.subject):
        yield fact
        if fact.form == "capability.no":
            yield from instead(statement, reading)


def capability(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = CAN.match(words)
    if (
        not match
        or " only " in words[:20]
        or has_pronoun(match["do"])
        or re.search(r"\b(?:at any time|but|only|also)\b", match["do"])
    ):
        return
    if not 4 <= word_count(match["do"]) <= 28 or re.search(r"[,(]|\d|\beither\b|\bmaximum\b", match["do"]):
        return
    do = first_person(match["do"])
    if not do or re.match(r"(?:see|find|learn|do|get|be)\b", do):
        return
    no = match["can"] in ("can't", "cannot", "can not")
    named = subject.kind == "operation" and (subject.name in do or re.search(r"\b[A-Z]\w+ operation\b", do))
    slots = {"within": f"In {subject.service}", "op": subject.service} if named else {}
    prefix = "No, you" if no else "Yes, you"
    yield _fact(
        "capability.no" if no else "capability.yes", statement, subject, f"{prefix} {words[4:]}", do=do, **slots
    )


def instead(statement: Statement, reading: Reading) -> Iterator[Fact]:
    """What the sentence behind "You cannot …" says one has to do instead."""
    for after in reading.statements:
        if after.sentence.block != statement.sentence.block or after.number != statement.number + 1:
            continue
        words = resolve(plain(after.sentence.text), reading.subject)
        match = ALTERNATIVE.match(words)
        if match and not has_pointer(match["do"]) and not has_pronoun(words) and not goes_on(after, reading.statements):
            yield _fact("instead", after, reading.subject, f"{upper_first(match['do'])}.")


def definition(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    match = DEFINITION.match(words)
    if not match or has_pronoun(match["term"]) or not 5 <= word_count(match["what"]) <= 35:
        return
    term = match["term"].split()
    if not 2 <= len(term) <= 5 or any(word in VERY_COMMON for word in term[1:]) or is_third_person(term[-1]):
        return
    if term[0] == "The" or re.search(
        r"\b(?:that|which|of|for|with|in|to|operation|element|parameter|request)\b", match["term"]
    ):
        return
    form = "definition.document" if subject.kind == "document" else "definition"
    yield _fact(form, statement, subject, words, term=lower_first(match["term"]), is_are=match["verb"])
