"""Facts that a sentence states by itself: how to do something, what can be done, definitions, limits, requirements."""

import re
from collections.abc import Iterator

from stages.qa.shared.fact_sheet import Fact, fact
from stages.qa.shared.grammar import (
    FINITE,
    NUMBER,
    first_person,
    has_pronoun,
    lower_first,
    word_count,
)
from stages.qa.shared.reading import Reading, Statement
from stages.qa.shared.subject import Subject

TO_USE = re.compile(
    r"^To (?P<do>.{6,140}?), (?:you )?(?:can |must )?(?P<use>(?:also )?(?:use|call|specify|set|include|omit|add|choose"
    r"|create|provide|send|submit|run|issue|enter) .+)\.$"
)
NO_PURPOSE = re.compile(r"(?:do|use|be|find out|perform the|call|run)\b")
CAN = re.compile(r"^You (?P<can>can|can't|cannot|may) (?:also |optionally |then )?(?P<do>[a-z]+ .+)\.$")
DEFINITION = re.compile(r"^(?P<term>An? [A-Za-z][\w -]{2,45}?) is (?P<what>(?:an?|the) .+)\.$")
NO_TERM = re.compile(
    r"\b(?:that|which|of|for|with|in|to|name|type|value|number|default|result|response|request|parameter|element)\b"
)
MANY = re.compile(
    r"^(?P<noun>You|(?:Each|An?|The|Every) [\w -]{2,40}?) can (?P<verb>\w+) "
    rf"(?:up to|at most|a maximum of|no more than|only) {NUMBER} "
    r"(?P<unit>(?!percent|times)[A-Za-z-]+s)(?P<rest>(?: [^,;:(]+)?)\.$"
)
WHAT = re.compile(
    r"^The (?P<what>(?:default|maximum|minimum|longest|shortest|largest|smallest|overall|total) "
    r"(?!value is|is|limit is|and)[\w -]{3,60}?) (?P<is>is|are) "
    r"[^,;:]*\d[^;:]*\.$"
)
MUST = re.compile(
    r"^(?P<noun>(?:The|A|An|Each|Your) [\w. -]{3,60}?) must (?P<verb>(?:begin|start|end) with|contain|include) "
    r".+\.$"
)


def how_to(statement: Statement, words: str, reading: Reading) -> Iterator[Fact]:
    """The fact of a sentence such as "To delete the alias, use DeleteAlias."."""
    match = TO_USE.match(words)
    if not match or has_pronoun(match["do"]) or word_count(match["do"]) < 3 or re.search(r"[,(]", match["do"]):
        return
    if NO_PURPOSE.match(match["do"]) or re.search(r"\b(?:it|them|another|other|different)\b", match["use"]):
        return
    do = first_person(match["do"])
    if not do or goes_on(statement, reading):
        return
    subject = reading.subject
    named = set(re.findall(r"\w+", match["use"])) & reading.siblings
    if subject.kind == "operation" and named - {subject.name}:
        # Asked with the operation at hand, "How do I delete the alias with CreateAlias?" would be the wrong question.
        if len(named) == 1:
            yield fact("howto.other", statement, words, do=do)
    else:
        yield fact("howto.use", statement, words, do=do)


def goes_on(statement: Statement, reading: Reading) -> bool:
    """Is the sentence one of several steps, with the next one behind it?"""
    after = reading.behind(statement)
    return bool(after and re.match(r"(?:Then|Next|After|Finally|Otherwise|And)\b", after.sentence.text))


def capability(statement: Statement, words: str, subject: Subject) -> Iterator[Fact]:
    """ "You can change the name of an alias.", "You cannot rename a key."."""
    match = CAN.match(words)
    if not match or has_pronoun(match["do"]) or re.search(r"\b(?:at any time|but|only|also)\b", match["do"]):
        return
    if not 4 <= word_count(match["do"]) <= 28 or re.search(r"[,(]|\d|\beither\b|\bmaximum\b", match["do"]):
        return
    do = first_person(match["do"])
    if not do or re.match(r"(?:see|find|learn|do|get|be)\b", do):
        return
    no = match["can"] in ("can't", "cannot")
    named = subject.kind == "operation" and (subject.name in do or re.search(r"\b[A-Z]\w+ operation\b", do))
    slots = {"within": f"In {subject.service}", "op": subject.service} if named else {}
    form, answer = ("capability.no", "No") if no else ("capability.yes", "Yes")
    yield fact(form, statement, f"{answer}, you {words[4:]}", do=do, **slots)


def definition(statement: Statement, words: str) -> Iterator[Fact]:
    """ "An alias is a second name for a key."."""
    match = DEFINITION.match(words)
    if match and 5 <= word_count(match["what"]) <= 35 and not NO_TERM.search(match["term"]):
        yield fact("definition", statement, words, term=lower_first(match["term"]))


def quantity(statement: Statement, words: str) -> Iterator[Fact]:
    """ "You can keep up to 3 boats.", "The maximum size of a boat is 9 m."."""
    if (match := MANY.match(words)) and match["verb"] != "be" and not FINITE.search(match["rest"]):
        noun = "I" if match["noun"] == "You" else lower_first(match["noun"])
        rest = match["rest"].replace(" you ", " I ").replace(" your ", " my ")
        does = f"{match['verb']}{rest}"
        that = f"{noun} can {does}"
        yield fact("limit.many", statement, words, unit=match["unit"], can=f"can {noun}", rest=does, that=that)
    elif (match := WHAT.match(words)) and (match["is"] == "are") == match["what"].split()[1].endswith("s"):
        yield fact("limit.what", statement, words, what=f"the {match['what']}", is_=match["is"])


def requirement(statement: Statement, words: str) -> Iterator[Fact]:
    """ "The name of a boat must begin with a letter."."""
    match = MUST.match(words)
    # A noun of two words, "The name", is of something that another sentence says.
    if match and word_count(match["noun"]) >= 3 and not re.search(r"\b(?:that|which|whose)\b|\bvalue$", match["noun"]):
        yield fact("requirement", statement, words, noun=lower_first(match["noun"]), verb=match["verb"])
