"""``python -m stages.chunks``: articles to passages."""

import contextlib
from pathlib import Path

from stages.chunks.params import ChunkingParams
from stages.chunks.strategies import chunk_article
from stages.chunks.token_counter import token_counter
from tune_or_retrieve.base.corpus import read_articles, read_text
from tune_or_retrieve.base.files import write_jsonl
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.progress import say, track
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.vectors.embedding import Embedder
from tune_or_retrieve.vectors.embedding_cache import CachedEmbedder

SHORTER = "set another chunking.strategy than semantic, or give fewer articles"


@stage
def main() -> None:
    params = load("chunking", ChunkingParams)
    count = token_counter(params.tokenizers)
    embedder = None
    with contextlib.ExitStack() as opened:
        if params.strategy == "semantic":
            store = opened.enter_context(Store("embeddings"))
            embedder = CachedEmbedder(Embedder(params.semantic.embedding, load(SECTION, RunParams)), store, quiet=True)
        rows = (
            chunk
            for article in track(read_articles(), "chunks", unit="articles", shorter=SHORTER)
            for chunk in chunk_article(article, read_text(article), params, count, embedder)
        )
        say(f"chunks: {write_jsonl(Path('data/chunks/chunks.jsonl'), rows)}")


if __name__ == "__main__":
    main()
