"""metrics/qa.json: how many pairs were taken, and how many were not and why."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from stages.qa.balance import TENTHS, tenth
from stages.qa.build import Sets
from stages.qa.handwritten import LeftOut
from tune_or_retrieve.base.records import Article, Pair
from tune_or_retrieve.text.languages import may_be_english, shares


def summary(
    sets: Sets,
    articles: Sequence[Article],
    max_train_test_similarity: float,
    left_out: Sequence[LeftOut] = (),
    articles_left_out: int = 0,
) -> dict[str, float | int | str]:
    """Flat keys to numbers, and the ids of handwritten questions that were left out.

    The similarity is that of the synthetic questions. The languages of the articles are there if not all
    is in English.
    """
    characters = {article.id: article.characters for article in articles}
    accepted = [*sets.train, *sets.validation]
    verification = sum(not r.reason.startswith(("leaks", "near", "same")) for r in sets.rejected)
    numbers: dict[str, float | int | str] = {
        "candidates": sets.candidates,
        "train_pairs": len(sets.train),
        "validation_pairs": len(sets.validation),
        "test_questions": len(sets.test),
        "test_questions_seen": sum(question.slice == "seen" for question in sets.test),
        "test_questions_unseen": sum(question.slice == "unseen" for question in sets.test),
        "rejected": len(sets.rejected),
        "acceptance_rate": _rounded(1 - verification / max(sets.candidates, 1)),  # of the verification rules
        "train_articles": _articles(sets.train),
        "validation_articles": _articles(sets.validation),
        "phrasings": len({pair.phrasing for pair in accepted}),
        "max_train_test_similarity": _rounded(max_train_test_similarity),
        "mean_question_words": _rounded(_mean(len(pair.question.split()) for pair in accepted)),
        "mean_answer_words": _rounded(_mean(len(pair.answer.split()) for pair in accepted)),
    }
    numbers |= _counts("kind", (pair.kind for pair in accepted))
    numbers |= _counts("test_kind", (question.kind for question in sets.test))
    numbers |= _counts("service", (pair.service for pair in accepted))
    numbers |= _counts("rejected", (_rule(rejection.reason) for rejection in sets.rejected))
    tenths = Counter(tenth(pair, characters) for pair in accepted)
    for number in range(TENTHS):
        numbers[f"position_{number + 1:02d}_of_{TENTHS}"] = _rounded(tenths[number] / max(len(accepted), 1))
    languages = Counter(article.language for article in articles)
    if not all(map(may_be_english, languages)):
        numbers["languages"] = shares(languages)
    if articles_left_out:
        numbers["articles_left_out"] = articles_left_out
    if left_out:
        numbers["handwritten_left_out"] = ", ".join(one.question.id for one in left_out)
    return numbers


def _rule(reason: str) -> str:
    """The reason without what is particular to one unreadable reply, so that keys stay few."""
    return reason.partition(":")[0] if reason.startswith("unreadable") else reason


def _articles(pairs: Iterable[Pair]) -> int:
    return len({article_id for pair in pairs for article_id in pair.articles})


def _counts(prefix: str, names: Iterable[str]) -> dict[str, int]:
    return {
        f"{prefix}_{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')}": n
        for name, n in sorted(Counter(names).items())
    }


def _mean(values: Iterable[int]) -> float:
    listed = list(values)
    return sum(listed) / max(len(listed), 1)


def _rounded(value: float) -> float:
    return round(value, 4)
