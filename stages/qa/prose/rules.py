"""Which sentences of an ordinary document tell which fact: patterns, tried in order, the first that fits wins.

Groups: ``s`` the subject (a noun phrase, see `nouns.py`), ``v3`` a verb in the third person, ``v`` one in the
base form, ``unit``, ``rest`` and others words of the question. What is in no group is what the question asks for.
"""

import re
from typing import NamedTuple

from stages.qa.shared.grammar import NUMBER

S = r"(?P<s>[A-Z][^,;:()?]*?)"
V3 = r"(?P<v3>[a-z]+s)"
MOST = r"(?:up to|at most|a maximum of|no more than|not more than|only)"
TIME = r"(?:millisecond|second|minute|hour|day|week|month|year)s?"
SIZE = r"(?:[KMGT]i?B|(?:kilo|mega|giga|tera)?bytes)"
# A tail that stays in the question: "per page", "in one call".
TAIL = r"(?P<rest>(?: (?:per|in|for|from|on|with|at|of|to|into|by|within|after|before|when|if|unless) [^,;:()]+)?)"
CLAUSE = r"(?:if|when|unless|while|until|as long as|after|before|once)"
VALID = r"(?:valid|allowed|supported|available|possible|permitted)"
PARTICIPLE = r"[a-z]+(?:ed|en|t)"


class Rule(NamedTuple):
    form: str  # key of PHRASINGS in phrasings.py
    pattern: re.Pattern
    answer: str = ""  # "Yes" or "No" opens the answer; else it is the sentence


def rule(form: str, pattern: str, answer: str = "") -> Rule:
    return Rule(form, re.compile(rf"^{pattern}\.$"), answer)


RULES: tuple[Rule, ...] = (
    rule("permission.document", rf"{S} (?:requires|needs) the (?:permission \S+|\S+ permission)"),
    rule("error.document", rf"{S} (?:returns|raises) an? [^,]*\berror (?P<rest>(?:if|when|unless) [^,;:]+)"),
    # Limits
    rule("limit.range", rf"{S} (?:must|has to|can|should) (?:be|lie|be set) (?:an? \w+ )?between \S+ and [^,;:]+"),
    rule("limit.exceed", rf"{S} (?:must not|cannot|can't|may not|should not) exceed [^;:]*\d[^;:]*"),
    rule(
        "limit.long",
        rf"{S} (?:can|may|must) be {MOST} {NUMBER} (?P<unit>[A-Za-z]+)(?: (?P<adj>long|wide|high|deep|large|old|tall))?"
        rf"{TAIL}",
    ),
    rule("limit.much", rf"{S} can (?P<v>[a-z]+) {MOST} {NUMBER} [A-Za-z]+ of (?P<mass>[a-z]+){TAIL}"),
    # Durations and defaults
    rule(
        "duration.after",
        rf"{S} {V3}(?P<adv>(?: [a-z]+ly| off| on| again)?) after {NUMBER} (?P<unit>{TIME})(?P<rest>(?: by default)?)",
    ),
    rule("duration.valid", rf"{S} is (?P<adj>[a-z]+) for (?:{MOST} )?{NUMBER} {TIME}"),
    rule("default.is", r"The default (?P<what>(?!is\b)[a-z][\w -]*?) is [^,;:]+"),
    rule("default.state", rf"{S} (?:is|are) (?!not\b)[^,;:]+ by default"),
    rule("default.state", r"By default, (?P<s>[^,;:]+?) (?:is|are) [^,;:]+"),
    # Values and requirements
    rule("valid_values.document", rf"The (?P<valid>{VALID}) (?P<what>[a-z][\w -]*?s) are [^;:]+"),
    rule("valid_values.contain", rf"{S} can (?:only )?(?P<v>contain|include|consist of) (?!the\b|an?\b)[^;:]+"),
    rule("requirement.needs", rf"{S} (?P<v3>requires|needs) (?:an?|the|at least|your) [^,;:]+"),
    # What is not so, what may be
    rule("behaviour.not", rf"{S} (?P<do_>does|do)(?: not|n't) (?P<rest>[a-z]+ [^,;:]+)", "No"),
    rule("capability.cannot", rf"{S} (?:cannot|can't|can not) (?P<rest>[a-z]+ ?[^,;:]*)", "No"),
    rule("capability.can", rf"{S} can (?P<rest>(?!only\b|be\b)(?:still |also )?[a-z]+ [^,;:\d]+)", "Yes"),
    rule("requirement.not", rf"{S} (?:must|may|should) not be (?P<rest>{PARTICIPLE}\b[^,;:]*)", "No"),
    rule("behaviour.is_not", rf"{S} (?P<is_>is|are) not (?P<rest>{PARTICIPLE}\b[^,;:]*)", "No"),
    # What is done
    rule("return.when", rf"{S} returns (?!only\b)[^,;:]+? (?P<rest>{CLAUSE} [^,;:]+)"),
    rule("return.document", rf"{S} returns (?!only\b)[^,;:]+"),
    rule("behaviour.cost", rf"{S} costs [^;:]+"),
    rule("behaviour.does", rf"{S} {V3} [^,;:]+? (?P<rest>(?:unless|when|if) [^,;:]+)"),
)
