"""Training speed against TRL's SFTTrainer at its defaults.

    .venv/bin/python -m benchmarks.training            needs data/articles and data/qa: `make repro` makes them

Both train the same LoRA on the same dequantised model, in bfloat16 where the processor has it and else in float32, with
the same real training pairs, each with its passages, in one process, one after the other. A step of SFTTrainer is a
batch of its default size; ours takes the same pairs. The first step of each warms up and is not counted.

Two rates are given. *Sample tokens*: what the samples hold, each with its whole prompt, as SFTTrainer reads them; this
is what a user waits for. *Tokens read*: what the model really read; ours reads a context that several questions share
only once.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from stages.fine_tune.batches import bucket
from stages.fine_tune.encoding import Encoded, encode
from stages.fine_tune.inputs import read_data
from stages.fine_tune.model import add_lora, load_base
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.passes import choose_pass
from stages.fine_tune.sampling import Mix, Sample
from stages.fine_tune.training import BatchedData, train
from tune_or_retrieve.base import machine
from tune_or_retrieve.base.files import write_json
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.machine import SECTION, RunParams
from tune_or_retrieve.base.params import load
from tune_or_retrieve.chat.models import ModelParams
from tune_or_retrieve.chat.prompts import messages
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

RESULT = Path("benchmarks/results/training.json")
DEFAULT_BATCH = 8  # of SFTTrainer; checked below


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="that are timed, of 8 pairs each (default 3)")
    steps = parser.parse_args().steps

    import torch

    params, model_params = load("fine_tune", FineTuneParams), load("models.micro", ModelParams)
    if not isinstance(model_params, EmbeddedModel):
        raise SystemExit("models.micro must be embedded")
    run = load(SECTION, RunParams).model_copy(update={"device": "cpu"})
    compute = machine.choose("training", run, params.local.dtype, "fine_tune.local.dtype")
    torch.set_num_threads(compute.threads)
    base, tokenizer = load_base(resolve(model_params.weights, model_params.sha256), compute.dtype, "cpu")
    data = read_data()
    pairs = data.train[: (steps + 1) * DEFAULT_BATCH]
    samples = Mix(pairs, data.articles, params.raft.model_copy(update={"share": 1.0})).epoch("benchmark")
    # Groups of about a batch's pairs: the first warms up.
    groups: list[list[Sample]] = [[]]
    for sample in samples:
        if sum(len(s.turns) for s in groups[-1]) >= DEFAULT_BATCH:
            groups.append([])
        groups[-1].append(sample)

    results = {
        "stages.fine_tune": ours(base, tokenizer, groups, params),
        "trl.SFTTrainer defaults": theirs(base, tokenizer, groups, params),
    }
    fast, slow = (side["sample_tokens_per_second"] for side in results.values())
    read = [side["read_tokens_per_second"] for side in results.values()]
    report: dict[str, Any] = {
        "pairs": sum(len(s.turns) for group in groups[1:] for s in group),
        "processor": machine.processor(),
        "instructions": machine.instructions(),
        "dtype": compute.dtype,
        "threads": compute.threads,
        "sides": results,
        "ratio": round(fast / slow, 2),
        "ratio_tokens_read": round(read[0] / read[1], 2),
        "target": 2.0,
    }
    write_json(RESULT, report)
    for name, side in results.items():
        print(f"{name}: {side['sample_tokens_per_second']} sample tokens/s, {side['read_tokens_per_second']} read/s")
    print(f"ratio {report['ratio']} (tokens read: {report['ratio_tokens_read']}); target {report['target']}")


def ours(base: Any, tokenizer: Any, groups: list[list[Sample]], params: FineTuneParams) -> dict[str, float]:
    import tempfile

    encoded = [[encode(sample, tokenizer, params.local.max_tokens) for sample in group] for group in groups]
    # LoRA on all blocks, as SFTTrainer has it here: the study itself trains fewer.
    model = add_lora(base, params.local.lora.model_copy(update={"upper_blocks": 1.0}), params.seed)
    times = [0.0, 0.0]
    batches = [batch for group in encoded for batch in bucket(group)]
    context = params.local.gradients_through_context
    with choose_pass(model, batches, context) as one, tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate((encoded[:1], encoded[1:])):
            data = BatchedData([[bucket(group) for group in part]], {"bare": bucket([_stub(part[0][0])])})
            local = params.local.model_copy(update={"epochs": 1})
            times[number] = train(model, one, data, local, Path(folder) / str(number), float("inf")).seconds
    model.unload()
    return _rates(encoded[1:], times[1], sum(e.tokens for group in encoded[1:] for e in group))


def theirs(base: Any, tokenizer: Any, groups: list[list[Sample]], params: FineTuneParams) -> dict[str, float]:
    import tempfile

    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self._began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self._began)

    rows = [
        {
            "prompt": messages(turn.question, sample.passages),
            "completion": [{"role": "assistant", "content": turn.answer}],
        }
        for group in groups
        for sample in group
        for turn in sample.turns
    ]
    lora = params.local.lora
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        # Output, number of steps, the CPU, without which it refuses its own bf16, and no bf16 where the model has none;
        # all else is SFTTrainer's default.
        config = SFTConfig(
            output_dir=folder,
            max_steps=len(groups),
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=str(base.dtype) == "torch.bfloat16",
        )
        assert config.per_device_train_batch_size == DEFAULT_BATCH
        trainer = SFTTrainer(
            model=base,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=lora.rank, lora_alpha=lora.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            callbacks=[clock],
        )
        trainer.train()
    lengths = [len(row) for row in trainer.train_dataset["input_ids"]]
    seconds = sum(clock.seconds[1:])
    # The order of SFTTrainer is random: its timed steps read their share of all tokens.
    tokens = sum(lengths) * len(clock.seconds[1:]) / len(clock.seconds)
    rate = round(tokens / seconds, 1)
    return {"seconds": round(seconds, 2), "sample_tokens_per_second": rate, "read_tokens_per_second": rate}


def _rates(groups: list[list[Encoded]], seconds: float, read: int) -> dict[str, float]:
    alone = sum(len(e.start) + len(branch.ids) for group in groups for e in group for branch in e.branches)
    return {
        "seconds": round(seconds, 2),
        "sample_tokens_per_second": round(alone / seconds, 1),
        "read_tokens_per_second": round(read / seconds, 1),
    }


def _stub(encoded: Encoded) -> Encoded:
    """The smallest validation: its time is not part of a step."""
    return Encoded(encoded.start[:8], encoded.branches[:1])


if __name__ == "__main__":
    main()
