"""Controls first, then answers: pure functions from records to scores and to the judge's own figures."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from stages.judge.controls.controls import FLATTERY, KINDS, WORTHLESS, WRONG, Control, make_controls, ordering
from stages.judge.params import FactsParams, JudgeParams, LlmJudgeParams, SemanticParams
from stages.judge.verdict import Grading, Judge, Verdict
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import Answer, Pair, Question, Score


@contextlib.contextmanager
def open_judge(name: str, params: JudgeParams, run: RunParams, gradings: Iterable[Grading] = ()) -> Iterator[Judge]:
    """The judge of a section, ready to score. Imports of one kind of judge are not those of another.

    Args:
        gradings: all that it will be asked, for a judge that asks them in one batch.
    """
    if isinstance(params, LlmJudgeParams):
        from stages.judge.chat_judge import llm_judge

        with llm_judge(name, params, run, gradings) as judge:
            yield judge
    else:
        yield make_judge(params, run)


def make_judge(params: JudgeParams, run: RunParams) -> Judge:
    """One of the judges that need no model of their own running."""
    if isinstance(params, FactsParams):
        from stages.judge.facts import FactsJudge

        return FactsJudge(params.contradiction_cap)
    assert isinstance(params, SemanticParams)
    from stages.judge.semantic import SemanticJudge
    from stages.judge.word_vectors import TransformerWordEmbedder

    return SemanticJudge(TransformerWordEmbedder(params.embedding, run), params.contradiction_penalty)


REWARDED = 7.0  # of 10, from which the scale says "mostly correct"


@dataclass(frozen=True)
class ControlReport:
    """What a judge showed on controls: rightly ordered pairs, over all and per kind pair, and scores per kind."""

    counts: dict[str, tuple[int, int]]  # "reference>half": (right, compared)
    means: dict[str, float]
    highest: dict[str, float]
    n_by_kind: dict[str, int]  # every kind, those without a control too
    n: int
    n_scored: int
    flattered: float | None  # share of the controls that only please which got REWARDED or more; None without any

    @property
    def accuracy(self) -> float | None:
        compared = sum(n for _, n in self.counts.values())
        return sum(right for right, _ in self.counts.values()) / compared if compared else None


def judge_controls(judge: Judge, pairs: Sequence[Pair]) -> ControlReport:
    controls = make_controls(pairs)
    scores: dict[tuple[str, str], float | None] = {}
    for group in track(_grouped(controls), "controls", unit="pairs", shorter="lower control_pairs of the judge"):
        verdicts = judge.score(group[0].question, group[0].reference, [c.answer for c in group])
        scores.update({(c.pair_id, c.kind): v.overall for c, v in zip(group, verdicts, strict=True)})
    in_order = [scores[c.pair_id, c.kind] for c in controls]
    by_kind = {
        kind: [s for c, s in zip(controls, in_order, strict=True) if c.kind == kind and s is not None] for kind in KINDS
    }
    pleasing = [score for kind in FLATTERY for score in by_kind[kind]]
    return ControlReport(
        counts=ordering(controls, in_order),
        means={kind: fmean(values) for kind, values in by_kind.items() if values},
        highest={kind: max(values) for kind, values in by_kind.items() if values},
        n_by_kind={kind: sum(c.kind == kind for c in controls) for kind in KINDS},
        n=len(controls),
        n_scored=sum(s is not None for s in in_order),
        flattered=fmean(score >= REWARDED for score in pleasing) if pleasing else None,
    )


def _grouped(controls: Iterable[Control]) -> list[list[Control]]:
    """By pair."""
    groups: dict[str, list[Control]] = defaultdict(list)
    for control in controls:
        groups[control.pair_id].append(control)
    return list(groups.values())


def judge_answers(judge: Judge, name: str, questions: Sequence[Question], answers: Sequence[Answer]) -> list[Score]:
    """A score for every answer, in the order of the answers.

    Raises:
        StageError: an answer to a question that is not among the test questions.
    """
    by_question: dict[str, list[int]] = defaultdict(list)
    for number, answer in enumerate(answers):
        by_question[answer.question_id].append(number)
    _check_known(questions, answers)
    scores: dict[int, Score] = {}
    for question in track(questions, f"judge {name}", unit="questions", shorter="lower qa.test_questions"):
        numbers = by_question[question.id]
        # Equal texts are one text: the judge sees it once.
        texts = list(dict.fromkeys(answers[n].text for n in numbers))
        verdicts = (
            dict(zip(texts, judge.score(question.question, question.reference, texts), strict=True)) if texts else {}
        )
        for n in numbers:
            scores[n] = _score(name, answers[n], verdicts[answers[n].text])
    return [scores[n] for n in range(len(answers))]


def gradings(pairs: Sequence[Pair], questions: Sequence[Question], answers: Sequence[Answer]) -> Iterator[Grading]:
    """What `judge_controls` and `judge_answers` put to a judge. Raises StageError as the latter."""
    _check_known(questions, answers)
    for group in _grouped(make_controls(pairs)):
        yield group[0].question, group[0].reference, [control.answer for control in group]
    for question in questions:
        texts = [answer.text for answer in answers if answer.question_id == question.id]
        yield question.question, question.reference, list(dict.fromkeys(texts))


def _check_known(questions: Sequence[Question], answers: Sequence[Answer]) -> None:
    known = {question.id for question in questions}
    strangers = [f"{a.question_id!r} ({a.approach}, {a.model})" for a in answers if a.question_id not in known]
    if strangers:
        raise StageError(
            f"data/answers: {len(strangers)} answers are to questions that are not among the test questions, first "
            f"{strangers[0]}. They were made for other questions: run `dvc repro`."
        )


def check_coverage(name: str, scores: Sequence[Score], params: JudgeParams) -> None:
    """Raises StageError if too few answers were scored: a mean over the others would be one of another study."""
    if not isinstance(params, LlmJudgeParams) or not scores:
        return
    comments = Counter(score.comment for score in scores if score.overall is None)
    n_scored = len(scores) - comments.total()
    if n_scored / len(scores) < params.min_coverage:
        reason, count = comments.most_common(1)[0]
        raise StageError(
            f"judge {name}: scored {n_scored} of {len(scores)} answers ({n_scored / len(scores):.1%}), fewer than "
            f"judges.{name}.min_coverage ({params.min_coverage:.1%}). {count} times: {reason}. The next `dvc repro` "
            "asks again for what cannot be read and keeps the rest. If that does not help, raise max_tokens, take "
            "another model, or lower min_coverage."
        )


def metrics(
    report: ControlReport, scores: Sequence[Score], params: JudgeParams, asked_again: int = 0
) -> dict[str, float | int | str | None]:
    """Flat figures of metrics/judge/<judge>.json; ``reliable`` and ``relative`` are 1 or 0.

    Args:
        asked_again: replies of a judge of kind llm that could not be read at first.
    """
    n_scored = sum(score.overall is not None for score in scores)
    flat: dict[str, float | int | str | None] = {
        "n": len(scores),
        "n_scored": n_scored,
        "coverage": round(n_scored / len(scores), 4) if scores else None,
        "control_accuracy": None if report.accuracy is None else round(report.accuracy, 4),
        "control_n": report.n,
        "control_n_scored": report.n_scored,
        "control_comparisons": sum(n for _, n in report.counts.values()),
        "reliable": int(is_reliable(report, params)),
    }
    for pair, (right, compared) in report.counts.items():
        better, worse = pair.split(">")
        flat[f"control_accuracy_{better}_over_{worse}"] = round(right / compared, 4)
    for kind, value in report.means.items():
        flat[f"control_score_{kind}"] = round(value, 3)
    for kind, count in report.n_by_kind.items():
        flat[f"control_n_{kind}"] = count
    flat["control_flattered"] = None if report.flattered is None else round(report.flattered, 4)
    for kind in (*WRONG, *FLATTERY):
        # What must stay below the band of answers that are not wrong; null where there is no such control.
        flat[f"control_max_{kind}"] = round(report.highest[kind], 3) if kind in report.highest else None
    if isinstance(params, LlmJudgeParams):
        flat["asked_again"] = asked_again
        flat["relative"] = int(params.scoring == "pairwise")
        flat["scoring"] = params.scoring
        flat["model"] = getattr(params, "model", None) or params.weights
    return flat


def is_reliable(report: ControlReport, params: JudgeParams) -> bool:
    return doubt(report, params) == ""


def doubt(report: ControlReport, params: JudgeParams) -> str:
    """Why the judge is not to be believed; "" if it is."""
    if report.accuracy is None or report.accuracy < params.min_control_accuracy:
        accuracy = "none" if report.accuracy is None else f"{report.accuracy:.1%}"
        return (
            f"it orders {accuracy} of the control pairs rightly, fewer than min_control_accuracy "
            f"({params.min_control_accuracy:.1%})"
        )
    best = report.means.get("reference")
    if best is not None and (kind := next((one for one in WORTHLESS if report.means.get(one, -1.0) >= best), None)):
        return (
            f"it gives controls of kind {kind} {report.means[kind]:.1f} points on average, and the reference itself "
            f"{best:.1f}"
        )
    if report.flattered is not None and report.flattered > 1 - params.min_control_accuracy:
        return (
            f"it gives {REWARDED:g} or more to {report.flattered:.1%} of the controls that only repeat the question or "
            f"say yes or no, more than 1 - min_control_accuracy ({1 - params.min_control_accuracy:.1%})"
        )
    return ""


def _score(judge: str, answer: Answer, verdict: Verdict) -> Score:
    return Score(
        question_id=answer.question_id,
        model=answer.model,
        approach=answer.approach,
        judge=judge,
        **verdict.model_dump(),
    )
