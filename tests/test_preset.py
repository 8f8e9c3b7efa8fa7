"""`tune-or-retrieve preset`: the whole study on Bedrock and back, with all that is the user's own left alone."""

import shutil
from pathlib import Path

import pytest
import yaml
from small_study import APPROACHES, change, study_of

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import load
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.commands import check as checks
from tune_or_retrieve.commands.preset import apply
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    (tmp_path / "data/documents").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_params_we_ship_are_at_the_preset_local(root):
    assert apply("local") == []


@pytest.mark.parametrize("names", [["bedrock"], ["quick"], ["quick", "bedrock"], ["bedrock", "quick"]], ids=" ".join)
def test_there_and_back_is_the_same_file(root, names):
    def there() -> str:
        for name in names:
            apply(name)
        return (root / "params.yaml").read_text()

    before = (root / "params.yaml").read_text()
    changed = there()
    assert [line for line in changed.splitlines() if line.startswith("#")] == before.splitlines()[:2]
    assert [line.partition("  # ")[2] for line in changed.splitlines() if "test_questions" in line] == [
        "half on seen articles, half on articles kept out of training"
    ]
    apply("local")
    assert (root / "params.yaml").read_text() == before
    assert there() == changed


def test_a_study_with_some_of_the_approaches_becomes_one_with_all(root):
    shipped = (root / "params.yaml").read_text()
    some = shipped
    for key in ("ft", "ft_rag", "fine_tune"):
        some = some.replace(f" {key}: {{micro: embedded}}", f" {key}: {{}}")
    (root / "params.yaml").write_text(some)
    assert apply("local") == [
        f'study.{key}.micro: nothing -> "embedded"' for key in ("approaches.ft", "approaches.ft_rag", "fine_tune")
    ] + [
        f"study.{key}: {{}} -> nothing  (your own value: in no preset)"
        for key in ("approaches.ft", "approaches.ft_rag", "fine_tune")
    ]
    assert (root / "params.yaml").read_text() == shipped


def test_what_changed_is_said(root):
    said = apply("bedrock")
    assert [line for line in said if line.startswith("study.")] == [
        *(
            f'study.{key}.{model}: {before} -> "bedrock"'
            for key in (*(f"approaches.{approach}" for approach in APPROACHES), "fine_tune")
            for model, before in (("micro", '"embedded"'), ("lite", "nothing"))
        ),
        'study.judges.claude: nothing -> "bedrock"',
        'study.judges.llama: nothing -> "bedrock"',
        'study.judges.facts: "none" -> nothing',
        'study.judges.semantic: "none" -> nothing',
    ]
    assert 'knowledge_base.backend: "faiss" -> "bedrock"' in said
    assert "models.micro.context_tokens: 2048 -> nothing" in said
    assert apply("bedrock") == []


@pytest.mark.parametrize("name", ["bedrock", "local", "quick"])
def test_a_preset_has_no_faults(root, name, capsys):
    apply(name)
    checks.check()
    models = ("micro", "lite") if name == "bedrock" else ("micro",)
    lines = [f"Approaches of {model}: base, rag, ft, ft_rag." for model in models]
    sent = ["No text leaves this machine."]
    if name == "bedrock":
        sent = [
            "Text is sent:",
            "  to Amazon Bedrock in the region of the AWS profile (knowledge_base, models.micro, models.lite, "
            "judges.claude, judges.llama): all documents in chunks, test questions, training pairs with passages, "
            "passages of the documents, right answers, answers, validation pairs",
        ]
    assert capsys.readouterr().out.splitlines() == ["params.yaml: no faults.", *lines, *sent]


def test_micro_is_another_model_on_each(root):
    assert isinstance(load("models.micro", ModelParams), EmbeddedModel)
    apply("bedrock")
    model = load("models.micro", ModelParams)
    assert isinstance(model, BedrockModel)
    assert (model.model, model.customization.base_model) == ("us.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0:128k")


def test_values_of_the_user_stay(root):
    mine = {"retrieval.top_k": 7, "knowledge_base.faiss.bm25.k1": 1.5, "models.lite.region": "eu-west-1"}
    change(root / "params.yaml", mine | {"judges.facts.control_pairs": 5})
    apply("bedrock")
    content = yaml.safe_load((root / "params.yaml").read_text())
    assert (content["retrieval"]["top_k"], content["knowledge_base"]["faiss"]["bm25"]["k1"]) == (7, 1.5)
    assert (content["models"]["lite"]["region"], content["judges"]["facts"]["control_pairs"]) == ("eu-west-1", 5)


def test_a_size_of_the_user_stays_but_where_quick_is_asked_for(root):
    change(root / "params.yaml", {"qa.pairs": 400, "articles.botocore.services": ["sqs"]})
    assert apply("local") == []
    said = apply("quick")
    assert said[:2] == [
        'articles.botocore.services: ["sqs"] -> ["sqs", "sns", "secretsmanager"]  (your own value: in no preset)',
        "qa.pairs: 400 -> 150  (your own value: in no preset)",
    ]
    change(root / "params.yaml", {"answer.max_tokens": 80})
    assert "qa.pairs: 150 -> 1000" in apply("local")
    assert yaml.safe_load(Path("params.yaml").read_text())["answer"]["max_tokens"] == 80


def test_a_limit_of_the_user_stays_and_what_else_is_replaced_of_his_is_marked(root):
    change(
        root / "params.yaml",
        {
            "run.budget_usd": 3.0,
            **study_of({"micro": "embedded", "mine": "embedded"}),
            "models.micro.context_tokens": 1024,
        },
    )
    said = apply("bedrock")
    assert [line for line in said if "your own" in line] == [
        *(
            f'study.{key}.mine: "embedded" -> nothing  (your own value: in no preset)'
            for key in (*(f"approaches.{approach}" for approach in APPROACHES), "fine_tune")
        ),
        "models.micro.context_tokens: 1024 -> nothing  (your own value: in no preset)",
    ]
    assert yaml.safe_load(Path("params.yaml").read_text())["run"]["budget_usd"] == 3.0
    apply("local")
    assert yaml.safe_load(Path("params.yaml").read_text())["run"]["budget_usd"] == 3.0


def test_a_model_of_the_presets_provider_stays_as_the_user_made_it(root):
    apply("bedrock")
    change(root / "params.yaml", {"models.micro.customization.retry": 1, "models.micro.customization.wait": False})
    assert apply("bedrock") == []
    custom = load("models.micro", ModelParams).customization
    assert (custom.retry, custom.wait) == (1, False)


def test_what_a_preset_leaves_out_does_not_change_so_that_its_stages_do_not_rerun(root):
    before = yaml.safe_load((root / "params.yaml").read_text())
    apply("bedrock")
    after = yaml.safe_load((root / "params.yaml").read_text())
    assert {key for key in before if before[key] != after[key]} == {
        "study", "models", "knowledge_base", "retrieval", "run",
    }  # fmt: skip
    assert before["models"]["lite"] == after["models"]["lite"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda root: None, "unknown preset 'aws'. Known: bedrock, local, quick."),
        (lambda root: shutil.rmtree(root / "presets"), "unknown preset 'aws'. Known: none in presets."),
        (lambda root: (root / "presets/aws.yaml").write_text("- 1"), "presets/aws.yaml: must be a mapping of sections. "
         "Got CommentedSeq."),
    ],
)  # fmt: skip
def test_faults(root, spoil, fault):
    spoil(root)
    with pytest.raises(StageError) as caught:
        apply("aws")
    assert str(caught.value) == fault


def test_a_file_that_is_no_yaml_is_left_as_it_is(root):
    (root / "params.yaml").write_text("study: [")
    with pytest.raises(StageError, match=r"^params\.yaml: not valid YAML"):
        apply("bedrock")
    assert (root / "params.yaml").read_text() == "study: ["
