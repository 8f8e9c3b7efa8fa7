"""stages.retrieve: rankings, their fusion, metrics against evidence, and the stage itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_study import ONE_THREAD
from test_index import EMBEDDING, make_chunk, make_params

from stages.retrieve import __main__ as stage
from stages.retrieve import run
from stages.retrieve.metrics import evaluate, ndcg, recall_at, reciprocal_rank
from stages.retrieve.params import RetrievalParams
from stages.retrieve.retriever import PassageRetriever, distinct_passages
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text, write_jsonl
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Chunk, Evidence, Question, RetrievalTiming, Retrieved, Span, Timed
from tune_or_retrieve.providers.faiss.indexes import build_bm25, build_faiss
from tune_or_retrieve.providers.faiss.knowledge_base import KnowledgeBase, build_index, load_index
from tune_or_retrieve.providers.faiss.ranking import fuse, rank_bm25, rank_dense

TEXTS = {
    "put-crate": "Puts a crate on a shelf. A shelf holds at most 40 crates.",
    "put-crate-label": "Glues a label on a crate. A label holds at most 12 words.",
    "get-crate": "Takes a crate from a shelf. The caller needs depot:GetCrate.",
    "open-gate": "Opens the gate of a depot for 90 seconds unless GateDelay says otherwise.",
    "weigh-truck": "Weighs a truck before it leaves. The scale is accurate to 5 kg.",
}
PARAMS = {
    "mode": "hybrid",
    "top_k": 2,
    "candidates": 5,
    "rrf_k": 60,
    "dense_weight": 0.5,
    "recall_at": [1, 3],
}


def params(**change) -> RetrievalParams:
    return RetrievalParams(**PARAMS | change)


@pytest.fixture
def chunks_file(tmp_path) -> Path:
    write_jsonl(tmp_path / "data/chunks/chunks.jsonl", [make_chunk(name, text) for name, text in TEXTS.items()])
    return tmp_path / "data/chunks/chunks.jsonl"


@pytest.fixture
def knowledge_base(tmp_path, chunks_file, embedder) -> KnowledgeBase:
    build_index(chunks_file, tmp_path / "data/index", make_params(), embedder)
    return load_index(tmp_path / "data/index", chunks_file, EMBEDDING)


def retriever(knowledge_base, embedder, k: int = 3, **change) -> PassageRetriever:
    return PassageRetriever(knowledge_base=knowledge_base, embedder=embedder, params=params(**change), k=k)


def ids(documents) -> list[str]:
    return [document.metadata["article_id"].removeprefix("depot/") for document in documents]


# Rankings


@pytest.mark.parametrize("mode", ["dense", "bm25", "hybrid"])
@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("How many crates does a shelf hold with PutCrate?", "put-crate"),
        ("how many words does a label hold with put crate label", "put-crate-label"),
        ("Which permission does the caller of GetCrate need?", "get-crate"),
        ("How accurate is the scale for a truck?", "weigh-truck"),
    ],
)
def test_every_mode_finds_the_passage(knowledge_base, embedder, mode, question, best):
    assert ids(retriever(knowledge_base, embedder, mode=mode).invoke(question))[0] == best


@pytest.mark.parametrize("spelling", ["GateDelay", "gate delay", "gatedelay", "depot:GateDelay", "gate-delay"])
def test_an_exact_name_wins_by_words(knowledge_base, spelling):
    [(row, score), *_] = rank_bm25(knowledge_base, f"What about {spelling}?", 5)
    assert knowledge_base.chunks[row].article_id == "depot/open-gate"
    assert score > 0


def test_words_that_nothing_shares_give_nothing(knowledge_base):
    assert rank_bm25(knowledge_base, "Xylophone?", 5) == []


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_shallow_ranking_is_the_top_of_the_deep_one(knowledge_base, embedder, depth):
    question = "a crate on a shelf"
    vector = embedder.embed([question])[0]
    assert rank_bm25(knowledge_base, question, depth) == rank_bm25(knowledge_base, question, 5)[:depth]
    assert rank_dense(knowledge_base, vector, depth) == rank_dense(knowledge_base, vector, 5)[:depth]


def test_fuse_is_weighted_reciprocal_rank():
    fused = fuse([[(7, 0.9), (8, 0.8)], [(8, 12.0), (9, 3.0)]], [0.25, 0.75], rrf_k=60)
    assert fused == [
        (8, pytest.approx(0.25 / 62 + 0.75 / 61)),
        (9, pytest.approx(0.75 / 62)),
        (7, pytest.approx(0.25 / 61)),
    ]


def test_equal_scores_go_to_the_earlier_chunk():
    assert [row for row, _ in fuse([[(5, 1.0)], [(2, 1.0)]], [0.5, 0.5], rrf_k=60)] == [2, 5]


@pytest.mark.parametrize(
    ("change", "first"),
    [({"dense_weight": 0.99}, "put-crate"), ({"dense_weight": 0.01}, "open-gate"), ({"mode": "bm25"}, "open-gate")],
)
def test_params_change_what_is_found(knowledge_base, change, first):
    """Dense sees only crates, words only the gate."""

    class Crates:
        def embed(self, texts):
            return knowledge_base.faiss.reconstruct(0).reshape(1, -1)

    assert ids(retriever(knowledge_base, Crates(), **change).invoke("GateDelay"))[0] == first


def test_bm25_needs_no_embedding(knowledge_base, embedder):
    before = len(embedder.calls)
    retriever(knowledge_base, embedder, mode="bm25").invoke("GateDelay")
    assert len(embedder.calls) == before


@pytest.mark.parametrize(("candidates", "best"), [(2, "a"), (3, "c")])
def test_candidates_bound_what_is_fused(candidates, best):
    """Dense ranks a b c d e, words d e c: c wins once both rankings are long enough to hold it."""
    texts = {"a": "none", "b": "none", "c": "crate", "d": "crate gate truck", "e": "crate gate"}
    chunks = [make_chunk(name, text) for name, text in texts.items()]
    angles = np.linspace(0, 1, len(chunks), dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    class East:
        def embed(self, texts):
            return np.array([[1, 0]], dtype=np.float32)

    bm25 = build_bm25(chunks, make_params().bm25, ["english"] * len(chunks))
    found = retriever(
        KnowledgeBase(chunks, build_faiss(vectors, "Flat"), bm25, ["english"]),
        East(),
        1,
        candidates=candidates,
        top_k=1,
    )
    assert ids(found.invoke("crate gate truck")) == [best]


# Hierarchical chunks: the child is found, the parent given


def child(number: int, start: int, end: int, parent: tuple[int, int]) -> Chunk:
    article = "".join(f"Sentence number {n} says word{n}. " for n in range(40))
    return Chunk(
        id=f"a#{number}",
        article_id="a",
        title="A",
        section="",
        start=start,
        end=end,
        context_start=parent[0],
        context_end=parent[1],
        text=article[start:end],
        context=article[parent[0] : parent[1]],
    )


CHILDREN = [child(n, n * 50, n * 50 + 50, (n // 4 * 200, n // 4 * 200 + 200)) for n in range(12)]


def test_a_parent_is_given_once_at_its_best_child():
    found = distinct_passages(CHILDREN, [(5, 0.9), (6, 0.8), (0, 0.7), (4, 0.6), (11, 0.5)])
    assert [(chunk.id, score) for chunk, score in found] == [("a#5", 0.9), ("a#0", 0.7), ("a#11", 0.5)]


@pytest.mark.parametrize("mode", ["dense", "bm25", "hybrid"])
def test_the_search_goes_deeper_until_there_are_enough_parents(tmp_path, embedder, mode):
    write_jsonl(tmp_path / "chunks.jsonl", CHILDREN)
    build_index(tmp_path / "chunks.jsonl", tmp_path / "index", make_params(), embedder)
    knowledge_base = load_index(tmp_path / "index", tmp_path / "chunks.jsonl", EMBEDDING)
    documents = retriever(knowledge_base, embedder, 3, mode=mode, candidates=3, top_k=3).invoke("Sentence number says")
    assert sorted(document.page_content for document in documents) == sorted({c.context for c in CHILDREN})


# Metrics. One article "a"; an evidence span of 100 characters; passages as (start, end).

SPAN = Span(article_id="a", start=100, end=200)


def passages(*places, article="a") -> list[Span]:
    return [Span(article_id=article, start=start, end=end) for start, end in places]


@pytest.mark.parametrize(
    ("given", "k", "recall", "rr"),
    [
        (passages((100, 200)), 1, 1.0, 1.0),
        (passages((0, 179)), 1, 0.0, 0.0),  # 79 %
        (passages((0, 180)), 1, 1.0, 1.0),  # 80 %
        (passages((0, 50), (90, 210)), 1, 0.0, 0.5),
        (passages((0, 50), (90, 210)), 2, 1.0, 0.5),
        (passages((100, 150), (150, 200)), 2, 1.0, 0.5),  # two halves make a whole
        (passages((100, 150), (100, 150)), 2, 0.0, 0.0),  # the same half twice does not
        (passages((100, 200), article="b"), 1, 0.0, 0.0),
        ([], 5, 0.0, 0.0),
    ],
)
def test_one_span(given, k, recall, rr):
    assert recall_at([SPAN], given, k) == recall
    assert reciprocal_rank([SPAN], given) == rr


def test_recall_is_the_share_of_spans():
    other = Span(article_id="b", start=0, end=10)
    given = [*passages((0, 50)), *passages((90, 210))]
    assert recall_at([SPAN, other], given, 2) == 0.5
    assert reciprocal_rank([SPAN, other], given) == 0.5
    assert recall_at([SPAN, other], [*given, *passages((0, 20), article="b")], 3) == 1.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (passages((90, 210)), 1.0),
        (passages((0, 50), (90, 210)), 1 / np.log2(3)),
        (passages((90, 210), (95, 215)), 1.0),  # an overlapping passage gains nothing more
        (passages((95, 150), (90, 210)), 0.5 + 0.5 / np.log2(3)),
        (passages(*[(0, 10)] * 10, (90, 210)), 0.0),  # the eleventh
        ([], 0.0),
    ],
)
def test_ndcg(given, expected):
    possible = passages((0, 50), (90, 210), (95, 215), (95, 150))
    assert ndcg([SPAN], given, possible) == pytest.approx(expected)


def test_ndcg_of_two_articles_is_one_in_the_best_order():
    spans = [SPAN, Span(article_id="b", start=0, end=10)]
    both = [*passages((90, 210)), *passages((0, 20), article="b")]
    assert ndcg(spans, both, both) == 1.0
    assert ndcg(spans, both[:1], both) == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_ndcg_without_any_passage_that_holds_evidence():
    assert ndcg([SPAN], passages((0, 50)), passages((0, 50))) == 0.0


def question(name: str, article: str, quote: str, **change) -> Question:
    text = TEXTS.get(article, "")
    start = max(text.find(quote), 0)
    evidence = Evidence(article_id=f"depot/{article}", start=start, end=start + len(quote), sha256=sha256_text(quote))
    row = {
        "id": name,
        "set": "handwritten",
        "slice": "seen",
        "question": quote,
        "reference": quote,
        "service": "depot",
        "kind": "limit",
        "evidence": [evidence],
    }
    return Question(**row | change)


def test_evaluate_reports_sets_and_slices():
    chunks = [make_chunk(name, text) for name, text in TEXTS.items()]
    whole = {c.article_id: Span(article_id=c.article_id, start=c.start, end=c.end) for c in chunks}
    hit, miss = whole["depot/put-crate"], whole["depot/open-gate"]
    questions = [
        question("q1", "put-crate", "A shelf holds at most 40 crates."),
        question("q2", "put-crate", "A shelf holds at most 40 crates.", slice="unseen"),
        question("q3", "put-crate", "Puts a crate on a shelf.", set="synthetic"),
    ]
    metrics = evaluate(questions, {"q1": [hit, miss], "q2": [miss, hit], "q3": [miss]}, chunks, [1, 3])
    row = {"recall_at_1": 0.5, "recall_at_3": 1.0, "mrr": 0.75, "ndcg_at_10": 0.8155, "n": 2}
    seen = {"recall_at_1": 1.0, "recall_at_3": 1.0, "mrr": 1.0, "ndcg_at_10": 1.0, "n": 1}
    unseen = {"recall_at_1": 0.0, "recall_at_3": 1.0, "mrr": 0.5, "ndcg_at_10": 0.6309, "n": 1}
    none = {"recall_at_1": 0.0, "recall_at_3": 0.0, "mrr": 0.0, "ndcg_at_10": 0.0, "n": 1}
    groups = {
        "handwritten": row,
        "handwritten_seen": seen,
        "handwritten_unseen": unseen,
        "synthetic": none,
        "synthetic_seen": none,
    }
    assert metrics == {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}


# The stage

QUESTIONS = [
    question("hand-1", "put-crate", "A shelf holds at most 40 crates.", question="How many crates with PutCrate?"),
    question("hand-2", "open-gate", "for 90 seconds unless GateDelay", question="How long is the gate open?"),
]
SYNTHETIC = [question("syn-1", "weigh-truck", "accurate to 5 kg", set="synthetic", question="How accurate is it?")]


@pytest.fixture
def workspace(tmp_path, monkeypatch, knowledge_base, embedder):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tune_or_retrieve.vectors.embedding.Embedder", lambda *_: embedder)
    write_jsonl(Path("data/qa/handwritten.jsonl"), QUESTIONS)
    write_jsonl(Path("data/qa/test.jsonl"), SYNTHETIC)
    Path("params.yaml").write_text(
        yaml.safe_dump(
            {
                "run": ONE_THREAD.model_dump(),
                "retrieval": PARAMS,
                "knowledge_base": {"backend": "faiss", "fallback": "none", "faiss": make_params().model_dump()},
            }
        ),
        encoding="utf-8",
    )
    return tmp_path


def test_the_stage_writes_contexts_timings_and_metrics(workspace):
    stage.main()
    rows = list(read_jsonl(Path("data/contexts/contexts.jsonl"), Retrieved))
    assert [(row.question_id, len(row.passages)) for row in rows] == [("hand-1", 2), ("hand-2", 2), ("syn-1", 2)]
    best = rows[0].passages[0]
    assert (best.chunk_id, best.title, best.text) == ("depot/put-crate#0", "PutCrate (Depot)", TEXTS["put-crate"])
    timings = list(read_jsonl(Path("data/timings/retrieve.jsonl"), RetrievalTiming))
    assert [timing.question_id for timing in timings] == ["hand-1", "hand-2", "syn-1"]
    assert all(timing.seconds > 0 for timing in timings)
    assert {timing.measured_on for timing in timings} == {Timed(**machine.here("cpu", 1))}
    metrics = json.loads(Path("metrics/retrieve.json").read_text())
    assert metrics["handwritten.recall_at_3"] == 1.0
    assert metrics["synthetic_seen.n"] == 1
    assert (metrics["embedding_device"], metrics["embedding_dtype"]) == ("cpu", "float32")


def test_the_stage_is_deterministic_but_for_the_timings(workspace):
    stage.main()
    first = [Path(name).read_bytes() for name in ("data/contexts/contexts.jsonl", "metrics/retrieve.json")]
    stage.main()
    assert first == [Path(name).read_bytes() for name in ("data/contexts/contexts.jsonl", "metrics/retrieve.json")]


def test_queries_are_embedded_one_at_a_time_after_a_warm_up(workspace, embedder):
    embedder.calls.clear()
    stage.main()
    first, second, third = (question.question for question in [*QUESTIONS, *SYNTHETIC])
    assert embedder.calls == [[first], [first], [second], [third]]


def test_a_question_without_evidence_cannot_be_measured(knowledge_base):
    without = [question.model_copy(update={"evidence": []}) for question in QUESTIONS]
    with pytest.raises(StageError) as fault:
        run.check_evidence([*without, *SYNTHETIC], knowledge_base)
    assert str(fault.value) == (
        "no evidence to find, so that retrieval cannot be measured: question hand-1, hand-2. "
        "Add it: tune-or-retrieve evidence."
    )


def test_evidence_that_the_index_does_not_hold_is_refused(knowledge_base):
    moved = QUESTIONS[1].model_copy(
        update={"evidence": [QUESTIONS[1].evidence[0].model_copy(update={"start": 0, "end": 20})]}
    )
    gone = question("hand-3", "close-gate", "Closes the gate.")
    with pytest.raises(StageError) as fault:
        run.check_evidence([QUESTIONS[0], moved, gone], knowledge_base)
    assert str(fault.value) == (
        "2 passages of evidence are not in the index:\n"
        "  question hand-2: article depot/open-gate no longer holds its evidence at 0–20.\n"
        "  question hand-3: article depot/close-gate is not in the index.\n"
        "  Moved passages are found again by: tune-or-retrieve evidence refresh data/eval/questions.jsonl"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mode": "sparse"}, "retrieval.mode: must be 'dense', 'bm25' or 'hybrid'. Got 'sparse'."),
        ({"top_k": 0}, "retrieval.top_k: must be greater than or equal to 1. Got 0."),
        ({"rrf_k": 0}, "retrieval.rrf_k: must be greater than or equal to 1. Got 0."),
        ({"dense_weight": 1.0}, "retrieval.dense_weight: must be less than 1. Got 1.0."),
        ({"recall_at": [5, 1]}, "retrieval.recall_at: must be in ascending order, each number once. Got [5, 1]."),
        ({"recall_at": [0]}, "retrieval.recall_at.0: must be greater than or equal to 1. Got 0."),
        ({"topk": 4}, "retrieval.topk: unknown key. Did you mean 'top_k'?"),
    ],
)
def test_params_out_of_range(tmp_path, change, says):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"retrieval": PARAMS | change}))
    with pytest.raises(StageError) as fault:
        load("retrieval", RetrievalParams, path)
    assert str(fault.value) == f"{path}: 1 fault:\n  {says}"


def test_fewer_candidates_than_passages(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"retrieval": PARAMS | {"top_k": 6}}))
    with pytest.raises(StageError) as fault:
        load("retrieval", RetrievalParams, path)
    assert str(fault.value).startswith(f"{path}: 1 fault:\n  retrieval: candidates must be at least top_k (6).")


def test_a_missing_index_stops_the_stage_and_writes_nothing(workspace, capsys):
    shutil.rmtree("data/index")
    with pytest.raises(SystemExit) as ended:
        stage.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: data/index/meta.json: missing from the index. Run `dvc repro index`.\n"
    assert not Path("data/contexts").exists()
