"""What the machine is and has, faked where torch and psutil are asked; and what is chosen for it."""

import contextlib
import sys
from collections import namedtuple
from types import SimpleNamespace

import joblib
import psutil
import pytest
import torch
import yaml

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.params import load

AVX2 = "fpu avx avx2"
AVX512 = f"{AVX2} avx512f"
BF16 = f"{AVX512} avx512_bf16"
AMX = f"{AVX512} amx_tile amx_bf16"
CPUINFO = "processor\t: {n}\nmodel name\t: Some CPU\nflags\t\t: {flags}\n\n"
RUN = {"device": "auto", "gpu_layers": "auto", "threads": "auto"}


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch):
    for name in (*machine.LIMITS, "CUBLAS_WORKSPACE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    machine.say_once.cache_clear()


@pytest.fixture
def has(monkeypatch):
    """Make a machine of the parts that are named."""

    def has(cuda=False, mps=False, flags=BF16, architecture="x86_64", cuda_bf16=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: cuda_bf16)
        cpuinfo = "".join(CPUINFO.format(n=n, flags=flags) for n in range(2))
        monkeypatch.setattr(machine.Path, "read_text", lambda *_, **__: cpuinfo)
        monkeypatch.setattr(machine.platform, "machine", lambda: architecture)

    has()
    return has


@pytest.mark.parametrize(
    ("setting", "parts", "device"),
    [
        ("auto", {}, "cpu"),
        ("auto", {"cuda": True}, "cuda"),
        ("auto", {"mps": True}, "mps"),
        ("cpu", {"cuda": True}, "cpu"),
        ("cuda", {"cuda": True}, "cuda"),
        ("mps", {"mps": True}, "mps"),
    ],
)
def test_the_device(has, setting, parts, device):
    has(**parts)
    assert machine.device(setting) == device


@pytest.mark.parametrize(
    ("setting", "parts", "version", "message"),
    [
        (
            "cuda", {}, None,
            f"run.device: torch finds no cuda on this machine, which has cpu. torch {torch.__version__} is built "
            "without CUDA. Set auto or cpu.",
        ),
        ("cuda", {}, "13.0", "run.device: torch finds no cuda on this machine, which has cpu. Set auto or cpu."),
        (
            "mps", {"cuda": True}, "13.0",
            "run.device: torch finds no mps on this machine, which has cuda and cpu. Set auto or cuda or cpu.",
        ),
    ],
)  # fmt: skip
def test_a_device_that_is_not_there(has, monkeypatch, setting, parts, version, message):
    has(**parts)
    monkeypatch.setattr(torch.version, "cuda", version)
    with pytest.raises(StageError) as caught:
        machine.device(setting)
    assert str(caught.value) == message


@pytest.mark.parametrize(("own", "expected"), [(None, ":4096:8"), (":16:8", ":16:8")])
def test_cublas_is_deterministic_and_a_setting_of_the_users_stays(has, monkeypatch, own, expected):
    if own:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", own)
    has(cuda=True)
    machine.device("auto")
    assert machine.os.environ["CUBLAS_WORKSPACE_CONFIG"] == expected
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


def test_a_cpu_sets_nothing_of_cuda(has):
    machine.device("auto")
    assert "CUBLAS_WORKSPACE_CONFIG" not in machine.os.environ


@pytest.mark.parametrize(
    ("setting", "device", "parts", "dtype"),
    [
        ("auto", "cpu", {"flags": BF16}, "bfloat16"),
        ("auto", "cpu", {"flags": AMX}, "bfloat16"),
        ("auto", "cpu", {"flags": AVX512}, "float32"),
        ("auto", "cpu", {"flags": AVX2}, "float32"),
        ("float32", "cpu", {"flags": BF16}, "float32"),
        ("bfloat16", "cpu", {"flags": BF16}, "bfloat16"),
        ("auto", "cuda", {"cuda_bf16": True}, "bfloat16"),
        ("auto", "cuda", {"cuda_bf16": False}, "float32"),
        ("auto", "mps", {}, "float32"),
    ],
)
def test_the_number_format(has, setting, device, parts, dtype):
    has(**parts)
    assert machine.dtype(setting, device) == dtype


@pytest.mark.parametrize(
    ("device", "parts", "where"),
    [
        ("cpu", {"flags": AVX2}, "this processor (Some CPU, avx2)"),
        ("cuda", {"cuda_bf16": False}, "this GPU"),
    ],
)
def test_a_format_that_is_emulated_is_a_fault(has, device, parts, where):
    has(**parts)
    with pytest.raises(StageError) as caught:
        machine.dtype("bfloat16", device, "fine_tune.local.dtype")
    assert str(caught.value) == (
        f"fine_tune.local.dtype: {where} has no instructions for bfloat16, which would be many times slower than "
        "float32. Set auto or float32."
    )


@pytest.mark.parametrize(("factor", "dtype"), [(0.5, "bfloat16"), (0.9, "float32"), (100.0, "float32")])
@pytest.mark.parametrize(
    ("parts", "limit"), [({"architecture": "arm64"}, None), ({"flags": BF16}, "ONEDNN_MAX_CPU_ISA")]
)
def test_where_no_flag_can_be_trusted_products_are_timed(has, monkeypatch, parts, limit, factor, dtype):
    """The clock is one that a product in bfloat16 takes `factor` times as long by as one in float32."""
    has(**parts)
    if limit:
        monkeypatch.setenv(limit, "AVX2")
    now, multiply = [0.0], torch.Tensor.__matmul__

    def product(one, other):
        now[0] += factor if one.dtype == torch.bfloat16 else 1.0
        return multiply(one, other)

    monkeypatch.setattr(torch.Tensor, "__matmul__", product)
    monkeypatch.setattr(machine.time, "perf_counter", lambda: now[0])
    machine._measured_bfloat16_is_fast.cache_clear()
    threads = torch.get_num_threads()
    assert machine.dtype("auto", "cpu") == dtype
    assert torch.get_num_threads() == threads
    machine._measured_bfloat16_is_fast.cache_clear()


@pytest.mark.parametrize(
    ("limits", "flags", "expected"),
    [
        ({}, BF16, "bf16"),
        ({}, AVX512, "avx512"),
        ({}, AVX2, "avx2"),
        ({}, "fpu", "baseline"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, BF16, "avx2"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, BF16, "avx512"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, BF16, "bf16"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, AVX2, "avx2"),
        ({"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, BF16, "bf16"),
        ({"DNNL_MAX_CPU_ISA": "SSE41"}, BF16, "baseline"),
        ({"ATEN_CPU_CAPABILITY": "avx2"}, BF16, "avx2"),
        ({"ATEN_CPU_CAPABILITY": "avx512"}, BF16, "bf16"),
        ({"ATEN_CPU_CAPABILITY": "default"}, BF16, "baseline"),
    ],
)
def test_the_instructions(has, monkeypatch, limits, flags, expected):
    has(flags=flags)
    for name, value in limits.items():
        monkeypatch.setenv(name, value)
    assert machine.instructions() == expected


def test_another_architecture_is_named(has):
    has(architecture="aarch64", flags="")
    assert machine.instructions() == "aarch64"
    machine.check_processor()


def test_a_processor_without_avx2_is_a_fault(has):
    has(flags="fpu avx")
    with pytest.raises(StageError) as caught:
        machine.check_processor()
    assert str(caught.value) == (
        "this processor (Some CPU) has no AVX2, which the packages of torch and llama.cpp need. Use another machine; "
        "on a virtual one, let it show the host's processor (cpu: host)."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\nmodel name\t: AMD EPYC\n", "AMD EPYC"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", "by platform"),
        (None, "by platform"),
    ],
)
def test_the_processor(monkeypatch, text, expected):
    def read(*_, **__):
        if text is None:
            raise FileNotFoundError
        return text

    monkeypatch.setattr(machine.Path, "read_text", read)
    monkeypatch.setattr(machine.platform, "processor", lambda: "by platform")
    assert machine.processor() == expected


@pytest.mark.parametrize(
    ("setting", "allowed", "physical", "expected"),
    [("auto", 8, 4, 4), ("auto", 2, 4, 2), ("auto", 3, None, 3), (7, 2, 2, 7)],
)
def test_threads(monkeypatch, setting, allowed, physical, expected):
    monkeypatch.setattr(joblib, "cpu_count", lambda: allowed)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: physical)
    assert machine.threads(setting) == expected


@pytest.mark.parametrize(("count", "text"), [(2, "Some CPU (avx2), 2 cores"), (1, "Some CPU (avx2), 1 core")])
def test_what_a_time_was_measured_on(has, monkeypatch, count, text):
    has(flags=AVX2)
    monkeypatch.setattr(joblib, "cpu_count", lambda: count)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    assert machine.here("cpu", 3) == {"machine": text, "device": "cpu", "threads": 3}


def test_what_is_chosen_is_said_once(has, monkeypatch, capsys):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    run = RunParams(device="auto", gpu_layers="auto", threads="auto")
    chosen = [machine.choose("embedding", run, "auto", "x.dtype") for _ in range(2)]
    assert {(one.device, one.dtype, one.threads) for one in chosen} == {("cpu", "bfloat16", 2)}
    machine.choose("training", RunParams(device="cpu", gpu_layers=0, threads=1), "float32", "x.dtype")
    assert capsys.readouterr().err == "embedding: bfloat16 on cpu, 2 threads\ntraining: float32 on cpu, 1 thread\n"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"threads": 1, "gpu_layers": 0, "device": "mps"}, None),
        ({"threads": 512, "gpu_layers": 99, "device": "cuda"}, None),
        ({"threads": 0}, "run.threads: must be auto or a whole number from 1 to 512. Got 0."),
        ({"threads": 513}, "run.threads: must be auto or a whole number from 1 to 512. Got 513."),
        ({"threads": "two"}, "run.threads: must be auto or a whole number from 1 to 512. Got 'two'."),
        ({"threads": True}, "run.threads: must be auto or a whole number from 1 to 512. Got True."),
        ({"gpu_layers": -1}, "run.gpu_layers: must be auto or a whole number, 0 or more. Got -1."),
        ({"gpu_layers": "all"}, "run.gpu_layers: must be auto or a whole number, 0 or more. Got 'all'."),
        ({"device": "gpu"}, "run.device: must be 'auto', 'cpu', 'cuda' or 'mps'. Got 'gpu'."),
        ({"concurrency": {"bedrock": 3, "openai": 2, "langchain": 1}, "retries": 0, "budget_usd": 1.5}, None),
        ({"concurrency": {"bedrock": 51}}, "run.concurrency.bedrock: must be less than or equal to 50. Got 51."),
        ({"retries": -1}, "run.retries: must be greater than or equal to 0. Got -1."),
        ({"budget_usd": -1.0}, "run.budget_usd: must be greater than or equal to 0. Got -1.0."),
        ({"thread": 1}, "run.thread: unknown key. Did you mean 'threads'?"),
    ],
)
def test_the_section(tmp_path, change, fault):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"run": RUN | change}))
    with pytest.raises(StageError) if fault else contextlib.nullcontext() as caught:
        assert load("run", RunParams, path).model_dump() == RunParams(**RUN).model_dump() | change
    assert fault is None or str(caught.value) == f"{path}: 1 fault:\n  {fault}"


def test_the_section_is_read_without_torch():
    import subprocess

    script = "import sys, tune_or_retrieve.base.machine; sys.exit('torch' in sys.modules or 'joblib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=machine.Path(__file__).parent.parent).returncode == 0


@pytest.mark.parametrize(
    ("busy", "idle", "own", "share"),
    [
        (8.0, 2.0, 8.0, 0.0),  # all of it is ours
        (8.0, 2.0, 3.0, 0.5),
        (0.0, 10.0, 0.0, 0.0),
        (10.0, 0.0, 0.0, 1.0),
        (1.0, 9.0, 1.5, 0.0),  # ours is counted more finely than that of all: never below 0
        (0.0, 0.0, 0.0, None),  # no time has passed that is counted
    ],
)
@pytest.mark.parametrize("linux", [True, False])  # it counts idle seconds in two fields, others in one
def test_how_busy_other_programs_keep_the_machine(monkeypatch, linux, busy, idle, own, share):
    times = namedtuple("times", ["user", "system", "idle", *["iowait"] * linux])
    before = times(*[100.0] * len(times._fields))
    waiting = [before.idle + idle / 2] * 2 if linux else [before.idle + idle]
    of_all = iter([before, times(before.user + busy / 2, before.system + busy / 2, *waiting)])
    ours = iter([SimpleNamespace(user=7.0, system=3.0), SimpleNamespace(user=7.0 + own, system=3.0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(of_all))
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(cpu_times=lambda: next(ours)))
    assert machine.OtherLoad().share() == (None if share is None else pytest.approx(share))
