"""The section `fine_tune` of params.yaml."""

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from tune_or_retrieve.base.machine import DtypeSetting
from tune_or_retrieve.base.params import Section


class LoraParams(Section):
    rank: int = Field(ge=1, le=256)
    alpha: int = Field(ge=1, le=1024)  # the update is scaled by alpha / rank
    upper_blocks: float = Field(gt=0, le=1)  # share of the transformer blocks that are trained, counted from the output


class RaftParams(Section):
    """Samples that look like retrieval results: the passage with the answer among distractors."""

    share: float = Field(ge=0, le=1)  # of the pairs, drawn again in each epoch; the others are trained without passages
    min_passages: int = Field(ge=1, le=16)  # in one context
    max_passages: int = Field(ge=1, le=16)
    passage_characters: int = Field(ge=100, le=8000)  # about; passages are cut between sentences
    questions_per_context: int = Field(ge=1, le=16)  # pairs that share one context, read only once
    without_gold: float = Field(ge=0, lt=1)  # of these pairs, that miss their passage

    @field_validator("max_passages")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        lowest = info.data.get("min_passages")
        if lowest is not None and value < lowest:
            raise ValueError(f"must be at least min_passages, {lowest}")
        return value


class LocalParams(Section):
    """Training on this machine. Hosted training has its own settings and ranges."""

    dtype: DtypeSetting  # of the frozen weights and computations with them; LoRA weights are float32
    epochs: int = Field(ge=1, le=100)
    learning_rate: float = Field(gt=0, le=0.1)
    warmup_ratio: float = Field(ge=0, lt=1)  # of the steps; then cosine to 0
    batch_size: int = Field(ge=1, le=4096)  # pairs between two steps of the optimiser
    gradients_through_context: bool  # false: passages are read with the current weights but not differentiated through
    max_gradient_norm: float = Field(gt=0, le=1000)
    max_tokens: int = Field(ge=128, le=32768)  # of a sample; a longer one loses distractors, never the answer
    validation_pairs: int = Field(ge=1)  # at most, on which the validation loss is computed, bare and with passages
    patience: int = Field(ge=1, le=100)  # epochs in a row without a better validation loss, then stop
    lora: LoraParams


class ParityParams(Section):
    """How much the served adapter may differ from the trained one."""

    prompts: int = Field(ge=20, le=1000)
    min_greedy_agreement: float = Field(ge=0, le=1)  # share of tokens on which both agree, the same text before them
    max_logprob_distance: float = Field(gt=0, le=10)  # mean, between the log-probabilities of the likeliest tokens


class FineTuneParams(Section):
    seed: int = Field(ge=0, lt=2**32)
    raft: RaftParams
    local: LocalParams
    parity: ParityParams
