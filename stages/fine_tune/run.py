"""From pairs to an adapter that is proven to answer when served as it did in training."""

import json
import math
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.fine_tune import gguf_adapter, parity
from stages.fine_tune.batches import bucket, steps
from stages.fine_tune.checkpoint import State, packed, unpacked
from stages.fine_tune.data import Data, Result
from stages.fine_tune.encoding import encode, prompt_ids
from stages.fine_tune.model import ADAPTER, add_lora, load_base, load_lora_state, lora_state
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.passes import choose_pass
from stages.fine_tune.sampling import Mix, Sample
from stages.fine_tune.training import CHECKPOINT_SECONDS, BatchedData, train
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, content_key, sha256_file, sha256_text, write_json
from tune_or_retrieve.base.home import cached
from tune_or_retrieve.base.locations import resolve, version_of
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.records import Pair
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

CHECKPOINTS = "fine_tune"
# What a training follows from besides its batches, params and weights. Of our modules only those that compute it: what
# the others make of pairs and articles is in the batches.
CODE = ("batches", "checkpoint", "kernels", "model", "passes", "training")
LIBRARIES = ("torch", "peft", "transformers")


def check_trainable(name: str, model: ModelParams) -> EmbeddedModel:
    """Raises StageError if the model does not run here, and so cannot be trained here."""
    if not isinstance(model, EmbeddedModel):
        raise StageError(
            f"models.{name}: provider {model.provider!r} cannot be fine-tuned: its weights are elsewhere. Use provider "
            "'embedded' with a GGUF file, take it out of study.fine_tune and study.approaches.ft and ft_rag, or name "
            f"its tuned form in models.{name}.tuned."
        )
    return model


@machine.gpu_memory("training", "Use a smaller model, lower fine_tune.local.max_tokens")
def fine_tune(
    name: str,
    model_params: EmbeddedModel,
    params: FineTuneParams,
    run: RunParams,
    data: Data,
    out: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Result:
    """Train, convert and compare; write ``adapter/`` (Hugging Face), ``adapter.gguf`` and ``card.json`` to `out`.

    A finished training is taken from the store, with the seconds that it took.

    Raises:
        StageError: weights missing or not trainable, pairs too long, a device or number format that the machine lacks,
            a loss that is NaN, too little GPU memory, or served and trained adapter differ.
    """
    import torch

    began = time.monotonic()
    weights = resolve(model_params.weights, model_params.sha256)
    compute = machine.choose("training", run, params.local.dtype, "fine_tune.local.dtype")
    torch.set_num_threads(compute.threads)
    torch.use_deterministic_algorithms(True)
    base, tokenizer = load_base(weights, compute.dtype, compute.device)
    mix = Mix(data.train, data.articles, params.raft)
    epochs = [mix.epoch(f"{params.seed} train {epoch}") for epoch in range(params.local.epochs)]
    held_out = Mix(data.validation[: params.local.validation_pairs], data.articles, params.raft)
    validation = held_out.both(f"{params.seed} validation")
    batched = _batched(epochs, validation, tokenizer, params)
    model = add_lora(base, params.local.lora, params.seed)
    # The batches hold every token in order, and so pairs, articles, prompts, tokenizer, mix and order.
    key = content_key(
        sha256_text(repr(batched)),
        params.seed,
        params.local.model_dump(),
        [compute.device, compute.dtype],
        sha256_file(weights),
        machine.instructions(),
        {library: version_of(library) for library in LIBRARIES},
        [sha256_file(Path(__file__).with_name(f"{module}.py")) for module in CODE],
    )
    folder = cached(CHECKPOINTS) / key[:32]
    say(
        f"training {name}: {len(data.train)} pairs, {batched.steps} steps, {batched.tokens} tokens in "
        f"{params.local.epochs} epoch(s); {_count(model)} weights"
    )
    loaded = time.monotonic()
    batches = [batch for epoch in batched.epochs for step in epoch for batch in step]
    with Store("trainings") as store, choose_pass(model, batches, params.local.gradients_through_context) as forward:
        state = _finished(store, key, model)
        if state is None:
            state = train(model, forward, batched, params.local, folder / "checkpoint", checkpoint_seconds)
            store.put(key, packed(state, {"weights": lora_state(model)}))
        shutil.rmtree(folder, ignore_errors=True)
        trained = time.monotonic()
        model.eval()
        with atomic_directory(out) as tmp:
            _write_adapter(tmp, model, model_params, weights, params)
            prompts = _parity_prompts(validation, tokenizer, params.parity.prompts, params.seed)
            say(f"comparing the served adapter with the trained one on {len(prompts)} prompts")
            found = parity.compare(forward, model_params, run, tmp / "adapter.gguf", prompts)
            parity.check(found, params.parity, out / "adapter.gguf")
            metrics = {
                **_metrics(epochs, batched, state, found),
                **_warning(name, state, base.config.get_text_config().vocab_size),
                "device": compute.device,
                "dtype": compute.dtype,
                "training_pass": forward.name,
            }
            write_json(tmp / "card.json", _card(name, model_params, weights, params, data, tmp, metrics))
    ended = time.monotonic()
    timings = {
        "load_seconds": loaded - began,
        "training_seconds": state.seconds,
        "tokens_per_second": state.tokens / state.seconds if state.seconds else 0.0,
        "conversion_and_parity_seconds": ended - trained,
    }
    seconds = {key: round(value, 3) for key, value in timings.items()}
    return Result(metrics, state.curve, machine.here(compute.device, compute.threads) | seconds)


def _finished(store: Store, key: str, model: "PeftModel") -> State | None:
    """The final state of a training in the store, whose weights are loaded into `model`; None if it is not there."""
    found = store.get(key)
    if found is None:
        return None
    state, groups = unpacked(found)
    load_lora_state(model, groups["weights"])
    say(f"training: taken from the store, as everything it depends on is the same ({state.seconds:.0f} s when it ran)")
    return state


def _warning(name: str, state: State, vocabulary: int) -> dict[str, str]:
    """Reasons to doubt the training, as the metric `warning` and as a message; empty if there are none."""
    chance, before = math.log(vocabulary), state.before["mean"]
    after = state.validation[state.best_epoch - 1]["mean"]
    found = []
    if before > chance:
        found.append(
            f"before training, the loss was {before:.2f}, above the {chance:.2f} of guessing (the logarithm of the "
            "vocabulary): the weights are damaged, or not read as they are meant"
        )
    if after >= before:
        found.append(
            f"training did not lower the validation loss ({before:.3f} before, {after:.3f} after): the learning rate "
            "may be too high or too low, or the pairs may teach nothing that the validation pairs ask"
        )
    if not found:
        return {}
    text = "; ".join(found)
    say(f"warning: {name}: {text}")
    return {"warning": text}


def _batched(
    epochs: Sequence[Sequence[Sample]],
    validation: tuple[Sequence[Sample], Sequence[Sample]],
    tokenizer: "PreTrainedTokenizerBase",
    params: FineTuneParams,
) -> BatchedData:
    local = params.local
    encoded = [[encode(sample, tokenizer, local.max_tokens) for sample in epoch] for epoch in epochs]
    kinds = zip(("bare", "with_passages"), validation, strict=True)
    return BatchedData(
        [steps(epoch, local.batch_size, f"{params.seed} order {n}") for n, epoch in enumerate(encoded)],
        {kind: bucket([encode(sample, tokenizer, local.max_tokens) for sample in part]) for kind, part in kinds},
    )


def _write_adapter(tmp: Path, model: "PeftModel", served: EmbeddedModel, weights: Path, params: FineTuneParams) -> None:
    """The adapter in both formats, without what peft writes about this machine (paths, order of sets, versions)."""
    from safetensors.torch import save_file

    state = lora_state(model)
    folder = tmp / "adapter"
    folder.mkdir()
    # Without the adapter's name, as peft saves them.
    plain = {name.replace(f".{ADAPTER}.", "."): tensor.cpu().contiguous() for name, tensor in state.items()}
    save_file(plain, folder / "adapter_model.safetensors", {"format": "pt"})
    config = model.peft_config[ADAPTER].to_dict() | {"base_model_name_or_path": served.weights, "inference_mode": True}
    write_json(folder / "adapter_config.json", {key: _sorted(value) for key, value in config.items()})
    gguf_adapter.write_adapter(tmp / "adapter.gguf", state, params.local.lora.alpha, *gguf_adapter.geometry(weights))


def _parity_prompts(
    validation: tuple[Sequence[Sample], Sequence[Sample]], tokenizer: "PreTrainedTokenizerBase", count: int, seed: int
) -> list[list[int]]:
    """Prompts from the validation pairs, half of them without passages, half with."""
    rng = random.Random(f"{seed} parity")
    prompts = []
    for samples, wanted in zip(validation, (count - count // 2, count // 2), strict=True):
        questions = [(turn.question, sample.passages) for sample in samples for turn in sample.turns]
        chosen = [questions[i % len(questions)] for i in rng.sample(range(max(wanted, len(questions))), wanted)]
        prompts += [prompt_ids(question, passages, tokenizer) for question, passages in chosen]
    return prompts


def _metrics(
    epochs: Sequence[Sequence[Sample]], batched: BatchedData, state: State, found: parity.Parity
) -> dict[str, float]:
    first = epochs[0]
    with_passages = [sample for sample in first if sample.passages]
    samples = [sample for epoch in batched.epochs for batches in epoch for batch in batches for sample in batch]
    best = state.validation[state.best_epoch - 1]
    pairs = sum(len(sample.turns) for sample in with_passages)
    return {
        "pairs_bare": sum(len(sample.turns) for sample in first) - pairs,
        "pairs_with_passages": pairs,
        "contexts": len(with_passages),
        "passages_per_context": sum(len(s.passages) for s in with_passages) / max(1, len(with_passages)),
        "epochs": state.epoch,
        "steps": state.step,
        "tokens": state.tokens,
        "answer_tokens_planned": sum(sample.answer_tokens for sample in samples),
        "best_epoch": state.best_epoch,
        "validation_loss_before": state.before["mean"],
        "validation_loss": best["mean"],
        "validation_loss_bare": best["bare"],
        "validation_loss_with_passages": best["with_passages"],
        **{f"validation_loss_epoch_{n}": losses["mean"] for n, losses in enumerate(state.validation, start=1)},
        "parity_prompts": found.prompts,
        "parity_tokens": found.tokens,
        "parity_greedy_agreement": found.greedy_agreement,
        "parity_whole_replies": found.whole_replies,
        "parity_logprob_distance": found.logprob_distance,
    }


def _card(
    name: str,
    served: EmbeddedModel,
    weights: Path,
    params: FineTuneParams,
    data: Data,
    tmp: Path,
    metrics: dict[str, float],
) -> dict[str, Any]:
    """What the adapter is and what it was trained on."""
    return {
        "model": name,
        "base": served.weights,
        "base_sha256": sha256_file(weights),
        "params": params.model_dump(),
        "train_pairs": len(data.train),
        "train_sha256": _pairs_hash(data.train),
        "validation_pairs": len(data.validation),
        "validation_sha256": _pairs_hash(data.validation),
        "articles": len(data.articles),
        "articles_sha256": content_key({key: sha256_text(article.text) for key, article in data.articles.items()}),
        "adapter_sha256": sha256_file(tmp / "adapter" / "adapter_model.safetensors"),
        "adapter_gguf_sha256": sha256_file(tmp / "adapter.gguf"),
        "metrics": metrics,
    }


def _pairs_hash(pairs: Sequence[Pair]) -> str:
    return content_key([pair.model_dump() for pair in pairs])


def _count(model: "PeftModel") -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _sorted(value: Any) -> Any:
    if isinstance(value, set | frozenset | list | tuple) and all(isinstance(item, str) for item in value):
        return sorted(value)
    return json.loads(json.dumps(value, default=str))
