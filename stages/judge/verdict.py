"""What a judge says of one answer, on the study's scale: 0–3 wrong, 4–6 incomplete, 7–8 mostly right, 9–10 right."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict


class Verdict(BaseModel):
    """All None: the judge could not score the answer (unscored, not wrong); the comment says why."""

    model_config = ConfigDict(frozen=True)

    overall: float | None
    factual_accuracy: float | None = None
    completeness: float | None = None
    relevance: float | None = None
    clarity: float | None = None
    fact_recall: float | None = None  # 0–1
    comment: str


COMMENT_CHARACTERS = 500  # a loop of numbers would else be a comment of 50,000

Grading = tuple[str, str, list[str]]  # question, reference, answers: what `Judge.score` is given


class Judge(Protocol):
    """The one thing a judge does. A batch shares question and reference, so that these are read once."""

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]: ...


def band(value: float) -> float:
    """A score as it is written: within 0–10, two decimals."""
    return round(min(10.0, max(0.0, value)), 2)


def unscored(reason: str) -> Verdict:
    return Verdict(overall=None, comment=f"unscored: {reason}")


def only_yes_or_no(agrees: bool) -> Verdict:
    """Of an answer that is a yes or no and nothing else, to a question whose reference says more.

    The right one is half of an answer: a coin finds it as often as not.
    """
    value = 5.0 if agrees else 1.0
    return Verdict(
        overall=value,
        factual_accuracy=10.0 if agrees else 0.0,
        completeness=value,
        relevance=10.0,
        clarity=10.0,
        comment="only a yes or no" + ("" if agrees else ", and not the reference's"),
    )
