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


Grading = tuple[str, str, str]  # question, reference, answer


class Judge(Protocol):
    """The one thing a judge does. A batch shares question and reference, so that these are read once."""

    def score(self, question: str, reference: str, answers: list[str]) -> list[Verdict]: ...


def band(value: float) -> float:
    """A score as it is written: within 0–10, two decimals."""
    return round(min(10.0, max(0.0, value)), 2)


def unscored(reason: str) -> Verdict:
    return Verdict(overall=None, comment=f"unscored: {reason}")
