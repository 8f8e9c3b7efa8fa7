"""Pin what pyproject.toml asks for: resolve it in a fresh environment and write what came to requirements.lock."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = ("cuda-", "nvidia-", "triton==")  # packages that torch's CUDA build alone needs, and names itself
HEADER = "# Made by `make lock` from pyproject.toml. Do not edit.\n"


def pins(frozen: list[str]) -> list[str]:
    """The lines of `pip freeze` without what depends on the build of torch, so that one lock serves each."""
    # "+cpu" names a build, not a release: whoever installs may have only another build of the same release.
    return sorted(line.split("+", 1)[0] for line in frozen if "==" in line and not line.startswith(CUDA))


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = str(Path(folder) / "bin" / "pip")
        subprocess.run([pip, "install", "--quiet", *wanted], check=True)
        frozen = subprocess.run([pip, "freeze"], check=True, capture_output=True, text=True).stdout.splitlines()
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(pins(frozen)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
