"""The pass that trains computes what the model's own does, or is not used: tiny models of several makes."""

import random
from types import SimpleNamespace

import pytest
import torch
from short_model import cut
from test_fine_tune_training import LORA, sample
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from stages.fine_tune import kernels, passes
from stages.fine_tune.batches import bucket, rows
from stages.fine_tune.encoding import Encoded
from stages.fine_tune.model import add_lora, load_base, load_lora_state, lora_state
from stages.fine_tune.params import LoraParams
from stages.fine_tune.passes import OwnPass, SharedPass, choose_pass, compare, loss_sum, probe

SIZES = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "head_dim": 8,
}
MADE = {
    "tied outputs, grouped heads": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, tie_word_embeddings=True)),
    "untied outputs, a key for each head": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZES | {"num_key_value_heads": 4}, tie_word_embeddings=False)
    ),
    "biases of q, k and v": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=True)),
    "biases of q, k, v, o and the MLP": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True)
    ),
    "norms of q and k": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, tie_word_embeddings=True)),
}
OTHERWISE = {
    "attention scores capped": (
        lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, attn_logit_softcapping=0.05, initializer_range=0.3)),
        "it does not compute what the model does (loss ",
    ),
    "no decoder named model": (
        lambda: GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=32, n_layer=2, n_head=4, n_positions=128)),
        "it cannot run this model: AttributeError: 'GPT2LMHeadModel' object has no attribute 'model'",
    ),
}


def made(build, dtype=torch.float32, lora: LoraParams = LORA):
    """With weights drawn from a seed, biases that count, and LoRA as it is before training."""
    torch.manual_seed(3)
    base = build()
    with torch.no_grad():
        for name, p in base.named_parameters():
            if name.endswith(".bias"):
                p.normal_(0, 2)
    return add_lora(base.to(dtype).eval(), lora, 1)


def batches(seed: int = 1) -> list:
    rng = random.Random(seed)
    return bucket([sample(rng, 3) for _ in range(6)], 120)


@pytest.fixture(scope="module")
def model():
    """In float32, with random LoRA weights."""
    model = made(MADE["tied outputs, grouped heads"])
    torch.manual_seed(7)
    load_lora_state(model, {name: torch.randn_like(p) * 0.2 for name, p in lora_state(model).items()})
    return model


def gradients(model, one, batch) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    loss = loss_sum(one, batch)
    loss.backward()
    found = torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])
    model.zero_grad()
    return loss.item(), found


class TestShared:
    @pytest.mark.parametrize("build", MADE.values(), ids=MADE)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_it_computes_what_the_model_does(self, build, dtype):
        model = made(build, dtype)
        before = lora_state(model)
        found = compare(model, probe(batches()))
        loss, gradient = (1e-5, 1e-6) if dtype == torch.float32 else (5e-3, 2e-2)
        assert found.loss < loss
        assert found.gradient < gradient
        assert all(torch.equal(tensor, before[name]) for name, tensor in lora_state(model).items())
        assert all(p.grad is None for p in model.parameters())

    def test_every_gradient_is_that_of_peft(self, model):
        shared = SharedPass(model, through_context=True)
        for batch in batches():
            with shared.installed():
                loss, found = gradients(model, shared, batch)
            own_loss, own = gradients(model, OwnPass(model), batch)
            assert loss == pytest.approx(own_loss, rel=1e-5)
            assert torch.allclose(found, own, atol=1e-4)

    def test_a_shared_start_is_as_each_question_alone(self, model):
        whole = sample(random.Random(2), 4)
        alone = tuple(Encoded(whole.start, (branch,)) for branch in whole.branches)
        shared = SharedPass(model, through_context=True)
        with torch.no_grad(), shared.installed():
            together = loss_sum(shared, (whole,)).item()
            apart = sum(loss_sum(shared, (one,)).item() for one in alone)
            padded = loss_sum(shared, (*alone, whole)).item()
        assert together == pytest.approx(apart, rel=1e-5)
        assert padded == pytest.approx(2 * apart, rel=1e-5)

    def test_not_differentiating_through_the_context_changes_gradients_and_no_loss(self, model):
        batch = (sample(random.Random(4), 3),)
        found = []
        for through in (True, False):
            shared = SharedPass(model, through)
            with shared.installed():
                found.append(gradients(model, shared, batch))
        assert found[0][0] == found[1][0]
        assert 0.3 < torch.cosine_similarity(found[0][1], found[1][1], dim=0) < 0.99

    def test_leaving_it_leaves_the_model_as_it_was(self, model):
        before = [type(model).forward, *(module.forward.__func__ for module in model.modules())]
        with SharedPass(model, True).installed():
            pass
        assert [type(model).forward, *(module.forward.__func__ for module in model.modules())] == before


class TestOwn:
    def test_few_rows_at_a_time_give_the_same(self, model, monkeypatch):
        batch = batches()[0]
        assert len(rows(batch, 40)) > 1
        with torch.no_grad():
            whole = OwnPass(model).logits(batch)
            monkeypatch.setattr(passes, "OWN_BATCH_TOKENS", 40)
            assert torch.allclose(OwnPass(model).logits(batch), whole, atol=1e-5)


class TestChoice:
    def test_a_pass_that_computes_the_same_is_used(self, capsys):
        with choose_pass(made(MADE["biases of q, k and v"]), batches(), False) as one:
            assert isinstance(one, SharedPass)
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize(("build", "why"), OTHERWISE.values(), ids=OTHERWISE)
    def test_a_model_of_another_make_is_trained_by_peft(self, build, why, capsys):
        with choose_pass(made(build), batches(), False) as one:
            assert isinstance(one, OwnPass)
        said = capsys.readouterr().err
        assert said.startswith(f"training: the fast pass is not used, since {why}")
        assert said.endswith(". peft's own pass trains instead: right, and several times slower.\n")

    def test_a_fault_of_the_model_is_not_blamed_on_the_fast_pass(self, monkeypatch):
        def broken(self, batch):
            raise RuntimeError("the model is damaged")

        monkeypatch.setattr(OwnPass, "logits", broken)
        with (
            pytest.raises(RuntimeError, match="the model is damaged"),
            choose_pass(made(MADE["biases of q, k and v"]), batches(), False),
        ):
            pass

    def test_biases_that_are_left_out_are_found(self, capsys, monkeypatch):
        """The fault that was there: a loss of 17 by the pass that trained, and of 1.6 by the model's own."""
        right = kernels.lora_linear
        monkeypatch.setattr(kernels, "lora_linear", lambda x, weight, bias, *rest: right(x, weight, None, *rest))
        with choose_pass(made(MADE["biases of q, k and v"]), batches(), False) as one:
            assert isinstance(one, OwnPass)
        assert "it does not compute what the model does" in capsys.readouterr().err

    def test_a_gradient_that_is_wrong_is_found(self, capsys, monkeypatch):
        backward = kernels._LoraLinear.backward

        def without_a(ctx, gradient):
            dx, *rest, d_up, last = backward(ctx, gradient)
            return dx, *[None if one is None else torch.zeros_like(one) for one in rest], d_up, last

        monkeypatch.setattr(kernels._LoraLinear, "backward", staticmethod(without_a))
        with choose_pass(made(MADE["biases of q, k and v"]), batches(), False) as one:
            assert isinstance(one, OwnPass)
        assert "1 - cosine of the gradients" in capsys.readouterr().err

    def test_the_batch_compared_is_short_and_has_questions_that_share(self):
        rng = random.Random(3)
        short, long = sample(rng, 8), Encoded(tuple(range(1, 39)) * 3, sample(rng, 4).branches)
        chosen = probe([(long, short), (sample(rng, 1),)])
        assert [(one.start, len(one.branches)) for one in chosen] == [(short.start, 2), (long.start, 2)]


class TestDevice:
    """Without a GPU: torch's meta device computes shapes alone, and refuses tensors of two devices in one operation."""

    def test_all_that_the_shared_pass_reads_is_on_the_device_of_the_model(self):
        model = made(MADE["biases of q, k and v"]).to("meta")
        shared = SharedPass(model, True)
        with shared.installed():
            loss = loss_sum(shared, batches()[0])
            loss.backward()
        assert loss.device.type == "meta"
        assert {p.grad.device.type for p in model.parameters() if p.requires_grad} == {"meta"}

    def test_all_that_the_own_pass_reads_is_on_the_device_of_the_model(self):
        class Model:  # transformers' own masks look into tensors, which meta has none of
            device = torch.device("meta")

            def __call__(self, input_ids, attention_mask, use_cache, logits_to_keep):
                assert {input_ids.device.type, attention_mask.device.type} == {"meta"}
                return SimpleNamespace(logits=torch.zeros(len(input_ids), logits_to_keep, 40, device="meta"))

        assert OwnPass(Model()).logits(batches()[0]).device.type == "meta"

    def test_the_model_is_loaded_in_the_format_and_onto_the_device(self, tmp_path):
        model, _ = load_base(cut(tmp_path / "short.gguf"), "bfloat16", "meta")
        assert (model.dtype, model.device.type) == (torch.bfloat16, "meta")
        trained = add_lora(model, LORA, 1)
        assert {p.device.type for p in trained.parameters()} == {"meta"}


class TestLora:
    def test_only_lora_is_trained_and_on_all_linear_layers(self, model):
        trained = {name.split(".lora_")[0].rpartition(".")[2] for name in lora_state(model)}
        assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
        assert {p.dtype for p in lora_state(model).values()} == {torch.float32}

    @pytest.mark.parametrize(("share", "blocks"), [(0.01, {3}), (0.5, {2, 3}), (0.6, {1, 2, 3}), (1.0, {0, 1, 2, 3})])
    def test_the_upper_blocks_are_trained(self, share, blocks):
        config = LlamaConfig(**SIZES | {"num_hidden_layers": 4})
        model = made(lambda: LlamaForCausalLM(config), lora=LORA.model_copy(update={"upper_blocks": share}))
        assert {int(name.split(".layers.")[1].split(".")[0]) for name in lora_state(model)} == blocks

    def test_blocks_below_have_no_backward_pass(self):
        config = LlamaConfig(**SIZES | {"num_hidden_layers": 4})
        model = made(lambda: LlamaForCausalLM(config), lora=LORA.model_copy(update={"upper_blocks": 0.5}))
        states = []
        for layer in model.get_base_model().model.layers:
            layer.register_forward_hook(lambda module, inputs, output: states.append(output))
        shared = SharedPass(model, True)
        with shared.installed():
            loss_sum(shared, batches()[0])
        assert [state.requires_grad for state in states] == [False, False, True, True] * 2
