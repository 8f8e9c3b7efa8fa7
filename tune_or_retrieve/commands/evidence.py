"""Evidence of test questions: the passage of an article that a reference answer rests on.

For writing your own questions in data/eval/questions.jsonl:

    tune-or-retrieve evidence locate s3/put-object "words of the article, copied"   prints the evidence as JSON
    tune-or-retrieve evidence refresh data/eval/questions.jsonl                     finds moved passages again

Questions hold offsets and a hash, but no text. After articles were made again, passages may have moved: `refresh` finds
those of the same length and hash, and writes their new offsets.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from tune_or_retrieve.base import corpus
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text, write_jsonl
from tune_or_retrieve.base.records import Evidence, Question

LOCATE = "tune-or-retrieve evidence locate <article id> <quote>"


def locate(article_id: str, text: str, quote: str) -> Evidence:
    """Evidence for a verbatim quote; runs of white space in it may differ from the article's.

    Raises:
        StageError: the article does not hold the quote, or holds it more than once.
    """
    words = quote.split()
    if not words:
        raise StageError(f"article {article_id}: the quote is empty.")
    found = list(re.finditer(r"\s+".join(map(re.escape, words)), text))
    if len(found) != 1:
        what = "does not hold the quote" if not found else f"holds the quote {len(found)} times; make it longer"
        raise StageError(f"article {article_id} {what}: {' '.join(words)[:80]!r}.")
    start, end = found[0].span()
    return Evidence(article_id=article_id, start=start, end=end, sha256=sha256_text(text[start:end]))


def matches(evidence: Evidence, text: str) -> bool:
    """Whether the article still has the evidence at its offsets."""
    return sha256_text(text[evidence.start : evidence.end]) == evidence.sha256


def relocate(evidence: Evidence, text: str) -> Evidence | None:
    """The same passage where it is nearest to the old offsets; None if the text no longer has it."""
    length = evidence.end - evidence.start
    starts = sorted(range(len(text) - length + 1), key=lambda start: (abs(start - evidence.start), start))
    for start in starts:
        moved = evidence.model_copy(update={"start": start, "end": start + length})
        if matches(moved, text):
            return moved
    return None


def refresh(questions: list[Question], texts: Mapping[str, str]) -> list[Question]:
    """Questions with the present offsets of all evidence.

    Args:
        texts: of the articles, by id.

    Raises:
        StageError: names every passage that is gone, or whose article is.
    """
    faults, refreshed = [], []
    for question in questions:
        evidence = []
        for number, old in enumerate(question.evidence, start=1):
            new = relocate(old, texts[old.article_id]) if old.article_id in texts else None
            if new is None:
                faults.append(f"question {question.id}, evidence {number}: no longer in article {old.article_id}.")
            evidence.append(new or old)
        refreshed.append(question.model_copy(update={"evidence": evidence}))
    if faults:
        advice = f"Find each of them again: {LOCATE}"
        raise StageError("\n  ".join([f"{len(faults)} passage{'s' * (len(faults) > 1)} lost:", *faults, advice]))
    return refreshed


def print_location(article_id: str, quote: str) -> None:
    """Print the evidence of a quote as JSON. Raises StageError as `locate`, or without such an article."""
    print(json.dumps(locate(article_id, _text(article_id), quote).model_dump()))


def refresh_file(file: Path) -> None:
    """Update the offsets of all evidence in a file of questions. Raises StageError as `refresh`."""
    old = list(read_jsonl(file, Question, "Name a file of questions, such as data/eval/questions.jsonl."))
    ids = {evidence.article_id for question in old for evidence in question.evidence}
    texts = {a.id: corpus.read_text(a) for a in corpus.read_articles() if a.id in ids}
    new = refresh(old, texts)
    changed = sum(before != after for before, after in zip(old, new, strict=True))
    if changed:
        write_jsonl(file, new)
    print(f"{file}: {changed} of {len(old)} questions had moved evidence.")


def _text(article_id: str) -> str:
    for article in corpus.read_articles():
        if article.id == article_id:
            return corpus.read_text(article)
    raise StageError(f"article {article_id}: not in {corpus.FOLDER / corpus.MANIFEST}, which lists all ids.")
