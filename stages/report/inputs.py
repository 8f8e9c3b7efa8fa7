"""The inputs of the report, read from files and checked for consistency."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from stages.report.statistics import connected_clusters
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_json, read_jsonl
from tune_or_retrieve.base.leaves import leaves
from tune_or_retrieve.base.questions import read_questions
from tune_or_retrieve.base.records import (
    APPROACHES,
    RETRIEVING,
    Answer,
    AnswerTiming,
    Approach,
    Effort,
    Question,
    RetrievalTiming,
    Retrieved,
    Score,
    Timed,
)
from tune_or_retrieve.base.study import Arm, StudyParams, remove_others

SETS = ("handwritten", "synthetic")
LENGTH_STOPS = {"length", "max_tokens"}  # the token limit, as OpenAI-compatible engines and Bedrock name it

Key = tuple[str, Approach, str]  # model, approach, question id
T = TypeVar("T")


@dataclass(frozen=True)
class JudgeCard:
    """How a judge did on the controls. `reliable` is None if it was not tested, which counts as unreliable."""

    name: str
    reliable: bool | None
    control_accuracy: float | None
    control_flattered: float | None  # share of the controls that say nothing but got 7 or more; older runs have none
    coverage: float | None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def flattery_fails(self) -> bool:
        """Whether a judge is unreliable because it rewards flattery, and not because of its accuracy on controls.

        The accuracy must be at least min_control_accuracy, and the share of rewarded flattery at most 1 minus that.
        Whatever this limit is, a judge that is unreliable misses it with the worse of the two figures.
        """
        accuracy, flattered = self.control_accuracy, self.control_flattered
        return accuracy is not None and flattered is not None and 1 - flattered < accuracy


@dataclass(frozen=True)
class Study:
    arms: list[Arm]
    judges: list[str]
    questions: list[Question]
    contexts: dict[str, Retrieved]
    answers: dict[Key, Answer]
    scores: dict[str, dict[Key, Score]]  # by judge; a score of None is unscored
    generation: dict[Key, list[AnswerTiming]]  # one per repeat
    retrieval: dict[str, float]  # seconds by question id
    retrieval_on: list[Timed]  # what these were measured on
    cards: dict[str, JudgeCard]
    retrieval_metrics: dict[str, Any]
    training: dict[str, dict[str, Any]]  # by tuned model, what fine_tune timed
    trained: dict[str, dict[str, Any]]  # by tuned model, its other figures
    train_pairs: int | None  # that the models were tuned on
    languages: str = ""  # of the articles, "40 en, 12 de"; empty if all are in English
    articles_left_out: int = 0  # that the writer of the pairs does not read
    index_effort: Effort = field(default_factory=Effort)
    judge_effort: dict[str, Effort] = field(default_factory=dict)  # by judge
    left_out: str = ""  # ids of handwritten questions that a training pair leaks

    @cached_property
    def models(self) -> list[str]:
        return list(dict.fromkeys(arm.model for arm in self.arms))

    @cached_property
    def approaches(self) -> list[Approach]:
        """Those by which any model answers."""
        return [a for a in APPROACHES if any(arm.approach == a for arm in self.arms)]

    def approaches_of(self, model: str) -> list[Approach]:
        return [arm.approach for arm in self.arms if arm.model == model]

    def name_of(self, arm: Arm) -> str:
        """An arm in words: with its model where there are several."""
        return arm.approach if len(self.models) == 1 else f"{arm.model} {arm.approach}"

    @property
    def retrieves(self) -> bool:
        return any(approach in RETRIEVING for approach in self.approaches)

    @property
    def compares(self) -> bool:
        """Whether any model answers by more than one approach."""
        return len(self.arms) > len(self.models)

    def against_base(self, model: str) -> bool:
        """Whether there is anything to compare with the model as it is."""
        approaches = self.approaches_of(model)
        return "base" in approaches and len(approaches) > 1

    @cached_property
    def cluster(self) -> dict[str, int]:
        """Question id to cluster: questions based on the same article are in one cluster."""
        numbers = connected_clusters([[span.article_id for span in q.evidence] for q in self.questions])
        return {q.id: number for q, number in zip(self.questions, numbers, strict=True)}

    def billed_as(self, model: str, approach: Approach) -> str | None:
        """The model whose tokens are paid for; None for one on this machine."""
        rows = (row for key, timings in self.generation.items() if key[:2] == (model, approach) for row in timings)
        return next((row.billed_as for row in rows if row.billed_as), None)

    def others_share(self, arm: Arm) -> float | None:
        """Share of the machine that other programs used while an arm answered, on average; None: not measured."""
        rows = (row for key, timings in self.generation.items() if key[:2] == arm for row in timings)
        shares = [row.others_share for row in rows if row.others_share is not None]
        return sum(shares) / len(shares) if shares else None

    @property
    def tuned_here(self) -> list[str]:
        """The models that were trained on the study's pairs, and so have seen some of its articles."""
        return [model for model in self.trained if not self.tuned_elsewhere(model)]

    def tuned_elsewhere(self, model: str) -> str | None:
        """Its name or location if the tuned model was not trained by the stage fine_tune."""
        return self.trained.get(model, {}).get("tuned_elsewhere")

    def measured_on(self, model: str, approach: Approach) -> list[Timed]:
        """What the calls of an approach were timed on: one machine and setting, unless some are replayed."""
        rows = [row for q in self.questions for row in self.generation.get((model, approach, q.id), [])]
        return list(dict.fromkeys(row.measured_on for row in rows))

    def alike(self, model: str, approach: Approach) -> bool:
        """Whether seconds may be compared with those of `base`: one machine, device and number of threads.

        For the retrieval before a call only the machine has to be the same.
        """
        calls = {*self.measured_on(model, approach), *self.measured_on(model, "base")}
        machines = {one.machine for one in calls}
        if approach in RETRIEVING:
            machines |= {one.machine for one in self.retrieval_on}
        return len(calls) <= 1 and len(machines - {None}) <= 1

    def timed_approaches(self, model: str) -> list[Approach]:
        return [
            a for a in self.approaches_of(model) if any(self.generation.get((model, a, q.id)) for q in self.questions)
        ]

    @property
    def sets(self) -> list[str]:
        """The question sets that hold any question."""
        return [name for name in SETS if any(q.set == name for q in self.questions)]

    def select(self, set_: str) -> list[Question]:
        return [q for q in self.questions if q.set == set_]

    def overall(self, judge: str, model: str, approach: Approach, question_id: str) -> float | None:
        score = self.scores[judge].get((model, approach, question_id))
        return score.overall if score else None

    def total_seconds(self, model: str, approach: Approach, question_id: str) -> list[float]:
        """Generation with the retrieval before it, one per repeat; empty unless every part was measured."""
        seconds = [t.seconds for t in self.generation.get((model, approach, question_id), [])]
        if approach not in RETRIEVING:
            return seconds
        retrieval = self.retrieval.get(question_id)
        return [] if retrieval is None else [retrieval + s for s in seconds]

    @property
    def reliable_judges(self) -> list[str]:
        return [name for name in self.judges if self.cards[name].reliable]


def remove_dropped(study: StudyParams) -> None:
    """Remove the outs of arms, tuned models and judges that earlier studies had, in the folders that are read whole."""
    data, metrics = Path("data"), Path("metrics")
    arms = [f"{approach}/{model}.jsonl" for model, approach in study.arms]
    for folder in (data / "answers", data / "timings/answer"):
        remove_others(folder.glob("*/*.jsonl"), [folder / arm for arm in arms])
    tuned = [f"{model}.json" for model in study.fine_tune]
    for folder in (data / "timings/fine_tune", metrics / "fine_tune"):
        remove_others(folder.glob("*.json"), [folder / name for name in tuned])
    judges = [f"{judge}.json" for judge in study.judges]
    for folder in (data / "timings/judge", metrics / "judge"):
        remove_others(folder.glob("*.json"), [folder / name for name in judges])
    plots = Path("plots/fine_tune")
    remove_others(plots.glob("*.csv"), [plots / f"{model}.csv" for model in study.fine_tune])
    remove_others((data / "scores").glob("*.jsonl"), [data / "scores" / f"{judge}.jsonl" for judge in study.judges])


def read_study(study: StudyParams, root: Path = Path(".")) -> Study:
    """Read the outs of the other stages.

    Raises:
        StageError: a file is missing or damaged, a row occurs twice, or an answer is missing.
    """
    data, metrics = root / "data", root / "metrics"
    questions = read_questions(root)
    known = {q.id for q in questions}
    judges, tuned = list(study.judges), list(study.fine_tune)
    answers: dict[Key, Answer] = {}
    generation: dict[Key, list[AnswerTiming]] = {}
    for model, approach in study.arms:
        path = data / "answers" / approach / f"{model}.jsonl"
        rows = _read_unique(path, Answer, lambda a: a.question_id)
        if missing := sorted(known - rows.keys()):
            raise StageError(
                f"{path}: {len(missing)} of {len(known)} questions have no answer (the first is {missing[0]}). "
                "Run `dvc repro`, which answers them."
            )
        answers |= {(model, approach, q): row for q, row in rows.items() if q in known}
        for timing in read_jsonl(data / "timings/answer" / approach / f"{model}.jsonl", AnswerTiming):
            generation.setdefault((model, approach, timing.question_id), []).append(timing)
    scores = {
        judge: _read_unique(data / "scores" / f"{judge}.jsonl", Score, lambda s: (s.model, s.approach, s.question_id))
        for judge in judges
    }
    timings = list(read_jsonl(data / "timings/retrieve.jsonl", RetrievalTiming))
    pairs = read_json(metrics / "qa.json")
    return Study(
        arms=study.arms,
        judges=judges,
        questions=questions,
        contexts=_read_unique(data / "contexts/contexts.jsonl", Retrieved, lambda r: r.question_id),
        answers=answers,
        scores=scores,
        generation=generation,
        retrieval={t.question_id: t.seconds for t in timings},
        retrieval_on=list(dict.fromkeys(t.measured_on for t in timings)),
        cards={judge: _card(judge, metrics / "judge" / f"{judge}.json") for judge in judges},
        retrieval_metrics=leaves(read_json(metrics / "retrieve.json")),
        training={model: read_json(data / "timings/fine_tune" / f"{model}.json") for model in tuned},
        trained={model: read_json(metrics / "fine_tune" / f"{model}.json") for model in tuned},
        train_pairs=pairs.get("train_pairs"),
        languages=pairs.get("languages", ""),
        articles_left_out=pairs.get("articles_left_out", 0),
        index_effort=Effort.model_validate(read_json(data / "timings/index.json")),
        judge_effort={
            judge: Effort.model_validate(read_json(data / "timings/judge" / f"{judge}.json")) for judge in judges
        },
        left_out=str(pairs.get("handwritten_left_out", "")),
    )


def _read_unique(path: Path, kind: type[T], key) -> dict[Any, T]:
    rows: dict[Any, T] = {}
    for row in read_jsonl(path, kind):
        if key(row) in rows:
            raise StageError(f"{path}: {key(row)!r} occurs twice. Remove the file and run `dvc repro`.")
        rows[key(row)] = row
    return rows


def _card(judge: str, path: Path) -> JudgeCard:
    details = leaves(read_json(path))
    reliable = details.get("reliable")
    return JudgeCard(
        name=judge,
        reliable=None if reliable is None else bool(reliable),
        control_accuracy=details.get("control_accuracy"),
        control_flattered=details.get("control_flattered"),
        coverage=details.get("coverage"),
        details=details,
    )
