"""The *facts* judge: the reference's claims, one by one, looked for in the answer and compared with it. No model."""

import math

from stages.judge.alignment import align
from stages.judge.contradictions import Contradiction, contradictions
from stages.judge.coverage import Coverage, cover, recall_of
from stages.judge.matching import SAID, found, is_known, weight
from stages.judge.partial_credit import partial_credit
from stages.judge.reading import style
from stages.judge.reading.text import Text, read_text
from stages.judge.verdict import COMMENT_CHARACTERS, Verdict, band, only_yes_or_no, unscored

# Shares of the overall score. Completeness leads: without a contradiction it says how much of the truth is there.
_SHARES = {"factual_accuracy": 0.12, "completeness": 0.68, "relevance": 0.14, "clarity": 0.06}
_MADE_UP_COST = 0.5  # for each amount or identifier that neither reference nor question knows
_MADE_UP_MAX = 2.0  # extra detail may be true: alone it never makes an answer wrong


class FactsJudge:
    """See :class:`stages.judge.verdict.Judge`.

    Args:
        contradiction_cap: the most that an answer gets which contradicts its reference: it is "incorrect or
            misleading" however much else of it is right.
    """

    def __init__(self, contradiction_cap: float = 3.0):
        self._cap = contradiction_cap

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]:
        facts, asked = read_text(reference), read_text(question)
        if not facts.tokens and not facts.verdict:
            return [unscored("the reference holds no fact to check") for _ in answers]
        return [
            _score(facts, read_text(style.statements(answer, question)), answer.strip(), asked, self._cap)
            for answer in answers
        ]


def _score(reference: Text, answer: Text, raw: str, question: Text, cap: float) -> Verdict:
    """`answer` is `raw` without what it repeats or asks."""
    if not (answer.tokens or answer.verdict):
        return _low(0.0, "says nothing" if raw else "empty")
    says_more = any(not t.weak and not is_known(t, question) for t in reference.tokens)
    if says_more and not answer.tokens and answer.verdict == reference.verdict:
        return only_yes_or_no(agrees=True)
    hits = contradictions(rows := align(reference, answer), reference, answer, question)
    spent: dict[int, int] = {}
    covers = [cover(row, answer, question, spent) for row in rows]
    recall = recall_of(covers, reference, answer)
    if style.is_refusal(raw) and (recall < 0.5 or not any(c.found_hard for c in covers)):
        return _low(0.5, "declines to answer", clarity=8.0)
    supported, made_up = _support(reference, answer, question)
    made_up_cost = min(_MADE_UP_MAX, _MADE_UP_COST * len(made_up))
    clarity = style.clarity(raw)
    relevance = 10 * _relevance(supported, answer, reference) if recall > 0 else 2 * supported
    if hits:
        contradicted = {hit.clause for hit in hits}
        total = sum(c.weight for c in covers) or 1.0  # a reference of a yes or no alone has no clause
        kept = sum(c.weight * c.share for n, c in enumerate(covers) if n not in contradicted) / total
        accuracy = min(cap, 0.5 + (cap - 0.5) * kept) if cap > 0.5 else cap
    else:
        accuracy = 10 * min(1.0, recall / 0.35) - made_up_cost
        if recall < 0.15:
            accuracy = min(accuracy, 2.0)
    parts = {
        "factual_accuracy": max(0.0, accuracy),
        "completeness": 10 * recall,
        "relevance": relevance,
        "clarity": clarity,
    }
    overall = sum(share * parts[name] for name, share in _SHARES.items()) - made_up_cost
    # Form is worth little where content is missing: half of the reference is not "mostly correct".
    overall = min(overall, 10 * recall + min(1.0, max(0.0, 10 * recall - 2.5)))
    if hits:
        overall = min(overall, accuracy)
    kinds = {hit.kind for hit in hits}
    wrong = "contrary" if kinds & {"negation", "yes_no"} else "other" if kinds else ""
    most = cap if hits else 10.0
    overall = partial_credit(max(0.0, overall), raw, reference.raw, recall, supported, wrong, most)
    return Verdict(
        overall=band(overall),
        **{name: band(value) for name, value in parts.items()},
        fact_recall=round(recall, 4),
        comment=_comment(raw, hits, covers, made_up, recall, relevance),
    )


def _low(overall: float, comment: str, clarity: float = 0.0) -> Verdict:
    return Verdict(
        overall=overall,
        factual_accuracy=0.0,
        completeness=0.0,
        relevance=0.0,
        clarity=clarity,
        fact_recall=0.0,
        comment=comment,
    )


def _support(reference: Text, answer: Text, question: Text) -> tuple[float, list[str]]:
    """Share of what the answer says that the reference or the question says, and its own amounts and identifiers."""
    known = (*reference.tokens, *question.tokens)
    words = (*reference.words, *question.words)
    total = held = 0.0
    made_up: dict[str, None] = {}
    for token in answer.tokens:
        mass, hit = weight(token), found(token, known, words)
        total, held = total + mass, held + mass * hit
        if hit < SAID and token.is_hard:
            made_up[token.text] = None
    return (held / total if total else 1.0), list(made_up)


def _relevance(supported: float, answer: Text, reference: Text) -> float:
    """1 for an answer that says what was asked; falls with the unsupported share and with the length."""
    longer = max(1.0, len(style.words_of(answer.raw)) / max(12, len(style.words_of(reference.raw))))
    return min(1.0, supported + 0.2) / math.sqrt(1 + 0.35 * (longer - 1))


def _comment(
    raw: str, hits: list[Contradiction], covers: list[Coverage], made_up: list[str], recall: float, relevance: float
) -> str:
    parts = [f"contradicts: {'; '.join(list(dict.fromkeys(h.text for h in hits))[:3])}"] if hits else []
    if style.is_babble(raw):
        parts.append("repeats itself")
    missing = [text for c in covers for text in c.missing]
    if recall < 0.15 and not hits:
        parts.append("says hardly anything of the reference")
    elif missing:
        parts.append(f"missing: {', '.join(dict.fromkeys(missing[:4]))}")
    elif recall < 0.75:
        parts.append("part of the reference is missing")
    if made_up:
        parts.append(f"not in the reference: {', '.join(made_up[:4])}")
    elif relevance < 6 and recall >= 0.15:
        parts.append("much that the reference does not say")
    return "; ".join(parts)[:COMMENT_CHARACTERS] or f"all facts found (recall {recall:.2f})"
