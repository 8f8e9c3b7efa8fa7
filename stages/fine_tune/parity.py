"""The served adapter compared with the trained one: same prompts, token by token."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.fine_tune.params import ParityParams
from stages.fine_tune.passes import Pass, answer_sequence
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.machine import RunParams
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.providers.embedded.params import EmbeddedModel
from tune_or_retrieve.providers.embedded.server import serve

if TYPE_CHECKING:
    import torch

MAX_TOKENS = 24  # of each reply
LIKELIEST = 10  # tokens at each place whose log-probabilities are compared


@dataclass(frozen=True)
class Parity:
    """Agreement of the trained model (float32 or bfloat16) with the served one (quantised base, GGUF adapter)."""

    prompts: int
    tokens: int  # that the served model wrote, on which both are compared
    greedy_agreement: float  # share of these that the trained model would have chosen, the same text before them
    whole_replies: float  # share of prompts on which they agree from beginning to end
    logprob_distance: float  # mean absolute difference over the served model's likeliest tokens


def compare(
    forward: Pass, served: EmbeddedModel, run: RunParams, adapter: Path, prompts: Sequence[Sequence[int]]
) -> Parity:
    """Let the served model write, then ask the trained one at each token what it would have written.

    Args:
        forward: the forward pass with which the model was trained.
    """
    with serve(served, run, adapter) as server:
        replies = []
        for prompt in track(prompts, "parity: served replies", unit="prompts"):
            body = {"prompt": list(prompt), "n_predict": MAX_TOKENS, "temperature": 0.0, "n_probs": LIKELIEST}
            reply = server.call("/completion", body | {"return_tokens": True})
            replies.append(reply["completion_probabilities"])
    agreed = tokens = whole = places = 0
    distance = 0.0
    both = list(zip(prompts, replies, strict=True))
    for prompt, reply in track(both, "parity: trained replies", unit="prompts"):
        ids = [place["id"] for place in reply]
        logprobs = _logprobs(forward, prompt, ids)
        same = [int(row.argmax()) == chosen for row, chosen in zip(logprobs, ids, strict=True)]
        agreed, tokens, whole = agreed + sum(same), tokens + len(ids), whole + all(same)
        for row, place in zip(logprobs, reply, strict=True):
            for candidate in place["top_logprobs"]:
                distance += abs(float(row[candidate["id"]]) - candidate["logprob"])
                places += 1
    count = max(1, tokens)
    return Parity(len(prompts), tokens, agreed / count, whole / len(prompts), distance / places if places else math.inf)


def check(parity: Parity, params: ParityParams, adapter: Path) -> None:
    """Raises StageError if the served adapter is not the trained one."""
    faults = []
    if not parity.greedy_agreement >= params.min_greedy_agreement:
        faults.append(
            f"they agree on {parity.greedy_agreement:.3f} of {parity.tokens} tokens; at least "
            f"{params.min_greedy_agreement} is wanted (fine_tune.parity.min_greedy_agreement)"
        )
    if not parity.logprob_distance <= params.max_logprob_distance:
        faults.append(
            f"their log-probabilities are {parity.logprob_distance:.3f} apart in the mean; at most "
            f"{params.max_logprob_distance} is wanted (fine_tune.parity.max_logprob_distance)"
        )
    if faults:
        raise StageError(
            f"{adapter}: the served adapter does not answer as the trained model does on {parity.prompts} prompts: "
            f"{'; '.join(faults)}. It is not used: answers of another model than the trained one would be judged."
        )


def _logprobs(forward: Pass, prompt: Sequence[int], reply: Sequence[int]) -> "torch.Tensor":
    """Log-probabilities of the trained model before each token of the reply, float32 ``(len(reply), vocabulary)``."""
    import torch

    with torch.no_grad():
        logits = forward.logits(answer_sequence(prompt, reply))
    return torch.log_softmax(logits, dim=-1).cpu()
