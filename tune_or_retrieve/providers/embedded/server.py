"""llama.cpp's server in this process, on loopback, by xllamacpp."""

import contextlib
import ctypes
import importlib.util
import json
import os
import re
import secrets
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.weights import served_weights

HOST = "127.0.0.1"
HEALTHY_WITHIN_SECONDS = 60.0
ERRORS_ONLY = 1  # llama.cpp's verbosity
OPENMP = "libgomp.so.1"
ALL_LAYERS = -1  # of n_gpu_layers of llama.cpp
LAST_WORDS = "exiting due to"  # ends its log when it does not start
LOG_WITHIN_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """Where the engine listens. The key keeps out other users of the machine and other programs' mistakes."""

    url: str  # http://127.0.0.1:<port>
    api_key: str

    def call(self, path: str, body: Any = None) -> Any:
        """One request to the server, as JSON: POST with a body, else GET."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
        )
        # No proxy, even if the environment names one: this is loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=HEALTHY_WITHIN_SECONDS) as reply:
            return json.load(reply)


@contextlib.contextmanager
def serve(params: EmbeddedModel, run: RunParams, adapter: Path | None = None) -> Iterator[Server]:
    """Start the engine, wait until it is healthy, stop it on exit.

    Args:
        params: weights and the context window.
        run: threads, and layers on a GPU.
        adapter: a GGUF LoRA adapter, applied at scale 1: merged into the weights where a copy of them is served.

    Raises:
        StageError: package, weights or adapter are missing or damaged, or the window is too large.
    """
    if adapter is not None and not adapter.is_file():
        raise StageError(f"{adapter}: no such adapter. Run `dvc repro`, which makes it by fine-tuning.")
    weights, adapter = served_weights(params, adapter)
    api_key = secrets.token_hex(16)
    native = _start(_settings(params, run, weights, adapter, api_key), weights, adapter)
    try:
        server = Server(native.listening_address, api_key)
        _wait_until_healthy(server)
        _check_window(server, params)
        yield server
    finally:
        del native  # stops it: xllamacpp has no other way


def _settings(params: EmbeddedModel, run: RunParams, weights: Path, adapter: Path | None, api_key: str) -> Any:
    """xllamacpp's own parameter object."""
    llama = _xllamacpp()
    settings = llama.CommonParams()
    settings.model.path = str(weights)
    if adapter is not None:
        settings.lora_adapters = [llama.CommonAdapterLoraInfo(str(adapter), 1.0)]
    settings.n_ctx = params.context_tokens
    settings.fit_params = False  # the window is that of params, never silently less
    threads = machine.threads(run.threads)
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.n_gpu_layers = gpu_layers(run.gpu_layers)
    machine.say_once(f"engine: {device(run.gpu_layers)}, {threads} thread{'s' * (threads > 1)}")
    settings.n_parallel = 1  # one call at a time: latency is a call's own
    # No reuse of a prompt's start from one call to the next: text and latency must not depend on the order of calls.
    settings.cache_prompt = False
    settings.cache_ram_mib = 0
    settings.cache_idle_slots = False
    settings.n_ctx_checkpoints = 0
    settings.ctx_shift = False
    settings.hostnames = [HOST]
    settings.port = 0  # the operating system chooses a free one
    settings.api_keys = [api_key]
    settings.ui = False
    settings.verbosity = ERRORS_ONLY
    return settings


def gpu_layers(setting: int | Literal["auto"]) -> int:
    """Layers of a model that a GPU runs: `auto` is all where the installed llama.cpp finds one, else none.

    Raises:
        StageError: more than 0 are asked for, and it finds none.
    """
    if setting == 0:
        return 0
    llama = _xllamacpp()
    kinds = llama.ggml_backend_dev_type
    gpus = (kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU)
    found = any(one["type"] in gpus for one in llama.get_device_info())
    if setting == "auto":
        return ALL_LAYERS if found else 0
    if not found:
        raise StageError(
            "run.gpu_layers: must be auto or 0, since the installed build of llama.cpp (xllamacpp) finds no GPU "
            f"here. Got {setting}. Set auto, or install a build of xllamacpp for your GPU."
        )
    return setting


def device(setting: int | Literal["auto"]) -> str:
    """Where the layers of a model run: "cpu", "gpu", or "gpu (12 layers)". Raises StageError as gpu_layers."""
    layers = gpu_layers(setting)
    return "cpu" if layers == 0 else "gpu" if layers == ALL_LAYERS else f"gpu ({layers} layers)"


def _xllamacpp() -> Any:
    # Its threads synchronise hundreds of times a token. By default they spin while waiting, and if another program
    # needs a core, the thread they wait for does not run: two threads on two cores were then 20 times slower than one.
    # Sleeping at once is a third slower on an idle machine, so they spin for some microseconds and then sleep. OpenMP
    # reads this when it is loaded; the user's own setting takes precedence.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    try:
        return importlib.import_module("xllamacpp")
    except ImportError as fault:
        if "libgomp" not in str(fault):
            raise StageError(
                f"the embedded engine cannot be imported ({fault}). Run: .venv/bin/pip install xllamacpp. If it has no "
                "wheel for this machine, serve the model by llama.cpp's llama-server and set provider: openai."
            ) from None
    # It needs the system's OpenMP library, which slim images lack. torch's wheel contains the same one, and that file
    # can be loaded without importing torch.
    spec = importlib.util.find_spec("torch")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    try:
        ctypes.CDLL(str(folder / "lib" / OPENMP), mode=ctypes.RTLD_GLOBAL)
        return importlib.import_module("xllamacpp")
    except (OSError, ImportError) as fault:
        raise StageError(
            f"the embedded engine cannot be imported ({fault}). Install the OpenMP library: apt-get install libgomp1"
        ) from None


def _start(settings: Any, weights: Path, adapter: Path | None) -> Any:
    llama = _xllamacpp()
    with _native_output() as log:
        try:
            return llama.Server(settings)
        except RuntimeError:  # its text is always the same: the reason is in what it printed
            reasons = _error_lines(log)
    what = f"{weights} and adapter {adapter}" if adapter else str(weights)
    raise StageError(f"the engine cannot run {what}: {_first_cause(reasons)}.")


@contextlib.contextmanager
def _native_output() -> Iterator[IO[bytes]]:
    """Redirect what native code prints to a temporary file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        for descriptor, _ in saved:
            os.dup2(log.fileno(), descriptor)
        try:
            yield log
        finally:
            for descriptor, copy in saved:
                os.dup2(copy, descriptor)
                os.close(copy)


def _error_lines(log: IO[bytes]) -> list[str]:
    """The errors in llama.cpp's log: ``0.00.034.192 E llama_model_load: error loading model: ...``."""
    deadline = time.monotonic() + LOG_WITHIN_SECONDS
    while True:  # a separate thread writes it, and may be late
        # pread: reading must not move the position where that thread writes.
        text = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")
        if LAST_WORDS in text or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return re.findall(r"^[\d.]+ E +(.*?)\.?$", text, flags=re.MULTILINE)


def _first_cause(reasons: list[str]) -> str:
    """The most informative line: one that names the loading error, else the first."""
    telling = [reason for reason in reasons if "error loading" in reason and "failed to load model from" not in reason]
    return (telling or reasons or ["it gave no reason"])[0]


def _wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while True:
        try:
            if server.call("/health")["status"] == "ok":
                # The first call that the engine's own loop answers: if stopped before that loop runs, it never ends.
                server.call("/lora-adapters")
                return
        except OSError as fault:  # 503 while it loads
            if time.monotonic() > deadline:
                raise StageError(
                    f"the engine at {server.url} was not ready within {HEALTHY_WITHIN_SECONDS:.0f} s ({fault})."
                ) from None
        time.sleep(0.05)


def _check_window(server: Server, params: EmbeddedModel) -> None:
    trained = server.call("/v1/models")["data"][0]["meta"]["n_ctx_train"]
    if params.context_tokens > trained:
        raise StageError(
            f"context_tokens must be at most {trained}, the window that {params.weights} was trained with. "
            f"Got {params.context_tokens}."
        )
