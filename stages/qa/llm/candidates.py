"""A model's reply about one passage to candidate pairs. A pair is rejected if the article lacks what it quotes."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.qa.llm.passages import Passage
from stages.qa.shared.fact_sheet import pair
from tune_or_retrieve.base.files import content_key
from tune_or_retrieve.base.records import Pair, Quote, Rejection
from tune_or_retrieve.chat.structured import ShapedReply, Unreadable, parse_reply

# Kinds that the quotas know and that one passage can give; a comparison needs two articles.
Kind = Literal[
    "behaviour", "limit", "default", "valid_values", "parameter", "error", "howto", "purpose", "return", "capability",
    "permission", "definition", "requirement",
]  # fmt: skip
PHRASING = "llm"  # a pair's phrasing is "<kind>/llm"


class Candidate(BaseModel):
    """One question with its answer and the sentences that it rests on."""

    model_config = ConfigDict(extra="forbid")

    # First, so that the model writes the rest with it in view.
    evidence: list[str] = Field(min_length=1, max_length=3, description="sentences of the passage, copied exactly")
    question: str
    answer: str
    kind: Kind


class Pairs(BaseModel):
    """Question-answer pairs from the passage."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[Candidate]


class _Loose(BaseModel):
    """`Pairs` with each member still to be read, so that one that is wrong does not spoil the others."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[Any]


def read(reply: ShapedReply) -> list[Any]:
    """What should be pairs. Raises Unreadable."""
    return parse_reply(reply, _Loose).pairs


def candidates(reply: ShapedReply, passage: Passage, text: str, share: int) -> Iterator[Pair | Rejection]:
    """Up to `share` pairs of a reply, in its order; all else that it holds as rejections.

    A quote may differ from the article only in white space, and the pair holds the article's own words. Any other
    quote is kept as the model gave it, and verification rejects the pair: "evidence not found".

    Args:
        text: of the whole article.
    """
    try:
        members = read(reply)
    except Unreadable as fault:
        yield _refused(f"unreadable reply: {fault}", passage, text, reply.text)
        return
    taken = 0
    for member in members:
        try:
            one = Candidate.model_validate(member, extra="ignore")
        except ValidationError as fault:
            first = fault.errors()[0]
            where = ".".join(map(str, first["loc"])) or "pair"
            yield _refused(f"unreadable pair: {where}: {first['msg']}", passage, text, str(member))
            continue
        quotes = [find(quote, passage, text) for quote in one.evidence]
        made = pair(
            " ".join(one.question.split()),
            one.answer,
            [found or _as_given(given, passage) for found, given in zip(quotes, one.evidence, strict=True)],
            passage.article.service,
            f"{one.kind}/{PHRASING}",
        )
        if not all(quotes):
            yield made
        elif taken >= share:
            yield Rejection(pair=made, reason="beyond the share of its passage")
        else:
            taken += 1
            yield made


def find(quote: str, passage: Passage, text: str) -> Quote | None:
    """Where the words are, first in the passage and then anywhere in the article; white space may differ."""
    words = quote.split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    found = pattern.search(text, passage.start, passage.end) or pattern.search(text)
    if found is None:
        return None
    return Quote(article_id=passage.article.id, start=found.start(), end=found.end(), text=found[0])


def _as_given(quote: str, passage: Passage) -> Quote:
    return Quote(article_id=passage.article.id, start=passage.start, end=passage.end, text=quote)


def _refused(reason: str, passage: Passage, text: str, said: str) -> Rejection:
    """A rejection of what is no pair: what was said is its answer, and the passage its evidence."""
    words = text[passage.start : passage.end]
    shown = Pair(
        id=content_key("refused", passage.article.id, passage.start, passage.end, said)[:16],
        question="",
        answer=said,
        evidence=[Quote(article_id=passage.article.id, start=passage.start, end=passage.end, text=words)],
        service=passage.article.service,
        kind="none",
        phrasing=PHRASING,
    )
    return Rejection(pair=shown, reason=reason)
