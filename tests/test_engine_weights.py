"""Weights served in another format than their file's: the same model, written once."""

import gguf
import numpy as np
import pytest
from short_model import WHOLE, cut
from small_study import ONE_THREAD

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.chat.calls import Options, ask
from tune_or_retrieve.chat.engine import chat_model, identity
from tune_or_retrieve.chat.prompts import messages
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.weights import served_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The model cut short: the whole one has words to read and matrices to pack for seconds."""
    return cut(tmp_path_factory.mktemp("model") / "short.gguf")


@pytest.fixture(scope="module")
def model(weights):
    def model(**changes) -> EmbeddedModel:
        return EmbeddedModel(**{"provider": "embedded", "weights": str(weights), "context_tokens": 512} | changes)

    return model


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def copy(model, cache):
    return served_weights(model(requantize="Q8_0"), cache=cache)[0]


def test_without_a_format_the_file_itself_is_served(model, weights, tmp_path):
    adapter = tmp_path / "adapter.gguf"
    assert served_weights(model(), cache=tmp_path / "cache") == (weights, None)
    assert served_weights(model(), adapter, tmp_path / "cache") == (weights, adapter)
    assert not (tmp_path / "cache").exists()


def test_the_copy_holds_the_same_model(weights, copy):
    before, after = gguf.GGUFReader(weights), gguf.GGUFReader(copy)
    plain = {name: field.contents() for name, field in before.fields.items() if not name.startswith("GGUF.")}
    assert {name: field.contents() for name, field in after.fields.items() if not name.startswith("GGUF.")} == plain
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in before.tensors]
    for old, new in list(zip(before.tensors, after.tensors, strict=True))[:12]:
        one, other = (gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in (old, new))
        # Half a step of 8 bits, of the block's largest weight.
        assert np.abs(one - other).max() <= np.abs(one).max() / 254 + 1e-6, old.name


def test_it_is_written_once(model, copy, cache, capsys):
    assert served_weights(model(requantize="Q8_0"), cache=cache) == (copy, None)
    assert capsys.readouterr().out == ""


def test_it_answers(model, cache, monkeypatch):
    """The whole one."""
    monkeypatch.setattr(served_weights, "__defaults__", (None, cache))
    with chat_model(model(weights=WHOLE, requantize="Q8_0"), ONE_THREAD) as chat:
        reply = ask(chat, messages("Which colour has the sky?"), Options(max_tokens=40, temperature=0.0, seed=1))
    assert "blue" in reply.text.lower()


MATRIX = "blk.0.attn_q.weight"  # 576 x 576 in this model


def write_lora(path, target=MATRIX, inputs=576, seed=1):
    """An adapter of one matrix; returns its update, worked out here from the formula."""
    random = np.random.default_rng(seed)
    a, b = random.normal(0, 0.1, (4, inputs)).astype(np.float16), random.normal(0, 0.1, (576, 4)).astype(np.float16)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    writer.add_tensor(f"{target}.lora_a", a)
    writer.add_tensor(f"{target}.lora_b", b)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return 8.0 / 4 * b.astype(np.float32) @ a.astype(np.float32)


def matrices(path) -> dict[str, np.ndarray]:
    return {t.name: gguf.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors[:12]}


def test_a_copy_holds_the_adapter(model, copy, cache, tmp_path):
    update = write_lora(tmp_path / "adapter.gguf")
    merged, left = served_weights(model(requantize="Q8_0"), tmp_path / "adapter.gguf", cache)
    assert left is None
    plain, tuned = matrices(copy), matrices(merged)
    wanted = plain[MATRIX] + update
    assert np.abs(tuned[MATRIX] - wanted).max() <= np.abs(wanted).max() / 100
    assert [name for name in plain if not np.array_equal(plain[name], tuned[name])] == [MATRIX]
    assert np.abs(update).max() > 0.05  # far beyond what quantising moves


def test_of_copies_with_an_adapter_the_newest_stay(model, cache, tmp_path):
    folders = []
    for seed in range(10, 14):
        write_lora(tmp_path / f"{seed}.gguf", seed=seed)
        made, _ = served_weights(model(requantize="Q8_0"), tmp_path / f"{seed}.gguf", cache)
        folders.append(made.parent)
    assert [folder.is_dir() for folder in folders] == [False, True, True, True]


@pytest.mark.parametrize(
    ("target", "inputs", "reason"),
    [
        ("blk.99.attn_q.weight", 576, "these have no blk.99.attn_q.weight"),
        (MATRIX, 32, f"{MATRIX} has the shape (576, 576), its update (576, 32)"),
    ],
    ids=["no such matrix", "other shape"],
)
def test_an_adapter_of_another_model_is_refused(model, weights, cache, tmp_path, target, inputs, reason):
    adapter = tmp_path / "adapter.gguf"
    write_lora(adapter, target, inputs)
    with pytest.raises(StageError) as caught:
        served_weights(model(requantize="Q8_0"), adapter, cache)
    assert str(caught.value) == f"{adapter}: an adapter of another model than {weights}: {reason}."


def test_calls_of_another_format_are_other_calls(model, tmp_path):
    adapter = tmp_path / "adapter.gguf"
    write_lora(adapter)
    keys = [identity(served, a) for served in (model(), model(requantize="Q8_0")) for a in (None, adapter)]
    assert all(one != other for place, one in enumerate(keys) for other in keys[:place])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "GGUF magic invalid"),
        (None, "cannot reshape array of size 868576 into shape (4096,612)"),
    ],
    ids=["no GGUF", "cut short"],
)
def test_damaged_weights_leave_no_copy(model, weights, tmp_path, content, reason):
    path = tmp_path / "model.gguf"
    path.write_bytes(weights.read_bytes()[:1_000_000] if content is None else content)
    damaged = model(weights=str(path), requantize="Q8_0")
    with pytest.raises(StageError) as caught:
        served_weights(damaged, cache=tmp_path / "cache")
    assert str(caught.value) == f"{path}: not a whole GGUF file ({reason})."
    assert list((tmp_path / "cache").iterdir()) == []
