"""``python -m stages.index``: what it says that the index took, which the report counts among the costs."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import HashingEmbedder
from small_study import ROOT, change
from test_index import TEXTS, make_chunk

from stages.index import __main__ as stage
from tune_or_retrieve.base.files import sha256_text, write_jsonl
from tune_or_retrieve.base.records import Article
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.providers.faiss import knowledge_base
from tune_or_retrieve.vectors import embedding
from tune_or_retrieve.vectors.embedding_cache import CachedEmbedder

NOTHING = {"seconds": None, "input_tokens": 0, "output_tokens": 0, "billed_as": None}


class Clock:
    """Goes on only if something is said to take time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SlowEmbedder(HashingEmbedder):
    """Takes two seconds to load, and half a second a text."""

    def __init__(self, clock: Clock):
        super().__init__()
        self._clock = clock

    def embed(self, texts):
        self._clock.now += 0.5 * len(texts) + 2.0 * (not self.calls)
        return super().embed(texts)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "perf_counter", made)
    return made


@pytest.fixture
def root(tmp_path, monkeypatch, clock):
    """An article, a chunk of each text, the shipped params; all that is not embedding takes three seconds."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    text = "# Shelf\n\nA shelf holds at most 40 crates.\n"
    Path("data/articles/depot").mkdir(parents=True)
    Path("data/articles/depot/shelf.md").write_text(text)
    article = Article(
        id="depot/shelf", title="Shelf", service="depot", service_name="Depot", kind="document", source="shelf",
        path="depot/shelf.md", characters=len(text), sha256=sha256_text(text),
    )  # fmt: skip
    write_jsonl(Path("data/articles/manifest.jsonl"), [article])
    write_chunks(TEXTS)
    build = knowledge_base.build_index

    def slow(*arguments):
        clock.now += 3.0
        return build(*arguments)

    monkeypatch.setattr(knowledge_base, "build_index", slow)
    monkeypatch.setattr(embedding, "Embedder", lambda *_: SlowEmbedder(clock))
    return tmp_path


def write_chunks(texts):
    write_jsonl(Path("data/chunks/chunks.jsonl"), [make_chunk(name, text) for name, text in texts.items()])


def timing():
    stage.main()
    return json.loads(Path("data/timings/index.json").read_text())


def test_an_index_from_the_store_took_as_long_as_when_its_texts_were_new(root, clock):
    assert timing() == NOTHING | {"seconds": 7.0}  # 3 s, 2 s of loading, 4 texts
    began = clock.now
    assert timing() == NOTHING | {"seconds": pytest.approx(7.0, abs=0.002)}
    assert clock.now - began == 3.0
    write_chunks({**TEXTS, "weigh-parcel": "A scale weighs a parcel to the gram."})
    assert timing() == NOTHING | {"seconds": pytest.approx(9.5, abs=0.002)}  # loaded again for the new one


@pytest.mark.parametrize(
    ("approaches", "built"),
    [(("rag",), True), (("ft_rag",), True), (("base", "ft"), False)],
)
def test_an_index_that_no_approach_needs_takes_nothing(root, approaches, built):
    changes = {f"study.approaches.{one}": {} for one in ("base", "rag", "ft", "ft_rag") if one not in approaches}
    change(root / "params.yaml", changes)
    assert timing() == NOTHING | {"seconds": 7.0 if built else None}
    assert Path("data/index/vectors.faiss").exists() == built


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        ([["a", "b"]], 0.0),  # new ones are on the clock of who embeds them
        ([["a"], ["a", "b"]], 0.0),
        ([["known"]], 2.5),
        ([["known", "a"], ["known"], ["known", "known"]], 2.5),  # once, however often it is asked for
        ([["known", "too"]], 3.0),
    ],
)
def test_seconds_that_the_store_saves(tmp_path, clock, texts, seconds):
    with Store("embeddings", tmp_path / "embeddings.sqlite") as store:
        before = SlowEmbedder(clock)
        for text in ("known", "too"):
            CachedEmbedder(before, store).embed([text])
        cached = CachedEmbedder(SlowEmbedder(clock), store)
        for some in texts:
            np.testing.assert_array_equal(cached.embed(some), HashingEmbedder().embed(some))
        assert cached.saved_seconds == pytest.approx(seconds)
