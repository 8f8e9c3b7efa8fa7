"""A statement said nearly word for word, with something in another's place that cannot mean the same."""

import functools
import itertools
import re
from collections.abc import Sequence

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.contradictions.statements import DETERMINERS, TECHNICAL, Edit, edits, pairs, plain, statements, swap
from stages.judge.matching import match
from stages.judge.reading.lexicon import DOINGS, NEGATIONS, NOUN_VERBS, STOPWORDS, VERBS, opposite, sisters
from stages.judge.reading.quantities import Quantity, find_quantities
from stages.judge.reading.text import Text, read_text
from stages.judge.reading.tokens import Token
from tune_or_retrieve.text.stems import stem

_COMPARED = frozenset(("less", "fewer", "more"))
_ACTIONS = frozenset(  # none of which does for another
    map(
        stem,
        ("create", "delete", "update", "open", "close", "start", "stop", "read", "write", "send", "receive", "add"),
    )
)
_EXCLUSIVE = (
    ({"until", "before"}, {"after", "once"}),
    ({"until"}, {"when", "if", "while"}),
    ({"from"}, {"until"}),
    ({"if"}, {"unless"}),
    ({"atleastonce"}, {"atmostonce"}),
    ({"least"}, {"most", "fewer", "less", "below", "under"}),
    ({"across"}, {"within"}),
    ({"including"}, {"except", "excluding"}),
    ({"up"}, {"down", "more", "above", "over", "least"}),
    ({"most"}, {"exceed", "above", "over", "more", "higher", "larger", "longer"}),
    ({"most", "many"}, {"few"}),
    ({"during", "while"}, {"before", "after"}),
    ({"same"}, {"any"}),
    ({"one"}, {"any"}),
    ({"all", "every", "each", "both"}, {"one", "some", "either", "most", "least"}),
    ({"only"}, {"also", "any", "all", "every", "each"}),
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
             "ninth": 9, "tenth": 10, "last": -1, "final": -1}  # fmt: skip
_NUMBERS = {"once": "1 time", "twice": "2 times", "thrice": "3 times", "single": "1", "one": "1"}


def substitutions(reference: Text, answer: Text) -> list[Contradiction]:
    """ "Of the IAM user" against "of the root user", all else equal."""
    hits = []
    for own, said in pairs(reference, answer):
        exchange = swap(own, said)
        changes = edits(own, said)
        denied = sum(w in NEGATIONS for w in (*own.words, *said.words)) % 2 == 1
        moved = any(_said_in(e.own, answer) and _said_in(e.said, reference) for e in changes if not e.alone)
        for edit in [exchange] if exchange else changes:
            if exchange or _excludes(edit, reference, answer, moved, denied):
                one, two = " ".join(edit.own), " ".join(edit.said)
                text = f'says "{two}" where the reference says "{one}"'
                hits.append(Contradiction("substitution", text, clause=reference.first_clause(own.sentence)))
    return hits


@functools.lru_cache(maxsize=64)
def _vocabulary(text: Text) -> set[str]:
    return {word for statement in statements(text) for word in statement.words}


def _excludes(edit: Edit, reference: Text, answer: Text, converse: bool, denied: bool) -> bool:
    """
    Args:
        converse: other parts have changed places, and "before" may have become "after" for it.
        denied: one of the two is denied: "cannot unless", "can only if".
    """
    own, said = ([w.lower() for w in words] for words in (edit.own, edit.said))
    words, words_said = set(own), set(said)
    amounts, amounts_said = _amounts(edit.own), _amounts(edit.said)
    if amounts and amounts_said:
        moved = _among(amounts, answer) or _among(amounts_said, reference)
        return (edit.alone or not moved) and not any(a.same(b) for a in amounts for b in amounts_said)
    for left, right in () if denied else _EXCLUSIVE:
        if (words & left and words_said & right) or (words & right and words_said & left):
            return True
    if not edit.alone and (_said_in(edit.own, answer) or _said_in(edit.said, reference)):
        return False  # where more differs, only what is gone for good was given up for what is new
    places, places_said = _places(own), _places(said)
    if places and places_said:
        return edit.alone and not places & places_said
    if (words | words_said) & _COMPARED or places or places_said:
        return False
    if _initials(own, said) or _initials(said, own) or _un(own, said):
        return False
    names, names_said = _names(edit.own), _names(edit.said)
    if (names and names_said) or (len(own) == len(said) == 1 and (names or names_said)):
        return not any(_alike(a, b) for a, b in itertools.product(edit.own, edit.said))
    verbs = (_is_verb(own) and _is_verb(said)) or edit.before in DETERMINERS or edit.before.endswith("'s")
    ours, theirs = _things(edit.own, verbs), _things(edit.said, verbs)
    if not ours or not theirs or any(_is_one(a, b) for a, b in itertools.product(ours, theirs)):
        return False
    rivals = any(opposite(a.text, b.text) or sisters(a.text, b.text) for a, b in itertools.product(ours, theirs))
    return edit.alone or (rivals and not converse)


def _places(words: Sequence[str]) -> set[int]:
    """Third and 3rd are 3."""
    return {_ORDINALS[w] for w in words if w in _ORDINALS} | {
        int(found[1]) for w in words if (found := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", w))
    }


def _is_one(a: Token, b: Token) -> bool:
    short, long = sorted((a.key, b.key), key=len)
    return match(a, b) > 0 or (len(short) >= 4 and long.startswith(short))  # "reuse", "reusable"


def _among(amounts: list[Quantity], text: Text) -> bool:
    return any(a.same(t.quantity) for a in amounts for t in text.quantities)


def _said_in(words: Sequence[str], text: Text) -> bool:
    content = [w for w in map(plain, words) if w not in STOPWORDS | NEGATIONS]
    return not content or not _vocabulary(text).isdisjoint(content)


def _names(words: Sequence[str]) -> list[str]:
    return [w for w in words if TECHNICAL.search(w) or "-" in w or w[:1].isupper()]


def _alike(a: str, b: str) -> bool:
    """Whether one may be the other in another spelling: "read-only", "readonly"; not "sand-filled", "water-filled"."""
    one, two = (re.sub(r"[^a-z0-9]", "", w.lower()).replace("ise", "ize") for w in (a, b))
    parts, parts_said = ({stem(p) for p in re.split(r"[-_/.:]", w.lower()) if p} for w in (a, b))
    return one == two or parts <= parts_said or parts_said <= parts


def _un(own: Sequence[str], said: Sequence[str]) -> bool:
    """ "Unmasked" and "without masking"; whether it is denied once too often is asked elsewhere."""
    return any(
        one.startswith("un") and stem(one.removeprefix("un")) == stem(two)
        for here, there in ((own, said), (said, own))
        for one, two in itertools.product(here, there)
    )


def _amounts(words: Sequence[str]) -> list[Quantity]:
    text = " ".join(_NUMBERS.get(w.lower(), w) for w in words)
    return find_quantities(text)


def _initials(words: Sequence[str], short: Sequence[str]) -> bool:
    """ "dead-letter queue" and DLQ are one."""
    parts = [part for word in words for part in re.split(r"[-/]", word) if part]
    return len(short) == 1 and len(parts) > 1 and "".join(part[0] for part in parts) == short[0]


def _is_verb(words: Sequence[str]) -> bool:
    """Whether it is one of those none of which does for another."""
    return len(words) == 1 and stem(words[0]) in _ACTIONS


def _things(words: Sequence[str], verbs: bool) -> list[Token]:
    """The tokens of these words, if they may be what it speaks of: what is done is said in too many ways."""
    tokens = [t for t in read_text(" ".join(words)).tokens if t.kind != "quantity"]
    named = verbs or words[0].lower() in DETERMINERS
    doings = (VERBS | DOINGS) - NOUN_VERBS
    if any((t.text.endswith("ly") and t.text.islower()) or (t.key in doings and not named) for t in tokens):
        return []
    return [t for t in tokens if not t.weak]
