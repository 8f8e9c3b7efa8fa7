"""The *semantic* judge: each clause's meaning looked for on the other side, both ways, by contextual word vectors.

Reference to answer is completeness, answer to reference is relevance. Words are aligned greedily by the cosine of
their vectors in context, as in BERTScore (Zhang et al., 2020), and clauses by their pooled vectors. Such vectors are
nearly blind to amounts, names and negation, so these are read from the words and cost. They are blind to who does what
to whom, too: an answer that only exchanges roles passes. The facts judge looks for that; this one shares no finder of
errors with it, so that the two are two witnesses.
"""

from dataclasses import dataclass

import numpy as np

from stages.judge.coverage import Coverage, recall_of
from stages.judge.matching import SAID, found, fresh, importance, is_known, weight
from stages.judge.partial_credit import Wrong, partial_credit
from stages.judge.reading import style
from stages.judge.reading.text import Clause, Text, read_text
from stages.judge.verdict import COMMENT_CHARACTERS, Verdict, band, only_yes_or_no, unscored
from stages.judge.word_vectors import Vectors, WordEmbedder

# Cosines of all-MiniLM-L6-v2: below the first figure unrelated, above the second the same. Chosen by judgement on
# hand-labelled answers, not fitted.
_WORD_RAMP = (0.38, 0.72)
_CLAUSE_RAMP = (0.30, 0.80)
_WORD_SHARE = 0.7  # of a clause's score; the rest comes from the cosine of the pooled vectors
_KNOWN_WEIGHT = 0.15  # of a word that the question already says
_HARD_SHARE = 0.5  # of a clause's score where it has amounts or identifiers that the question does not say
_SAME = 0.8  # cosine from which two clauses are of the same thing, and their negations can be compared
_SHARES = {"factual_accuracy": 0.1, "completeness": 0.54, "relevance": 0.3, "clarity": 0.06}


@dataclass(frozen=True)
class _Side:
    """A text with the vectors of its clauses and of their words."""

    text: Text
    clauses: np.ndarray  # (clauses, dimensions)
    words: tuple[np.ndarray, ...]  # per clause: (tokens, dimensions)


class SemanticJudge:
    """See :class:`stages.judge.verdict.Judge`."""

    def __init__(self, embedder: WordEmbedder, contradiction_penalty: float):
        self._embedder = embedder
        self._penalty = contradiction_penalty

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        asked, truth = read_text(question), read_text(reference)
        if not truth.tokens:
            return [unscored("the reference says nothing that can be compared") for _ in answers]
        texts = [truth, *(read_text(style.statements(answer, question)) for answer in answers)]
        vectors = self._vectors([clause.text for text in texts for clause in text.clauses])
        left, *rest = [_side(text, vectors) for text in texts]
        return [self._score(left, side, answer.strip(), asked) for side, answer in zip(rest, answers, strict=True)]

    def _vectors(self, texts: list[str]) -> dict[str, Vectors]:
        distinct = list(dict.fromkeys(texts))
        return dict(zip(distinct, self._embedder.embed(distinct), strict=True)) if distinct else {}

    def _score(self, reference: _Side, answer: _Side, raw: str, question: Text) -> Verdict:
        """`answer` is `raw` without what it repeats or asks."""
        if not answer.text.tokens and not answer.text.verdict:
            return _nothing("says nothing" if raw else "empty")
        if not answer.text.tokens:  # a bare yes or no
            return only_yes_or_no(answer.text.verdict == reference.text.verdict)
        cosines = reference.clauses @ answer.clauses.T
        covers = [_cover(n, reference, answer, question, cosines) for n in range(len(reference.words))]
        completeness = recall_of(covers, reference.text, answer.text)
        relevance = _grounded(answer, reference, question, cosines)
        wrong, text = _wrong(reference.text, answer.text, question, cosines)
        if style.is_refusal(raw) and completeness < 0.7:
            return _nothing("declines to answer")
        return self._verdict(raw, completeness, relevance, wrong, text, covers, reference.text)

    def _verdict(
        self,
        raw: str,
        completeness: float,
        relevance: float,
        wrong: Wrong,
        text: str,
        covers: list[Coverage],
        reference: Text,
    ) -> Verdict:
        doubt = self._penalty if wrong else 0.0
        parts = {
            "factual_accuracy": 10 * min(1.0, completeness / 0.5) * (1 - doubt),
            "completeness": 10 * completeness,
            "relevance": 10 * relevance,
            "clarity": style.clarity(raw),
        }
        overall = sum(share * parts[name] for name, share in _SHARES.items())
        # Form is worth little where content is missing.
        overall = min(overall, 10 * completeness + min(1.0, max(0.0, 10 * completeness - 2.5))) * (1 - doubt)
        overall = partial_credit(overall, raw, reference.raw, completeness, relevance, wrong)
        return Verdict(
            overall=band(overall),
            **{name: band(value) for name, value in parts.items()},
            comment=_comment(raw, completeness, relevance, text, covers, reference),
        )


def _side(text: Text, vectors: dict[str, Vectors]) -> _Side:
    words = tuple(
        np.stack([vectors[clause.text].between(token.start, token.end) for token in clause.tokens])
        for clause in text.clauses
    )
    clauses = [vectors[clause.text].whole for clause in text.clauses]
    return _Side(text, np.stack(clauses) if clauses else np.zeros((0, 1), np.float32), words)


def _nothing(reason: str) -> Verdict:
    return Verdict(overall=0.0, factual_accuracy=0.0, completeness=0.0, relevance=0.0, clarity=0.0, comment=reason)


def _ramp(value, bounds: tuple[float, float]):
    return np.clip((value - bounds[0]) / (bounds[1] - bounds[0]), 0.0, 1.0)


def _cover(number: int, reference: _Side, answer: _Side, question: Text, cosines: np.ndarray) -> Coverage:
    """How far one clause of the reference is said by the answer: its best clause with the one beside it."""
    clause, words = reference.text.clauses[number], reference.words[number]
    known = [is_known(t, question) for t in clause.tokens]
    soft, exact = np.zeros((2, len(clause.tokens), len(answer.words)))
    for n, (other, vectors) in enumerate(zip(answer.text.clauses, answer.words, strict=True)):
        new = fresh(other.tokens, question)
        is_new = np.array([t in new for t in other.tokens])
        alike = _ramp(words @ vectors.T, _WORD_RAMP)
        for m, token in enumerate(clause.tokens):
            soft[m, n] = (alike[m] if known[m] else alike[m] * is_new).max()
            exact[m, n] = found(token, other.tokens if known[m] else new, other.words)
    count = len(answer.words)
    windows = {(start, end) for start in range(count) for end in (start + 1, min(start + 2, count))}
    share = max(
        _said_in(clause, known, soft[:, a:b].max(axis=1), exact[:, a:b].max(axis=1), cosines[number, a:b].max())
        for a, b in sorted(windows)
    )
    hard = [exact[m].max() >= SAID for m, token in enumerate(clause.tokens) if token.is_hard and not known[m]]
    return Coverage(share, importance(clause, question), (), sum(hard), len(hard))


def _said_in(clause: Clause, asked: list[bool], soft: np.ndarray, exact: np.ndarray, cosine: float) -> float:
    new = new_total = known = known_total = hard = hard_total = 0.0
    for token, is_asked, near, same in zip(clause.tokens, asked, soft, exact, strict=True):
        mass = weight(token)
        credit = same if token.is_hard else max(near, 0.9 * same)
        if is_asked:
            known, known_total = known + mass * credit, known_total + mass
            continue
        new, new_total = new + mass * credit, new_total + mass
        if token.is_hard:
            hard, hard_total = hard + mass * same, hard_total + mass
    pooled = float(_ramp(cosine, _CLAUSE_RAMP))
    if new_total < 0.5:
        lexical = known / known_total if known_total else new / new_total  # one weak word may be all
        return _WORD_SHARE * lexical + (1 - _WORD_SHARE) * pooled
    # The question's words are taken as said, in proportion to what of the rest is said: "At most 100." is an answer.
    share = new / new_total
    bonus = _KNOWN_WEIGHT * known_total
    lexical = (new + bonus * share) / (new_total + bonus)
    # Clauses that share the question's words are alike for them alone: without a new word that says nothing.
    pooled *= min(1.0, 2 * share)
    value = _WORD_SHARE * lexical + (1 - _WORD_SHARE) * max(pooled, lexical if known_total > new_total else 0.0)
    if hard_total:
        value = _HARD_SHARE * hard / hard_total + (1 - _HARD_SHARE) * value
    return float(value)


def _grounded(answer: _Side, reference: _Side, question: Text, cosines: np.ndarray) -> float:
    """How far what the answer says is of the reference, 0–1: padding and made-up detail lower it."""
    known, words = (*reference.text.tokens, *question.tokens), (*reference.text.words, *question.words)
    vectors = np.concatenate(reference.words)
    total = held = 0.0
    for n, clause in enumerate(answer.text.clauses):
        alike = _ramp(answer.words[n] @ vectors.T, _WORD_RAMP).max(axis=1)
        pooled = float(_ramp(cosines[:, n].max(), _CLAUSE_RAMP))
        for token, soft in zip(clause.tokens, alike, strict=True):
            mass = weight(token)
            exact = found(token, known, words)
            credit = exact if token.is_hard else max(float(soft), exact)
            total, held = total + mass, held + mass * (_WORD_SHARE * credit + (1 - _WORD_SHARE) * max(pooled, exact))
    return held / total


def _wrong(reference: Text, answer: Text, question: Text, cosines: np.ndarray) -> tuple[Wrong, str]:
    """What the answer says otherwise: what vectors do not see, read from the words of clauses that mean the same."""
    if answer.verdict and reference.verdict and answer.verdict != reference.verdict:
        return "contrary", f'says "{answer.verdict}" and not "{reference.verdict}"'
    for clause, row in zip(reference.clauses, cosines, strict=True):
        said = answer.clauses[int(row.argmax())]
        if row.max() >= _SAME and _denied(clause, said, reference, answer):
            return "contrary", f'says "{said.text}" of "{clause.text}"'
    known, words = (*reference.tokens, *question.tokens), (*reference.words, *question.words)
    asked_for = (t for t in reference.tokens if not is_known(t, question))
    lost = [t for t in asked_for if t.is_hard and found(t, answer.tokens, answer.words) < SAID]
    new = [t for t in answer.tokens if t.is_hard and found(t, known, words) < SAID]
    if lost and new:
        return "other", f'says "{new[0].text}" and not "{lost[0].text}"'
    return "", ""


def _denied(clause: Clause, said: Clause, reference: Text, answer: Text) -> bool:
    """Whether negations and complements (enabled, disabled) differ by an odd number; a second one undoes the first."""
    negated = clause.cues + said.cues
    if (reference.cues(clause.sentence) + answer.cues(said.sentence)) % 2 == 0:
        negated = 0  # it stands in another clause of the sentence
    words = {(t.key, t.lexical) for t in said.tokens}
    flipped = sum(t.key in said.keys and (t.key, t.lexical) not in words for t in clause.tokens)
    return (negated + flipped) % 2 == 1


def _comment(
    raw: str, completeness: float, relevance: float, wrong: str, covers: list[Coverage], reference: Text
) -> str:
    parts = [wrong] if wrong else []
    if style.is_babble(raw):
        parts.append("repeats itself")
    missing = [clause.text for clause, c in zip(reference.clauses, covers, strict=True) if c.share < 0.45]
    if completeness < 0.25 and not wrong:
        parts.append("means something else")
    elif missing:
        shown = missing[0] if len(missing[0]) <= 60 else missing[0][:57].rsplit(" ", 1)[0] + "..."
        parts.append(f'not said: "{shown}"' + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""))
    if relevance < 0.55 and completeness >= 0.25:
        parts.append("much that the reference does not say")
    return (
        "; ".join(parts)[:COMMENT_CHARACTERS]
        or f"means the same (completeness {completeness:.2f}, relevance {relevance:.2f})"
    )
