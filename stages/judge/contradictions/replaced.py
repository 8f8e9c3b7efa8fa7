"""A statement said nearly word for word: what stands in another's place there, and cannot mean the same."""

import difflib
import functools
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.lexicon import DOINGS, NEGATIONS, NOUN_VERBS, STOPWORDS, VERBS, concept, opposite, sisters
from stages.judge.matching import match
from stages.judge.quantities import Quantity, find_quantities
from stages.judge.stems import stem
from stages.judge.text import Text, read
from stages.judge.tokens import Token

_LEAST = 4  # words that must be the same: two short statements may be alike by chance
_LEAST_SHARE = 0.5  # of the words of both
_MOST = 3  # words that may be exchanged: a longer part is rather said in other words
WORD = re.compile(r"\d{1,3}(?:,\d{3})+|-{0,2}[\w$'./:-]*\w")
_RATE = re.compile(r"(?<!within )(?<!in )(?<!after )(?<!for )(?<!of )(?<!least )(?<!most )(?<!than )\b(?:per|an?|each|every(?:\s+1)?)\s+(?=(?:second|minute|hour|day|week|month|year)\b)")
_LINKS = frozenset(("too", "also", "but", "while", "whereas", "however"))  # they only bind statements
_COMPARED = frozenset(("less", "fewer", "more"))
_ACTIONS = frozenset(  # none of which does for another
    map(
        stem,
        ("create", "delete", "update", "open", "close", "start", "stop", "read", "write", "send", "receive", "add"),
    )
)
_DETERMINERS = frozenset(("a", "an", "the", "its", "their", "each", "every", "this", "these", "those"))
_EXCLUSIVE = (
    ({"until", "before"}, {"after", "once"}),
    ({"until"}, {"when", "if", "while"}),
    ({"from"}, {"until"}),
    ({"if"}, {"unless"}),
    ({"atleastonce"}, {"atmostonce"}),
    ({"least"}, {"most"}),
    ({"twice"}, {"once", "thrice"}),
    ({"across"}, {"within"}),
    ({"including"}, {"except", "excluding"}),
    ({"up"}, {"down"}),
    ({"most"}, {"exceed", "above", "higher", "larger", "longer"}),
    ({"during", "while"}, {"before", "after"}),
    ({"same"}, {"any"}),
    ({"one"}, {"any"}),
)
# What names a thing and is no word: a flag, a constant, a path, camel case.
_TECHNICAL = re.compile(r"^-|[_:\d]|\w[./]\w|[a-z][A-Z]|^[A-Z]{2,}|[A-Z]-|-[A-Z]")
_ORDINALS = {w: n for n, w in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)}
_ENDS = {"last": -1, "final": -1}
_NUMBERS = {"once": "1 time", "twice": "2 times", "thrice": "3 times", "single": "1", "one": "1"}


@dataclass(frozen=True)
class Statement:
    """`words` as they are compared, `shown` as they stand there."""

    sentence: int
    words: tuple[str, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """What one statement says where the other says something else, all around it being the same."""

    own: tuple[str, ...]
    said: tuple[str, ...]
    alone: bool  # nothing else differs
    before: str = ""  # the word in front of it


def replaced_words(reference: Text, answer: Text) -> list[Contradiction]:
    """ "Of the IAM user" against "of the root user", all else equal."""
    hits = []
    for own, said in pairs(reference, answer):
        swap = _swap(own, said)
        changes = edits(own, said)
        exchanged = any(_said_in(e.own, answer) and _said_in(e.said, reference) for e in changes if not e.alone)
        for edit in [swap] if swap else changes:
            if swap or _excludes(edit, reference, answer, converse=exchanged):
                one, two = " ".join(edit.own), " ".join(edit.said)
                text = f'says "{two}" where the reference says "{one}"'
                hits.append(Contradiction("name", text, clause=reference.first_clause(own.sentence)))
    return hits


def pairs(reference: Text, answer: Text) -> list[tuple[Statement, Statement]]:
    """Each statement of the reference with each of the answer, but for those that the other side has, too."""
    ours, theirs = statements(reference), statements(answer)
    return [
        (own, said)
        for own, said in itertools.product(ours, theirs)
        # Else another statement is that one: two of a kind stand side by side.
        if not _is_held(own, theirs) and not _is_held(said, ours)
    ]


def statements(text: Text) -> list[Statement]:
    found = []
    for number, sentence in enumerate(text.sentences):
        for part in re.split(r"\s*;\s*", sentence):
            shown = [w for w in WORD.findall(_RATE.sub("per-", part)) if w.lower() not in _LINKS]
            shown[:1] = [w if _TECHNICAL.search(w) else w.lower() for w in shown[:1]]  # its capital says nothing
            found.append(Statement(number, tuple(map(_plain, shown)), tuple(shown)))
    return found


def _plain(word: str) -> str:
    """Without case and plural, if it is no name."""
    lower = word.lower()
    if lower in STOPWORDS or len(word) < 4 or _TECHNICAL.search(word) or lower.endswith(("ss", "us", "is")):
        return lower
    return lower.removesuffix("'s").removesuffix("s")


@functools.lru_cache(maxsize=64)
def _vocabulary(text: Text) -> set[str]:
    return {word for statement in statements(text) for word in statement.words}


def _is_held(statement: Statement, others: list[Statement]) -> bool:
    return any(
        Counter(statement.words) <= Counter(o.words)
        and sum(w in NEGATIONS for w in statement.words) == sum(w in NEGATIONS for w in o.words)
        and _swap(statement, o) is None
        for o in others
    )


def edits(own: Statement, said: Statement, least_share: float = _LEAST_SHARE, every: bool = False) -> list[Edit]:
    """What is exchanged; with `every`, what is added or left out, too. None if hardly the same words are said."""
    codes = difflib.SequenceMatcher(None, own.words, said.words, autojunk=False).get_opcodes()
    same = sum(j - i for tag, i, j, _, _ in codes if tag == "equal")
    least = _LEAST if len(own.words) > _LEAST + 1 else _LEAST - 1
    if same < least or 2 * same < least_share * (len(own.words) + len(said.words)):
        return []
    changes = [code for code in codes if code[0] != "equal"]
    return [
        Edit(own.shown[i:j], said.shown[k:m], len(changes) == 1, own.shown[i - 1].lower() if i else "")
        for tag, i, j, k, m in changes
        if every or (tag == "replace" and max(j - i, m - k) <= _MOST)
    ]


def _swap(own: Statement, said: Statement) -> Edit | None:
    """Two words in one another's place, if that is all that differs; what is joined by "and" may be in any order."""
    one, two = own.words, said.words
    places = [n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
    if len(one) != len(two) or len(one) < 6 or len(places) != 2:
        return None
    i, j = places
    between = {w for w in one[i + 1 : j] if w in STOPWORDS | NEGATIONS} - {"and", "or", *_DETERMINERS, *one[i - 1 : i]}
    exchanged = between and one[i] == two[j] and one[j] == two[i] and concept(one[i]) != concept(one[j])
    return Edit((own.shown[i],), (said.shown[i],), alone=True) if exchanged else None


def _excludes(edit: Edit, reference: Text, answer: Text, converse: bool) -> bool:
    """`converse`: other parts have changed places, and "before" may have become "after" for it."""
    own, said = ([w.lower() for w in words] for words in (edit.own, edit.said))
    words, words_said = set(own), set(said)
    amounts, amounts_said = _amounts(own), _amounts(said)
    if amounts and amounts_said:
        moved = _among(amounts, answer) or _among(amounts_said, reference)
        return (edit.alone or not moved) and not any(a.same(b) for a in amounts for b in amounts_said)
    if edit.alone:
        for left, right in _EXCLUSIVE:
            if (words & left and words_said & right) or (words & right and words_said & left):
                return True
        if any(w.startswith("per-") for w in own) and any(w.startswith("per-") for w in said):
            return True
    elif _said_in(edit.own, answer) or _said_in(edit.said, reference):
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
    verbs = (_is_verb(own) and _is_verb(said)) or edit.before in _DETERMINERS or edit.before.endswith("'s")
    ours, theirs = _things(edit.own, verbs), _things(edit.said, verbs)
    if not ours or not theirs or any(_is_one(a, b) for a, b in itertools.product(ours, theirs)):
        return False
    rivals = any(opposite(a.text, b.text) or sisters(a.text, b.text) for a, b in itertools.product(ours, theirs))
    return edit.alone or (rivals and not converse)


def _places(words: Sequence[str]) -> set[int]:
    """Third and 3rd are 3."""
    known = _ORDINALS | _ENDS
    return {known[w] for w in words if w in known} | {
        int(found[1]) for w in words if (found := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", w))
    }


def _is_one(a: Token, b: Token) -> bool:
    short, long = sorted((a.key, b.key), key=len)
    return match(a, b) > 0 or (len(short) >= 4 and long.startswith(short))  # "reuse", "reusable"


def _among(amounts: list[Quantity], text: Text) -> bool:
    return any(a.same(t.quantity) for a in amounts for t in text.quantities)


def _said_in(words: Sequence[str], text: Text) -> bool:
    content = [w for w in map(_plain, words) if w not in STOPWORDS | NEGATIONS]
    return not content or not _vocabulary(text).isdisjoint(content)


def _names(words: Sequence[str]) -> list[str]:
    return [w for w in words if _TECHNICAL.search(w) or "-" in w or w[:1].isupper()]


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
    text = " ".join(_NUMBERS.get(w, w) for w in words)
    return find_quantities(text)


def _initials(words: Sequence[str], short: Sequence[str]) -> bool:
    """ "dead-letter queue" and DLQ are one."""
    parts = [part for word in words for part in re.split(r"[-/]", word) if part]
    return len(short) == 1 and len(parts) > 1 and "".join(part[0] for part in parts) == short[0]


def _is_verb(words: Sequence[str]) -> bool:
    """Whether it is a single one that the lists know, with the words that mean the same."""
    return len(words) == 1 and stem(words[0]) in _ACTIONS


def _things(words: Sequence[str], verbs: bool) -> list[Token]:
    """The tokens of these words, if they may be what it speaks of: what is done is said in too many ways."""
    tokens = [t for t in read(" ".join(words)).tokens if t.kind != "quantity"]
    named = verbs or words[0].lower() in _DETERMINERS
    doings = (VERBS | DOINGS) - NOUN_VERBS
    if any((t.text.endswith("ly") and t.text.islower()) or (t.key in doings and not named) for t in tokens):
        return []
    return [t for t in tokens if not t.weak]
