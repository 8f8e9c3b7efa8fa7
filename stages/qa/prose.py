"""Facts that sentences tell anywhere, in descriptions, in parameters and in ordinary prose: quantities and definitions."""

import re
from collections.abc import Iterator

from stages.qa.conditions import _conditional
from stages.qa.descriptions import _can, _to_use, definition, unsafe
from stages.qa.facts import Fact, Reading
from stages.qa.grammar import has_pointer, has_pronoun, lower_first, word_count
from stages.qa.subject import resolve
from stages.qa.text import plain

NUMBER = r"(?:\d[\d,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
MANY = re.compile(
    rf"^(?P<noun>You|(?:Each|An?|The|Every) [\w -]{{2,40}}?) can (?P<verb>\w+) (?P<bound>up to|at most|a maximum of|no more than|only) "
    rf"(?P<number>{NUMBER}) (?P<unit>(?!percent)[A-Za-z-]+s)(?P<rest>(?: [^,;:(]+)?)\.$"
)
WHAT = re.compile(
    r"^The (?P<what>(?:default|maximum|minimum|max|longest|shortest|largest|smallest|overall|total) (?!value is|is)[\w -]{3,60}?"
    r"(?: (?:of|for|in|on|per|to) [\w -]{2,50}?)?) (?P<is>is|are) (?P<value>[^,;:]*\d[^;:]*)\.$"
)


def facts(reading: Reading) -> Iterator[Fact]:
    for statement in reading.statements:
        if statement.place.role not in ("description", "parameter", "prose") or unsafe(statement):
            continue
        parameter = statement.place.name if statement.place.role == "parameter" else ""
        words = resolve(plain(statement.sentence.text), reading.subject, parameter)
        if not words.endswith(".") or not 5 <= word_count(words) <= 45 or has_pointer(words):
            continue
        if statement.place.role == "prose":
            yield from _conditional(statement, reading.subject)
            yield from list(_to_use(statement, words, reading)) or _can(statement, words, reading.subject)
            yield from definition(statement, words, reading.subject)
        if not has_pronoun(words):
            yield from _quantity(statement, words, reading)


def _quantity(statement, words: str, reading: Reading) -> Iterator[Fact]:
    subject = reading.subject
    sentence = statement.sentence
    base = {"name": subject.name, "service": subject.service}
    if match := MANY.match(words):
        noun = "I" if match["noun"] == "You" else lower_first(match["noun"])
        rest = match["rest"].replace(" you ", " I ").replace(" your ", " my ")
        slots = {
            "unit": match["unit"],
            "can": f"can {noun}",
            "rest": f"{match['verb']}{rest}",
            "that": f"{noun} can {match['verb']}{rest}",
        }
        yield Fact("limit.many", {**base, **slots}, words, sentence.start, sentence.end)
    elif match := WHAT.match(words):
        yield Fact("limit.what", {**base, "what": f"the {match['what']}"}, words, sentence.start, sentence.end)
