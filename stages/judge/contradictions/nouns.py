"""Words that may be nouns or verbs, and are nouns where they stand: "the update", "two versions", "roles and users"."""

import re

from stages.judge.lexicon import NOUN_VERBS
from stages.judge.text import Clause
from stages.judge.tokens import Token

_ONE_BETWEEN = re.compile(r"\s+(?:\w+\s+)?")
_COUNTS = re.compile(r"\b(?:both|all|many|several|these|those)\s+(?:\w+\s+)?$", re.IGNORECASE)
_LISTED = re.compile(r"(?:,|\b(?:and|or|all|both|every|each))\s+$")
_NO_OBJECT = re.compile(r"\s*(?:,|$)|\s+(?:of|and|or)\b")
_OBJECT = re.compile(r"\s+(?:an?|the|its|their|every|each)\s", re.IGNORECASE)


def is_noun(clause: Clause, pivot: Token) -> bool:
    """ "an asynchronous update" """
    return bool(re.search(r"\b(?:an?|the|its|their|each|every)\s+(?:\w+\s+)?$", clause.text[: pivot.start])) and not (
        pivot.text.endswith(("s", "ed", "ing"))
    )


def is_listed(clause: Clause, pivot: Token) -> bool:
    return bool(_NO_OBJECT.match(clause.text[pivot.end :]) and _LISTED.search(clause.text[: pivot.start]))


def is_plural(clause: Clause, pivot: Token) -> bool:
    """ "two function versions", "both versions", "reads of an object", "users, groups and roles" """
    if pivot.key not in NOUN_VERBS or not pivot.text.endswith("s"):
        return False
    before, after = clause.text[: pivot.start], clause.text[pivot.end :]
    counted = any(t.quantity and _ONE_BETWEEN.fullmatch(before[t.end :]) for t in clause.tokens if t.end < pivot.start)
    return bool(_NO_OBJECT.match(after)) or ((counted or bool(_COUNTS.search(before))) and not _OBJECT.match(after))
