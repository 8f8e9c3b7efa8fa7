"""A knowledge base of Amazon Bedrock in the place of ours, and ours where Bedrock cannot be had and params allow it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from stages.chunks.params import ChunkingParams
from stages.corpus import read_articles
from stages.errors import StageError
from stages.files import atomic_directory, read_json, write_json
from stages.index.params import KnowledgeBaseParams
from stages.progress import say
from stages.records import Record

if TYPE_CHECKING:
    from stages.bedrock.knowledge_base import Built

MANAGED = "managed.json"  # in data/index, beside nothing else: what stands on Bedrock
FALLBACK = "fallback.json"  # in data/index, beside the FAISS index that was built instead


class Fallback(Record):
    asked: Literal["bedrock"] = "bedrock"
    used: Literal["faiss"] = "faiss"
    reason: str  # AWS's error code or the kind of fault; its text may name accounts


def build_managed(params: KnowledgeBaseParams, chunking: ChunkingParams, folder: Path) -> Fallback | None:
    """Build on Bedrock and write what stands to `folder`. A Fallback if Bedrock cannot be had and FAISS may step in.

    Raises:
        StageError: Bedrock cannot be had and `fallback` is none; or any other fault, for which nothing steps in.
    """
    from stages.bedrock.fault_rules import AwsUnavailable
    from stages.bedrock.knowledge_base import Plan, build
    from stages.bedrock.prices import Usage
    from stages.bedrock.session import clients
    from stages.bedrock.spending import CHARACTERS_PER_TOKEN, Spending

    asked, articles = params.bedrock, read_articles()
    spending = Spending("index", asked.embedding_model)
    # About: overlaps of passages add to it, and articles that did not change, which are not embedded again, take away.
    characters = sum(article.characters for article in articles)
    usage = Usage(asked.embedding_model, input_tokens=-(-characters // CHARACTERS_PER_TOKEN))
    spending.check(usage, f"embedding {len(articles)} articles with {asked.embedding_model}")
    plan = Plan(asked, chunking, asked.bucket, asked.role_arn)
    try:
        built = build(clients(asked.region), plan, articles)
    except AwsUnavailable as fault:
        if params.fallback == "none":
            raise StageError(
                f"{fault} Or set knowledge_base.fallback to faiss, which builds an index on this machine instead."
            ) from fault
        say(
            f"WARNING: NO BEDROCK KNOWLEDGE BASE: {fault}\nknowledge_base.fallback: faiss: a FAISS index is built on "
            "this machine INSTEAD. All results of retrieval are of this index; data/index, metrics/retrieve.json and "
            "the report say so. `dvc repro --force --single-item index` tries Bedrock again. `python -m stages "
            "resources` lists what was made there before this, if anything was."
        )
        return Fallback(reason=fault.code or type(fault).__name__)
    # By the ids, which are new where it had to be made again: its name would be the same, and it is paid for again.
    spending.record(usage, f"{built.knowledge_base_id}/{built.data_source_id} {built.corpus}", about=True)
    with atomic_directory(folder) as tmp:
        write_json(tmp / MANAGED, built.model_dump())
    return None


def read_managed(folder: Path) -> "Built | None":
    """What stands on Bedrock; None if the index stage built ours."""
    if not (folder / MANAGED).is_file():
        return None
    from stages.bedrock.knowledge_base import Built

    return _read(folder / MANAGED, Built.model_validate)


def read_fallback(folder: Path) -> Fallback | None:
    path = folder / FALLBACK
    return _read(path, Fallback.model_validate) if path.is_file() else None


def _read(path: Path, validate: Callable):
    try:
        return validate(read_json(path))
    except ValidationError:
        raise StageError(f"{path}: not the description of an index. Remove {path.parent}. Run `dvc repro`.") from None
