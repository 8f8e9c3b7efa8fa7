"""``python -m stages.index``: passages to a knowledge base on this machine, or articles to one on Bedrock."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from stages.chunks.params import ChunkingParams
from stages.index.managed import build_managed
from stages.index.params import UNUSED, KnowledgeBaseParams
from tune_or_retrieve.base.corpus import read_articles
from tune_or_retrieve.base.files import atomic_directory, write_json
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load, load_value
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import RETRIEVING, Effort
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.vectors.params import FaissParams

if TYPE_CHECKING:
    from tune_or_retrieve.providers.faiss.knowledge_base import Fallback

FOLDER, TIMING = Path("data/index"), Path("data/timings/index.json")


@stage
def main() -> None:
    models = [load_value(f"study.approaches.{approach}", dict[str, str]) for approach in RETRIEVING]
    if not any(models):
        with atomic_directory(FOLDER) as tmp:
            write_json(tmp / UNUSED, {"why": f"no model answers by {' or '.join(RETRIEVING)}"})
        write_json(TIMING, Effort().model_dump())
        say("index: nothing to build, as no model of study.approaches retrieves")
        return
    params, fallback = load("knowledge_base", KnowledgeBaseParams), None
    if params.backend == "bedrock":
        fallback = build_managed(params, load("chunking", ChunkingParams), FOLDER)
        if isinstance(fallback, Effort):
            write_json(TIMING, fallback.model_dump())
            return
    write_json(TIMING, _build(params.faiss, fallback).model_dump())


def _build(params: FaissParams, fallback: "Fallback | None") -> Effort:
    from tune_or_retrieve.providers.faiss.knowledge_base import build_index
    from tune_or_retrieve.vectors.embedding import Embedder  # here: a knowledge base on Bedrock needs none of these
    from tune_or_retrieve.vectors.embedding_cache import CachedEmbedder

    languages, start = {article.id: article.language for article in read_articles()}, time.perf_counter()
    with Store("embeddings") as store:
        embedder = CachedEmbedder(Embedder(params.embedding, load(SECTION, RunParams)), store)
        meta = build_index(Path("data/chunks/chunks.jsonl"), FOLDER, params, embedder, fallback, languages)
    say(f"index: {len(meta.chunk_ids)} chunks, {meta.dimensions} dimensions, {meta.index_factory}")
    return Effort(seconds=round(time.perf_counter() - start + embedder.saved_seconds, 3))


if __name__ == "__main__":
    main()
