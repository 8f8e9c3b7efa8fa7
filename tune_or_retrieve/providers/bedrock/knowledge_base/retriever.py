"""Retrieval from a knowledge base of Bedrock, and its passages traced back to the articles they were cut from.

Bedrock gives the text of a chunk and the S3 object that it came from, but no offsets. The article follows from the
object's key, and the offsets from a search for the text in the article, so that the metrics of stages.retrieve mean the
same here as with FAISS. Of a text that an article holds more than once, the first occurrence is taken.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from botocore.exceptions import ClientError
from langchain_aws import AmazonKnowledgeBasesRetriever
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document

from tune_or_retrieve.base.corpus import read_text
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Article, Span
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, is_missing, member
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import REMAKE, gone
from tune_or_retrieve.text.sentences import units

MOST_RESULTS = 100  # of one retrieve call
STORE_GONE = re.compile(r"vector (store|index|bucket).*(not (be )?found|not exist)", re.IGNORECASE)
NOWHERE = Span(article_id="", start=0, end=1)  # keeps the rank of a passage that was not found; holds no evidence


class KnowledgeBaseRetriever(AmazonKnowledgeBasesRetriever):
    """LangChain's, over a client of ours: its own client never retries. Metadata `score`: None if Bedrock gave none."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        """Raises AwsMissing if the knowledge base or its vector store was deleted, AwsFault for what else AWS says."""
        with aws(f"searching the knowledge base {self.knowledge_base_id}"):
            try:
                return super()._get_relevant_documents(query, run_manager=run_manager)
            except ClientError as fault:
                region = self.client.meta.region_name
                if is_missing(fault):
                    raise gone(self.knowledge_base_id, region, "it is", code(fault)) from None
                if code(fault) == "ValidationException" and STORE_GONE.search(str(fault)):
                    raise gone(self.knowledge_base_id, region, "its vector store is", code(fault)) from None
                raise


def make_retriever(client: Any, knowledge_base_id: str, k: int, search: str) -> KnowledgeBaseRetriever:
    """A LangChain retriever of `k` passages (1 to 100).

    Args:
        client: bedrock-agent-runtime, with the timeouts and retries that are wanted.
        search: of :func:`search_type`.

    Raises:
        StageError: more passages than one call of Bedrock gives.
    """
    if not 1 <= k <= MOST_RESULTS:
        raise StageError(f"a Bedrock knowledge base gives 1 to {MOST_RESULTS} passages a question. Got {k}.")
    # langchain-aws makes 0 of a missing score, so it is filled in before; one handler however often this is called.
    client.meta.events.register(
        "after-call.bedrock-agent-runtime.Retrieve", _fill_in_scores, unique_id="tune-or-retrieve-scores"
    )
    search_configuration = {"numberOfResults": k, "overrideSearchType": search}
    return KnowledgeBaseRetriever(
        client=client,
        knowledge_base_id=knowledge_base_id,
        retrieval_config={"vectorSearchConfiguration": search_configuration},
    )


def search_type(mode: str, store: str) -> Literal["SEMANTIC", "HYBRID"]:
    """Bedrock's overrideSearchType for `retrieval.mode`. Raises StageError for what the store cannot do."""
    if mode == "dense":
        return "SEMANTIC"
    if mode == "hybrid" and store == "opensearch_serverless":
        return "HYBRID"
    can = "dense or hybrid" if store == "opensearch_serverless" else "dense"
    raise StageError(
        f"retrieval.mode: must be {can} with a Bedrock knowledge base in {store}, which has no other search. "
        f"Got {mode!r}."
    )


def locate(found: Iterable[Sequence[Document]], articles: Iterable[Article], root: str) -> list[list[Document]]:
    """Documents as PassageRetriever gives them. How many were not found in their articles is said.

    Metadata of each: id, article_id, title, section, start, end, context_start, context_end, score. The offsets are
    None where the article does not hold the text, `score` where Bedrock gave none. The id follows from article and
    place, since Bedrock's own changes with each ingestion.

    Args:
        found: of each question.
        root: URI below which the articles lie, s3://bucket/prefix/.

    Raises:
        StageError: a passage comes from an object that is none of the articles.
    """
    by_id = {article.id: article for article in articles}

    @functools.cache
    def text_of(article_id: str) -> str:
        return read_text(by_id[article_id])

    rows = []
    for documents in found:
        row = []
        for document in documents:
            article_id = _article_id(document, root)
            if article_id not in by_id:
                raise StageError(
                    f"the knowledge base gave a passage of {_uri(document)}, which is none of the {len(by_id)} "
                    f"articles below {root}: it was built from others. {REMAKE}"
                )
            row.append(_located(document, by_id[article_id], text_of(article_id)))
        rows.append(row)
    everything = [document for row in rows for document in row]
    if lost := [document for document in everything if document.metadata["start"] is None]:
        say(
            f"knowledge base: {len(lost)} of {len(everything)} passages were not found in their articles word for "
            f"word (the first: {lost[0].metadata['article_id']}); they count as holding no evidence."
        )
    return rows


def passage_span(document: Document) -> Span:
    """Where in its article a document of `locate` is; NOWHERE if that is not known."""
    metadata = document.metadata
    if metadata["context_start"] is None:
        return NOWHERE
    return Span(article_id=metadata["article_id"], start=metadata["context_start"], end=metadata["context_end"])


def find_passage(text: str, passage: str) -> tuple[int, int] | None:
    """Start and end of a passage in a text: as it is, else with other white space between its words."""
    words = passage.split()
    if not words:
        return None
    start = text.find(passage)
    if start >= 0:
        return start, start + len(passage)
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None


def _located(document: Document, article: Article, text: str) -> Document:
    start, end = find_passage(text, document.page_content) or (None, None)
    where = f"{start}-{end}" if start is not None else sha256_text(document.page_content)[:12]
    metadata = {
        "id": f"{article.id}#{where}",
        "article_id": article.id,
        "title": article.title,
        "section": "" if start is None else _section(text, start, end),
        "start": start,
        "end": end,
        "context_start": start,
        "context_end": end,
        "score": document.metadata["score"],
    }
    return Document(id=metadata["id"], page_content=document.page_content, metadata=metadata)


def _section(text: str, start: int, end: int) -> str:
    """The headings above all of a passage, as for the project's own chunks."""
    paths = [unit.path for unit in units(text) if unit.start < end and unit.end > start]
    same = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return " > ".join(level[0] for level in same)


def _uri(document: Document) -> str:
    return document.metadata.get("location", {}).get("s3Location", {}).get("uri", "an object that it does not name")


def _article_id(document: Document, root: str) -> str | None:
    uri = _uri(document)
    return uri.removeprefix(root).removesuffix(".md") if uri.startswith(root) and uri.endswith(".md") else None


def _fill_in_scores(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    if http_response.status_code < 300:
        for result in member(parsed, "retrievalResults"):
            result.setdefault("score", None)
