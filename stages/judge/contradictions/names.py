"""Wrong names: another identifier, another thing of its kind, or two words exchanged."""

import itertools
import re

from stages.judge.alignment import Alignment
from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.lexicon import NOUN_VERBS, VERBS, sisters
from stages.judge.matching import found, is_known, match, near_copy, topic
from stages.judge.text import Clause, Text
from stages.judge.tokens import Token

_NEAR_TOPIC = 0.5  # similarity of two clauses from which a word can stand in another's place
_CONSTANT = 7  # letters of a value in capitals, that is no acronym: AWSCURRENT
_EXCHANGE_TOPIC = 0.6
_BY = re.compile(r"\bby\s+$", re.IGNORECASE)  # "by default" stands in the place of nothing
_AGENT = re.compile(r"\bby\s+(?:an?\s+|the\s+)?$", re.IGNORECASE)  # who does it is no filler, be it "the service"
_NAMES = ("identifier", "name")


def wrong_names(row: Alignment, reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Another identifier, name or thing of a kind, where the reference's is not said."""
    hits = []
    for clause in row.speaking:
        lost = [t for t in row.clause.tokens if t.kind != "quantity" and not _is_named(t, clause)]
        new = [t for t in clause.tokens if not found(t, row.clause.tokens, row.clause.words)]
        near = topic(row.clause, clause) >= _NEAR_TOPIC
        for token, other in itertools.product(lost, new):
            constants = min(len(token.text), len(other.text)) >= _CONSTANT and token.kind == other.kind == "name"
            constants = constants and token.text.isupper() and other.text.isupper()
            in_place = (near or constants) and _slot(token, row.clause, other, clause)
            gone = not found(token, [t for t in answer.tokens if _may_stand_for(token, t)], answer.words)
            asked_for = found(other, question.tokens, question.words) >= 0.8
            of_reference = any(match(other, t) >= 0.8 for t in reference.tokens)
            if token.kind == other.kind == "identifier" and _shape(token) == _shape(other):
                # The question's own identifiers need not be repeated: another one beside them is not in their place.
                unsaid = gone and not is_known(token, question)
                wrong = in_place or (unsaid and not asked_for and not of_reference)
            elif sisters(token.text, other.text):
                wrong = in_place and (gone or of_reference)
            else:
                wrong = token.kind == other.kind == "name" and in_place and gone and not asked_for
            if wrong:
                hits.append(Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"'))
    return hits


def _is_named(token: Token, clause: Clause) -> bool:
    """An identifier is there if it is named; words that spell it out ("lists bulk operations") may stand beside."""
    if token.kind == "identifier":
        return any(match(token, t) == 1.0 for t in clause.tokens)
    return found(token, clause.tokens, clause.words) >= 0.8


def _may_stand_for(token: Token, other: Token) -> bool:
    return other.kind != "identifier" or _shape(other) == _shape(token)


_RENAMED_SHARE = 0.7  # of a sentence's words in the answer's, for a lost identifier to count as exchanged
_FEW_SHARE = 0.5  # the same where hardly more are new than are lost


def renamed(reference: Text, answer: Text, question: Text) -> list[Contradiction]:
    """Wherever they stand in a sentence: an identifier is gone and a new one is there, and else it is the same."""
    hits = []
    known = (*reference.tokens, *question.tokens)
    for own, said in itertools.product(_by_sentence(reference), _by_sentence(answer)):
        words = {t.key for t in own if t.kind in {"word", "name"}}
        if not words:
            continue
        lost = [t for t in own if t.kind == "identifier" and not any(match(t, u) for u in answer.tokens)]
        new = [t for t in said if t.kind == "identifier" and not any(match(t, u) for u in known)]
        few = len({t.key for t in new}) <= len(lost) + 1
        if len(words & {t.key for t in said}) < (_FEW_SHARE if few else _RENAMED_SHARE) * len(words):
            continue
        hits += [
            Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"')
            for token, other in itertools.product(lost, new)
            if _shape(token) == _shape(other)
        ]
    return hits


def _by_sentence(text: Text) -> list[list[Token]]:
    return [
        [t for clause in clauses for t in clause.tokens]
        for _, clauses in itertools.groupby(text.clauses, key=lambda clause: clause.sentence)
    ]


def _shape(token: Token) -> str:
    return "owned" if ":" in token.text else "plain"


def _slot(token: Token, clause: Clause, other: Token, clause_other: Clause) -> bool:
    """Whether two tokens stand in the same place: a neighbour is shared, or both stand at the same end."""
    i, j = clause.tokens.index(token), clause_other.tokens.index(other)
    if near_copy(clause, clause_other) and i == j:
        return True
    left, left_other = clause.tokens[i - 1 : i], clause_other.tokens[j - 1 : j] if j else ()
    right, right_other = clause.tokens[i + 1 : i + 2], clause_other.tokens[j + 1 : j + 2]
    same_left = bool(left and left_other and match(left[0], left_other[0])) if i else not j
    same_right = bool(right and right_other and match(right[0], right_other[0])) if right else not right_other
    return same_left or same_right


def exchanged_words(row: Alignment, rows: list[Alignment], reference: Text, answer: Text) -> list[Contradiction]:
    """Two words of the reference, each said in the other's place: strongly / eventually, standard / FIFO."""
    hits = []
    for clause in row.aligned:
        near = topic(row.clause, clause)
        if near < _EXCHANGE_TOPIC or topic(clause, row.clause) < _NEAR_TOPIC:
            continue
        gone, new = _beyond(row.clause, clause), _beyond(clause, row.clause)
        for token in gone:
            others = [c for c in answer.clauses if c is not clause and _same_word(token, c)]
            elsewhere = others and all(topic(row.clause, c) < near for c in others)  # else it is said rightly there
            for other in new:
                of_another = any(_same_word(other, r.clause) for r in rows if r is not row)
                if (
                    token.negated == other.negated
                    and _is_doing(token) == _is_doing(other)
                    and token.text.endswith("ly") == other.text.endswith("ly")
                    and not (_adjoin(token, other, reference) and _adjoin(token, other, answer))
                    and elsewhere
                    and of_another
                    and _slot(token, row.clause, other, clause)
                ):
                    hits.append(Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"'))
    return hits


_ADJOINED = re.compile(
    r"(?:'s)?[\s-]+(?:(?:of|in)\s+)?(?:(?:it|that|which)\s+)?(?:(?:is|are|was|were)\s+)?(?:(?:the|an?)\s+)?"
)


def _adjoin(one: Token, two: Token, text: Text) -> bool:
    """Whether the two stand side by side somewhere: "supported destinations", "the destinations supported"."""
    return any(
        {a.key, b.key} == {one.key, two.key} and _ADJOINED.fullmatch(clause.text[a.end : b.start])
        for clause in text.clauses
        for a, b in itertools.pairwise(clause.tokens)
    )


def _is_doing(token: Token) -> bool:
    return token.key in VERBS - NOUN_VERBS


def _beyond(clause: Clause, other: Clause) -> list[Token]:
    """Words that a clause says more often than the other."""
    return [
        t
        for t in clause.tokens
        if t.kind != "quantity"
        and not (t.text.lower() == "default" and _BY.search(clause.text[: t.start]))
        and (not t.weak or _AGENT.search(clause.text[: t.start]))
        and sum(u.key == t.key and u.lexical == t.lexical for u in clause.tokens)
        > sum(u.key == t.key and u.lexical == t.lexical for u in other.tokens)
    ]


def _same_word(token: Token, clause: Clause) -> bool:
    return any(t.key == token.key and t.lexical == token.lexical for t in clause.tokens)


def said_of_another(reference: Text, answer: Text) -> list[Contradiction]:
    """A clause said token for token, but for a name: another name of the reference stands in its place."""
    names = {t.key.lstrip("#") for t in reference.tokens if t.kind in _NAMES}
    hits = []
    for (number, own), said in itertools.product(enumerate(reference.clauses), answer.clauses):
        if len(own.tokens) != len(said.tokens) or len(own.tokens) < 2:
            continue
        changed = [(a, b) for a, b in zip(own.tokens, said.tokens, strict=True) if not match(a, b) or a.sign != b.sign]
        if len(changed) != 1 or any(_as_much(own, c) for c in answer.clauses):
            continue
        token, other = changed[0]
        named = token.kind in _NAMES and token.key != other.key and other.key.lstrip("#") in names
        if named and not any(_as_much(c, said) for c in reference.clauses):
            hits.append(
                Contradiction("name", f'says "{other.text}" where the reference says "{token.text}"', clause=number)
            )
    return hits


def _as_much(clause: Clause, other: Clause) -> bool:
    """Whether the other clause has all tokens of this one."""
    return all(any(match(t, u) and t.sign == u.sign for u in other.tokens) for t in clause.tokens)


def exchanged_names(reference: Text, answer: Text) -> list[Contradiction]:
    """Two identifiers of different statements, each said with what the reference says with the other."""
    hits = []
    names = {t.key: t for t in reference.tokens if t.kind == "identifier"}
    for one, two in itertools.combinations(names.values(), 2):
        if _shape(one) != _shape(two) or not {one.key, two.key} <= answer.keys:
            continue
        with_one, with_two = _beside(one, two, reference), _beside(two, one, reference)
        said_one, said_two = _beside(one, two, answer), _beside(two, one, answer)
        only_one, only_two = with_one - with_two, with_two - with_one
        straight = len(said_one & only_one) + len(said_two & only_two)
        crossed = len((said_one - said_two) & only_two) + len((said_two - said_one) & only_one)
        if with_one and with_two and said_one and said_two and not straight and crossed > 1:
            hits.append(Contradiction("name", f'exchanges "{one.text}" and "{two.text}"'))
    return hits


def _beside(token: Token, rival: Token, text: Text) -> set[tuple[str, int]]:
    """What is said in the clauses that name the token and not its rival."""
    return {
        (t.key, t.sign)
        for clause in text.clauses
        if token.key in clause.keys and rival.key not in clause.keys
        for t in clause.tokens
        if t.key != token.key and not t.weak
    }
