"""The retriever of Bedrock against the stand-in: what Bedrock finds, and where it is in the articles."""

import re
from functools import partial
from pathlib import Path

import aws_world as world
import pytest
from langchain_core.documents import Document

from stages.retrieve.metrics import recall_at
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.records import Article, Evidence
from tune_or_retrieve.providers.bedrock.aws.faults import AwsMissing, AwsUnavailable
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.knowledge_base.retriever import (
    NOWHERE,
    find_passage,
    locate,
    make_retriever,
    passage_span,
    search_type,
)

TEXTS = {
    "depot/shelf": "# Shelf\n\n## Limits\n\nA shelf holds at most 40 crates.\n\n## Cost\n\nA shelf is free.\n",
    "depot/gate": "# Gate\n\nThe gate opens for 90 seconds unless GateDelay says otherwise.\n",
}
ROOT = f"s3://{world.BUCKET}/articles/"
BASE = "0123456789"
REMAKE = "Make it again: dvc repro --force --single-item index, then `dvc repro`."


def article(name: str) -> Article:
    text = TEXTS[name]
    return Article(
        id=name, title=name.title(), service="depot", service_name="Depot", kind="document", source=name,
        path=f"{name}.md", characters=len(text), sha256=sha256_text(text),
    )  # fmt: skip


located = partial(locate, articles=[article(name) for name in TEXTS], root=ROOT)


@pytest.fixture(autouse=True)
def _articles(tmp_path, monkeypatch):
    """Where `locate` reads them."""
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        path = Path("data/articles", f"{name}.md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def document(text: str, key: str = "depot/shelf.md", score: float | None = 0.5) -> Document:
    return Document(page_content=text, metadata={"location": {"s3Location": {"uri": ROOT + key}}, "score": score})


@pytest.fixture
def base(aws) -> str:
    for name, text in TEXTS.items():
        world.put(aws, f"articles/{name}.md", text)
    base = world.knowledge_base(aws)
    sizes = {"maxTokens": 12, "overlapPercentage": 10}
    world.ingest(
        aws, world.data_source(aws, base, {"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": sizes})
    )
    return base


def retriever(base: str, k: int = 2):
    return make_retriever(clients("us-east-1").bedrock_agent_runtime, base, k, "SEMANTIC")


def test_what_bedrock_finds_is_measured_as_with_faiss(base):
    question = "How many crates does a shelf hold?"
    text = TEXTS["depot/shelf"]
    start = text.index("A shelf holds")
    end = text.index("\n\n## Cost")
    ((first, second),) = located([retriever(base).invoke(question)])
    assert first.metadata["article_id"] == "depot/shelf"
    assert text[first.metadata["start"] : first.metadata["end"]] == first.page_content
    assert 1 > first.metadata["score"] >= second.metadata["score"]
    evidence = Evidence(article_id="depot/shelf", start=start, end=end, sha256=sha256_text(text[start:end]))
    assert recall_at([evidence], [passage_span(first)], 1) == 1.0
    assert recall_at([evidence.model_copy(update={"article_id": "depot/gate"})], [passage_span(first)], 1) == 0.0


def test_throttling_is_tried_again(aws, base):
    fault = aws.fault("Retrieve", "ThrottlingException", times=1)
    assert len(retriever(base).invoke("gate")) == 2
    assert (fault.met, aws.ledger.count("Retrieve")) == (1, 2)


def test_a_missing_score_is_none_and_a_zero_is_a_zero(monkeypatch, aws, base):
    from aws_standin import retrieval
    from aws_standin.state import HANDLERS

    def handler(state, params):
        results = retrieval.retrieve(state, params)["retrievalResults"]
        del results[0]["score"]
        return {"retrievalResults": [results[0], results[1] | {"score": 0.0}]}

    monkeypatch.setitem(HANDLERS, ("bedrock-agent-runtime", "Retrieve"), handler)
    ((first, second),) = located([retriever(base).invoke("shelf")])
    assert (first.metadata["score"], second.metadata["score"]) == (None, 0.0)


@pytest.mark.parametrize(
    ("passage", "found"),
    [
        ("A shelf is free.", "A shelf is free."),
        ("Limits A shelf\nholds", "Limits\n\nA shelf holds"),
        ("A shelf is dear.", None),
        (" \n", None),
        ("free. (a+b", None),
    ],
)
def test_a_passage_is_found_by_its_words(passage, found):
    text = TEXTS["depot/shelf"]
    where = find_passage(text, passage)
    assert (text[slice(*where)] if where else None) == found


def test_what_is_not_found_in_its_article_is_counted_and_holds_no_evidence(capsys):
    rows = located([[document("A shelf is free."), document("Made up.", score=None)], []])
    assert [len(row) for row in rows] == [2, 0]
    first, second = (one.metadata for one in rows[0])
    text = TEXTS["depot/shelf"]
    at = text.index("A shelf is free.")
    assert (first["id"], first["section"], first["title"]) == (
        f"depot/shelf#{at}-{at + 16}",
        "Cost",
        "Depot/Shelf",
    )
    assert second["id"] == f"depot/shelf#{sha256_text('Made up.')[:12]}"
    assert [second[name] for name in ("start", "context_end", "score")] == [None, None, None]
    assert passage_span(rows[0][1]) == NOWHERE
    assert capsys.readouterr().err == (
        "knowledge base: 1 of 2 passages were not found in their articles word for word (the first: depot/shelf); "
        "they count as holding no evidence.\n"
    )


@pytest.mark.parametrize("key", ["depot/cellar.md", "depot/shelf.pdf"])
def test_a_passage_of_no_article_is_refused(key):
    with pytest.raises(StageError) as fault:
        located([[document("A shelf is free.", key)]])
    assert str(fault.value) == (
        f"the knowledge base gave a passage of {ROOT}{key}, which is none of the 2 articles below {ROOT}: it was "
        f"built from others. {REMAKE}"
    )


def test_a_knowledge_base_deleted_by_someone_else_says_so(aws):
    with pytest.raises(AwsMissing) as fault:
        retriever(BASE).invoke("gate")
    assert str(fault.value) == (
        f"knowledge base {BASE} in us-east-1: it is no longer there, deleted since the index stage made it, by "
        f"someone else or by a run with other params. {REMAKE}"
    )


def test_a_vector_index_deleted_by_someone_else_says_so(aws, base):
    vectors = aws.client("s3vectors")
    vectors.delete_index(vectorBucketName="study-vectors", indexName="study")
    with pytest.raises(AwsMissing) as fault:
        retriever(base).invoke("gate")
    assert str(fault.value) == (
        f"knowledge base {base} in us-east-1: its vector store is no longer there, deleted since the index stage "
        f"made it, by someone else or by a run with other params. {REMAKE}"
    )


def test_a_cut_answer_is_not_an_empty_one(aws, base):
    aws.fault("Retrieve", "drop")
    with pytest.raises(AwsUnavailable, match=re.escape("the answer came incomplete or unreadable")):
        retriever(base).invoke("gate")


@pytest.mark.parametrize(
    ("mode", "store", "search"),
    [
        ("dense", "s3_vectors", "SEMANTIC"),
        ("dense", "opensearch_serverless", "SEMANTIC"),
        ("hybrid", "opensearch_serverless", "HYBRID"),
    ],
)
def test_modes_have_bedrocks_names(mode, store, search):
    assert search_type(mode, store) == search


@pytest.mark.parametrize(
    ("mode", "store", "can"),
    [
        ("hybrid", "s3_vectors", "dense"),
        ("bm25", "s3_vectors", "dense"),
        ("bm25", "opensearch_serverless", "dense or hybrid"),
    ],
)
def test_modes_that_the_store_lacks_are_refused(mode, store, can):
    with pytest.raises(StageError) as fault:
        search_type(mode, store)
    assert str(fault.value) == (
        f"retrieval.mode: must be {can} with a Bedrock knowledge base in {store}, which has no other search. "
        f"Got {mode!r}."
    )


def test_more_passages_than_bedrock_gives_are_refused(aws):
    with pytest.raises(StageError) as fault:
        retriever(BASE, k=101)
    assert str(fault.value) == "a Bedrock knowledge base gives 1 to 100 passages a question. Got 101."
