"""Retrieve: ranks what was ingested by BM25."""

from collections.abc import Callable
from typing import Any

from .errors import invalid
from .ingestion import Chunk
from .knowledge_bases import BASE, store
from .state import State, operation
from .text import bm25

DEFAULT_RESULTS = 5


@operation("bedrock-agent-runtime", "Retrieve")
def retrieve(state: State, params: dict[str, Any]) -> dict[str, Any]:
    base = state.get(BASE, params["knowledgeBaseId"].rsplit("/", 1)[-1])
    if base.status != "ACTIVE":
        raise invalid(f"The knowledge base {base.id} is {base.status}.")
    chunks = store(state, base)
    if chunks is None:
        raise invalid("The vector store of the knowledge base could not be found.")
    search = params.get("retrievalConfiguration", {}).get("vectorSearchConfiguration", {})
    on_s3 = base.fields["storageConfiguration"]["type"] == "S3_VECTORS"
    if search.get("overrideSearchType") == "HYBRID" and on_s3:
        raise invalid("HYBRID search type is not supported for search operation on index of S3_VECTORS.")
    if "rerankingConfiguration" in search or "implicitFilterConfiguration" in search:
        raise invalid("The stand-in has no reranking model and no implicit filters.")
    query = params["retrievalQuery"].get("text", "")
    if not query.strip():
        raise invalid("The retrieval query has no text.")
    keep = [(key, chunk) for key, chunk in chunks.items() if _keeps(search.get("filter"), chunk)]
    ranked = _rank(query, keep)[: search.get("numberOfResults", DEFAULT_RESULTS)]
    return {"retrievalResults": [_result(key, chunk, score) for score, key, chunk in ranked]}


def _rank(query: str, chunks: list[tuple[str, Chunk]]) -> list[tuple[float, str, Chunk]]:
    """Best first, at equal scores in the order of ingestion; a parent is returned once, for its best child."""
    scores = bm25(query, [chunk.words for _, chunk in chunks])
    ranked: dict[tuple[str, str], tuple[float, str, Chunk]] = {}
    for score, (key, chunk) in sorted(zip(scores, chunks, strict=True), key=lambda one: -one[0]):
        ranked.setdefault((chunk.uri, chunk.returned), (score / (score + 1), key, chunk))
    return list(ranked.values())


def _result(key: str, chunk: Chunk, score: float) -> dict[str, Any]:
    return {
        "content": {"text": chunk.returned, "type": "TEXT"},
        "location": {"type": "S3", "s3Location": {"uri": chunk.uri}},
        "metadata": chunk.attributes
        | {
            "x-amz-bedrock-kb-source-uri": chunk.uri,
            "x-amz-bedrock-kb-chunk-id": key,
            "x-amz-bedrock-kb-data-source-id": chunk.data_source,
        },
        "score": score,
    }


# S3 Vectors has no startsWith and no stringContains, and this project filters by no more than these.
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda have, want: have == want,
    "notEquals": lambda have, want: have != want,
    "in": lambda have, want: have in want,
    "notIn": lambda have, want: have not in want,
}


def _keeps(rule: dict[str, Any] | None, chunk: Chunk) -> bool:
    if not rule:
        return True
    ((name, value),) = rule.items()
    if name in ("andAll", "orAll"):
        return (all if name == "andAll" else any)(_keeps(one, chunk) for one in value)
    if name not in COMPARISONS:
        raise invalid(f"The stand-in knows no filter {name}.")
    return COMPARISONS[name]((chunk.attributes | chunk.metadata).get(value["key"]), value["value"])
