"""Half of the study on Bedrock, half on this machine: index here and models there, and the other way round."""

import json
import shutil

import aws_flow as flow
import pytest
from conftest import HashingEmbedder
from short_model import cut
from small_study import CHANGES, HANDWRITTEN, change, study_of

from tune_or_retrieve.base.files import read_jsonl
from tune_or_retrieve.base.records import Answer, Retrieved
from tune_or_retrieve.commands.preset import preset

QUESTIONS = CHANGES["qa.test_questions"] + len(HANDWRITTEN)
ASKED = (("index",), ("retrieve",), ("answer", "base", "micro"), ("answer", "rag", "micro"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return flow.prepare(tmp_path_factory.mktemp("mixed") / "prepared", HashingEmbedder())


@pytest.fixture
def root(prepared, tmp_path, aws, no_waiting, monkeypatch):
    """A study at the preset bedrock, with articles, passages and pairs."""
    aws.settings.answer = lambda request: "Four days."
    monkeypatch.setattr("tune_or_retrieve.vectors.embedding.Embedder", lambda *_: HashingEmbedder())
    root = shutil.copytree(prepared, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(root)
    return root


def run_all(root):
    for step in ASKED:
        flow.run(step)
    return (
        json.loads((root / "metrics/retrieve.json").read_text()),
        {arm: list(read_jsonl(root / f"data/answers/{arm}/micro.jsonl", Answer)) for arm in ("base", "rag")},
        list(read_jsonl(root / "data/contexts/contexts.jsonl", Retrieved)),
    )


def test_models_of_bedrock_answer_over_an_index_of_this_machine(aws, root):
    change(root / "params.yaml", {"knowledge_base.backend": "faiss", "retrieval.mode": "hybrid"})
    metrics, answers, contexts = run_all(root)
    assert "backend" not in metrics
    assert {answer.text for arm in answers.values() for answer in arm} == {"Four days."}
    asked = [entry.params for entry in aws.ledger.of("Converse")]
    assert len(asked) == 2 * QUESTIONS
    said = json.dumps(asked)
    assert len(contexts) == QUESTIONS
    assert all(json.dumps(passage.text)[1:-1] in said for found in contexts for passage in found.passages)
    assert aws.left() == []  # nothing of ours was made there


def test_where_nothing_retrieves_nothing_is_asked_of_a_knowledge_base(aws, root):
    change(root / "params.yaml", study_of({"micro": "bedrock"}, only=("base",)))
    for step in (("index",), ("retrieve",)):
        flow.run(step)
    assert aws.ledger.entries == []
    assert [path.name for path in (root / "data/index").iterdir()] == ["unused.json"]
    assert list(read_jsonl(root / "data/contexts/contexts.jsonl", Retrieved)) == []
    flow.run(("answer", "base", "micro"))
    assert aws.ledger.count("Converse") == QUESTIONS


def test_a_model_of_this_machine_answers_over_a_knowledge_base(aws, root, capsys):
    preset("local")
    cut(root / "short.gguf")
    change(
        root / "params.yaml",
        {
            "knowledge_base.backend": "bedrock",
            "retrieval.mode": "dense",
            "models.micro.weights": "short.gguf",
            "models.micro.sha256": None,
            "answer.max_tokens": 8,
        },
    )
    metrics, answers, contexts = run_all(root)
    assert metrics["backend"] == "bedrock (s3_vectors)"
    assert [len(arm) for arm in answers.values()] == [QUESTIONS, QUESTIONS]
    assert [len(found.passages) for found in contexts] == [2] * QUESTIONS
    assert len({entry.params["retrievalQuery"]["text"] for entry in aws.ledger.of("Retrieve")}) == QUESTIONS
    assert aws.ledger.count("Converse") == 0
