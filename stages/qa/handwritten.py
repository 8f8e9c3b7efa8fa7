"""The handwritten test questions, held against the articles that they rest on."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Question


def read_handwritten(path: Path, texts: Mapping[str, str], services: Collection[str]) -> list[Question]:
    """The rows of the file that are about services of this corpus, none if it is empty.

    Questions about other services are left out, which is said: they are for a corpus with more services than this one.

    Args:
        texts: of the articles, by id.
        services: those of the articles.

    Raises:
        StageError: names every fault of every other row: line, question, what is wrong and what to do.
    """
    rows = list(read_jsonl(path, Question))
    kept, others = [], []
    for number, row in zip(_lines(path), rows, strict=True):
        elsewhere = row.service not in services and not any(span.article_id in texts for span in row.evidence)
        (others if elsewhere else kept).append((number, row))
    faults = [f"line {number}, question {row.id!r}: {fault}" for number, row in kept for fault in _faults(row, texts)]
    faults += _repeated(kept)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise StageError("\n  ".join([f"{path}: {count}:", *faults]))
    if others:
        named = ", ".join(f"{row.id} ({row.service})" for _, row in others)
        say(f"{path}: {len(others)} of {len(rows)} questions are left out, as no article is of their service: {named}")
    return [row for _, row in kept]


def _lines(path: Path) -> list[int]:
    with path.open(encoding="utf-8") as file:
        return [number for number, _ in enumerate(file, start=1)]


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
                "params.yaml, or take the question out: for a corpus of your own, this file may be empty."
            )
        elif not 0 <= span.start < span.end <= len(text):
            faults.append(f"{where}: must lie within the article's {len(text)} characters. Look the passage up anew.")
        elif sha256_text(text[span.start : span.end]) != span.sha256:
            faults.append(
                f"{where}: its text has another sha256 than the row says, so the article was changed. "
                "Look the passage up anew and correct start, end and sha256."
            )
    return faults


def _repeated(rows: Sequence[tuple[int, Question]]) -> list[str]:
    first: dict[str, int] = {}
    faults = []
    for number, row in rows:
        if row.id in first:
            faults.append(f"line {number}, question {row.id!r}: its id stands in line {first[row.id]} too.")
        first.setdefault(row.id, number)
    return faults
