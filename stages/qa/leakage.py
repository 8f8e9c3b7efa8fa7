"""Does a training question give a test question away? Used to choose pairs, and again as the gate over the files."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.errors import StageError
from stages.qa.params import LeakageParams
from stages.records import Pair, Question

# Words that carry no fact: function words and those of the questions' own phrasing.
FRAME = frozenset(
    """a about accept accepted accepts address all allow allowed am an and any api applies are as at be been being both
    but by call called calling can cannot can't contain contains default do does doesn't don't element error exception
    following for from get give given gives has have hold how i if in include included indicates into is it its
    largest least left length limit long make many may me mean means most must my name need no not number of on one
    operation optional or out parameter parameters pass permission purpose reason request required response return
    returns service set should smallest so specified specifies specify such than that the their them then they this to
    use used uses using valid value values was were what when where whether which who why will with within work yes you
    your amazon aws""".split()
)
MIN_CONTENT = 4  # words of a shared run that are neither frame nor name of the subject
WORD = re.compile(r"[a-z0-9]+(?:['.,:-][a-z0-9]+)*")


class Hit(NamedTuple):
    """A pair that leaks a test question, and how."""

    pair_id: str
    question_id: str
    reason: str  # "evidence overlap" | "words in common" | "similar question"
    detail: str


def words_of(text: str) -> list[str]:
    return WORD.findall(text.lower())


def shared_run(left: str, right: str, ngram: int, names: frozenset[str] = frozenset()) -> str | None:
    """The first run of `ngram` words that both texts have, or None.

    A run counts only if at least MIN_CONTENT of its words say something: words of the phrasing ("what is the default
    value of the") and `names` of the subject, which each question about it has to repeat, do not.
    """
    runs = {tuple(run) for run in _runs(words_of(right), ngram)}
    for run in _runs(words_of(left), ngram):
        if tuple(run) in runs and len([w for w in run if w not in FRAME and w not in names]) >= MIN_CONTENT:
            return " ".join(run)
    return None


def _runs(words: list[str], ngram: int) -> list[list[str]]:
    return [words[at : at + ngram] for at in range(len(words) - ngram + 1)]


def hit(
    pair: Pair, question: Question, cosine: float, params: LeakageParams, names: frozenset[str] = frozenset()
) -> Hit | None:
    """How a pair leaks a test question, or None. ``cosine`` is that of the two questions."""
    for evidence in question.evidence:
        same = evidence.article_id == pair.evidence.article_id
        if same and evidence.start < pair.evidence.end and pair.evidence.start < evidence.end:
            return Hit(pair.id, question.id, "evidence overlap", f"{evidence.article_id} at {evidence.start}")
    for left, right in ((pair.question, question.question), (pair.answer, question.reference)):
        if run := shared_run(left, right, params.ngram, names):
            return Hit(pair.id, question.id, "words in common", f"“{run}”")
    if cosine >= params.similarity:
        return Hit(pair.id, question.id, "similar question", f"cosine {cosine:.3f}")
    return None


def hits(pairs: Sequence[Pair], questions: Sequence[Question], cosines: np.ndarray, params: LeakageParams) -> list[Hit]:
    """All leaks, the first found per pair. ``cosines`` has the shape ``(len(pairs), len(questions))``."""
    found = []
    for row, pair in enumerate(pairs):
        for column, question in enumerate(questions):
            names = _names(pair, question)
            if leak := hit(pair, question, float(cosines[row, column]), params, names):
                found.append(leak)
                break
    return found


def _names(pair: Pair, question: Question) -> frozenset[str]:
    """Words of the article's own name, if both are about the same article: they must be in common."""
    mine = pair.evidence.article_id
    if mine not in {evidence.article_id for evidence in question.evidence}:
        return frozenset()
    return frozenset(words_of(mine.replace("-", "").replace("/", " ")))


def gate(
    train: Sequence[Pair],
    validation: Sequence[Pair],
    test: Sequence[Question],
    embedder,
    params: LeakageParams,
) -> float:
    """Check the finished sets anew. Returns the largest cosine between a training and a test question.

    Raises:
        StageError: a pair leaks a test question, or an article of an unseen question is trained or validated on.
    """
    pairs = [*train, *validation]
    vectors = embedder.embed([pair.question for pair in pairs] + [question.question for question in test])
    cosines = vectors[: len(pairs)] @ vectors[len(pairs) :].T
    lines = [
        f"{leak.pair_id} leaks {leak.question_id}: {leak.reason}, {leak.detail}"
        for leak in hits(pairs, test, cosines, params)
    ]
    trained = {pair.evidence.article_id for pair in pairs}
    for question in test:
        known = sorted(trained & {evidence.article_id for evidence in question.evidence})
        if question.slice == "unseen" and known:
            lines.append(f"{question.id} is unseen, but its article {', '.join(known)} has training pairs")
    overlap = {p.evidence.article_id for p in train} & {p.evidence.article_id for p in validation}
    lines += [f"article {article} has both training and validation pairs" for article in sorted(overlap)]
    if lines:
        shown = "\n  ".join(lines[:20])
        more = f"\n  and {len(lines) - 20} more" if len(lines) > 20 else ""
        raise StageError(
            f"leakage gate: {len(lines)} fault{'s' * (len(lines) > 1)} between the pairs and the test questions. "
            f"Nothing was written. Lower qa.leakage.* in params.yaml, or report it as a fault of the split:\n  {shown}{more}"
        )
    return float(cosines[: len(train)].max()) if train and test else 0.0
