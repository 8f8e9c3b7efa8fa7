"""The knowledge base on disk: written whole, read without pickle, refused if built from other chunks or another model.

data/index/
  meta.json       what it was built from, and the hash of every file below
  vectors.faiss   faiss.write_index
  bm25/           bm25s: NumPy arrays and JSON
  fallback.json   only if it replaces a knowledge base on Bedrock: why
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, read_json, read_jsonl, sha256_file, write_json
from tune_or_retrieve.base.records import Chunk, Record
from tune_or_retrieve.providers.faiss.indexes import build_bm25, build_faiss, embedded_text, empty_faiss
from tune_or_retrieve.text.languages import stemming
from tune_or_retrieve.vectors.embedding import EmbeddingParams, Embeds
from tune_or_retrieve.vectors.params import FaissParams

if TYPE_CHECKING:
    import bm25s
    import faiss

META = "meta.json"
VECTORS = "vectors.faiss"
BM25 = "bm25"
FALLBACK = "fallback.json"
REBUILD = "Run `dvc repro index`."


class Fallback(Record):
    """Why an index replaces a knowledge base on Bedrock."""

    asked: Literal["bedrock"] = "bedrock"
    used: Literal["faiss"] = "faiss"
    reason: str  # AWS's error code or the kind of fault; its text may name accounts


class Meta(BaseModel):
    model_config = ConfigDict(extra="forbid")

    backend: str
    index_factory: str
    embedding_model: str  # location, see tune_or_retrieve.base.locations
    embedding_dtype: str
    dimensions: int
    stemming: list[str]  # algorithms by which the words of some chunks are stemmed, and so those of a question
    chunks_sha256: str  # of the file of chunks
    chunk_ids: list[str]  # in the order of the rows of both indexes
    files: dict[str, str]  # path inside the folder to sha256


@dataclass(frozen=True)
class KnowledgeBase:
    """Everything a search needs. Row n of both indexes is `chunks[n]`."""

    chunks: Sequence[Chunk]
    faiss: "faiss.Index"
    bm25: "bm25s.BM25"
    stemming: Sequence[str]  # see Meta


def build_index(
    chunks_file: Path,
    folder: Path,
    params: FaissParams,
    embedder: Embeds,
    fallback: Fallback | None = None,
    languages: Mapping[str, str | None] = MappingProxyType({}),
) -> Meta:
    """Build both indexes over the chunks and write them to `folder`, whole or not at all.

    Args:
        fallback: why this index replaces another one; written with it.
        languages: of the articles, by id.

    Raises:
        StageError: no chunks, two with one id, or a FAISS factory that cannot be built over them.
    """
    import faiss

    chunks_sha256 = _sha256_of_chunks(chunks_file)  # before reading them, so that it is never the hash of newer ones
    chunks = _read_chunks(chunks_file)
    algorithms = stemming(params.bm25.language, {chunk.article_id: languages.get(chunk.article_id) for chunk in chunks})
    stems = [algorithms[chunk.article_id] for chunk in chunks]
    bm25 = build_bm25(chunks, params.bm25, stems)  # first, as it takes a second and may refuse the chunks
    texts = [embedded_text(chunk) for chunk in chunks]
    _, dimensions = embedder.embed(texts[:1]).shape
    empty_faiss(params.index_factory, dimensions, len(chunks))
    vectors = embedder.embed(texts)
    index = build_faiss(vectors, params.index_factory)
    with atomic_directory(folder) as tmp:
        faiss.write_index(index, str(tmp / VECTORS))
        bm25.save(tmp / BM25, show_progress=False)
        if fallback is not None:
            write_json(tmp / FALLBACK, fallback.model_dump())
        files = sorted(path for path in tmp.rglob("*") if path.is_file())
        meta = Meta(
            backend="faiss",
            index_factory=params.index_factory,
            embedding_model=params.embedding.model,
            embedding_dtype=params.embedding.dtype,
            dimensions=vectors.shape[1],
            stemming=sorted(set(stems)),
            chunks_sha256=chunks_sha256,
            chunk_ids=[chunk.id for chunk in chunks],
            files={path.relative_to(tmp).as_posix(): sha256_file(path) for path in files},
        )
        write_json(tmp / META, meta.model_dump())
    return meta


def load_index(folder: Path, chunks_file: Path, embedding: EmbeddingParams) -> KnowledgeBase:
    """Read a knowledge base that :func:`build_index` wrote.

    Raises:
        StageError: built with another embedding model or from other chunks; a file is missing or damaged.
    """
    import bm25s
    import faiss

    meta = _read_meta(folder / META)
    built, asked = (meta.embedding_model, meta.embedding_dtype), (embedding.model, embedding.dtype)
    if built != asked:
        raise StageError(
            f"{folder}: built with embedding model {built[0]} in {built[1]}, but knowledge_base.faiss.embedding says "
            f"{asked[0]} in {asked[1]}: vectors of two models cannot be compared. {REBUILD}"
        )
    if (actual := _sha256_of_chunks(chunks_file)) != meta.chunks_sha256:
        raise StageError(
            f"{folder}: built from other chunks than {chunks_file}: sha256 of the chunks must be "
            f"{meta.chunks_sha256}. Got {actual}. {REBUILD}"
        )
    for name, sha256 in meta.files.items():
        path = folder / name
        if not path.is_file():
            raise StageError(f"{path}: missing from the index. {REBUILD}")
        if (actual := sha256_file(path)) != sha256:
            raise StageError(f"{path}: damaged: sha256 must be {sha256}. Got {actual}. Remove {folder}. {REBUILD}")
    return KnowledgeBase(
        chunks=_read_chunks(chunks_file),
        faiss=faiss.read_index(str(folder / VECTORS)),
        bm25=bm25s.BM25.load(folder / BM25, allow_pickle=False),
        stemming=meta.stemming,
    )


def read_fallback(folder: Path) -> Fallback | None:
    """Raises StageError if what is there is not one."""
    path = folder / FALLBACK
    if not path.is_file():
        return None
    try:
        return Fallback.model_validate(read_json(path))
    except ValidationError:
        raise StageError(f"{path}: not the description of an index. Remove {folder}. {REBUILD}") from None


def _read_meta(path: Path) -> Meta:
    if not path.is_file():
        raise StageError(f"{path}: missing from the index. {REBUILD}")
    try:
        return Meta.model_validate(read_json(path))
    except ValidationError:
        raise StageError(f"{path}: not the description of an index. Remove {path.parent}. {REBUILD}") from None


def _sha256_of_chunks(path: Path) -> str:
    if not path.is_file():
        raise StageError(f"{path}: no such file. Run `dvc repro`, which makes it.")
    return sha256_file(path)


def _read_chunks(path: Path) -> list[Chunk]:
    chunks = list(read_jsonl(path, Chunk))
    if not chunks:
        raise StageError(f"{path}: no chunks: nothing can be indexed. Check the articles and the section `chunking`.")
    seen: set[str] = set()
    for chunk in chunks:
        if chunk.id in seen:
            raise StageError(f"{path}: two chunks have the id {chunk.id!r}; ids must differ.")
        seen.add(chunk.id)
    return chunks
