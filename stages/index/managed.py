"""A knowledge base on Amazon Bedrock, or one on this machine if Bedrock is unavailable and params allow it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.chunks.params import ChunkingParams
from stages.index.params import MANAGED, KnowledgeBaseParams
from tune_or_retrieve.base.corpus import read_articles
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, write_json
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Effort

if TYPE_CHECKING:
    from tune_or_retrieve.providers.faiss.knowledge_base import Fallback


def build_managed(params: KnowledgeBaseParams, chunking: ChunkingParams, folder: Path) -> "Effort | Fallback":
    """Build on Bedrock and record it in `folder`. A Fallback if Bedrock is unavailable and FAISS may be used instead.

    Raises:
        StageError: Bedrock is unavailable and `fallback` is none; or any other fault, for which there is no fallback.
    """
    from tune_or_retrieve.money.cost import Usage
    from tune_or_retrieve.money.spending import CHARACTERS_PER_TOKEN, Spending
    from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsUnavailable
    from tune_or_retrieve.providers.bedrock.aws.session import clients
    from tune_or_retrieve.providers.bedrock.knowledge_base.build import BaseSpec, build

    asked, articles = params.bedrock, read_articles()
    spending = Spending("index", asked.embedding_model)
    # About: overlaps of passages add to it; articles that did not change are not embedded again.
    characters = sum(article.characters for article in articles)
    usage = Usage(asked.embedding_model, input_tokens=-(-characters // CHARACTERS_PER_TOKEN))

    def ask() -> None:
        spending.check(usage, f"embedding {len(articles)} articles with {asked.embedding_model}")

    try:
        built = build(clients(asked.region), BaseSpec(asked, chunking_configuration(chunking)), articles, ask)
    except AwsUnavailable as fault:
        if params.fallback == "none":
            raise StageError(
                f"{fault} Or set knowledge_base.fallback to faiss, which builds an index on this machine instead."
            ) from fault
        say(
            f"WARNING: NO BEDROCK KNOWLEDGE BASE: {fault}\nknowledge_base.fallback: faiss: a FAISS index is built on "
            "this machine INSTEAD. All results of retrieval are of this index; data/index, metrics/retrieve.json and "
            "the report say so. `dvc repro --force --single-item index` tries Bedrock again. `tune-or-retrieve "
            "resources` lists what was made there before this, if anything was."
        )
        from tune_or_retrieve.providers.faiss.knowledge_base import Fallback  # here: it is an index of this machine

        return Fallback(reason=fault.code or type(fault).__name__)
    # By the ids, which are new if it had to be made again and so is paid for again: its name would be the same.
    spending.record(usage, f"{built.knowledge_base_id}/{built.data_source_id} {built.corpus}", about=True)
    with atomic_directory(folder) as tmp:
        write_json(tmp / MANAGED, built.model_dump())
    return Effort(input_tokens=usage.input_tokens, billed_as=asked.embedding_model)


def chunking_configuration(params: ChunkingParams) -> dict[str, Any]:
    """Our params as Bedrock's chunkingConfiguration, whose names and limits they share.

    For the chosen strategy only. `tokenizer` and `semantic.embedding` are not used: Bedrock has its own.
    """
    if params.strategy == "none":
        return {"chunkingStrategy": "NONE"}
    if params.strategy == "fixed_size":
        sizes = params.fixed_size
        section = {"maxTokens": sizes.max_tokens, "overlapPercentage": sizes.overlap_percentage}
        return {"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": section}
    if params.strategy == "semantic":
        semantic = params.semantic
        section = {
            "maxTokens": semantic.max_tokens,
            "bufferSize": semantic.buffer_size,
            "breakpointPercentileThreshold": semantic.breakpoint_percentile_threshold,
        }
        return {"chunkingStrategy": "SEMANTIC", "semanticChunkingConfiguration": section}
    levels = params.hierarchical
    section = {
        "levelConfigurations": [{"maxTokens": levels.parent_max_tokens}, {"maxTokens": levels.child_max_tokens}],
        "overlapTokens": levels.overlap_tokens,
    }
    return {"chunkingStrategy": "HIERARCHICAL", "hierarchicalChunkingConfiguration": section}
