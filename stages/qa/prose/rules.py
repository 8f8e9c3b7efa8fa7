"""Which sentences of an ordinary document tell which fact: patterns, tried in order, the first that fits wins.

Groups: ``s`` the subject (a noun phrase, see `nouns.py`), ``v3`` a verb in the third person, ``verb`` one in the
base form, ``unit``, ``rest`` and others words of the question. What is in no group is what the question asks for.
"""

import re
from typing import NamedTuple

from stages.qa.shared.grammar import NUMBER

MOST = r"(?:up to|at most|a maximum of|no more than|not more than|only)"
TIME = r"(?:millisecond|second|minute|hour|day|week|month|year)s?"
SIZE = r"(?:[KMGT]i?B|(?:kilo|mega|giga|tera)?bytes)"
S = r"(?P<s>[A-Z][^,;:()?]*?)"
V3 = r"(?P<v3>[a-z]+s)"
# A tail that stays in the question: "per page", "in one call".
TAIL = r"(?P<rest>(?: (?:per|in|for|from|on|with|at|of|to|into|by|within|after|before|when|if|unless) [^,;:()]+)?)"
CLAUSE = r"(?:if|when|unless|while|until|as long as|after|before|once)"
VALID = r"(?:valid|allowed|supported|available|possible|permitted)"
WHEN = r"(?P<when>(?:During|After|Before|In|Within|Without|Outside|On) (?!it\b|that\b|this\b)[^,;:]+)"
PARTICIPLE = r"[a-z]+(?:ed|en|t)"
CAPITALS = r"[A-Z][A-Z0-9_-]+"


class Rule(NamedTuple):
    form: str  # key of stages.qa.prose.phrasings.PHRASINGS
    pattern: re.Pattern
    answer: str = ""  # "Yes" or "No" opens the answer; else it is the sentence
    pronouns: bool = False  # may the question hold a pronoun, whose noun is then in its subject?


def rule(form: str, pattern: str, answer: str = "", pronouns: bool = False) -> Rule:
    return Rule(form, re.compile(rf"^{pattern}\.$"), answer, pronouns)


RULES: tuple[Rule, ...] = (
    rule("permission.document", rf"{S} (?:requires|needs) the (?:permission \S+|\S+ permission)"),
    rule("error.document", rf"{S} (?:returns|raises) an? [^,]*\berror (?P<rest>(?:if|when|unless) [^,;:]+)"),
    # Limits
    rule("limit.range", rf"{S} (?:must|has to|can|should) (?:be|lie|be set) (?:an? \w+ )?between \S+ and [^,;:]+"),
    rule(
        "limit.have",
        rf"{S} (?:must|has to|can) (?P<verb>have|contain|hold|include) (?:between \S+ and \d\S*|at least {NUMBER}) "
        r"(?P<unit>[a-z][a-z -]*s)",
    ),
    rule("limit.exceed", rf"{S} (?:must not|cannot|can't|may not|should not) exceed [^;:]*\d[^;:]*"),
    rule(
        "limit.long",
        rf"{S} (?:can|may|must) be {MOST} {NUMBER} (?P<unit>[A-Za-z]+)(?: (?P<adj>long|wide|high|deep|large|old|tall))?"
        rf"{TAIL}",
    ),
    rule(
        "limit.much",
        rf"{S} can (?P<verb>[a-z]+) {MOST} {NUMBER} (?:{SIZE}|kg|g|mg|l|ml|[a-z]+s) of (?P<mass>[a-z]+)"
        rf"{TAIL}",
    ),
    rule(
        "limit.number",
        rf"{S} can (?P<verb>(?!be\b)[a-z]+) {MOST} {NUMBER} (?P<unit>(?!percent|times)[A-Za-z-]+s){TAIL}",
    ),
    rule("limit.times", rf"You can (?P<do>[^,;:]+?) {MOST} {NUMBER} times"),
    rule(
        "limit.to",
        rf"You can (?P<verb>raise|extend|lower|reduce|increase|shorten|lengthen) (?P<what>[^,;:]+?) to "
        rf"(?:{MOST} )?{NUMBER}[^,;:]*",
    ),
    rule(
        "limit.wait",
        rf"You (?:must|have to|need to) wait (?:at least )?{NUMBER} {TIME} (?P<rest>(?:after|before|until"
        r"|between) [^,;:]+)",
        pronouns=True,
    ),
    rule("duration.takes", rf"{S} takes (?:{MOST}|between) {NUMBER}[^,;:]*? {TIME}"),
    rule("duration.kept", rf"{S} can be (?P<done>{PARTICIPLE}) for (?:{MOST} )?{NUMBER} {TIME}"),
    rule(
        "limit.exact",
        rf"{S} (?P<v3>holds|weighs|has|contains|stores|carries) (?:exactly |about )?{NUMBER} "
        rf"(?P<unit>[A-Za-z-]+){TAIL}",
    ),
    rule("duration.most", rf"{S} {V3} {MOST.replace('|only', '')} {NUMBER} {TIME}{TAIL}"),
    rule("limit.does", rf"{S} {V3} {MOST} {NUMBER} (?P<unit>[a-z-]+s){TAIL}"),
    rule(
        "limit.value",
        r"The (?P<what>(?:maximum|minimum|longest|shortest|largest|smallest|highest|lowest|overall|total) [\w -]+?) "
        r"(?P<is_>is|are) [^,;:]*\d[^;:]*",
    ),
    # Defaults and durations
    rule(
        "default.of",
        r"The default (?P<what>[a-z][a-z -]*?) (?:of|for) (?P<whose>(?:an?|the|each|every) [\w -]+?) is "
        r"[^,;:]+",
    ),
    rule("default.is", r"The default (?P<what>(?!is\b)[a-z][\w -]*?) is [^,;:]+"),
    rule(
        "duration.after",
        rf"{S} {V3}(?P<adv>(?: [a-z]+ly| off| on| again)?) after {NUMBER} (?P<unit>{TIME})"
        r"(?P<rest>(?: by default)?)",
    ),
    rule(
        "duration.valid",
        rf"{S} is (?P<adj>valid|open|available|active|usable|visible|free|closed|locked) for "
        rf"(?:{MOST} )?{NUMBER} {TIME}(?P<rest>(?: by default)?)",
    ),
    rule(
        "duration.does",
        rf"{S} (?P<v3>lasts|takes|waits|stays|lives|runs)(?: for)? (?:about )?{NUMBER} {TIME}"
        r"(?P<rest>(?: by default)?)",
    ),
    rule("default.often", rf"{S} {V3} (?P<what>[^,;:]+?) every {NUMBER} {TIME} by default"),
    rule("default.duration", rf"{S} {V3} (?P<what>[^,;:]+?) for {NUMBER} {TIME} by default"),
    rule("default.with", rf"{S} {V3} (?P<what>[^,;:]+?) with [^,;:]+ by default"),
    rule("default.value", rf"{S} (?P<is_>is|are) {NUMBER}(?: (?P<unit>[a-zA-Z]+))? by default"),
    rule("default.state", rf"{S} (?:is|are) (?!not\b)[^,;:]+ by default"),
    rule(
        "default.whom",
        r"By default, (?P<s>[^,;:]+?) (?P<is_>is|are) (?P<adj>open|visible|available|accessible"
        r"|readable|shown|hidden|closed) (?:only )?to (?=an?\b|the\b|its\b|all\b|every)[^,;:]+",
    ),
    rule("default.state", r"By default, (?P<s>[^,;:]+?) (?:is|are) [^,;:]+"),
    # Values
    rule("valid_values.document", rf"The (?P<valid>{VALID}) (?P<what>[a-z][\w -]*?s) are [^;:]+"),
    rule("valid_values.contain", rf"{S} can (?:only )?(?P<verb>contain|include|consist of) (?!the\b|an?\b)[^;:]+"),
    rule(
        "valid_values.which",
        rf"{S} can (?P<verb>[a-z]+) the (?P<what>[a-z]+s) (?:{CAPITALS}, )*{CAPITALS} and "
        rf"{CAPITALS}",
    ),
    # Requirements
    rule("requirement.only", rf"{S} (?P<v3>works|applies|runs|operates) only (?P<prep>on|with|for|to) [^,;:]+"),
    rule("requirement.before", rf"{S} must be {PARTICIPLE} before (?P<rest>[^,;:]+)", pronouns=True),
    rule(
        "requirement.rule",
        rf"{S} must (?:not )?be (?:unique|different|distinct|the same|written|in|at|of|lower|upper)"
        r"\b[^,;:]*",
    ),
    rule("requirement.needs", rf"{S} (?P<v3>requires|needs) (?:an?|the|at least|your) [^,;:]+"),
    # What is not so, what may be
    rule("behaviour.not", rf"{S} (?:does not|doesn't) (?P<rest>[a-z]+ [^,;:]+)", "No", True),
    rule("behaviour.not_many", rf"{S} (?:do not|don't) (?P<rest>[a-z]+ [^,;:]+)", "No", True),
    rule("behaviour.never", rf"{S} never {V3} (?P<rest>[^,;:]+)", "No", True),
    rule("capability.cannot", rf"{S} (?:cannot|can't|can not) (?P<rest>[a-z]+ ?[^,;:]*)", "No", True),
    rule(
        "capability.during",
        rf"{WHEN}, (?P<s>(?:an?|the|no|your|you|data|[A-Z])\b[^,;:]*?) cannot (?P<rest>[a-z]+ [^,;:]+)",
        "No",
    ),
    rule(
        "capability.who",
        rf"{WHEN}, nobody can (?P<rest>[a-z]+ [^,;:]+)(?:, not even [^,;:]+)?",
    ),
    rule("behaviour.even", rf"{S} {V3} (?P<rest>even (?:if|when) [^,;:]+)", "Yes", True),
    rule("capability.can", rf"{S} can (?P<rest>(?!only\b|be\b)(?:still |also )?[a-z]+ [^,;:\d]+)", "Yes"),
    rule("requirement.not", rf"{S} (?:must|may|should) not be (?P<rest>{PARTICIPLE}\b[^,;:]*)", "No", True),
    rule(
        "behaviour.is_not",
        rf"{S} (?P<is_>is|are) not (?P<rest>(?:allowed|permitted|possible|required|supported"
        r"|included|covered|available|stored|kept|shared|charged|counted)\b[^,;:]*)",
        "No",
        True,
    ),
    # What is done
    rule("return.when", rf"{S} returns (?!only\b)[^,;:]+? (?P<rest>{CLAUSE} [^,;:]+)"),
    rule("return.document", rf"{S} returns (?!only\b)[^,;:]+"),
    rule("behaviour.order", rf"{S} {V3} (?P<what>[^,;:]+?) in (?:[a-z]+ order|the order [^,;:]+)"),
    rule("behaviour.why", rf"{S} (?P<is_>is|are) (?P<done>{PARTICIPLE}) so that [^;:]+"),
    rule("behaviour.cost", rf"{S} costs [^;:]+"),
    rule("behaviour.does", rf"{S} {V3} [^,;:]+? (?P<rest>(?:unless|when|if) [^,;:]+)"),
)
