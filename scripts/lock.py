"""Pin what pyproject.toml asks for: resolve it in a fresh environment and write what came to requirements.lock."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What torch's CUDA build alone needs, and names itself: a lock made where that build came serves the CPU build, too.
CUDA = ("cuda-", "nvidia-", "triton==")
HEADER = "# Made by `make lock` from pyproject.toml. Do not edit.\n"


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = str(Path(folder) / "bin" / "pip")
        subprocess.run([pip, "install", "--quiet", *wanted], check=True)
        frozen = subprocess.run([pip, "freeze"], check=True, capture_output=True, text=True).stdout.splitlines()
    # "+cpu" names a build, not a release: whoever installs may have only another build of the same release.
    pins = sorted(line.split("+", 1)[0] for line in frozen if "==" in line and not line.startswith(CUDA))
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
