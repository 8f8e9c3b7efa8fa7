"""How far two tokens, and two clauses, say the same."""

import math
from collections.abc import Iterable

from stages.judge.reading.text import Clause, Text
from stages.judge.reading.tokens import Token, identifier_words
from tune_or_retrieve.text.stems import stem

# What one fact weighs. A wrong number or identifier makes an answer useless, a missing word seldom does.
_WEIGHT = {"quantity": 3.0, "identifier": 2.5, "name": 1.5, "word": 1.0}
_WEAK_WEIGHT = 0.4
SAID = 0.8  # how far a token must be found to count as said
_FUZZY = 0.8  # credit for words of one root that the stems do not join
_REPEATED = 0.2  # importance of a clause that only repeats the question


def weight(token: Token) -> float:
    return _WEAK_WEIGHT if token.weak and token.kind == "word" else _WEIGHT[token.kind]


def match(token: Token, other: Token) -> float:
    """How far two tokens mean the same, 0–1, polarity apart."""
    if token.kind == "quantity" or other.kind == "quantity":
        return float(token.quantity is not None and other.quantity is not None and token.quantity.same(other.quantity))
    if token.key == other.key:
        return 1.0
    if "identifier" in (token.kind, other.kind):
        return _same_identifier(token, other)
    a, b = sorted((token.key, other.key), key=len)
    shared = (
        len(a) if b.startswith(a) else next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    )
    return _FUZZY if shared >= 5 and shared >= 0.7 * len(b) else 0.0


def _same_identifier(a: Token, b: Token) -> float:
    short, long = sorted((a.text.split("."), b.text.split(".")), key=len)
    if a.kind == b.kind and len(short) < len(long) and long[-len(short) :] == short:
        return 1.0  # RoutingConfig.Weights, and Weights alone
    one, two = a.key.lstrip("#"), b.key.lstrip("#")
    if a.kind != b.kind or one == two or (":" in one) == (":" in two):
        return float(a.kind == b.kind and one == two)
    # an action with its owner, and the same action alone: the operation may be meant, or its permission
    return _FUZZY * (one.rsplit(":", 1)[-1] == two.rsplit(":", 1)[-1])


def spelled_out(token: Token, words: tuple[str, ...] | list[str]) -> bool:
    """Whether an identifier is said in plain words one after the other: "visibility timeout"."""
    parts = identifier_words(token.text)
    stems = [stem(w) for w in words]
    return len(parts) > 1 and any(stems[i : i + len(parts)] == parts for i in range(len(stems) - len(parts) + 1))


def found(token: Token, tokens: tuple[Token, ...] | list[Token], words: tuple[str, ...] | list[str] = ()) -> float:
    if token.kind != "quantity" and any(token.key == other.key for other in tokens):
        return 1.0
    best = max((match(token, other) for other in tokens), default=0.0)
    if best < 1.0 and token.kind == "identifier" and words and spelled_out(token, words):
        return 1.0
    if best < 1.0 and token.kind in {"word", "name"}:
        # "the visibility timeout" in the reference, VisibilityTimeout in the answer
        humps = {hump for other in tokens if other.kind == "identifier" for hump in identifier_words(other.text)}
        if stem(token.text) in humps:
            return 0.9
    return best


def similarity(reference: Clause, answer: Clause) -> float:
    """Share of the reference clause's weight that the answer's clause holds, 0–1."""
    total = sum(weight(t) for t in reference.tokens)
    return sum(weight(t) * found(t, answer.tokens, answer.words) for t in reference.tokens) / total


def harmonic(clause: Clause, other: Clause) -> float:
    recall, precision = similarity(clause, other), similarity(other, clause)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def topic(clause: Clause, other: Clause) -> float:
    """Similarity of two clauses without their amounts, which are what may differ."""
    tokens = [t for t in clause.tokens if t.kind != "quantity"]
    total = sum(weight(t) for t in tokens)
    return sum(weight(t) * found(t, other.tokens, other.words) for t in tokens) / total if total else 0.0


def is_known(token: Token, question: Text) -> bool:
    """Whether the question already says it: "retention" does not say "expire", nor PutObject "s3:PutObject"."""
    enough = 1.0 if token.kind == "identifier" else _FUZZY
    return any(token.lexical == t.lexical and match(token, t) >= enough for t in question.tokens)


def fresh(tokens: Iterable[Token], question: Text) -> list[Token]:
    """Tokens that do not merely repeat the question: only they can say what the question does not, in other words."""
    return [t for t in tokens if not any(t.key == q.key and t.sign == q.sign for q in question.tokens)]


def importance(clause: Clause, question: Text) -> float:
    """Weight of a clause of the reference: the root of what it says beyond the question, so that no long one rules.

    What the question says already is denied or not: a negation is news even where no word is.
    """
    new = sum(weight(t) for t in clause.tokens if not is_known(t, question))
    if new < 0.5:
        return 1.0 if clause.cues or not question.tokens else _REPEATED
    return math.sqrt(0.5 + new)
