"""What every test may use, and what none may reach: the network beyond loopback and the caller's AWS settings."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from aws_hidden import hide_aws
from filelock import FileLock
from short_model import cut
from small_study import RUNS, SHORT, write_small_study
from warm_stages import WarmStages

from tune_or_retrieve.base.machine import Compute

# These files start first, the longest before all, so that no core waits for another at the end (`make test` gives each
# core one file after the other).
LONG = (
    *("test_end_to_end", "test_end_to_end_bedrock", "test_faults", "test_pipeline"),
    *("test_experiments_elsewhere", "test_bedrock_knowledge_base", "test_real_aws"),
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session", autouse=True)
def callers_aws() -> Iterator[dict[str, str]]:
    """The caller's AWS settings, taken from every fixture and test. Only tests/test_real_aws.py asks for them back."""
    mine = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    with pytest.MonkeyPatch.context() as patch:
        hide_aws(patch)
        yield mine


@pytest.fixture(autouse=True)
def _no_aws(callers_aws, monkeypatch):
    hide_aws(monkeypatch)


class HashingEmbedder:
    """Stands in for vectors.embedding.Embedder: bags of hashed words, unit vectors. Remembers what it embedded."""

    dimensions = 64
    identity = "hashed words"
    compute = Compute("cpu", "float32", 1)

    def __init__(self):
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dimensions] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture(scope="session")
def stages() -> Iterator[WarmStages]:
    warm = WarmStages()
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def finished(stages, tmp_path_factory) -> Path:
    """The short small study, every stage run undisturbed. Not to be changed: copy it. `reads` says what each read."""
    base = tmp_path_factory.getbasetemp()
    # Processes that share the tests share the study, too: its folder is beside theirs.
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished" / "study"
    root.parent.mkdir(exist_ok=True)
    with FileLock(root.parent / "lock"):
        if not (root.parent / "whole").exists():
            shutil.rmtree(root, ignore_errors=True)  # of a process that failed
            root.mkdir()
            write_small_study(root, SHORT)
            cut(root / "short.gguf")
            for run in RUNS:
                code, said = stages.run(root, *run, reads=str(root / "reads"))
                assert code == 0, (run, said)
            (root.parent / "whole").touch()
    return root


@pytest.fixture
def aws(_no_aws, monkeypatch):
    """Amazon Bedrock on loopback (tests/aws_standin), an empty account, and the environment that leads there."""
    from aws_standin import running  # here: moto takes a second to import

    with running() as standin:
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        yield standin


@pytest.fixture
def no_waiting(monkeypatch):
    """What waits for AWS looks again at once."""
    from tune_or_retrieve.money.jobs import Watch

    every, clock, _, say = Watch.__init__.__defaults__
    monkeypatch.setattr(Watch.__init__, "__defaults__", (every, clock, lambda _: None, say))
