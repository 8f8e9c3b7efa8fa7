"""Choose the build of torch, CPU or CUDA: print what pip is to install beside requirements.lock.

    python scripts/torch_build.py [cpu|cuda]

Without an argument: CUDA where there is an NVIDIA GPU, else CPU. The default package index holds one build for each
system: on Linux the CUDA build, on macOS the only one there is. A CPU build for Linux has a version that ends in
``+cpu`` (PEP 440, local versions); pip finds it where the user named PyTorch's own index, or a folder, by a variable
of pip's.
"""

import argparse
import platform
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
NO_CPU_BUILD = """\
torch: pip finds no CPU build, so the CUDA build is coming: 3.3 GB to download instead of 0.7. It runs on a CPU, too.
For the CPU build, press Ctrl-C (nothing is lost), set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to an index or folder \
that has it (see PyTorch's install page: Linux, Pip, CPU), and start again."""


def choose(release: str, builds: set[str], system: str, gpu: bool, asked: str | None) -> tuple[str, str]:
    """The requirement for pip, and what to say about it.

    Args:
        release: what requirements.lock pins, as in 2.13.0.
        builds: the versions of that release that pip finds, as in {"2.13.0", "2.13.0+cpu"}.
        system: as `platform.system` names it.
        gpu: whether there is an NVIDIA GPU.
        asked: cpu, cuda, or None to follow `gpu`.

    Raises:
        SystemExit: pip finds no build at all, or not the one that was asked for.
    """
    if not builds:
        raise SystemExit(
            f"error: pip finds no build of torch {release} for this machine "
            f"({system} {platform.machine()}, Python {platform.python_version()})."
        )
    if system != "Linux":
        if asked == "cuda":
            raise SystemExit(f"error: TORCH must be cpu on {system}, where torch has no CUDA build. Got cuda.")
        return f"torch=={release}", f"torch: the only build for {system}."
    cpu, others = f"{release}+cpu", builds - {f"{release}+cpu"}
    reason = f"TORCH={asked}" if asked else f"{'an' if gpu else 'no'} NVIDIA GPU was found"
    if asked == "cuda" or (gpu and not asked):
        if others:
            # pip alone would prefer the CPU build: a version with a local part counts as newer than one without.
            return f"torch=={release},!={cpu}", f"torch: the CUDA build ({reason}), 3.3 GB to download."
        if asked:
            raise SystemExit(f"error: TORCH=cuda: pip finds no CUDA build of torch {release}, only {cpu}.")
        return f"torch=={cpu}", f"torch: the CPU build, although {reason}: pip finds no other."
    if cpu in builds:
        return f"torch=={cpu}", f"torch: the CPU build ({reason})."
    return f"torch=={release}", NO_CPU_BUILD


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether the driver shows an NVIDIA GPU: as a device, or (on WSL, which has no such device) by nvidia-smi."""
    if any(devices.glob("nvidia[0-9]*")):
        return True
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.startswith("GPU ")


def builds_of(release: str) -> set[str]:
    """What pip finds of that release for this Python. It reads names alone: `pip install --dry-run` of the pip that
    comes with Python 3.11 to 3.13 would download the wheel, half a gigabyte.

    Raises:
        SystemExit: pip cannot look.
    """
    look = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "index", "versions", "torch"]
    run = subprocess.run(look, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{run.stderr}error: pip cannot look for torch; what it says stands above.")
    versions = re.search(r"^Available versions: (.*)$", run.stdout, flags=re.MULTILINE)
    return {version for version in versions[1].split(", ") if version.split("+")[0] == release} if versions else set()


def pinned() -> str:
    """The release of torch in requirements.lock."""
    return re.search(r"^torch==(\S+)$", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", choices=["cpu", "cuda"])
    asked = parser.parse_args().build
    requirement, message = choose(pinned(), builds_of(pinned()), platform.system(), has_gpu(), asked)
    print(message, file=sys.stderr)
    print(requirement)


if __name__ == "__main__":
    main()
