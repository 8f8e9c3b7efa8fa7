"""The handwritten test questions: compared with the articles that they rest on, and with the pairs.

They never steer the choice of pairs: one more question changes no pair and no synthetic question.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.qa.leakage import MARGIN, hits
from stages.qa.params import LeakageParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import numbered_rows, sha256_text
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.questions import NO_HANDWRITTEN
from tune_or_retrieve.base.records import Pair, Question
from tune_or_retrieve.vectors.embedding import Embeds


def read_handwritten(path: Path, texts: Mapping[str, str], services: Collection[str]) -> list[Question]:
    """The rows of the file that are about services of this corpus, none if it is empty.

    Questions about other services are left out and logged: they are meant for a corpus with more services.

    Args:
        texts: of the articles, by id.
        services: those of the articles.

    Raises:
        StageError: every fault of every other row, with its line, its question and what to do.
    """
    rows = list(numbered_rows(path, Question, NO_HANDWRITTEN))
    kept, others = [], []
    for number, row in rows:
        elsewhere = row.service not in services and not any(span.article_id in texts for span in row.evidence)
        (others if elsewhere else kept).append((number, row))
    faults = [f"line {number}, question {row.id!r}: {fault}" for number, row in kept for fault in _faults(row, texts)]
    faults += _repeated(kept)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise StageError("\n  ".join([f"{path}: {count}:", *faults]))
    if others:
        named = ", ".join(f"{row.id} ({row.service})" for _, row in others)
        count = f"{len(others)} of {len(rows)} questions"
        say(f"{path}: {count} are left out, because no article is about their service: {named}")
    return [row for _, row in kept]


class LeftOut(NamedTuple):
    """A question that a pair leaks, and how."""

    question: Question
    reason: str


def admit(
    questions: Sequence[Question], pairs: Sequence[Pair], embedder: Embeds, params: LeakageParams
) -> tuple[list[Question], list[LeftOut]]:
    """The questions that no training or validation pair leaks, each with its slice, and the others.

    A question is unseen if there is no pair from any of its articles.
    """
    if not questions or not pairs:
        return list(questions), []
    vectors = embedder.embed([pair.question for pair in pairs])
    cosines = vectors @ embedder.embed([question.question for question in questions]).T
    used = {article_id for pair in pairs for article_id in pair.articles}
    kept, left_out = [], []
    for number, question in enumerate(questions):
        found = hits(pairs, [question], cosines[:, number : number + 1] + MARGIN, params)
        if found:
            first = found[0]
            left_out.append(LeftOut(question, f"pair {first.pair_id} leaks it: {first.reason}, {first.detail}"))
        else:
            seen = used & {span.article_id for span in question.evidence}
            kept.append(question.model_copy(update={"slice": "seen" if seen else "unseen"}))
    return kept, left_out


def _faults(row: Question, texts: Mapping[str, str]) -> list[str]:
    faults = []
    if row.set != "handwritten":
        faults.append(f"set must be 'handwritten'. Got {row.set!r}.")
    if not row.question.strip() or not row.reference.strip():
        faults.append("question and reference must not be empty.")
    if not row.evidence:
        faults.append("evidence must name at least one passage.")
    for span in row.evidence:
        where = f"evidence {span.article_id} {span.start}–{span.end}"
        text = texts.get(span.article_id)
        if text is None:
            faults.append(
                f"{where}: there is no such article. Correct the id, add its service to articles.botocore.services in "
                "params.yaml, or remove the question. With documents of your own, this file may be empty."
            )
        elif not 0 <= span.start < span.end <= len(text):
            faults.append(f"{where}: must lie within the article's {len(text)} characters. Find the passage again.")
        elif sha256_text(text[span.start : span.end]) != span.sha256:
            faults.append(
                f"{where}: its text does not have the sha256 of the row, so the article has changed. "
                "Find the passage again and correct start, end and sha256."
            )
    return faults


def _repeated(rows: Sequence[tuple[int, Question]]) -> list[str]:
    first: dict[str, int] = {}
    faults = []
    for number, row in rows:
        if row.id in first:
            faults.append(f"line {number}, question {row.id!r}: line {first[row.id]} has the same id.")
        first.setdefault(row.id, number)
    return faults
