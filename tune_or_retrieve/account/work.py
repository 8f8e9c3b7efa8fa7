"""How much there is to do: counted in data/, or taken from params, and said to be, where a stage has not yet run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.judge.controls.controls import KINDS
from stages.qa.params import WriterParams
from tune_or_retrieve.account.estimate import Calls, Tokens, Training, answering, embedding
from tune_or_retrieve.account.requirements import Requirements
from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Chunk, Pair, Question, Retrieved
from tune_or_retrieve.base.study import arms
from tune_or_retrieve.money.spending import CHARACTERS_PER_TOKEN

DATA = Path("data")
PROMPT_TOKENS = 60  # of the instructions around a question
RUBRIC_TOKENS = 700  # of the judge's prompt with the schema of its answer
CHUNK_TOKENS, PAIR_TOKENS, QUESTION_TOKENS, ANSWER_TOKENS = 160, 80, 35, 45  # where not known
CONTROLS_OF_A_PAIR = len(KINDS)  # at most: not every answer has, say, a number to swap


@dataclass(frozen=True)
class Counted:
    """Numbers, and tokens of each on average. `about`: what was not there to be counted."""

    chunks: int | None
    chunk_tokens: float
    pairs: int
    pair_tokens: float
    questions: int
    question_tokens: float
    reference_tokens: float
    context_tokens: float  # of the passages of one question
    about: tuple[str, ...]


def count(params: Mapping[str, Any]) -> Counted:
    """Raises StageError if a file is there and damaged."""
    about: list[str] = []

    def rows(name: str, kind: type, otherwise: str) -> list[Any] | None:
        if (DATA / name).is_file():
            return list(read_jsonl(DATA / name, kind))
        about.append(otherwise)
        return None

    chunks = rows("chunks/chunks.jsonl", Chunk, "the chunks")
    train = rows("qa/train.jsonl", Pair, "the pairs")
    test = rows("qa/test.jsonl", Question, "the test questions")
    name = "eval/questions.jsonl" if test is None else "qa/handwritten.jsonl"  # before qa ran, none is left out yet
    hand = rows(name, Question, "the handwritten questions") or []
    contexts = rows("contexts/contexts.jsonl", Retrieved, "the passages of each question")
    questions = hand + (test or [])
    qa, top_k = params.get("qa", {}), params.get("retrieval", {}).get("top_k", 4)
    chunk = _mean((len(one.full_context) for one in chunks or []), CHUNK_TOKENS)
    return Counted(
        chunks=None if chunks is None else len(chunks),
        chunk_tokens=_mean((len(one.text) for one in chunks or []), CHUNK_TOKENS),
        pairs=len(train) if train is not None else qa.get("pairs", 0),
        pair_tokens=_mean((len(one.question) + len(one.answer) for one in train or []), PAIR_TOKENS),
        questions=len(questions) if test is not None else len(hand) + qa.get("test_questions", 0),
        question_tokens=_mean((len(one.question) for one in questions), QUESTION_TOKENS),
        reference_tokens=_mean((len(one.reference) for one in questions), ANSWER_TOKENS),
        context_tokens=_mean((sum(len(p.text) for p in one.passages) for one in contexts or []), top_k * chunk),
        about=tuple(about),
    )


def work(required: Requirements, counted: Counted, params: Mapping[str, Any]) -> list[Calls | Training]:
    """What is paid for by tokens, in the order of the pipeline. Replies are taken to be as long as they may be."""
    return list(_work(required, counted, params))


def _work(required: Requirements, counted: Counted, params: Mapping[str, Any]) -> Iterator[Calls | Training]:
    longest = params.get("answer", {}).get("max_tokens", ANSWER_TOKENS)
    repeats = params.get("answer", {}).get("repeats", 1)
    if required.writer:
        writer = params.get("qa", {}).get("llm", {})
        read = PROMPT_TOKENS + RUBRIC_TOKENS + writer.get("passage_tokens", _default("passage_tokens"))
        each = Tokens(read, writer.get("max_tokens", _default("max_tokens")))
        yield Calls("qa", required.writer.model, writer.get("max_passages", 0), each, required.writer.batch)
    if required.embedding:
        yield embedding("index", required.embedding, counted.chunks or 0, counted.chunk_tokens)
        yield embedding("retrieve", required.embedding, counted.questions, counted.question_tokens)
    raft = params.get("fine_tune", {}).get("raft", {})
    passages = (raft.get("min_passages", 0) + raft.get("max_passages", 0)) / 2
    with_passages = raft.get("share", 0) * passages * raft.get("passage_characters", 0) / CHARACTERS_PER_TOKEN
    for name, one in required.tuned.items():
        tokens = round(counted.pairs * (PROMPT_TOKENS + counted.pair_tokens + with_passages))
        yield Training(f"fine_tune@{name}", one.base, tokens, one.epochs)
    bare = Tokens(PROMPT_TOKENS + counted.question_tokens, longest)
    rag = Tokens(bare.input + counted.context_tokens, longest)
    models = {name: one.model for name, one in required.models.items()}
    asked = arms(params.get("study", {}).get("approaches") or {})
    yield from answering(asked, models, counted.questions, repeats, bare, rag)
    answers = len(asked)  # to each question
    for name, judge in required.judges.items():
        section = params.get("judges", {}).get(name, {})
        pairwise = section.get("scoring") == "pairwise"  # every two in both orders
        gradings, controls = (n * (n - 1) if pairwise else n for n in (answers, CONTROLS_OF_A_PAIR))
        calls = counted.questions * gradings + section.get("control_pairs", 0) * controls
        read = RUBRIC_TOKENS + counted.question_tokens + counted.reference_tokens + longest * (1 + pairwise)
        each = Tokens(read, judge.max_tokens or RUBRIC_TOKENS)
        yield Calls(f"judge@{name}", judge.model, calls, each, judge.batch)


def _default(key: str) -> int:
    return WriterParams.model_fields[key].default


def _mean(characters: Iterator[int], otherwise: float) -> float:
    """Tokens on average of texts with so many characters."""
    found = list(characters)
    return sum(found) / len(found) / CHARACTERS_PER_TOKEN if found else otherwise
