"""The project's own chunking params as Bedrock's chunkingConfiguration: the names and limits are the same."""

from typing import Any

from stages.chunks.params import ChunkingParams


def chunking_configuration(params: ChunkingParams) -> dict[str, Any]:
    """Of the chosen strategy only. `tokenizer` and `semantic.embedding` do not count: Bedrock uses its own."""
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
