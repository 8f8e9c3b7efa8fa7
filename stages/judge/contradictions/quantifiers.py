"""How many of them: "all objects" and "some objects", "many" and "few", "at least one" and "at most one"."""

import itertools
import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import harmonic, match
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token

# "One shard can ..." at the head speaks of each: "one" is a share only further on.
_LEVELS = {
    "at least one": r"(?:at\s+least|a\s+minimum\s+of)\s+(?:one|1)|(?:one|1)(?:\s+\w+){0,3}\s+or\s+more",
    "at most one": r"(?:at\s+most|up\s+to|a\s+maximum\s+of|fewer\s+than|less\s+than)\s+(?:one|1)",
    "at least": r"at\s+least|a\s+minimum\s+of",
    "at most": r"at\s+most|up\s+to|a\s+maximum\s+of",
    "all": r"all|every|each(?!\s+other)",
    "both": r"both",
    "most": r"(?<!at )(?<!at the )most(?=\s+(?:of\s|(?:\w+\s+){0,2}\w+s\b))|(?:the|a)\s+majority\s+of",
    "many": r"(?<!how )(?<!as )(?<!too )many|numerous|lots?\s+of|plenty\s+of|a\s+(?:large|great)\s+number\s+of",
    "any": r"any",
    "half": r"half(?=\s+(?:of|the)\s)",
    "some": r"some(?=\s+(?:of\s|(?:\w+\s+){0,2}\w+s\b))|several|a\s+few",
    "few": r"(?<!a )few|hardly\s+any|a\s+small\s+number\s+of",
    "exactly one": r"(?:only|just|exactly)\s+(?:one|1)|a\s+single",
    "one": r"(?:one|1)(?=\s+of\s)|(?<=\w )one(?!\s+or\b)",
    "only": r"only(?!\s+(?:if|when|while|after)\b)",
}
_EXCLUSIVE = frozenset(
    frozenset(pair.split("/"))
    for pair in ("all/most", "all/half", "all/some", "all/few", "all/one", "all/exactly one", "any/all", "half/few",
                 "both/one", "both/exactly one", "both/some", "both/only", "exactly one/some", "exactly one/many",
                 "most/few", "many/few", "many/one", "at least/at most", "at least one/at most one")
)  # fmt: skip
_LEVEL = re.compile(r"\b(?:" + "|".join(f"(?P<L{n}>{p})" for n, p in enumerate(_LEVELS.values())) + r")\b", re.I)
_ONCE = re.compile(r"\bonce\b(?!\s+(?:\w+\s+(?:is|are|has|have)|you|it|the|or)\b)", re.IGNORECASE)
_OFTEN = re.compile(r"\b(?:many|several|multiple|any\s+number\s+of)\s+times\b|\brepeatedly\b|\bagain and again\b", re.I)
_HEAD = re.compile(r"\W*(?:and|but|while|whereas)?\s*")
_CONDITIONS = ("if", "when", "unless")
_RATE = re.compile(
    r"\b(?:per|for|in|on|of)\s+(?:each|every|one(?!\s+of\b)|a\s+single)\b", re.IGNORECASE
)  # "5 for each rule" is "5 for one rule"
_PHRASE = re.compile(
    r"\W*(?:of\s+)?(?:the\s+)?(.*?)(?=$|[,;:()]|\b(?:an?|the|of|in|on|for|to|from|by|with|per|at|that|which|and|or|is|are|can|may|must|has|have)\b)",
    re.IGNORECASE,
)  # what follows a quantifier: a word of it is what is counted


def exchanged_quantifiers(clause: Clause, other: Clause, reference: Text, answer: Text) -> list[Contradiction]:
    """Another share of the same things, where neither text also says what the other does."""
    if (clause.cues - other.cues) % 2:
        return []  # "not all" is "some"; a negation too many is found elsewhere
    hits = []
    for (level, things), (said, things_said) in itertools.product(_levels(clause), _levels(other)):
        shared = [t for t in things if any(match(t, u) for u in things_said)]
        if frozenset((level, said)) not in _EXCLUSIVE or not shared:
            continue
        best = harmonic(clause, other)
        explained = any(said in _levels_of(shared[0], c) and harmonic(c, other) >= best for c in reference.clauses)
        explained |= any(level in _levels_of(shared[0], c) and harmonic(clause, c) >= best for c in answer.clauses)
        if not explained:
            hits.append(Contradiction("quantifier", f'says "{said}" where the reference says "{level}"'))
    return hits


def _levels(clause: Clause) -> list[tuple[str, list[Token]]]:
    """Each level with the words of which one is what is counted; rates apart."""
    names = list(_LEVELS)
    rates = list(_RATE.finditer(clause.text))
    found = []
    for level in _LEVEL.finditer(clause.text):
        phrase = _PHRASE.match(clause.text, level.end())
        things = [t for t in clause.tokens if phrase and level.end() <= t.start < phrase.end()]
        if level["L" + str(names.index("any"))] and clause.link not in _CONDITIONS:
            continue  # "any user can" is "all users can"; "if any item is bad" is not "if all items are bad"
        if level[0].lower() == "a single" and _HEAD.fullmatch(clause.text[: level.start()]):
            continue  # "a single call can ..." speaks of each
        if not any(rate.start() < level.start() < rate.end() for rate in rates):
            found.append((names[int(level.lastgroup[1:])], things))
    return found


def _levels_of(thing: Token, clause: Clause) -> set[str]:
    return {level for level, things in _levels(clause) if any(match(thing, t) for t in things)}


def exchanged_frequencies(reference: Text, answer: Text) -> list[Contradiction]:
    """ "It can be used once" against "it can be used many times"."""
    for once, often in ((reference, answer), (answer, reference)):
        if _before(_ONCE, once) & _before(_OFTEN, often) - _before(_OFTEN, once) - _before(_ONCE, often):
            return [Contradiction("quantifier", "says once where the other side says more than once")]
    return []


def _before(pattern: re.Pattern, text: Text) -> set[tuple[str, bool]]:
    """The words, denied or not, that stand right before it."""
    return {
        (before[-1].key, before[-1].negated)
        for clause in text.clauses
        for found in pattern.finditer(clause.text)
        if (before := [t for t in clause.tokens if t.end <= found.start()])
    }
