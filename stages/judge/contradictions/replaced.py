"""A sentence said word for word but for one place, where something stands that cannot mean the same."""

import difflib
import itertools
import re
from collections import Counter

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.lexicon import NEGATIONS, NOUN_VERBS, STOPWORDS, VERBS
from stages.judge.matching import match
from stages.judge.stems import stem
from stages.judge.text import Text, read
from stages.judge.tokens import Token

_LEAST = 6  # words that must be the same: two short sentences may be alike by chance
_MOST = 2  # words that may be exchanged: a longer part is rather said in other words
WORD = re.compile(r"[\w$'./:-]*\w")
_RATE = re.compile(r"\b(?:per|an?|each|every(?:\s+1)?)\s+(?=(?:second|minute|hour|day|week|month|year)\b)")
_LINKS = frozenset(("too", "also", "but", "while", "whereas", "however"))  # they only bind statements
_COMPARED = frozenset(("less", "fewer", "more"))
_ACTIONS = frozenset(  # none of which does for another
    map(
        stem,
        ("create", "delete", "update", "open", "close", "start", "stop", "read", "write", "send", "receive", "add"),
    )
)
_DETERMINERS = frozenset(("a", "an", "the", "its", "their", "each", "every"))
_EXCLUSIVE = (
    ({"until", "before"}, {"after", "once"}),
    ({"until"}, {"when", "if", "while"}),
    ({"if"}, {"unless"}),
    ({"atleastonce"}, {"atmostonce"}),
    ({"least"}, {"most"}),
    ({"twice"}, {"once", "thrice"}),
    ({"across"}, {"within"}),
)


def replaced_words(reference: Text, answer: Text) -> list[Contradiction]:
    """ "Of the IAM user" against "of the root user", all else equal."""
    hits = []
    ours, theirs = _parts(reference), _parts(answer)
    for (number, own), (_, said) in itertools.product(ours, theirs):
        if _is_held(own, theirs) or _is_held(said, ours):
            continue  # another statement is that one: two of a kind stand side by side
        swap = _swap(own, said)
        parts = swap or _one_change(own, said)
        if parts and (swap or _excludes(*parts)):
            clause = reference.first_clause(number)
            one, two = (" ".join(part) for part in parts)
            hits.append(Contradiction("name", f'says "{two}" where the reference says "{one}"', clause=clause))
    return hits


def _parts(text: Text) -> list[tuple[int, list[str]]]:
    """The words of each statement, with the number of its sentence."""
    return [
        (number, _words(part))
        for number, sentence in enumerate(text.sentences)
        for part in re.split(r"\s*;\s*", sentence)
    ]


def _is_held(words: list[str], parts: list[tuple[int, list[str]]]) -> bool:
    return any(Counter(words) <= Counter(part) and _swap(words, part) is None for _, part in parts)


def _words(sentence: str) -> list[str]:
    words = [w for w in WORD.findall(_RATE.sub("per-", sentence.lower())) if w not in _LINKS]
    return [w if w in STOPWORDS or w.endswith("ss") else w.removesuffix("s") for w in words]


def _one_change(own: list[str], said: list[str]) -> tuple[list[str], list[str]] | None:
    """The words exchanged, if that is all that differs."""
    codes = [c for c in difflib.SequenceMatcher(None, own, said, autojunk=False).get_opcodes() if c[0] != "equal"]
    if len(codes) != 1 or codes[0][0] != "replace":
        return None
    _, i, j, k, m = codes[0]
    same = len(own) - (j - i)
    return (own[i:j], said[k:m]) if same >= _LEAST and max(j - i, m - k) <= _MOST else None


def _swap(own: list[str], said: list[str]) -> tuple[list[str], list[str]] | None:
    """Two words in one another's place, if that is all that differs; what is joined by "and" may be in any order."""
    places = [n for n, (a, b) in enumerate(zip(own, said, strict=False)) if a != b]
    if len(own) != len(said) or len(own) < _LEAST or len(places) != 2:
        return None
    i, j = places
    between = {w for w in own[i + 1 : j] if w in STOPWORDS | NEGATIONS} - {"and", "or", *_DETERMINERS}
    return ([own[i]], [said[i]]) if between and own[i] == said[j] and own[j] == said[i] else None


def _excludes(own: list[str], said: list[str]) -> bool:
    words, words_said = set(own), set(said)
    for left, right in _EXCLUSIVE:
        if (words & left and words_said & right) or (words & right and words_said & left):
            return True
    if any(w.startswith("per-") for w in own) and any(w.startswith("per-") for w in said):
        return True
    if (words | words_said) & _COMPARED:
        return False
    verbs = _is_verb(own) and _is_verb(said)
    ours, theirs = _things(own, verbs), _things(said, verbs)
    if not ours or not theirs or _initials(own) == _initials(said):
        return False
    return not any(match(a, b) for a, b in itertools.product(ours, theirs))


def _initials(words: list[str]) -> str:
    """ "dead-letter queue" and DLQ are one."""
    parts = [part for word in words for part in re.split(r"[-/]", word) if part]  # "--force" begins with none
    return words[0] if len(parts) == 1 else "".join(part[0] for part in parts)


def _is_verb(words: list[str]) -> bool:
    """Whether it is a single one that the lists know, with the words that mean the same."""
    return len(words) == 1 and stem(words[0]) in _ACTIONS


def _things(words: list[str], verbs: bool) -> list[Token]:
    """The tokens of these words, if they may be what it speaks of: what is done is said in too many ways."""
    tokens = [t for t in read(" ".join(words)).tokens if t.kind != "quantity"]
    named = verbs or words[0] in _DETERMINERS
    if any(t.weak or t.text.endswith("ly") or (t.key in VERBS - NOUN_VERBS and not named) for t in tokens):
        return []
    return tokens
