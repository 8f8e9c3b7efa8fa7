"""How the judges tell true answers from wrong ones, against plain cosine and plain overlap of words.

    .venv/bin/python -m benchmarks.judges               the offline ones; needs data/qa: `make repro` makes it
    .venv/bin/python -m benchmarks.judges --judge NAME  a chat model, an entry of `judges`, on the part `report` alone

The files in benchmarks/data hold references of documentation, manuals and policies. Each has true answers, from lightly
edited to wholly reworded, and answers that are wrong by one fact, in the reference's own words or in others. Several
authors (language models) wrote them one by one without having seen the judges. They are harder than the answers of a
study. By their part:

    report      scored once, after the finders of errors had been chosen: how the judges do elsewhere
    choice      the finders were chosen by these (and `tuned_on`)
    held_out    was `report` of an earlier version
    tuned_on    looked at while the judges were written

In addition, the controls that a judge passes before a study, made from every training and validation pair.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from stages.judge.chat_judge import llm_judge
from stages.judge.controls.controls import FLATTERY, WRONG, make_controls
from stages.judge.judging import make_judge
from stages.judge.params import JudgeParams, LlmJudgeParams, SemanticParams
from stages.judge.reading.style import words_of
from stages.judge.verdict import Judge
from tune_or_retrieve.base.errors import StageError, exits_cleanly
from tune_or_retrieve.base.files import read_json, read_jsonl, write_json
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import Progress
from tune_or_retrieve.base.records import Pair, Record

DATA, RESULT = Path("benchmarks/data"), Path("benchmarks/results/judges.json")
CHAT_RESULT = Path("benchmarks/results/chat_judges.json")
FILES = ("graded_answers", "fresh_answers")
PARTS = ("report", "choice", "held_out", "tuned_on")
JUDGES = ("facts", "semantic")
WRONG_AT_MOST, TRUE_AT_LEAST = 3.0, 7.0  # of 10: the bands "incorrect or misleading" and "mostly correct"


class Answer(Record):
    kind: str  # true, or what was made wrong
    wording: Literal["own", "light", "reworded", "wholly"]  # the reference's own words, ..., wholly others
    text: str


class Graded(Record):
    author: str
    part: Literal["report", "choice", "held_out", "tuned_on"]
    question: str
    reference: str
    answers: tuple[Answer, ...]


Scores = Sequence[Sequence[float]]  # of each reference's answers


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", metavar="NAME", help="an entry of `judges` in params.yaml that asks a chat model")
    name = parser.parse_args().judge
    rows = [row for file in FILES for row in read_jsonl(DATA / f"{file}.jsonl", Graded)]
    if name is None:
        offline(rows)
    else:
        by_chat(name, [row for row in rows if row.part == "report"])


def by_chat(name: str, rows: Sequence[Graded]) -> None:
    """Print and keep how a chat model judges. Raises StageError as the stage judge."""
    params, run = load(f"judges.{name}", JudgeParams), load(SECTION, RunParams)
    if not isinstance(params, LlmJudgeParams):
        raise StageError(f"judges.{name}: must be of kind llm. Without --judge, the others are measured.")
    with llm_judge(name, params, run) as judge:
        scores = []
        with Progress(f"judge {name}", len(rows), "references") as progress:
            for row in rows:
                scores.append(_scores(judge, [row])[0])
                progress.advance()
    model = getattr(params, "model", None) or Path(params.weights).name
    # What a comparison says is relative, so the study's bands do not apply.
    found = judged(rows, scores, scale=params.scoring != "pairwise")
    print(f"{model}, {params.scoring}", found)
    before = read_json(CHAT_RESULT) if CHAT_RESULT.is_file() else {}
    write_json(CHAT_RESULT, before | {f"{model}, {params.scoring}": found})


def offline(rows: Sequence[Graded]) -> None:
    params = {name: load(f"judges.{name}", JudgeParams) for name in JUDGES}
    semantic = params["semantic"]
    assert isinstance(semantic, SemanticParams)
    run = load(SECTION, RunParams)
    scores = {name: _scores(make_judge(params[name], run), rows) for name in JUDGES}
    plain = {"cosine": cosines(rows, str(resolve(semantic.embedding.model))), "word F1": [_f1(row) for row in rows]}
    result: dict = {}
    for part in PARTS:
        here = [n for n, row in enumerate(rows) if row.part == part]
        result[part] = {"references": len(here), "answers": sum(len(rows[n].answers) for n in here)} | {
            name: judged([rows[n] for n in here], [values[n] for n in here], scale=name in scores)
            for name, values in (scores | plain).items()
        }
        for name in (*scores, *plain):
            said = {key: value for key, value in result[part][name].items() if not isinstance(value, dict)}
            print(f"{part}  {name:9}", "  ".join(f"{key} {value:.3f}" for key, value in said.items()))
    pairs = [pair for name in ("train", "validation") for pair in read_jsonl(Path(f"data/qa/{name}.jsonl"), Pair)]
    result["controls"] = {"pairs": len(pairs)} | controlled(make_judge(params["facts"], run), pairs)
    print("controls ", result["controls"])
    write_json(RESULT, result)


def judged(rows: Sequence[Graded], scores: Scores, scale: bool) -> dict:
    """Shares, 0–1. `ordered`: of the pairs of a true and a wrong answer to one question, the true one is higher.

    Args:
        scale: the scores are on the study's scale, so that its bands say what is too high and too low.
    """
    ordered: list[bool] = []
    found: dict[str, dict[str, list[float]]] = {"true": defaultdict(list), "wrong": defaultdict(list)}
    by_kind: dict[str, list[float]] = defaultdict(list)
    for row, values in zip(rows, scores, strict=True):
        true, wrong = [], []
        for answer, score in zip(row.answers, values, strict=True):
            (true if answer.kind == "true" else wrong).append(score)
            found["true" if answer.kind == "true" else "wrong"][answer.wording].append(score)
            if answer.kind != "true":
                by_kind[f"{answer.kind}, {answer.wording}"].append(score)
        ordered += [a > b for a in true for b in wrong]
    result: dict = {"ordered": round(float(np.mean(ordered)), 4)}
    if scale:
        for wording, values in sorted(found["wrong"].items()):
            result[f"wrong_{wording}_above_3"] = _share(values, lambda score: score > WRONG_AT_MOST)
        for wording, values in sorted(found["true"].items()):
            result[f"true_{wording}_at_most_3"] = _share(values, lambda score: score <= WRONG_AT_MOST)
            result[f"true_{wording}_below_7"] = _share(values, lambda score: score < TRUE_AT_LEAST)
        result["wrong_above_3_by_kind"] = {
            kind: {"n": len(values), "share": _share(values, lambda score: score > WRONG_AT_MOST)}
            for kind, values in sorted(by_kind.items())
        }
    return result


def controlled(judge: Judge, pairs: Sequence[Pair]) -> dict:
    """Of each kind of control, how many there are and how many a judge takes for what they are not."""
    scores = defaultdict(list)
    for one in make_controls(pairs):
        scores[one.kind].append(judge.score(one.question, one.reference, [one.answer])[0].overall or 0.0)
    result = {}
    for kind, found in sorted(scores.items()):
        if kind in WRONG:
            result[kind] = {"n": len(found), "above_3": sum(score > WRONG_AT_MOST for score in found)}
        elif kind in FLATTERY:
            result[kind] = {"n": len(found), "7_or_more": sum(score >= TRUE_AT_LEAST for score in found)}
        elif kind == "paraphrase":
            result[kind] = {"n": len(found), "below_7": sum(score < TRUE_AT_LEAST for score in found)}
    return result


def cosines(rows: Sequence[Graded], model: str) -> list[list[float]]:
    """Of reference and answer, by sentence-transformers and nothing else."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model)
    texts = list(dict.fromkeys(t for row in rows for t in (row.reference, *(a.text for a in row.answers))))
    vectors = dict(zip(texts, encoder.encode(texts, normalize_embeddings=True), strict=True))
    return [[float(vectors[row.reference] @ vectors[answer.text]) for answer in row.answers] for row in rows]


def _scores(judge: Judge, rows: Sequence[Graded]) -> list[list[float]]:
    return [
        [v.overall or 0.0 for v in judge.score(row.question, row.reference, [a.text for a in row.answers])]
        for row in rows
    ]


def _f1(row: Graded) -> list[float]:
    own = set(words_of(row.reference))
    said = [set(words_of(answer.text)) for answer in row.answers]
    return [2 * len(own & words) / (len(own) + len(words)) for words in said]


def _share(values: Sequence[float], is_so: Callable[[float], bool]) -> float:
    return round(sum(map(is_so, values)) / len(values), 4)


if __name__ == "__main__":
    main()
