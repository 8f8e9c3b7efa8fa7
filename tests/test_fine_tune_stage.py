"""Params, inputs and what cannot be trained: whole messages."""

import random

import pytest
import yaml

from stages.fine_tune import run
from stages.fine_tune.checkpoint import State
from stages.fine_tune.inputs import read_data
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.run import check_trainable
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import write_jsonl
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.records import Pair, Quote, SeenArticle
from tune_or_retrieve.providers.openai.params import OpenAIModel

GOOD = {
    "seed": 1,
    "raft": {
        "share": 0.5,
        "min_passages": 3,
        "max_passages": 5,
        "passage_characters": 400,
        "questions_per_context": 4,
        "without_gold": 0.0,
    },
    "local": {
        "dtype": "auto",
        "epochs": 1,
        "learning_rate": 0.001,
        "warmup_ratio": 0.05,
        "batch_size": 16,
        "gradients_through_context": False,
        "max_gradient_norm": 1.0,
        "max_tokens": 1536,
        "validation_pairs": 32,
        "patience": 1,
        "lora": {"rank": 16, "alpha": 32, "upper_blocks": 0.5},
    },
    "parity": {"prompts": 20, "min_greedy_agreement": 0.8, "max_logprob_distance": 0.5},
}


def written(tmp_path, key: str, value):
    content = yaml.safe_load(yaml.safe_dump({"fine_tune": GOOD}))
    *path, last = key.split(".")
    section = content["fine_tune"]
    for part in path:
        section = section[part]
    section[last] = value
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("raft.share", 1.5, "raft.share: must be less than or equal to 1. Got 1.5."),
        ("raft.max_passages", 2, "raft.max_passages: must be at least min_passages, 3. Got 2."),
        ("raft.without_gold", 1.0, "raft.without_gold: must be less than 1. Got 1.0."),
        ("raft.distractor", 3, "raft.distractor: unknown key. Known: share, min_passages, max_passages, "
                               "passage_characters, questions_per_context, without_gold"),
        ("local.learning_rate", 0.0, "local.learning_rate: must be greater than 0. Got 0.0."),
        ("local.learning_rate", "fast", "local.learning_rate: must be a number. Got 'fast'."),
        ("local.epochs", 0, "local.epochs: must be greater than or equal to 1. Got 0."),
        ("local.dtype", "float16", "local.dtype: must be 'auto', 'float32' or 'bfloat16'. Got 'float16'."),
        ("local.lora.upper_blocks", 0.0, "local.lora.upper_blocks: must be greater than 0. Got 0.0."),
        ("local.lora.rnk", 8, "local.lora.rnk: unknown key. Did you mean 'rank'?"),
        ("parity.prompts", 5, "parity.prompts: must be greater than or equal to 20. Got 5."),
    ],
)  # fmt: skip
def test_a_bad_value_is_named(tmp_path, key, value, fault):
    path = written(tmp_path, key, value)
    with pytest.raises(StageError) as raised:
        load("fine_tune", FineTuneParams, path)
    message = f"{path}: 1 fault:\n  fine_tune.{fault}"
    assert str(raised.value).rstrip(".") == message.rstrip(".")


def test_good_params_are_read_as_written(tmp_path):
    assert load("fine_tune", FineTuneParams, written(tmp_path, "seed", 1)).model_dump() == GOOD


def test_a_model_that_runs_elsewhere_cannot_be_trained():
    model = OpenAIModel(provider="openai", base_url="http://127.0.0.1:9/v1", model="big")
    with pytest.raises(StageError) as fault:
        check_trainable("far", model)
    assert str(fault.value) == (
        "models.far: provider 'openai' cannot be fine-tuned: its weights are elsewhere. Use provider 'embedded' with a "
        "GGUF file, take it out of study.fine_tune and study.approaches.ft and ft_rag, or name its tuned form in "
        "models.far.tuned."
    )


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        (3.0, 1.2, None),
        (3.0, 3.0, "training did not lower the validation loss (3.000 before, 3.000 after): the learning rate may be "
                   "too high or too low, or the pairs may teach nothing that the validation pairs ask"),
        (17.1, 9.0, "before training, the loss was 17.10, above the 10.80 of guessing (the logarithm of the "
                    "vocabulary): the weights are damaged, or not read as they are meant"),
    ],
)  # fmt: skip
def test_a_doubtful_training_is_said_and_recorded(before, after, warning, capsys):
    state = State(before={"mean": before}, validation=[{"mean": 99.0}, {"mean": after}], best_epoch=2)
    assert run._warning("micro", state, 49152) == ({"warning": warning} if warning else {})
    assert capsys.readouterr().err == (f"warning: micro: {warning}\n" if warning else "")


class TestInputs:
    TEXT = "# Gate\n\nThe gate opens at five.\n"

    def made(self, tmp_path, second_quote="The gate opens at five.", pairs=1):
        qa = tmp_path / "qa"
        articles = [SeenArticle(id=name, title=name, text=self.TEXT) for name in ("gate", "unused")]
        write_jsonl(qa / "seen.jsonl", articles)
        pair = Pair(
            id="p1",
            question="When does the gate open?",
            answer="At five.",
            evidence=[
                Quote(article_id="gate", start=2, end=6, text="Gate"),
                Quote(article_id="gate", start=8, end=31, text=second_quote),
            ],
            service="documents",
            kind="limit",
            phrasing="when",
        )
        write_jsonl(qa / "train.jsonl", [pair] * pairs)
        write_jsonl(qa / "validation.jsonl", [pair])
        return qa

    def test_only_articles_of_pairs_are_read(self, tmp_path):
        data = read_data(self.made(tmp_path))
        assert list(data.articles) == ["gate"]
        assert (len(data.train), len(data.validation)) == (1, 1)
        evidence = data.train[0].evidence[1]
        assert data.articles["gate"].around(evidence, 100, random.Random(1)).covers(evidence)

    def test_pairs_of_other_articles_are_refused(self, tmp_path):
        qa = self.made(tmp_path, second_quote="The gate opens at nine.")
        with pytest.raises(StageError) as fault:
            read_data(qa)
        assert str(fault.value) == (
            f"{qa}: the evidence of pair 'p1' is not in article 'gate': pairs and articles are of different runs. "
            "Run `dvc repro qa`."
        )

    def test_no_pairs(self, tmp_path):
        qa = self.made(tmp_path, pairs=0)
        with pytest.raises(StageError) as fault:
            read_data(qa)
        assert str(fault.value) == f"{qa}/train.jsonl: no pairs. Raise qa.pairs or give a larger corpus."
