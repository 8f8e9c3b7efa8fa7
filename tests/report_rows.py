"""A small made-up study on disk, for the tests of the report. All texts are ours."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tune_or_retrieve.base.records import (
    APPROACHES,
    Answer,
    AnswerTiming,
    Evidence,
    Passage,
    Question,
    RetrievalTiming,
    Retrieved,
    Score,
)
from tune_or_retrieve.base.study import ApproachesParams, StudyParams

SHA = "0" * 64
Models = Sequence[str] | Mapping[str, Sequence[str]]


def question(
    id_: str,
    set_: str = "synthetic",
    slice_: str = "seen",
    article: str | None = None,
    asked: str | None = None,
    kind: str = "limit",
) -> Question:
    evidence = [Evidence(article_id=article or f"kettle/{id_}", start=0, end=9, sha256=SHA)]
    text = asked or f"How long does kettle <{id_}> take to boil?"
    return Question(
        id=id_, set=set_, slice=slice_, question=text, reference=f"Kettle {id_} boils in 3 & a half minutes.",
        service="kettle", kind=kind, evidence=evidence,
    )  # fmt: skip


def write_rows(path: Path, rows: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def score(question_id: str, model: str, approach: str, judge: str, overall: float | None, recall=None) -> Score:
    return Score(
        question_id=question_id, model=model, approach=approach, judge=judge, overall=overall,
        factual_accuracy=overall, completeness=overall, relevance=overall, clarity=overall,
        fact_recall=recall, comment="made up" if overall is not None else "the reply could not be read",
    )  # fmt: skip


def study_params(models: Models = ("micro",), judges: Iterable[str] = ("facts",)) -> StudyParams:
    """Models by all approaches, or each by its own."""
    own = models if isinstance(models, Mapping) else dict.fromkeys(models, APPROACHES)
    approaches = {one: {model: "embedded" for model, has in own.items() if one in has} for one in APPROACHES}
    return StudyParams(
        approaches=ApproachesParams(**approaches),
        fine_tune=approaches["ft"] | approaches["ft_rag"],
        judges=dict.fromkeys(judges, "none"),
    )


def write_study(
    root: Path,
    questions: list[Question],
    scores: dict,
    *,
    models: Models = ("micro",),
    tokens: dict | None = None,
    seconds: dict | None = None,
    retrieval: float | None = 0.5,
    cards: dict | None = None,
    replayed=(),
    on: dict | None = None,
    others: dict | None = None,
    billed_as: str | None = None,
    training_on: dict | None = None,
    trained: dict | None = None,
) -> Path:
    """Write the outs of all other stages.

    Args:
        scores: judge to a function (model, approach, question) -> (overall, fact_recall).
        models: see `study_params`.
        tokens: approach to (input, output); an output of 200 is the token limit.
        seconds: approach to seconds of generation, or a tuple cycled through the questions; None: no timings.
        retrieval: seconds of each retrieval; None leaves them out.
        cards: judge to the content of its metrics file.
        replayed: approaches whose timings are replayed.
        on: approach, or "retrieval", to what its seconds were measured on.
        others: approach to the share of the machine that other programs used meanwhile.
        billed_as: the hosted model that all answers are of.
        training_on, trained: more that fine_tune timed, and more of its metrics.
    """
    tokens = tokens or {"base": (50, 200), "rag": (700, 40), "ft": (50, 20), "ft_rag": (700, 20)}
    seconds = seconds or {"base": 2.0, "rag": 1.5, "ft": 0.5, "ft_rag": 1.0}
    data, study = root / "data", study_params(models, scores)
    write_rows(data / "qa/handwritten.jsonl", [q for q in questions if q.set == "handwritten"])
    write_rows(data / "qa/test.jsonl", [q for q in questions if q.set == "synthetic"])
    passage = Passage(
        chunk_id="c", article_id="kettle/q0", title="Kettles & pots", section="Use", text="<b>Fill</b> it.", score=0.5
    )
    retrieved = questions if study.retrieves else []
    write_rows(data / "contexts/contexts.jsonl", [Retrieved(question_id=q.id, passages=[passage]) for q in retrieved])
    timed = retrieved if retrieval is not None else []
    write_rows(
        data / "timings/retrieve.jsonl",
        [RetrievalTiming(question_id=q.id, seconds=retrieval, **(on or {}).get("retrieval", {})) for q in timed],
    )
    write_json(data / "timings/index.json", {"seconds": 360.0})
    for model, approach in study.arms:
        inputs, outputs = tokens[approach]
        answers = [
            Answer(
                question_id=q.id, model=model, approach=approach, text=f"{approach} says <i>{q.id}</i>",
                input_tokens=inputs, output_tokens=outputs, stop_reason="length" if outputs == 200 else "stop",
            )
            for q in questions
        ]  # fmt: skip
        write_rows(data / "answers" / approach / f"{model}.jsonl", answers)
        timings = [
            AnswerTiming(
                question_id=q.id, model=model, approach=approach, repeat=0, seconds=_cycled(seconds[approach], i),
                replayed=approach in replayed, others_share=(others or {}).get(approach), billed_as=billed_as,
                **(on or {}).get(approach, {}),
            )
            for i, q in enumerate(questions)
            if seconds[approach] is not None
        ]  # fmt: skip
        write_rows(data / "timings/answer" / approach / f"{model}.jsonl", timings)
    for model in study.fine_tune:
        write_json(
            data / "timings/fine_tune" / f"{model}.json",
            {"load_seconds": 20.0, "training_seconds": 700.0, "tokens_per_second": 400.0, **(training_on or {})},
        )
        write_json(root / "metrics/fine_tune" / f"{model}.json", {"validation_loss": 1.5, **(trained or {})})
    for judge, opinion in scores.items():
        rows = [score(q.id, *arm, judge, *opinion(*arm, q)) for arm in study.arms for q in questions]
        write_rows(data / "scores" / f"{judge}.jsonl", rows)
        write_json(data / "timings/judge" / f"{judge}.json", {"seconds": 7.2})
        card = {"reliable": True, "control_accuracy": 0.95, "coverage": 1.0}
        write_json(root / "metrics/judge" / f"{judge}.json", (cards or {}).get(judge, card))
    write_json(root / "metrics/qa.json", {"train_pairs": 1000})
    found = {"synthetic.recall@5": 0.96} if study.retrieves else {"retrieved": 0, "why": "no model retrieves"}
    write_json(root / "metrics/retrieve.json", found)
    return root


def _cycled(seconds, index: int) -> float:
    return seconds[index % len(seconds)] if isinstance(seconds, tuple) else seconds
