"""Does a training pair give a test question away? Used to select pairs, and again as the gate over the files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from stages.qa.params import LeakageParams
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.records import Pair, Question
from tune_or_retrieve.vectors.embedding import Embeds

# Words that carry no fact: function words, and those that the phrasings of the questions bring.
FRAME = frozenset(
    """a about accept accepted accepts address all allow allowed am an and any api applies are as at be been being both
    but by call called calling can cannot can't contain contains default do does doesn't don't element error exception
    following for from get give given gives has have hold how i if in include included indicates into is it its
    largest least left length limit long make many may me mean means most must my name need no not number of on one
    operation optional or out parameter parameters pass permission purpose reason request required response return
    returns service set should smallest so specified specifies specify such than that the their them then they this to
    use used uses using valid value values was were what when where whether which who why will with within work yes you
    your amazon aws""".split()  # noqa: SIM905
)
MIN_CONTENT = 4  # words of a shared run that say something; see `runs`
WORD = re.compile(r"[^\W_]+(?:['.,:-][^\W_]+)*")
# Selection keeps this distance to what the gate allows: products of other matrices are summed in another order, and
# vectors from another store may have been rounded differently.
MARGIN = 0.01
SHOWN = 20  # leaks listed in the message of the gate


class Hit(NamedTuple):
    """A pair that leaks a test question, and how."""

    pair_id: str
    question_id: str
    reason: str  # "evidence overlap" | "words in common" | "similar question"
    detail: str


def runs(text: str, ngram: int) -> Iterator[tuple[str, ...]]:
    """Runs of `ngram` words that say something.

    A run counts only if at least MIN_CONTENT of its words are not in FRAME: two questions that share "what is the
    default value of the … parameter of the … operation" give nothing away.
    """
    words = WORD.findall(text.lower())
    for at in range(len(words) - ngram + 1):
        run = tuple(words[at : at + ngram])
        if sum(word not in FRAME for word in run) >= MIN_CONTENT:
            yield run


def hits(pairs: Sequence[Pair], questions: Sequence[Question], cosines: np.ndarray, params: LeakageParams) -> list[Hit]:
    """For each pair that leaks a test question, the first leak found: same evidence, same words or similar question.

    Args:
        cosines: of the pairs' questions to the test questions, ``(len(pairs), len(questions))``.
    """
    asked = {run: question.id for question in questions for run in runs(question.question, params.ngram)}
    told = {run: question.id for question in questions for run in runs(question.reference, params.ngram)}
    found = (_hit(pair, questions, asked, told, row, params) for pair, row in zip(pairs, cosines, strict=True))
    return [hit for hit in found if hit]


def _hit(
    pair: Pair,
    questions: Sequence[Question],
    asked: dict[tuple[str, ...], str],
    told: dict[tuple[str, ...], str],
    cosines: np.ndarray,
    params: LeakageParams,
) -> Hit | None:
    for question in questions:
        for mine, other in product(pair.evidence, question.evidence):
            if other.article_id == mine.article_id and other.start < mine.end and mine.start < other.end:
                return Hit(pair.id, question.id, "evidence overlap", f"{mine.article_id} {mine.start}–{mine.end}")
    for known, text in ((asked, pair.question), (told, pair.answer)):
        for run in runs(text, params.ngram):
            if run in known:
                return Hit(pair.id, known[run], "words in common", f"“{' '.join(run)}”")
    nearest = int(np.argmax(cosines))
    if cosines[nearest] >= params.similarity:
        return Hit(pair.id, questions[nearest].id, "similar question", f"cosine {cosines[nearest]:.3f}")
    return None


def gate(
    train: Sequence[Pair],
    validation: Sequence[Pair],
    test: Sequence[Question],
    embedder: Embeds,
    params: LeakageParams,
) -> float:
    """Check finished sets again. Returns the largest cosine between a training and a synthetic test question, or 0.

    Raises:
        StageError: a pair leaks a test question, an article of an unseen question is trained or validated on, or an
            article is in both training and validation.
    """
    pairs = [*train, *validation]
    if not pairs or not test:
        return 0.0
    vectors = embedder.embed([row.question for row in (*pairs, *test)])
    cosines = vectors[: len(pairs)] @ vectors[len(pairs) :].T
    faults = [
        f"pair {hit.pair_id} leaks question {hit.question_id}: {hit.reason}, {hit.detail}"
        for hit in hits(pairs, test, cosines, params)
    ]
    used = _articles(pairs)
    for question in test:
        known = sorted(used & {evidence.article_id for evidence in question.evidence})
        if question.slice == "unseen" and known:
            faults.append(f"question {question.id} is unseen, but there are pairs from {', '.join(known)}")
    shared = _articles(train) & _articles(validation)
    faults += [f"article {article} has both training and validation pairs" for article in sorted(shared)]
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise StageError(
            "\n  ".join(
                [
                    f"leakage gate: {count} between the pairs and the test questions; nothing was written. The "
                    "selection of pairs should have prevented this: please report it, with the section qa of "
                    "params.yaml:",
                    *faults[:SHOWN],
                    *more,
                ]
            )
        )
    synthetic = [number for number, question in enumerate(test) if question.set == "synthetic"]
    return float(cosines[: len(train), synthetic].max()) if train and synthetic else 0.0


def _articles(pairs: Iterable[Pair]) -> set[str]:
    return {article_id for pair in pairs for article_id in pair.articles}
