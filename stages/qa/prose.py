"""Facts that sentences tell anywhere, in descriptions, in parameters and in the prose of overviews."""

import re
from collections.abc import Iterator

from stages.qa.conditions import conditional
from stages.qa.descriptions import able, definition, how_to
from stages.qa.facts import Fact, Reading, alone
from stages.qa.grammar import FINITE, NUMBER, has_pointer, has_pronoun, lower_first, word_count
from stages.qa.structure import Statement

MANY = re.compile(
    r"^(?P<noun>You|(?:Each|An?|The|Every) [\w -]{2,40}?) can (?P<verb>\w+) "
    rf"(?P<bound>up to|at most|a maximum of|no more than|only) (?P<number>{NUMBER}) "
    r"(?P<unit>(?!percent|times)[A-Za-z-]+s)(?P<rest>(?: [^,;:(]+)?)\.$"
)
WHAT = re.compile(
    r"^The (?P<what>(?:default|maximum|minimum|longest|shortest|largest|smallest|overall|total) "
    r"(?!value is|is|limit is|and)[\w -]{3,60}?(?: (?:of|for|in|on|per|to) [\w -]{2,50}?)?) (?P<is>is|are) "
    r"(?P<value>[^,;:]*\d[^;:]*)\.$"
)
MUST = re.compile(
    r"^(?P<noun>(?:The|A|An|Each|Your) [\w. -]{3,60}?) must (?P<verb>(?:begin|start|end) with|contain|include) "
    r"(?P<what>.+)\.$"
)


def facts(reading: Reading) -> Iterator[Fact]:
    if reading.subject.kind == "document":
        return  # see stages.qa.documents
    for statement, words in alone(reading, "description", "parameter", "prose"):
        if not words.endswith(".") or not 5 <= word_count(words) <= 45 or has_pointer(words):
            continue
        if statement.place.role == "prose":
            yield from conditional(statement, reading.subject)
            yield from list(how_to(statement, words, reading)) or able(statement, words, reading)
            yield from definition(statement, words, reading.subject)
        elif statement.place.role == "parameter":
            yield from able(statement, words, reading)
        if not has_pronoun(words):
            yield from quantity(statement, words)
            yield from requirement(statement, words)


def quantity(statement: Statement, words: str) -> Iterator[Fact]:
    span = statement.sentence.start, statement.sentence.end
    if (match := MANY.match(words)) and match["verb"] != "be" and not FINITE.search(match["rest"]):
        noun = "I" if match["noun"] == "You" else lower_first(match["noun"])
        rest = match["rest"].replace(" you ", " I ").replace(" your ", " my ")
        slots = {
            "unit": match["unit"],
            "can": f"can {noun}",
            "rest": f"{match['verb']}{rest}",
            "that": f"{noun} can {match['verb']}{rest}",
        }
        yield Fact("limit.many", slots, words, *span)
    elif (match := WHAT.match(words)) and (match["is"] == "are") == match["what"].split()[1].endswith("s"):
        yield Fact("limit.what", {"what": f"the {match['what']}", "is": match["is"]}, words, *span)


def requirement(statement: Statement, words: str) -> Iterator[Fact]:
    match = MUST.match(words)
    if not match or re.search(r"\b(?:that|which|whose|value|item|string)$|\b(?:that|which) ", match["noun"]):
        return
    # "The list" or "The name" is of something that another sentence says.
    if word_count(match["noun"]) < 3 and not re.search(r"[a-z][A-Z]|parameter", match["noun"]):
        return
    if not FINITE.search(match["noun"]) and not re.search(r"\b(?:if|when|unless)\b", words):
        slots = {"noun": lower_first(match["noun"]), "verb": match["verb"]}
        yield Fact("requirement", slots, words, statement.sentence.start, statement.sentence.end)
