"""The seam to a knowledge base of Bedrock: what is built, what stands in for it, and what retrieve then reads."""

import json
import re
import shutil
from pathlib import Path

import aws_broken as broken
import pytest
from small_study import ONE_THREAD, ROOT, change

from stages.chunks.params import ChunkingParams
from stages.index import __main__ as stage
from stages.index.managed import build_managed
from stages.index.params import MANAGED, KnowledgeBaseParams
from stages.retrieve.metrics import evaluate
from tune_or_retrieve.base import params as params_module
from tune_or_retrieve.base.corpus import read_articles
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_text, write_jsonl
from tune_or_retrieve.base.records import Article, Effort, Evidence, Question, Span
from tune_or_retrieve.providers.bedrock.aws.faults import found
from tune_or_retrieve.providers.bedrock.knowledge_base.build import read_built
from tune_or_retrieve.providers.faiss.knowledge_base import FALLBACK, Fallback, read_fallback

pytestmark = pytest.mark.usefixtures("no_waiting")

PAID = Effort(input_tokens=21, billed_as="amazon.titan-embed-text-v2:0")  # of 82 characters


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two articles on disk and the shipped params with the knowledge base on Bedrock."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    change(tmp_path / "params.yaml", {"knowledge_base.backend": "bedrock", "retrieval.mode": "dense"})
    rows = []
    for name in ("shelf", "gate"):
        text = f"# {name.title()}\n\nA {name} holds at most 40 crates.\n"
        path = tmp_path / f"data/articles/depot/{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        rows.append(Article(
            id=f"depot/{name}", title=name.title(), service="depot", service_name="Depot", kind="document",
            source=name, path=f"depot/{name}.md", characters=len(text), sha256=sha256_text(text),
        ))  # fmt: skip
    write_jsonl(tmp_path / "data/articles/manifest.jsonl", rows)
    return tmp_path


def build(fallback="none"):
    change(Path("params.yaml"), {"knowledge_base.fallback": fallback})
    asked = params_module.load("knowledge_base", KnowledgeBaseParams)
    return build_managed(asked, params_module.load("chunking", ChunkingParams), Path("data/index"))


def test_what_stands_on_bedrock_is_written_and_read_again(aws, root):
    assert build() == PAID
    built = read_built(Path("data/index", MANAGED))
    assert (built.documents, built.failed, read_fallback(Path("data/index"))) == (2, 0, None)
    before = Path("data/index", MANAGED).read_bytes()
    assert build() == PAID
    assert Path("data/index", MANAGED).read_bytes() == before


def test_what_it_costs_is_written_for_the_report_also_if_it_stands_already(aws, root):
    for _ in range(2):
        stage.main()
        assert json.loads(Path("data/timings/index.json").read_text()) == PAID.model_dump()


def test_the_budget_is_asked_before_anything_is_made_and_not_for_what_is_there(aws, root):
    change(Path("params.yaml"), {"run.budget_usd": 1e-9})
    with pytest.raises(StageError) as caught:
        build()
    assert str(caught.value).startswith(
        "embedding 2 articles with amazon.titan-embed-text-v2:0: estimated at $0.0000, and $0.0000 are spent already"
    )
    assert aws.left() == []
    change(Path("params.yaml"), {"run.budget_usd": 1.0})
    build()
    change(Path("params.yaml"), {"run.budget_usd": 1e-9})
    build()
    assert aws.ledger.made("StartIngestionJob") == 1
    shelf = Path("data/articles/depot/shelf.md")
    text = shelf.read_text().replace("40", "50")
    shelf.write_text(text)
    rows = [
        row.model_copy(update={"sha256": sha256_text(text)}) if "shelf" in row.id else row for row in read_articles()
    ]
    write_jsonl(Path("data/articles/manifest.jsonl"), rows)
    with pytest.raises(StageError, match=r"together above budget_usd"):
        build()
    assert aws.ledger.made("StartIngestionJob") == 1


def test_without_credentials_the_stage_fails(root, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(StageError) as caught:
        build()
    assert "no credentials were found" in str(caught.value)
    assert str(caught.value).endswith(
        "Or set knowledge_base.fallback to faiss, which builds an index on this machine instead."
    )
    assert not Path("data/index").exists()


def test_with_a_fallback_it_is_said_loudly_and_left_to_faiss(root, monkeypatch, capsys):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert build("faiss") == Fallback(reason="NoCredentialsError")
    assert capsys.readouterr().err.startswith("WARNING: NO BEDROCK KNOWLEDGE BASE: AWS, ")


@pytest.mark.parametrize("fallback", ["none", "faiss"])
@pytest.mark.parametrize("setting", broken.WRONG, ids=lambda one: one.said[:40])
def test_for_a_wrong_setting_of_aws_nothing_steps_in(aws, root, monkeypatch, tmp_path, setting, fallback):
    setting.set(monkeypatch, tmp_path)
    with pytest.raises(StageError) as caught:
        build(fallback)
    assert str(caught.value).split(": ", 1)[1] == setting.said
    assert not Path("data/index").exists()


@pytest.mark.parametrize("setting", broken.UNAVAILABLE, ids=lambda one: one.said[:40])
def test_without_credentials_that_can_be_had_faiss_steps_in_if_it_may(aws, root, monkeypatch, tmp_path, setting):
    setting.set(monkeypatch, tmp_path)
    with pytest.raises(StageError) as caught:
        build("none")
    assert str(caught.value).split(": ", 1)[1].startswith(f"{setting.said} Or set knowledge_base.fallback to faiss")
    assert build("faiss") is not None


def test_a_fault_that_is_no_lack_of_bedrock_has_no_fallback(aws, root):
    aws.fault("CreateKnowledgeBase", "ServiceQuotaExceededException")
    with pytest.raises(
        StageError, match=r"knowledge base tune-or-retrieve-kb-study-\w+: a quota of the account is used"
    ):
        build("faiss")


@pytest.mark.parametrize("gone", ["knowledge base", "data source"])
def test_what_was_deleted_by_other_hands_is_paid_for_again_and_entered_again(aws, root, gone):
    def spent():
        return [json.loads(line) for line in Path(".cache/spent.jsonl").read_text().splitlines()]

    assert build() == PAID
    assert build() == PAID
    built, before = read_built(Path("data/index", MANAGED)), spent()
    assert len(before) == 1
    agent, ids = aws.client("bedrock-agent"), {"knowledgeBaseId": built.knowledge_base_id}
    if gone == "knowledge base":
        delete, look = agent.delete_knowledge_base, agent.get_knowledge_base
    else:
        delete, look = agent.delete_data_source, agent.get_data_source
        ids["dataSourceId"] = built.data_source_id
    delete(**ids)
    while found(lambda: look(**ids)):
        pass
    for _ in range(2):
        assert build() == PAID
    again = read_built(Path("data/index", MANAGED))
    assert (again.name, again.corpus) == (built.name, built.corpus)
    assert again.data_source_id != built.data_source_id
    (first, second) = spent()
    assert ([first], second["dollars"], second["stage"]) == (before, first["dollars"], "index")


@pytest.mark.parametrize("fallback", ["none", "faiss"])
def test_an_embedding_model_that_only_the_ingestion_finds_closed_fails_the_stage(aws, root, fallback):
    """Where access may not be read beforehand; a job that failed has no fallback."""
    aws.fault("GetFoundationModelAvailability", "AccessDeniedException")
    aws.settings.denied_models.add("amazon.titan-embed-text-v2:0")
    with pytest.raises(StageError) as caught:
        build(fallback)
    (request,) = aws.ledger.of("CreateKnowledgeBase")
    said = re.sub(r"(?<=job )[0-9A-Z]{10}", "JOB", str(caught.value))
    assert said == (
        f"knowledge base {request.params['name']}: the ingestion job JOB is FAILED: You don't have access to the model "
        "with the specified model ID. Fix the cause and run `dvc repro`, which starts another."
    )
    assert not Path("data/index").exists()
    aws.settings.denied_models.clear()
    assert build(fallback) == PAID
    assert aws.ledger.made("CreateKnowledgeBase") == 1


def test_retrieval_reads_what_was_really_built_and_has_no_ndcg(aws, root):
    from stages.retrieve.backends import open_backend
    from stages.retrieve.params import RetrievalParams
    from stages.retrieve.run import retrieve_all

    assert build() == PAID
    change(Path("params.yaml"), {"knowledge_base.backend": "faiss"})  # what params say now is not what was built
    base = params_module.load("knowledge_base", KnowledgeBaseParams)
    source = open_backend(params_module.load("retrieval", RetrievalParams), base, ONE_THREAD)
    text = Path("data/articles/depot/gate.md").read_text()
    start, end = text.index("A gate"), len(text.rstrip())
    evidence = Evidence(article_id="depot/gate", start=start, end=end, sha256=sha256_text(text[start:end]))
    question = Question(id="q", set="synthetic", slice="seen", question="How many crates does a gate hold?",
                        reference="40", service="depot", kind="limit", evidence=[evidence])  # fmt: skip
    source.check([question])
    passages, _ = retrieve_all([question], source.retriever)
    spans = {"q": [source.span(document) for document in source.located(passages)[0]]}
    metrics = source.metrics | evaluate([question], spans, source.chunks, [1, 5])
    assert (metrics["backend"], metrics["documents"]) == ("bedrock (s3_vectors)", 2)
    assert (metrics["synthetic.recall_at_5"], metrics["synthetic.ndcg_at_10"]) == (1.0, None)
    entered = [json.loads(line) for line in Path(".cache/spent.jsonl").read_text().splitlines()]
    assert [(one["stage"], one["tokens"], one["about"]) for one in entered] == [
        ("index", 21, True),
        ("retrieve", 17, True),
    ]
    moved = question.model_copy(update={"evidence": [evidence.model_copy(update={"sha256": "0" * 64})]})
    with pytest.raises(StageError, match="article depot/gate does not hold its evidence"):
        source.check([moved])


def test_a_damaged_record_is_refused(root):
    Path("data/index").mkdir(parents=True)
    for name, read in ((MANAGED, lambda folder: read_built(folder / MANAGED)), (FALLBACK, read_fallback)):
        Path("data/index", name).write_text(json.dumps({"asked": 1}))
        with pytest.raises(StageError, match="not the description of an index"):
            read(Path("data/index"))


def test_ndcg_is_not_computed_where_passages_cannot_be_enumerated():
    evidence = Evidence(article_id="a", start=0, end=5, sha256="")
    question = Question(id="q", set="synthetic", slice="seen", question="?", reference="", service="s", kind="k",
                        evidence=[evidence])  # fmt: skip
    metrics = evaluate([question], {"q": [Span(article_id="a", start=0, end=5)]}, None, [1])
    assert (metrics["synthetic.mrr"], metrics["synthetic.ndcg_at_10"]) == (1.0, None)
