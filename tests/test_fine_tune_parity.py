"""The converted adapter served by the real engine: right, it passes; converted wrongly, it fails.

On the first blocks of the real model, where the distances are those of the whole one: .09 if right, .41 without the
permutation of q and k, 1.8 at twice the scale. The whole model is compared in tests/test_end_to_end.py.
"""

import re

import pytest
from short_model import cut
from small_study import ONE_THREAD

from stages.fine_tune import gguf_adapter
from stages.fine_tune.encoding import prompt_ids
from stages.fine_tune.model import add_lora, load_base, load_lora_state, lora_state
from stages.fine_tune.params import LoraParams, ParityParams
from stages.fine_tune.parity import Parity, check, compare
from stages.fine_tune.passes import OwnPass
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

QUESTIONS = [
    *(f"What is {thing} good for?" for thing in ("a bucket", "a queue", "a key", "a role", "a log group")),
    *(f"How do I open {thing}?" for thing in ("a gate", "a file", "an account", "a jar", "a map")),
]
LIMITS = ParityParams(prompts=20, min_greedy_agreement=0.8, max_logprob_distance=0.2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The model with LoRA weights that change it much, prompts, and its entry in params.yaml."""
    import torch

    torch.set_num_threads(1)
    weights = cut(tmp_path_factory.mktemp("model") / "short.gguf", blocks=6)
    entry = EmbeddedModel(provider="embedded", weights=str(weights), context_tokens=512)
    base, tokenizer = load_base(weights, "float32", "cpu")
    model = add_lora(base, LoraParams(rank=4, alpha=8, upper_blocks=1.0), 1).eval()
    torch.manual_seed(2)
    lora = {name: p if ".lora_A." in name else torch.randn_like(p) * 0.3 for name, p in lora_state(model).items()}
    load_lora_state(model, lora)
    return model, [prompt_ids(question, (), tokenizer) for question in QUESTIONS], entry


def served(trained, folder, alpha: float = 8.0) -> Parity:
    model, prompts, entry = trained
    path = folder / "adapter.gguf"
    config = model.get_base_model().config
    gguf_adapter.write_adapter(
        path, lora_state(model), alpha, "llama", config.num_attention_heads, config.num_key_value_heads
    )
    return compare(OwnPass(model), entry, ONE_THREAD, path, prompts)


def test_the_right_conversion_passes(trained, tmp_path):
    parity = served(trained, tmp_path)
    check(parity, LIMITS, tmp_path / "adapter.gguf")
    assert parity.prompts == len(QUESTIONS)
    assert parity.tokens > 100


@pytest.mark.parametrize("fault", ["rows of q and k not permuted", "twice the scale"])
def test_a_wrong_conversion_fails(trained, tmp_path, monkeypatch, fault):
    if fault == "twice the scale":
        parity = served(trained, tmp_path, alpha=16.0)
    else:
        monkeypatch.setattr(gguf_adapter, "PERMUTED", set())
        parity = served(trained, tmp_path)
    with pytest.raises(StageError) as message:
        check(parity, LIMITS, tmp_path / "adapter.gguf")
    assert re.search(r"does not answer as the trained model does on 10 prompts: the", str(message.value))


def test_the_message_says_both_numbers(tmp_path):
    with pytest.raises(StageError) as fault:
        check(Parity(20, 400, 0.5, 0.1, 1.75), LIMITS, tmp_path / "adapter.gguf")
    assert str(fault.value) == (
        f"{tmp_path}/adapter.gguf: the served adapter does not answer as the trained model does on 20 prompts: they "
        "agree on 0.500 of 400 tokens; at least 0.8 is wanted (fine_tune.parity.min_greedy_agreement); their "
        "log-probabilities are 1.750 apart in the mean; at most 0.2 is wanted "
        "(fine_tune.parity.max_logprob_distance). It is not used: answers of another model than the trained one would "
        "be judged."
    )


def test_an_architecture_that_gguf_does_not_know(tmp_path):
    import torch

    weights = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight": torch.zeros(2, 4)}
    with pytest.raises(StageError) as fault:
        gguf_adapter.write_adapter(tmp_path / "adapter.gguf", weights, 1.0, "lama", 1, 1)
    assert str(fault.value) == "GGUF architecture 'lama' is not known to the gguf package."
