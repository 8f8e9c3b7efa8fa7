"""What this machine is and what is fast on it: device, number format, threads, processor.

The section `run` of params.yaml says how to run, not what to compute. No stage declares it in dvc.yaml, so changing it
reruns nothing. Number formats change results, so they belong to the sections of what is computed in them.
"""

import contextlib
import functools
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import Provider, Section
from tune_or_retrieve.base.progress import say

SECTION = "run"  # read by stages and declared by none
DeviceSetting = Literal["auto", "cpu", "cuda", "mps"]
Device = Literal["cpu", "cuda", "mps"]
DtypeSetting = Literal["auto", "float32", "bfloat16"]
Dtype = Literal["float32", "bfloat16"]

X86 = ("x86_64", "AMD64", "i686")
LEVELS = ("baseline", "avx2", "avx512", "bf16")  # of x86 instructions, each with those before it
# Limits that a user may set on the instructions that oneDNN (under its present and its former name) and torch use, to
# emulate a smaller processor. Where one is set, the processor's flags promise more than is used.
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
CLEARLY_FASTER = 1.3
PROBE_WIDTH = 256  # of square matrices: .2 ms a product on one core with instructions for the format, 11 ms without


class ConcurrencyParams(Section):
    """Simultaneous calls to a model, by provider; always one for a model in this process."""

    bedrock: int = Field(default=8, ge=1, le=50)  # the connections of a client are 50
    openai: int = Field(default=1, ge=1, le=50)
    langchain: int = Field(default=1, ge=1, le=50)

    def of(self, provider: Provider) -> int:
        return getattr(self, provider, 1)


class RunParams(Section):
    """The section `run`: how to run, not what to compute. No stage declares it, so a change reruns nothing."""

    device: DeviceSetting
    gpu_layers: int | Literal["auto"]  # of the embedded engine
    threads: int | Literal["auto"]
    concurrency: ConcurrencyParams = ConcurrencyParams()
    retries: int = Field(default=3, ge=0, le=10)  # of a call to an OpenAI-compatible server, after faults that may pass
    budget_usd: float | None = Field(default=None, ge=0)  # None: none

    @field_validator("gpu_layers", mode="before")
    @classmethod
    def _layers(cls, value: Any) -> Any:
        if value != "auto" and (type(value) is not int or value < 0):
            raise ValueError("must be auto or a whole number, 0 or more")
        return value

    @field_validator("threads", mode="before")
    @classmethod
    def _threads(cls, value: Any) -> Any:
        if value != "auto" and (type(value) is not int or not 1 <= value <= 512):
            raise ValueError("must be auto or a whole number from 1 to 512")
        return value


@dataclass(frozen=True)
class Compute:
    """What some work is computed with."""

    device: Device
    dtype: Dtype
    threads: int


def choose(what: str, run: RunParams, setting: DtypeSetting, key: str) -> Compute:
    """Device, number format and threads for `what`, said once per process: "embedding: float32 on cpu, 2 threads".

    Args:
        setting: the requested number format.
        key: its key in params.yaml, for messages.

    Raises:
        StageError: the machine lacks the device or the format.
    """
    on = device(run.device)
    chosen = Compute(on, dtype(setting, on, key), threads(run.threads))
    say_once(f"{what}: {chosen.dtype} on {on}, {chosen.threads} thread{'s' * (chosen.threads > 1)}")
    return chosen


@functools.cache
def say_once(message: str) -> None:
    """One line for the person who watches, once per process."""
    say(message)


def device(setting: DeviceSetting) -> Device:
    """Where torch computes: `auto` takes cuda, then mps, then cpu. Raises StageError if the machine lacks `setting`."""
    import torch

    there = [name for name, found in (("cuda", torch.cuda), ("mps", torch.backends.mps)) if found.is_available()]
    there.append("cpu")
    if setting != "auto" and setting not in there:
        why = "" if setting != "cuda" or torch.version.cuda else f" torch {torch.__version__} is built without CUDA."
        raise StageError(
            f"run.device: torch finds no {setting} on this machine, which has {' and '.join(there)}.{why} "
            f"Set auto or {' or '.join(there)}."
        )
    chosen = there[0] if setting == "auto" else setting
    if chosen == "cuda":
        # Without it, products of cuBLAS differ from run to run, and torch's deterministic algorithms refuse them:
        # https://docs.nvidia.com/cuda/cublas/#results-reproducibility. Read when the first product is computed.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return chosen


def dtype(setting: DtypeSetting, device: Device, key: str = "dtype") -> Dtype:
    """The number format of products: `auto` takes bfloat16 where `device` is fast in it.

    Raises:
        StageError: bfloat16 is asked for where it is emulated, which is up to a hundred times slower than float32.
    """
    if setting == "float32" or (device == "mps" and setting == "auto"):
        return "float32"
    if _bfloat16_is_fast(device):
        return "bfloat16"
    if setting == "auto":
        return "float32"
    where = {"cpu": f"this processor ({processor()}, {instructions()})", "cuda": "this GPU", "mps": "mps"}[device]
    raise StageError(
        f"{key}: {where} has no instructions for bfloat16, which would be many times slower than float32. "
        "Set auto or float32."
    )


def _bfloat16_is_fast(device: Device) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu" and (flags := _flags()) is not None and not _limited():
        return _level(flags) == "bf16"
    return _measured_bfloat16_is_fast(device)


@functools.cache
def _measured_bfloat16_is_fast(device: Device) -> bool:
    """Whether a matrix product takes clearly less time than in float32: the best of five each, a tenth of a second."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        matrix = torch.ones(PROBE_WIDTH, PROBE_WIDTH, dtype=dtype, device=device)
        best = float("inf")
        for _ in range(6):  # the first prepares
            start = time.perf_counter()
            (matrix @ matrix)[0, 0].item()  # waits for the result
            best = min(best, time.perf_counter() - start)
        return best

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other on a busy machine
    try:
        return seconds(torch.bfloat16) * CLEARLY_FASTER < seconds(torch.float32)
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def gpu_memory(what: str, remedy: str) -> Iterator[None]:
    """Turn a lack of GPU memory into a StageError that says what for, and what helps besides `run.device`."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as fault:
        raise StageError(
            f"{what}: the GPU has too little memory ({str(fault).partition('. ')[0]}). {remedy}, or set run.device to "
            "cpu."
        ) from fault


def threads(setting: int | Literal["auto"]) -> int:
    """How many threads compute: `auto` is the physical cores that this process may use (affinity, cgroup quota)."""
    return cores() if setting == "auto" else setting


def cores() -> int:
    """Physical cores that this process may use."""
    import joblib
    import psutil

    allowed = joblib.cpu_count()  # logical ones, by affinity and cgroup quota
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def instructions() -> str:
    """Which of the processor's instructions are used: bf16, avx512, avx2 or baseline; the architecture if not x86.

    Limits set in the environment count: an emulated smaller processor is named as such.
    """
    flags = _flags()
    if flags is None:
        return platform.machine()
    limits = [_limit(name, value.upper()) for name, value in _limited().items()]
    return min([_level(flags), *limits], key=LEVELS.index)


def processor() -> str:
    """The model of the processor as it names itself."""
    return next(iter(_cpuinfo("model name")), platform.processor() or platform.machine())


def here(device: str, threads: int) -> dict[str, Any]:
    """What a time was measured on, for tune_or_retrieve.base.records.Timed."""
    count = cores()
    machine = f"{processor()} ({instructions()}), {count} core{'s' * (count > 1)}"
    return {"machine": machine, "device": device, "threads": threads}


def check_processor() -> None:
    """Raises StageError if the processor is x86 without AVX2, for which torch and llama.cpp are built."""
    flags = _flags()
    if flags is not None and _level(flags) == "baseline":
        raise StageError(
            f"this processor ({processor()}) has no AVX2, which the packages of torch and llama.cpp need. Use another "
            "machine; on a virtual one, let it show the host's processor (cpu: host)."
        )


def _flags() -> frozenset[str] | None:
    """Names of instructions as Linux lists them; None if they cannot be read or the processor is not x86."""
    flags = frozenset(" ".join(_cpuinfo("flags")[:1]).split())
    return flags if flags and platform.machine() in X86 else None


def _cpuinfo(key: str) -> list[str]:
    """Values of a key in Linux's description of the processors, one for each logical processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    pairs = [line.partition(":") for line in lines]
    return [value.strip() for name, _, value in pairs if name.strip() == key and value.strip()]


def _level(flags: frozenset[str]) -> str:
    if flags & {"avx512_bf16", "amx_bf16"}:
        return "bf16"
    return "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "baseline"


def _limited() -> dict[str, str]:
    return {name: os.environ[name] for name in LIMITS if os.environ.get(name)}


def _limit(name: str, value: str) -> str:
    """The highest level that a value of one of LIMITS allows, regardless of the processor.

    oneDNN's values: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html. torch's are default,
    which is none of them, avx2, and avx512, which leaves oneDNN free to use more.
    """
    if name == "ATEN_CPU_CAPABILITY":
        return {"DEFAULT": "baseline", "AVX2": "avx2"}.get(value, "bf16")
    if value in ("ALL", "DEFAULT") or any(part in value for part in ("BF16", "FP16", "AMX", "AVX10")):
        return "bf16"
    return "avx512" if value.startswith("AVX512") else "avx2" if value.startswith("AVX2") else "baseline"


class OtherLoad:
    """How busy other processes keep this machine, from the making of this object on: it makes what is timed slower."""

    def __init__(self) -> None:
        self._start = self._used()

    def share(self) -> float | None:
        """Of all cores, 0-1; None if no time has passed that can be counted (a hundredth of a second)."""
        everything, busy, own = (now - then for now, then in zip(self._used(), self._start, strict=True))
        return None if everything <= 0 else min(1.0, max(0.0, (busy - own) / everything))

    @staticmethod
    def _used() -> tuple[float, float, float]:
        """Seconds of all cores, of those the busy ones, and of these our own."""
        import psutil

        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        everything = sum(times[:8])  # guests are in user, and come after
        return everything, everything - times.idle - getattr(times, "iowait", 0.0), own.user + own.system
