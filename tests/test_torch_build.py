"""Set-up: which build of torch is chosen, what is said about it, and that the Makefile installs that one."""

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from small_study import ROOT

from scripts.lock import pins
from scripts.torch_build import NO_CPU_BUILD, choose, has_gpu

PLAIN, CPU, CUDA = "torch==2.13.0", "torch==2.13.0+cpu", "torch==2.13.0,!=2.13.0+cpu"
BOTH, NAMED = {"2.13.0", "2.13.0+cpu"}, {"2.13.0", "2.13.0+cu130"}


@pytest.mark.parametrize(
    ("system", "gpu", "asked", "builds", "requirement", "message"),
    [
        ("Linux", False, None, BOTH, CPU, "torch: the CPU build (no NVIDIA GPU was found)."),
        ("Linux", False, "cpu", BOTH, CPU, "torch: the CPU build (TORCH=cpu)."),
        ("Linux", True, "cpu", BOTH, CPU, "torch: the CPU build (TORCH=cpu)."),
        ("Linux", True, None, BOTH, CUDA, "torch: the CUDA build (an NVIDIA GPU was found), 3.3 GB to download."),
        ("Linux", True, None, {"2.13.0"}, CUDA, "torch: the CUDA build (an NVIDIA GPU was found), 3.3 GB to download."),
        ("Linux", True, "cuda", NAMED, CUDA, "torch: the CUDA build (TORCH=cuda), 3.3 GB to download."),
        ("Linux", False, "cuda", BOTH, CUDA, "torch: the CUDA build (TORCH=cuda), 3.3 GB to download."),
        ("Linux", False, None, {"2.13.0"}, PLAIN, NO_CPU_BUILD),
        ("Linux", True, "cpu", NAMED, PLAIN, NO_CPU_BUILD),
        (
            "Linux", True, None, {"2.13.0+cpu"}, CPU,
            "torch: the CPU build, although an NVIDIA GPU was found: pip finds no other.",
        ),
        ("Darwin", False, None, {"2.13.0"}, PLAIN, "torch: the only build for Darwin."),
        ("Darwin", False, "cpu", {"2.13.0"}, PLAIN, "torch: the only build for Darwin."),
    ],
)  # fmt: skip
def test_the_build_follows_the_machine_unless_one_is_asked_for(system, gpu, asked, builds, requirement, message):
    assert choose("2.13.0", builds, system, gpu, asked) == (requirement, message)


@pytest.mark.parametrize(
    ("system", "asked", "builds", "message"),
    [
        ("Linux", "cuda", {"2.13.0+cpu"}, "TORCH=cuda: pip finds no CUDA build of torch 2.13.0, only 2.13.0+cpu."),
        ("Darwin", "cuda", {"2.13.0"}, "TORCH must be cpu on Darwin, where torch has no CUDA build. Got cuda."),
        (
            "Linux", None, set(),
            "pip finds no build of torch 2.13.0 for this machine "
            f"(Linux {platform.machine()}, Python {platform.python_version()}).",
        ),
    ],
)  # fmt: skip
def test_a_build_that_is_not_to_be_had_is_one_error(system, asked, builds, message):
    with pytest.raises(SystemExit) as refused:
        choose("2.13.0", builds, system, False, asked)
    assert refused.value.code == f"error: {message}"


@pytest.mark.parametrize(
    ("device", "smi", "found"),
    [
        ("nvidia0", None, True),
        ("nvidia3", None, True),
        ("nvidiactl", None, False),  # the driver without a card
        ("null", "echo 'GPU 0: NVIDIA L4 (UUID: GPU-1)'", True),
        ("null", "echo 'No devices found.'; exit 6", False),
    ],
)
def test_a_gpu_is_a_device_or_in_the_list_of_nvidia_smi(tmp_path, monkeypatch, device, smi, found):
    (tmp_path / device).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    if smi:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{smi}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert has_gpu(tmp_path) is found


def run(folder, *command):
    """The command in that folder, with a pip that knows no packages but those in its folder `wheels`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "TORCH", "MAKE"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


BACKEND = """
import zipfile


def build_editable(folder, *_):
    with zipfile.ZipFile(f"{folder}/mine-0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("mine-0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 0\\n")
        wheel.writestr("mine-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("mine-0.dist-info/RECORD", "")
    return "mine-0-py3-none-any.whl"
"""


@pytest.fixture
def project(tmp_path):
    """The Makefile, a project that builds with no package, and locks that pin a small one, torch, of two builds."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "scripts/torch_build.py", tmp_path / "scripts")
    (tmp_path / "scripts/plots_page.py").touch()  # needs packages that are not installed here
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "requirements.lock").write_text("torch==2.13.0\n")
    (tmp_path / "requirements-nodeps.lock").write_text("")
    (tmp_path / "wheels").mkdir()
    for build in ("2.13.0", "2.13.0+cpu"):
        with zipfile.ZipFile(tmp_path / f"wheels/torch-{build}-py3-none-any.whl", "w") as wheel:
            folder = f"torch-{build}.dist-info"
            wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {build}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")
    return tmp_path


@pytest.mark.parametrize("value", ["foo", "CPU", "cpu cuda", "%"])
def test_another_value_of_torch_is_refused_before_anything_is_installed(project, value):
    ended = run(project, "make", "repro", f"PYTHON={sys.executable}", f"TORCH={value}")
    message = re.sub(r"^Makefile:\d+: ", "", ended.stderr)
    assert (ended.returncode, ended.stdout, message) == (
        2, "", f'*** TORCH must be cpu or cuda, or left out. Got "{value}".  Stop.\n',
    )  # fmt: skip
    assert not (project / ".venv").exists()


@pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere torch has one build")
def test_make_installs_the_build_that_was_asked_for_and_keeps_it(project):
    def installed(*arguments):
        ended = run(project, "make", ".venv/.ready", f"PYTHON={sys.executable}", *arguments)
        assert ended.returncode == 0, ended.stderr
        return [found.name for found in project.glob(".venv/lib/*/site-packages/torch-*")]

    assert installed("TORCH=cpu") == ["torch-2.13.0+cpu.dist-info"]
    assert installed("TORCH=cuda") == ["torch-2.13.0.dist-info"]
    assert installed() == ["torch-2.13.0.dist-info"]


def test_pip_that_cannot_look_is_one_error_with_its_own_words(project):
    shutil.rmtree(project / "wheels")
    (project / "wheels").mkdir()
    ended = run(project, sys.executable, "scripts/torch_build.py")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith(
        "ERROR: No matching distribution found for torch\n"
        "error: pip cannot look for torch; what it says stands above.\n"
    )
    assert "Traceback" not in ended.stderr


def test_a_lock_is_the_same_whichever_build_it_was_made_with():
    others = ["tqdm==4.70.1", "numpy==2.4.6", "mine @ file:///home/me/mine"]
    cuda = ["cuda-bindings==13.0.3", "cuda-toolkit==13.0.3", "nvidia-cudnn-cu13==9.20.0.48", "triton==3.7.1"]
    expected = ["numpy==2.4.6", "torch==2.13.0", "tqdm==4.70.1"]
    assert pins([*others, "torch==2.13.0+cpu"]) == pins([*others, *cuda, "torch==2.13.0"]) == expected
