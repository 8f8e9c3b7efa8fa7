"""How the offline judges tell true answers from wrong ones, against plain cosine and plain overlap of words.

    .venv/bin/python -m benchmarks.judges               needs data/qa: `make repro` makes it

Over benchmarks/data/graded_answers.jsonl: sixty references, to each two true answers in other words and two that are
wrong by one fact, written one by one (by a language model) without sight of the judges. Half of the references
(`tuned_on`) were looked at afterwards to mend the judges; the others (`held_out`) were not, and only their figures say
how the judges do elsewhere. These answers are harder than those of a study: each differs from the truth by one fact, or
says it in wholly other words.

Beside them all controls that the facts judge passes before a study, but of every training and validation pair.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from stages.errors import exits_cleanly
from stages.files import read_jsonl, write_json
from stages.judge.controls import WRONG, make_controls
from stages.judge.judging import make_judge
from stages.judge.params import JudgeParams, SemanticParams
from stages.judge.style import words_of
from stages.judge.verdict import Judge
from stages.locations import resolve
from stages.params import load
from stages.records import Pair, Record

ANSWERS, RESULT = Path("benchmarks/data/graded_answers.jsonl"), Path("benchmarks/results/judges.json")
JUDGES = ("facts", "semantic")
WRONG_AT_MOST, TRUE_AT_LEAST = 3.0, 7.0  # of 10: the bands "incorrect or misleading" and "mostly correct"


class Graded(Record):
    id: int
    part: Literal["tuned_on", "held_out"]
    question: str
    reference: str
    answer: str
    kind: str  # true, or what was made wrong


Scores = Sequence[float]


@exits_cleanly
def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = list(read_jsonl(ANSWERS, Graded))
    params = {name: load(f"judges.{name}", JudgeParams) for name in JUDGES}
    semantic = params["semantic"]
    assert isinstance(semantic, SemanticParams)
    scores = {name: _scores(params[name], rows) for name in JUDGES}
    plain = {"cosine": cosines(rows, str(resolve(semantic.embedding.model))), "word F1": [_f1(row) for row in rows]}
    result: dict = {"references": len({row.reference for row in rows}), "answers": len(rows)}
    for part in ("held_out", "tuned_on"):
        here = [n for n, row in enumerate(rows) if row.part == part]
        result[part] = {
            name: judged([rows[n] for n in here], [values[n] for n in here], scale=name in scores)
            for name, values in (scores | plain).items()
        }
        for name, found in result[part].items():
            said = {key: value for key, value in found.items() if not isinstance(value, dict)}
            print(f"{part}  {name:9}", "  ".join(f"{key} {value:.3f}" for key, value in said.items()))
    pairs = [pair for name in ("train", "validation") for pair in read_jsonl(Path(f"data/qa/{name}.jsonl"), Pair)]
    result["controls"] = {"pairs": len(pairs)} | controlled(make_judge(params["facts"]), pairs)
    print("controls ", result["controls"])
    write_json(RESULT, result)


def judged(rows: Sequence[Graded], scores: Scores, scale: bool) -> dict:
    """Shares, 0–1. `ordered`: of the pairs of a true and a wrong answer to one question, the true one is higher.

    Args:
        scale: the scores are on the study's scale, so that its bands say what is too high and too low.
    """
    true, wrong = defaultdict(list), defaultdict(list)
    by_kind: dict[str, list[float]] = defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        (true if row.kind == "true" else wrong)[row.reference].append(score)
        by_kind[row.kind].append(score)
    ordered = [a > b for key in true for a in true[key] for b in wrong[key]]
    found: dict = {"ordered": round(float(np.mean(ordered)), 4)}
    if scale:
        all_wrong = [score for kind, values in by_kind.items() if kind != "true" for score in values]
        found["wrong_above_3"] = _share(all_wrong, lambda score: score > WRONG_AT_MOST)
        found["true_below_7"] = _share(by_kind["true"], lambda score: score < TRUE_AT_LEAST)
        found["wrong_above_3_by_kind"] = {
            kind: _share(values, lambda score: score > WRONG_AT_MOST)
            for kind, values in sorted(by_kind.items())
            if kind != "true"
        }
    return found


def controlled(judge: Judge, pairs: Sequence[Pair]) -> dict:
    """How many controls of each wrong kind and the highest score of one; how many paraphrases and the lowest."""
    scores = defaultdict(list)
    for one in make_controls(pairs):
        if one.kind in (*WRONG, "paraphrase"):
            scores[one.kind].append(judge.score(one.question, one.reference, [one.answer])[0].overall or 0.0)
    return {
        kind: {"n": len(found), **({"highest": max(found)} if kind in WRONG else {"lowest": min(found)})}
        for kind, found in sorted(scores.items())
    }


def cosines(rows: Sequence[Graded], model: str) -> list[float]:
    """Of reference and answer, by sentence-transformers and nothing else."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model)
    one, two = (
        encoder.encode(texts, normalize_embeddings=True)
        for texts in ([row.reference for row in rows], [row.answer for row in rows])
    )
    return np.sum(one * two, axis=1).tolist()


def _scores(params: JudgeParams, rows: Sequence[Graded]) -> list[float]:
    judge = make_judge(params)
    return [judge.score(row.question, row.reference, [row.answer])[0].overall or 0.0 for row in rows]


def _f1(row: Graded) -> float:
    one, two = (set(words_of(text)) for text in (row.reference, row.answer))
    return 2 * len(one & two) / (len(one) + len(two))


def _share(values: Scores, is_so: Callable[[float], bool]) -> float:
    return round(sum(map(is_so, values)) / len(values), 4)


if __name__ == "__main__":
    main()
