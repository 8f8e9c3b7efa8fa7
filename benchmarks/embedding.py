"""Embedding speed against sentence-transformers' defaults, and whether retrieval stays as good.

    .venv/bin/python -m benchmarks.embedding            needs data/chunks and data/qa: `make repro` makes them

Both embed the same real chunks in the same process, in turns; the median of the rounds counts. Ours is what the stage
index runs; the other is `SentenceTransformer(folder).encode(texts)` and nothing else said. recall@5 is dense alone,
validation questions against these chunks, each side with its own vectors for both. Beside them stands ours in float32:
what OpenVINO wins without bfloat16.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stages.index.params import KnowledgeBaseParams
from stages.retrieve.metrics import given, recall_at
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import exits_cleanly
from tune_or_retrieve.base.files import read_jsonl, write_json
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Chunk, Pair
from tune_or_retrieve.providers.faiss.indexes import embedded_text
from tune_or_retrieve.vectors.embedding import Embedder

RESULT = Path("benchmarks/results/embedding.json")
K = 5


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=1000, help="of the corpus, at random (default 1000)")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    import torch
    from sentence_transformers import SentenceTransformer

    params = load("knowledge_base", KnowledgeBaseParams).faiss.embedding
    pairs = list(read_jsonl(Path("data/qa/validation.jsonl"), Pair))
    chunks = sample(list(read_jsonl(Path("data/chunks/chunks.jsonl"), Chunk)), pairs, arguments.chunks)
    texts, questions = [embedded_text(chunk) for chunk in chunks], [pair.question for pair in pairs]

    run_params = load(SECTION, RunParams)
    ours, theirs = Embedder(params, run_params), SentenceTransformer(str(resolve(params.model)))
    exact = Embedder(params.model_copy(update={"dtype": "float32"}), run_params)
    sides: dict[str, tuple[Callable[[], np.ndarray], Callable[[list[str]], np.ndarray]]] = {
        "sentence-transformers defaults": (lambda: theirs.encode(texts), theirs.encode),
        "stages.index": (lambda: ours.embed(texts), ours.embed),
        "stages.index in float32": (lambda: exact.embed(texts), exact.embed),
    }
    for _, embed in sides.values():
        embed(texts[:32])  # load and warm up
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    vectors: dict[str, np.ndarray] = {}
    for _ in range(arguments.rounds):
        for name, (run, _) in sides.items():
            start = time.perf_counter()
            vectors[name] = run()
            seconds[name].append(time.perf_counter() - start)

    rates = {name: len(chunks) / statistics.median(values) for name, values in seconds.items()}
    recalls = {name: recall(vectors[name], sides[name][1](questions), chunks, pairs) for name in sides}
    for name in sides:
        print(f"{name:32} {rates[name]:7.1f} chunks/s   recall@{K} {recalls[name]:.3f}")
    first, second, third = rates.values()
    cosines = np.sum(unit(vectors["stages.index"]) * unit(vectors["sentence-transformers defaults"]), axis=1)
    print(
        f"ratio {second / first:.2f}, in float32 {third / first:.2f}; least cosine between the two {cosines.min():.4f}"
    )
    write_json(
        RESULT,
        {
            "chunks": len(chunks),
            "questions": len(pairs),
            "rounds": arguments.rounds,
            "threads": torch.get_num_threads(),
            "processor": machine.processor(),
            "instructions": machine.instructions(),
            "dtype": ours.compute.dtype,
            "batch_size": params.batch_size,
            "chunks_per_second": {name: round(rate, 1) for name, rate in rates.items()},
            "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
            "ratio": round(second / first, 2),
            "ratio_in_float32": round(third / first, 2),
            f"recall_at_{K}": {name: round(value, 4) for name, value in recalls.items()},
            "least_cosine": round(float(cosines.min()), 5),
        },
    )


def sample(chunks: list[Chunk], pairs: list[Pair], count: int) -> list[Chunk]:
    """Chunks at random, those that hold evidence of the pairs among them, in their order."""
    by_article: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_article.setdefault(chunk.article_id, []).append(chunk)
    needed = {
        chunk.id
        for pair in pairs
        for quote in pair.evidence
        for chunk in by_article.get(quote.article_id, [])
        if chunk.context_start < quote.end and quote.start < chunk.context_end
    }
    others = [chunk.id for chunk in chunks if chunk.id not in needed]
    kept = needed | set(random.Random(0).sample(others, min(len(others), max(0, count - len(needed)))))
    return [chunk for chunk in chunks if chunk.id in kept]


def recall(vectors: np.ndarray, queries: np.ndarray, chunks: list[Chunk], pairs: list[Pair]) -> float:
    order = np.argsort(-(unit(queries) @ unit(vectors).T), axis=1, kind="stable")[:, :K]
    found = (
        recall_at(pair.evidence, [given(chunks[row]) for row in rows], K)
        for pair, rows in zip(pairs, order, strict=True)
    )
    return statistics.fmean(found)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
