"""The words of a clause that say something, typed and with their polarity."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from stages.judge.reading.lexicon import NEGATIONS, STOPWORDS, VERBS, WEAK, concept
from stages.judge.reading.quantities import Quantity, find_quantities
from tune_or_retrieve.text.stems import stem

Kind = Literal["word", "identifier", "name", "quantity"]

_TOKEN = re.compile(
    r"arn:[\w:/*-]+"  # ARNs
    r"|[a-z][a-z0-9-]*:(?:[A-Z][A-Za-z]+\*?|\*)"  # permissions: s3:PutObject
    r"|\w+(?:[_/]\w+)+"  # snake_case, media/types
    r"|[A-Za-z][\w]*(?:\.\w+)+"  # dotted.names
    r"|[A-Za-z]+-\d+(?:-\w+)*"  # AES-256
    r"|[A-Za-z][A-Za-z0-9]*(?:'s)?(?:-[A-Za-z]+)*"
    r"|\d[\d,.:-]*\w*"
)
_CAMEL = re.compile(r"^(?:[a-z]+[A-Z]|[A-Z][a-z0-9]+[A-Z]|[A-Z]{2,}[a-z]+[A-Za-z]*[a-z])\w*$")
_WHOLE = frozenset(stem(w) for w in ("possible", "allowed", "permitted", "supported", "able", "feasible"))
_WITHOUT = re.compile(r"\W*without\b[^,]*,\s", re.IGNORECASE)  # "Without a key, the call fails": it does fail
_APPOSITION = re.compile(r"[^,]*,\s+not\s[^,]*,\s", re.IGNORECASE)  # "A, not B, is charged": A is
_AUXILIARIES = frozenset(
    ("is", "are", "was", "were", "do", "does", "did", "can", "may", "must", "should", "will", "would", "has", "have")
)
_OBJECTS = frozenset(("nothing", "nobody"))


@dataclass(frozen=True)
class Token:
    """One word that says something.

    `key` is equal for tokens that mean the same; `lexical` is -1 for the negative member of a pair like
    enabled / disabled; `negated` tells whether a negation reaches the token, `direct` whether it is its target.
    """

    text: str
    key: str
    kind: Kind
    start: int
    end: int
    lexical: int = 1
    negated: bool = False
    direct: bool = False
    quantity: Quantity | None = None
    weak: bool = False

    @property
    def is_hard(self) -> bool:
        """An amount or identifier: in other words it would be another."""
        return self.kind in {"quantity", "identifier"}

    @property
    def sign(self) -> int:
        return -self.lexical if self.negated else self.lexical


def identifier_key(text: str) -> str:
    """CamelCase, snake_case and spaced spellings of one identifier are one; an owner ("s3:") stays."""
    text = re.sub(r"(?<=[A-Z])s$", "", text.removesuffix("'s"))
    return "#" + re.sub(r"[^a-z0-9:*]", "", text.lower())


def identifier_words(text: str) -> list[str]:
    """Stems of the humps of an identifier: VisibilityTimeout -> visible, timeout."""
    tail = text.rsplit(":", 1)[-1]
    return [stem(w) for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", tail)]


def read_tokens(text: str) -> tuple[tuple[Token, ...], tuple[str, ...], int]:
    """The tokens of a clause, all its words in lower case ("0" for an amount), and how many negations it has."""
    quantities = find_quantities(text)
    plain = [m for m in _TOKEN.finditer(text) if not any(q.start <= m.start() < q.end for q in quantities)]
    raw: list[Token | str] = []
    words: list[str] = []
    for piece in sorted([*quantities, *plain], key=lambda p: p.start if isinstance(p, Quantity) else p.start()):
        if isinstance(piece, Quantity):
            raw.append(Token(piece.text, piece.key, "quantity", piece.start, piece.end, quantity=piece))
            words.append("0")
            continue
        word = piece.group().rstrip(".,:-") if piece.group()[0].isdigit() else piece.group().removesuffix(".")
        words.append(word.lower())
        raw.extend(_tokens_of(word, piece.start(), first=not re.search(r"\w", text[: piece.start()])))
    head = _WITHOUT.match(text) or _APPOSITION.match(text)
    tokens, cues = _with_polarity(raw, head.end() if head else 0)
    return tuple(tokens), tuple(words), cues


def _tokens_of(word: str, start: int, first: bool) -> list[Token | str]:
    """A content token, or a stopword as it is (negations among them are looked at later)."""
    end = start + len(word)
    lower = word.lower().removesuffix("'s")
    if lower in STOPWORDS or lower in NEGATIONS:
        return [lower]
    if _CAMEL.match(word) or re.search(r"[_:/\d]", word) or re.search(r"\w\.\w", word):
        return [Token(word, identifier_key(word), "identifier", start, end)]
    pieces = word.split("-") if "-" in word and not word.lower().startswith("non-") else [word]
    found: list[Token | str] = []
    for piece in pieces:
        if not piece or piece.lower() in STOPWORDS:
            continue
        key, lexical = concept(piece.lower().removesuffix("'s"))
        is_name = (piece.isupper() and len(piece) > 1) or (piece[0].isupper() and not first)
        kind: Kind = "name" if is_name else "word"
        found.append(Token(piece, key, kind, start, end, lexical, weak=key in WEAK))
    return found


def _with_polarity(raw: list[Token | str], main: int = 0) -> tuple[list[Token], int]:
    """Spread each negation over what follows it in the clause; "is not possible" reaches back as well.

    What stands before `main` denies nothing from there on.
    """
    tokens: list[Token] = []
    negated = whole = False
    awaiting = False
    cues = 0
    for before, item in zip((None, *raw), raw, strict=False):
        if isinstance(item, str):
            if item in _OBJECTS and isinstance(before, Token) and before.key in VERBS:
                # "runs nothing" is "does not run anything"
                tokens[-1] = replace(tokens[-1], negated=not negated, direct=True)
            if item in NEGATIONS:
                # A verb's own negation does not undo one before: "a key that it does not have is not an error".
                own = item == "cannot" or before in _AUXILIARIES
                negated, awaiting, cues = own or not negated, True, cues + 1
            continue
        if item.start >= main > (tokens[-1].start if tokens else main):
            negated = awaiting = False
        direct = awaiting
        if awaiting and stem(item.text) in _WHOLE:
            whole = True
        if not item.weak or item.kind != "word":
            awaiting = False
        tokens.append(replace(item, negated=negated, direct=direct))
    if awaiting and tokens and not any(t.negated for t in tokens):
        # "standard queues do not": of what was said before
        tokens = [replace(t, negated=True) for t in tokens]
    if whole and any(t.negated for t in tokens):
        first = next(i for i, t in enumerate(tokens) if t.negated)
        tokens = [replace(t, negated=not t.negated, direct=True) if i < first else t for i, t in enumerate(tokens)]
    return tokens, cues
