"""python -m stages.index"""

from pathlib import Path

from stages.chunks.params import ChunkingParams
from stages.errors import exits_cleanly
from stages.index.managed import Fallback, build_managed
from stages.index.params import KnowledgeBaseParams
from stages.machine import SECTION, RunParams
from stages.params import load
from stages.progress import say

FOLDER = Path("data/index")


@exits_cleanly
def main() -> None:
    params, fallback = load("knowledge_base", KnowledgeBaseParams), None
    if params.backend == "bedrock":
        fallback = build_managed(params, load("chunking", ChunkingParams), FOLDER)
        if fallback is None:
            return
        params = params.model_copy(update={"backend": "faiss"})
    _build(params, fallback)


def _build(params: KnowledgeBaseParams, fallback: Fallback | None) -> None:
    from stages.embedding import Embedder  # here: a knowledge base on Bedrock needs neither
    from stages.index.store import build_index

    embedder = Embedder(params.embedding, load(SECTION, RunParams))
    meta = build_index(Path("data/chunks/chunks.jsonl"), FOLDER, params, embedder, fallback)
    say(f"index: {len(meta.chunk_ids)} chunks, {meta.dimensions} dimensions, {meta.index_factory}")


if __name__ == "__main__":
    main()
