"""Facts that conditional sentences state: what happens if, what to do when."""

import re
from collections.abc import Iterator

from stages.qa.shared.blocks import plain
from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import (
    BASE_VERBS,
    FINITE,
    first_person,
    has_pointer,
    has_pronoun,
    is_statement,
    lower_first,
    upper_first,
    word_count,
)
from stages.qa.shared.reading import Statement
from stages.qa.shared.subject import Subject, resolve

OPENING = re.compile(r"^(?P<if>If|When|Unless) ")
# "not specified": the subject, the parameter that the sentence documents, is left out.
ELLIPSIS = re.compile(
    r"^(?:not |un)?(?:specified|provided|set|included|present|supplied|omitted|left blank|true|false|enabled|empty"
    r"|null)\b",
    re.IGNORECASE,
)
NAMELESS = re.compile(
    r"^(?:you|the request) (?:don't|do not|doesn't|does not) (?:specify|provide|include|set|supply) "
    r"(?:a value|one|anything)$|^you omit (?:it|this)$|^no value is (?:specified|provided|set|supplied|given)$"
)
SUBJECT = re.compile(
    r"^(?:the|a|an|you|your|no|all|any|each|every|only (?:the|a|an|one)|some|[A-Z][\w-]+|there (?:is|are))\b"
)
# "the default is 10": what is asked for is a property, not an event.
STATIVE = re.compile(
    r"^(?P<what>(?:the|your) (?:[\w.-]+ ){0,6}?(?:defaults?|values?|limit|size|length|number|period|behavior|status"
    r"|state|count|range|time|order|format|version|type|timeout|mode|name)(?: (?:of|for|to) [\w -]{3,40}?)?) "
    r"(?P<is>is|are) (?P<rest>.+)$"
)
IS_STATE = re.compile(
    r"^(?:the|your|a|an|all) [\w .-]{3,60}? (?:is|are) (?:in|on|at|an?|the|not an?|not the|[A-Z][A-Z_]+)\b"
)
PASSIVE = re.compile(
    r"^(?:not |also |automatically |immediately |then |still |no longer |only |being )*"
    r"(?:\w+ed|\w+en|sent|set|put|kept|made|found|lost|built|read|left|held|able|unable|valid|invalid|null)\b"
)
# "you omit the colour parameter": a condition that has a name of its own
NAME = r"(?:[A-Z]\w+(?:\.\w+)*|[a-z]+[A-Z]\w*)"
LEFT_OUT = re.compile(
    r"^you (?:(?:don't|do not) (?:specify|provide|include|set|supply|pass)|omit|leave out) (?:a value for )?"
    rf"(?:the )?(?P<what>{NAME})(?: parameter| value)?$"
    rf"|^(?:the )?(?P<named>{NAME})(?: parameter)? is (?:not (?:specified|provided|included|set|present)|omitted)$"
)
UNSAFE_CONDITION = re.compile(
    r"\b(?:so|happens?|occurs?|either|the other|another|the same|for example|such as|including|like|is the case"
    r"|applicable|necessary|desired|possible|needed|also|if any|you want|you'd like|you would like)\b"
)


def conditional(statement: Statement, subject: Subject) -> Iterator[Fact]:
    """The fact of a sentence such as "If you omit the name, the service generates one."."""
    parameter = statement.entry.parameter
    words = resolve(plain(statement.sentence.text), subject, parameter)
    opening = OPENING.match(words)
    if not opening or not is_statement(words):
        return
    parts = split_condition(words[opening.end("if") + 1 : -1])
    if parts is None:
        return
    condition, main = parts
    if parameter and NAMELESS.match(condition):
        condition = f"you don't specify a value for the {parameter} parameter"
    elif parameter and ELLIPSIS.match(condition):
        condition = f"the {parameter} parameter is {condition}"
    form, slots = _form(main)
    if form is None or not usable(condition, main):
        return
    start = opening["if"]
    left_out = LEFT_OUT.match(condition)
    if left_out and form in ("behaviour.happens", "behaviour.what"):
        form, slots = "behaviour.without", {"parameter": left_out["what"] or left_out["named"]}
    slots |= {"condition": f"{start.lower()} {condition}", "condition_first": f"{start} {condition}"}
    answer = f"{start} {condition}, {main}."
    named = re.search(rf"\b{re.escape(statement.entry.name)}\b", condition) if parameter else True
    if not named and form != "behaviour.without":
        slots["op"] = f"the {parameter} parameter of {subject.name} in {subject.service}"
        slots["within"] = f"For {slots['op']}"
        answer = f"For the {parameter} parameter of {subject.answer}, {start.lower()} {condition}, {main}."
        form = "behaviour.parameter" if form == "behaviour.happens" else form
    elif subject.kind == "operation" and subject.name in condition:
        if form in ("behaviour.must", "behaviour.should"):
            slots["within"], slots["op"] = f"In {subject.service}", subject.service
        form = "behaviour.named" if form == "behaviour.happens" else form
    own = first_person(slots["condition"])
    if own is not None:
        slots |= {"condition": own, "condition_first": upper_first(own)}
    elif form in ("behaviour.must", "behaviour.should"):
        return
    yield fact(form, statement, answer, **slots)


def split_condition(words: str) -> tuple[str, str] | None:
    """ "you omit it, the call fails" to its two clauses, at the first comma after which a clause can begin."""
    for match in re.finditer(r", (?:then )?", words):
        condition, main = words[: match.start()], words[match.end() :]
        if condition.count("(") != condition.count(")") or condition.count('"') % 2:
            continue
        if not _opens_clause(main) or not _has_verb(condition):
            continue
        return condition, main
    return None


def _opens_clause(words: str) -> bool:
    return bool(SUBJECT.match(words)) or words.split()[0].lower() in BASE_VERBS or words.startswith("we recommend")


def _has_verb(words: str) -> bool:
    return bool(FINITE.search(words) or ELLIPSIS.match(words) or re.search(r"\b\w+s\b", words)) or words[:4] == "you "


def usable(condition: str, main: str) -> bool:
    """Do both clauses stand on their own?"""
    if not 3 <= word_count(condition) <= 26 or word_count(main) < 3:
        return False
    if re.search(r", (?:in|for|by|with|at|on|from)\b", condition):
        return False
    if not SUBJECT.match(condition) or re.match(r"\w+(?:ing|ed)\b", condition):
        return False
    if has_pointer(condition) or has_pronoun(condition) or UNSAFE_CONDITION.search(condition):
        return False
    # A list may go on behind the comma ("the table, index, or stream is …").
    if re.match(r"[\w -]+, (?:\w+, )*(?:or|and) ", main) and not FINITE.search(main.split(",")[0]):
        return False
    return not has_pointer(main) and not re.match(r"(?:its|their|there|one)\b", main) and not re.search(r"[:;]", main)


def _form(main: str) -> tuple[str | None, dict[str, str]]:
    """Which question the main clause answers."""
    if re.match(r"you (?:must|need to|have to|are required to)\b", main):
        return "behaviour.must", {}
    if main.split()[0].lower() in BASE_VERBS or re.match(r"you should\b|we recommend\b", main):
        return "behaviour.should", {}
    if re.match(r"you (?:can|may|might|could|cannot|can't|do|don't|are|also|have|will be able)\b", main):
        return None, {}
    if not FINITE.search(main) and not re.search(r"\b[a-z]+(?:s|ed)\b", main):
        return None, {}
    stative = STATIVE.match(main)
    if (IS_STATE.match(main) and not stative) or re.search(r"\btakes\b", main):
        return None, {}
    if stative and not PASSIVE.match(stative["rest"]):
        return "behaviour.what", {"is_what": f"{stative['is']} {lower_first(stative['what'])}"}
    if re.search(r"\b(?:must|should|can|cannot|can't|might|may)\b", " ".join(main.split()[:8])):
        return None, {}
    return "behaviour.happens", {}
