"""python -m stages.index"""

from pathlib import Path

from stages.embedding import Embedder
from stages.errors import exits_cleanly
from stages.index.params import KnowledgeBaseParams
from stages.index.store import build_index
from stages.params import load
from stages.progress import say


@exits_cleanly
def main() -> None:
    params = load("knowledge_base", KnowledgeBaseParams)
    meta = build_index(Path("data/chunks/chunks.jsonl"), Path("data/index"), params, Embedder(params.embedding))
    say(f"index: {len(meta.chunk_ids)} chunks, {meta.dimensions} dimensions, {meta.index_factory}")


if __name__ == "__main__":
    main()
