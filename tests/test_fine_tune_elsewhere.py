"""Models that were tuned elsewhere: what is named is checked, and answers as `ft` without a training here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import gguf
import pytest
import yaml
from fake_openai import running
from safetensors.torch import load_file, save_file
from short_model import cut
from small_study import ONE_THREAD
from small_study import change as change_params

from stages.answer.__main__ import main as answer
from stages.fine_tune.__main__ import main as fine_tune
from stages.fine_tune.encoding import prompt_ids
from stages.fine_tune.model import add_lora, load_base
from stages.fine_tune.params import LoraParams
from stages.fine_tune.parity import compare
from stages.fine_tune.passes import OwnPass
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_file, write_jsonl
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Answer, Question
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.weights import requantize

ROOT = Path(__file__).resolve().parent.parent
EMBEDDED = {"provider": "embedded", "weights": "short.gguf", "requantize": "Q8_0", "context_tokens": 1536}
CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
MERGE = (
    "Merge it into the weights (peft: merge_and_unload), convert these with llama.cpp's convert_hf_to_gguf.py, and "
    "name that file."
)
QUERY = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Weights, and a LoRA of them that changes them much, as peft writes it; its model to compare with."""
    import torch

    folder = tmp_path_factory.mktemp("elsewhere")
    weights = cut(folder / "base.gguf", blocks=4)
    base, tokenizer = load_base(weights, "float32", "cpu")
    model = add_lora(base, LoraParams(rank=4, alpha=8, upper_blocks=1.0), 1).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(str(folder / "peft"))
    return folder, model, tokenizer


@pytest.fixture
def study(made, tmp_path, monkeypatch):
    """A folder with params.yaml, questions, the weights and peft's folder. No pairs: nothing is trained."""
    shutil.copytree(made[0] / "peft", tmp_path / "peft")
    (tmp_path / "base.gguf").symlink_to(made[0] / "base.gguf")
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"run": ONE_THREAD.model_dump()}
    params["models"] = {"mine": {"provider": "embedded", "weights": "base.gguf", "context_tokens": 512}}
    params["answer"]["max_tokens"] = 8
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    for name, id_ in (("handwritten", "one"), ("test", "two")):
        row = Question(id=id_, set="synthetic", question=f"What is {id_}?", reference="A thing.", service="sqs",
                       kind="purpose", slice="seen", evidence=[])  # fmt: skip
        write_jsonl(tmp_path / f"data/qa/{name}.jsonl", [row])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(**keys):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["models"]["mine"] |= keys
    Path("params.yaml").write_text(yaml.safe_dump(params))


def run(monkeypatch, capsys, stage, *arguments):
    """Exit code and the last line of stderr."""
    monkeypatch.setattr("sys.argv", ["stage", *arguments])
    try:
        stage()
    except SystemExit as end:
        return end.code, capsys.readouterr().err.splitlines()[-1]
    return 0, capsys.readouterr().err.splitlines()[-1]


def adopted(monkeypatch, capsys, tuned):
    change(tuned=tuned)
    assert run(monkeypatch, capsys, fine_tune, "mine") == (
        0,
        f"mine was tuned elsewhere ({tuned}): nothing is trained",
    )
    return json.loads(Path("data/fine_tune/mine/tuned.json").read_text())


def refused(monkeypatch, capsys, tuned):
    change(tuned=tuned)
    code, said = run(monkeypatch, capsys, fine_tune, "mine")
    assert code == 1
    assert not Path("data/fine_tune/mine").exists()
    assert not Path("metrics").exists()
    return said.removeprefix("error: models.mine.tuned: ")


def texts(approach):
    return [row.text for row in read_jsonl(Path(f"data/answers/{approach}/mine.jsonl"), Answer)]


def test_a_folder_of_peft_answers_as_peft_does(made, study, monkeypatch, capsys):
    _, model, tokenizer = made
    assert adopted(monkeypatch, capsys, "peft") == {"tuned": "peft", "changes": {}}
    prompts = [prompt_ids(f"What is {thing} good for?", (), tokenizer) for thing in ("a key", "a log", "a role")]
    served = EmbeddedModel(provider="embedded", weights="base.gguf", context_tokens=512)
    found = compare(OwnPass(model), served, ONE_THREAD, Path("data/fine_tune/mine/adapter.gguf"), prompts)
    assert found.greedy_agreement > 0.8
    assert found.logprob_distance < 0.2


@pytest.mark.parametrize("requantized", [None, "Q8_0"])
def test_an_adapter_answers_as_ft_and_its_training_is_not_timed(study, monkeypatch, capsys, requantized):
    change(requantize=requantized)
    adopted(monkeypatch, capsys, "peft")
    shutil.move("data/fine_tune/mine/adapter.gguf", "mine.gguf")
    adopted(monkeypatch, capsys, "mine.gguf")
    assert sha256_file(Path("data/fine_tune/mine/adapter.gguf")) == sha256_file(Path("mine.gguf"))
    for file in ("metrics/fine_tune/mine.json", "data/timings/fine_tune/mine.json"):
        assert json.loads(Path(file).read_text()) == {"tuned_elsewhere": "mine.gguf"}
    assert Path("plots/fine_tune/mine.csv").read_text() == "step,epoch,split,loss\n"
    for approach in ("base", "ft"):
        assert run(monkeypatch, capsys, answer, approach, "mine")[0] == 0
    assert texts("ft") != texts("base")


def test_merged_weights_answer_as_ft_and_are_kept_by_content(study, monkeypatch, capsys):
    adopted(monkeypatch, capsys, "peft")
    requantize(Path("base.gguf"), Path("merged.gguf"), "F16", Path("data/fine_tune/mine/adapter.gguf"))
    found = adopted(monkeypatch, capsys, "merged.gguf")
    sha256 = sha256_file(Path("merged.gguf"))
    assert found == {"tuned": "merged.gguf", "changes": {"weights": "merged.gguf", "sha256": sha256}}
    assert [path.name for path in Path("data/fine_tune/mine").iterdir()] == ["tuned.json"]
    for approach in ("base", "ft"):
        assert run(monkeypatch, capsys, answer, approach, "mine")[0] == 0
    assert texts("ft") != texts("base")
    shutil.copy("merged.gguf", "renamed.gguf")  # the same weights: no call is made again
    adopted(monkeypatch, capsys, "renamed.gguf")
    assert run(monkeypatch, capsys, answer, "ft", "mine") == (
        0,
        "answer_ft@mine: 2 of 2 calls are taken from the store.",
    )


def test_another_name_on_the_server(study, monkeypatch, capsys):
    with running() as fake:
        params = yaml.safe_load(Path("params.yaml").read_text())
        params["models"]["mine"] = {"provider": "openai", "base_url": fake.url, "model": "qwen"}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        assert adopted(monkeypatch, capsys, "qwen-lora") == {"tuned": "qwen-lora", "changes": {"model": "qwen-lora"}}
        for approach in ("base", "ft"):
            assert run(monkeypatch, capsys, answer, approach, "mine")[0] == 0
    assert list(dict.fromkeys(request["model"] for request in fake.requests)) == ["qwen", "qwen-lora"]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "a", "tuned": "a"},
         "must be another model than `model`, tuned from it. Got 'a'."),
        ({"provider": "bedrock", "model": "us.amazon.nova-micro-v1:0", "tuned": "mine"},
         "must be the ARN of a custom-model-deployment or a provisioned-model. Got 'mine'."),
        ({"provider": "bedrock", "model": "us.amazon.nova-micro-v1:0",
          "tuned": "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc",
          "customization": {"base_model": "amazon.nova-micro-v1:0:128k", "epochs": 1, "learning_rate": 0.00001,
                            "warmup_steps": 10}},
         "must be null where there is a section customization, which makes another model. Got "
         "'arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc'."),
    ],
)  # fmt: skip
def test_names_that_cannot_be_it(tmp_path, entry, fault):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"models": {"far": entry}}))
    with pytest.raises(StageError) as caught:
        load("models.far", ModelParams, path)
    assert str(caught.value).splitlines()[1:] == [f"  models.far.tuned: {fault}"]


def test_a_judge_has_no_tuned_form():
    from tune_or_retrieve.providers.openai.params import Asked

    assert "tuned" not in Asked.model_fields


def set_config(**keys):
    file = Path("peft", CONFIG)
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def set_tensors(edit):
    tensors = load_file(Path("peft", TENSORS))
    save_file(edit(dict(tensors)), Path("peft", TENSORS))


def renamed(old, new):
    return lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()}


def resized(rows):
    def edit(tensors):
        name = QUERY.format("B")
        return tensors | {name: tensors[name][:rows].clone()}

    return edit


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda: set_config(peft_type="IA3"),
         f"peft/{CONFIG}: must be of a LoRA adapter, with peft_type LORA, lora_alpha and r. {MERGE}"),
        (lambda: set_config(use_dora=True),
         f"peft/{CONFIG}: llama.cpp applies plain LoRA, without use_dora. Got use_dora: True. {MERGE}"),
        (lambda: set_config(use_rslora=True, rank_pattern={"q_proj": 2}),
         f"peft/{CONFIG}: llama.cpp applies plain LoRA, without rank_pattern. Got rank_pattern: {{'q_proj': 2}}. "
         f"{MERGE}"),
        (lambda: set_tensors(renamed("layers.0.self_attn.q_proj.lora_A", "embed.modules_to_save")),
         f"peft/{TENSORS}: must hold LoRA of linear layers only. Got "
         f"base_model.model.model.embed.modules_to_save.weight. {MERGE}"),
        (lambda: set_tensors(renamed("layers.0.self_attn.q_proj", "layers.0.attention.query_key")),
         "LoRA on 'model.layers.0.attention.query_key' has no counterpart in a GGUF model of architecture 'llama'."),
        (lambda: set_tensors(renamed("layers.0.", "layers.9.")),
         "peft: an adapter of another model than base.gguf: these have no blk.9.attn_k.weight."),
        (lambda: set_tensors(resized(288)),
         "peft: an adapter of another model than base.gguf: blk.0.attn_q.weight has the shape 576×576, its update "
         "288×4 times 4×576."),
        (lambda: set_tensors(resized(300)),
         "peft: an adapter of another model than base.gguf: cannot reshape array of size 1200 into shape (9,2,16,4)."),
        (lambda: Path("peft", TENSORS).write_bytes(b"\x01" * 40),
         f"peft/{TENSORS}: not a whole safetensors file (Error while deserializing header: header too large)."),
        (lambda: Path("peft", TENSORS).unlink(),
         f"peft: holds {CONFIG} but no {TENSORS}. Save the adapter with safetensors."),
        (lambda: Path("peft", CONFIG).unlink(), f"peft: must hold {CONFIG} and {TENSORS}, as peft writes an adapter."),
        (lambda: Path("peft", CONFIG).rename("peft/config.json"),
         "peft: the embedded engine runs GGUF files, not a Hugging Face folder. Convert it with llama.cpp's "
         "convert_hf_to_gguf.py and name that file."),
        (lambda: shutil.rmtree("peft"), "model peft: peft does not exist."),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_adapter_of_the_model(study, monkeypatch, capsys, edit, fault):
    edit()
    assert refused(monkeypatch, capsys, "peft") == fault


def lora(path, **changes):
    """A GGUF adapter with one matrix, or none."""
    import numpy as np

    made = {"architecture": "llama", "kind": "lora", "target": "blk.0.attn_q.weight", "letters": "ab"} | changes
    writer = gguf.GGUFWriter(path, made["architecture"])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, made["kind"])
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    for letter in made["letters"]:
        shape = (4, 576) if letter == "a" else (576, 4)
        writer.add_tensor(f"{made['target']}.lora_{letter}", np.ones(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"architecture": "qwen2"},
         "x.gguf: not tuned from base.gguf: general.architecture must be 'llama'. Got 'qwen2'."),
        ({"kind": "control_vector"}, "x.gguf: adapter.type must be lora. Got 'control_vector'."),
        ({"target": "blk.9.attn_q.weight"},
         "x.gguf: an adapter of another model than base.gguf: these have no blk.9.attn_q.weight."),
        ({"target": "blk.0.ffn_up.weight"},
         "x.gguf: an adapter of another model than base.gguf: blk.0.ffn_up.weight has the shape 1536×576, its update "
         "576×4 times 4×576."),
        ({"letters": "b"}, "x.gguf: must hold two tensors for blk.0.attn_q.weight, lora_a and lora_b."),
        ({"letters": ""}, "x.gguf: holds no tensors."),
    ],
)  # fmt: skip
def test_a_gguf_adapter_of_another_model(study, monkeypatch, capsys, changes, fault):
    lora(study / "x.gguf", **changes)
    assert refused(monkeypatch, capsys, "x.gguf") == fault


def test_weights_that_were_not_tuned_from_these(study, monkeypatch, capsys):
    cut(study / "other.gguf", blocks=2)
    assert refused(monkeypatch, capsys, "other.gguf") == (
        "other.gguf: not tuned from base.gguf: llama.block_count must be 4. Got 2."
    )
    shutil.copy("base.gguf", "same.gguf")
    assert refused(monkeypatch, capsys, "same.gguf") == (
        "same.gguf: must be other weights than base.gguf. They are the same."
    )
    Path("text.gguf").write_text("hello")
    assert refused(monkeypatch, capsys, "text.gguf") == "text.gguf: not a whole GGUF file (GGUF magic invalid)."


def test_the_rank_may_be_divided_by_its_root(study, monkeypatch, capsys):
    def alpha():
        field = gguf.GGUFReader("data/fine_tune/mine/adapter.gguf").get_field(gguf.Keys.Adapter.LORA_ALPHA)
        return field.contents()

    adopted(monkeypatch, capsys, "peft")
    assert alpha() == 8.0
    set_config(use_rslora=True)
    adopted(monkeypatch, capsys, "peft")
    assert alpha() == 16.0  # over 4 as 8 is over 2, the root of 4


def test_an_adapter_that_was_trained_here_is_taken_as_it_is(stages, finished, tmp_path):
    root = tmp_path / "study"
    shutil.copytree(finished, root)
    shutil.copytree(root / "data/fine_tune/micro/adapter", root / "lora")
    change_params(root / "params.yaml", {"models.small": {**EMBEDDED, "tuned": "lora"}})
    assert stages.run(root, "fine_tune", "small") == (0, "small was tuned elsewhere (lora): nothing is trained\n")
    adapters = [sha256_file(root / f"data/fine_tune/{name}/adapter.gguf") for name in ("micro", "small")]
    assert adapters[0] == adapters[1]
    assert stages.run(root, "answer", "ft", "small")[0] == 0
    micro, small = (
        [row.text for row in read_jsonl(root / f"data/answers/ft/{name}.jsonl", Answer)] for name in ("micro", "small")
    )
    assert micro == small


def test_check_says_it_before_anything_runs(study):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["models"] = {"micro": {"provider": "embedded", "weights": "base.gguf", "context_tokens": 512, "tuned": "x"}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    Path("data/documents").mkdir()

    def check():
        command = [sys.executable, "-m", "tune_or_retrieve", "check"]
        environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    lora(study / "x", target="blk.9.attn_q.weight")
    assert check() == (
        1,
        "error: models.micro.tuned: x: an adapter of another model than base.gguf: these have no "
        "blk.9.attn_q.weight.\n",
    )
    lora(study / "x")
    assert check()[0] == 0
