"""metrics/report.html: one file that opens offline. Everything in it is inline; its policy forbids any request."""

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from stages.report import charts, decision_charts, words
from stages.report.claims import compared_with_the_study
from stages.report.costs import effort_cost, training_cost, training_seconds
from stages.report.evidence import Evidence
from stages.report.hardware import machine_line
from stages.report.inputs import Study
from stages.report.interaction import groups_of, interactions
from stages.report.measures import Cell
from stages.report.params import ReportParams
from stages.report.power import DIFFERENCES, power
from stages.report.recommendation import RULES
from stages.report.slices import SLICERS, asks_yes_or_no
from stages.report.verdict import price_of_quality
from tune_or_retrieve.base.records import Answer, Approach, Passage, Question, Score
from tune_or_retrieve.money.prices import Prices

TEMPLATES = Path(__file__).parent / "templates"
SUB_SCORES = ("factual_accuracy", "completeness", "relevance", "clarity")


@dataclass(frozen=True)
class ShownAnswer:
    approach: Approach
    answer: Answer
    seconds: float | None  # total, mean over repeats
    replayed: bool
    scores: list[tuple[str, Score | None]]  # by judge


@dataclass(frozen=True)
class ShownQuestion:
    question: Question
    articles: list[str]
    passages: list[tuple[Passage, bool]]  # and whether it comes from an article that the reference rests on
    answers: dict[str, list[ShownAnswer]]  # by model


def render(evidence: Evidence, prices: Prices, report: ReportParams, like_the_study: bool) -> str:
    """The page. The same input gives the same bytes: no clock, no random names."""
    study, cells = evidence.study, evidence.cells
    groups = groups_of(study)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            study=study,
            decision=evidence.decision,
            rules=RULES,
            machine=machine_line(study),
            approaches=study.approaches,
            changes=any(map(study.against_base, study.models)),
            approach_words=words.APPROACH_WORDS,
            judge_words=_judge_words(study),
            sub_scores=SUB_SCORES,
            whole=_groups([cell for cell in cells if cell.slice is None]),
            slices={by: _groups([cell for cell in cells if cell.slice and cell.slice.by == by]) for by in SLICERS},
            asking_yes_or_no=_asking_yes_or_no(study),
            any_replayed=any(cell.replayed for cell in cells),
            counts_facts={
                judge: any(cell.judges[judge].fact_recall is not None for cell in cells) for judge in study.judges
            },
            comparisons=evidence.comparisons,
            interactions={m: found for m in study.models if (found := interactions(study, m, groups, report))},
            powers=power(study, report),
            differences=DIFFERENCES,
            agreements=evidence.agreements,
            controls=_control_scores(study),
            verdicts=evidence.verdicts,
            trade_offs=[text for m in study.models if (text := price_of_quality(study, cells, m))],
            notes=evidence.notes,
            claims=compared_with_the_study(study, cells) if like_the_study else [],
            figures=charts.figures(study, cells, report.confidence),
            geometry=charts,
            drawing=decision_charts,
            judging=[(judge, effort_cost(effort, prices)) for judge, effort in study.judge_effort.items()],
            training=[
                (model, seconds, training_cost(study, model, prices))
                for model in study.models
                if (seconds := training_seconds(study, model)) is not None
            ],
            elsewhere=[model for model in study.models if study.tuned_elsewhere(model)],
            questions=[_shown(study, question) for question in study.questions],
            prices=prices,
            report=report,
        )
    )


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    for name in (
        "number",
        "signed",
        "percent",
        "share",
        "interval",
        "change",
        "p_value",
        "money",
        "duration",
        "listed",
        "amount",
        "amount_interval",
        "share_interval",
        "capitalize_first",
    ):
        environment.filters[name] = getattr(words, name)
    environment.filters["cell"] = _cell_text
    return environment


def _judge_words(study: Study) -> dict[str, str]:
    """What each judge is, in words, after its name."""
    found = {}
    for judge in study.judges:
        card = study.cards[judge].details
        if model := card.get("model"):
            found[judge] = f"is the chat model {model}. It {words.SCORING_WORDS[card['scoring']]}"
        elif judge in words.JUDGE_WORDS:
            found[judge] = words.JUDGE_WORDS[judge]
    return found


def _groups(cells: list[Cell]) -> list[list[Cell]]:
    """Cells of one set, slice and model together, as they come."""
    return [list(group) for _, group in groupby(cells, key=lambda cell: (cell.set, cell.slice, cell.model))]


def _asking_yes_or_no(study: Study) -> str:
    """How many questions of each set ask for a yes or no, in words."""
    sets = {name: [asks_yes_or_no(q.question) for q in study.select(name)] for name in study.sets}
    return words.listed([f"{sum(asking)} of {len(asking)} {name}" for name, asking in sets.items()])


def _control_scores(study: Study) -> dict[str, list[float | None]]:
    """Mean score of each kind of control, by judge in the order of the study: what the judge stage names so."""
    prefix = "control_score_"
    details = [study.cards[judge].details for judge in study.judges]
    kinds = dict.fromkeys(key.removeprefix(prefix) for d in details for key in d if key.startswith(prefix))
    means = {kind: [d.get(prefix + kind) for d in details] for kind in kinds}
    return dict(
        sorted(means.items(), key=lambda item: -max((mean for mean in item[1] if mean is not None), default=0.0))
    )


def _shown(study: Study, question: Question) -> ShownQuestion:
    articles = sorted({span.article_id for span in question.evidence})
    context = study.contexts.get(question.id)
    return ShownQuestion(
        question=question,
        articles=articles,
        passages=[(passage, passage.article_id in articles) for passage in (context.passages if context else [])],
        answers={
            model: [_shown_answer(study, model, approach, question.id) for approach in study.approaches_of(model)]
            for model in study.models
        },
    )


def _shown_answer(study: Study, model: str, approach: Approach, question_id: str) -> ShownAnswer:
    key = (model, approach, question_id)
    seconds = study.total_seconds(model, approach, question_id)
    return ShownAnswer(
        approach=approach,
        answer=study.answers[key],
        seconds=sum(seconds) / len(seconds) if seconds else None,
        replayed=any(timing.replayed for timing in study.generation.get(key, [])),
        scores=[(judge, study.scores[judge].get(key)) for judge in study.judges],
    )


def _cell_text(value: Any) -> str:
    """A metric of another stage, whatever its type."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return words.number(value, 3)
    return words.MISSING if value is None else str(value)
