"""Fine-tuning by Amazon Bedrock: the same mix of samples as on this machine, a job that is paid for once, hosting."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stages.fine_tune.data import Data as Pairs
from stages.fine_tune.data import Result
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.sampling import Mix, Sample
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, content_key
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.money.cost import Usage
from tune_or_retrieve.money.spending import CHARACTERS_PER_TOKEN, Spending
from tune_or_retrieve.providers.bedrock.aws import storage
from tune_or_retrieve.providers.bedrock.aws.names import LONGEST, PROJECT, resource_name, tags, words
from tune_or_retrieve.providers.bedrock.aws.roles import (
    Role,
    check_role,
    customization_policy,
    ensure_role,
    made_arn,
    trust,
    when_known,
)
from tune_or_retrieve.providers.bedrock.aws.session import Clients, clients
from tune_or_retrieve.providers.bedrock.aws.waiting import Watch
from tune_or_retrieve.providers.bedrock.chat.access import tunable
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.bedrock.tuning import conversation, price_list
from tune_or_retrieve.providers.bedrock.tuning.conversation import Conversations
from tune_or_retrieve.providers.bedrock.tuning.customization import STAGE, Data, Trained, Training, find, train
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams
from tune_or_retrieve.providers.bedrock.tuning.deployment import Deployment, write_deployment
from tune_or_retrieve.providers.bedrock.tuning.hosting import confirm, host

FOLDER = f"{storage.ROOT}fine_tune/"
DATA, OUTPUT = f"{FOLDER}data/", f"{FOLDER}output/"
HOSTING_SECONDS = 5.0  # between two looks at a deployment, which comes up within minutes
LONGEST_NAME = LONGEST - len(resource_name("x", "0" * 64, 100)) + 1  # of a model, so that every AWS service takes it


def fine_tune(
    name: str, model: BedrockModel, params: FineTuneParams, data: Pairs, out: Path, watch: Watch | None = None
) -> Result:
    """Train, host, and write where the model answers to `out`. What was begun by an earlier run is found again.

    Raises:
        StageError: samples that Nova does not take, a base model that cannot be fine-tuned, no price, the budget, a
            price that is not confirmed; AWS refuses; the job or the hosting failed.
        StillRunning: `wait: false`, and the job has not ended.
    """
    custom, what = _customization(name, model), _name(name)
    confirm(model.hosting, watch or Watch())  # before anything is paid: what it would come to
    splits = {split: _conversations(name, split, params, data) for split in ("train", "validation")}
    files = {split: conversation.jsonl(found.rows) for split, found in splits.items()}
    spending = Spending(f"fine_tune@{name}", custom.base_model, training=True)
    trained_tokens = tokens(splits["train"]) * custom.epochs
    usage = Usage(custom.base_model, trained_tokens=trained_tokens)
    paid_for = f"fine-tuning {name} on {custom.base_model}, about {trained_tokens} tokens"
    aws = clients(model.region)
    bucket = custom.bucket or storage.default_bucket(aws)
    sent = {split: _data(bucket, split, file) for split, file in files.items()}
    role_arn = custom.role_arn or made_arn(aws, _role_name(aws, bucket))
    training = Training(
        what, custom.base_model, role_arn, sent["train"], f"s3://{bucket}/{OUTPUT}", custom, sent["validation"]
    )

    @functools.cache
    def compare_price() -> None:
        if spending.limited:
            price_list.check(aws, spending.prices, custom.base_model)

    if not find(aws, training):  # before anything is made
        tunable(aws, custom.base_model)
        compare_price()
        spending.check(usage, paid_for)
    storage.ensure_bucket(aws, custom.bucket, tags(STAGE, content_key("bucket", custom.bucket)))
    role = _role(aws, custom, bucket)
    for split, file in files.items():
        storage.put(aws, bucket, storage.split(sent[split].uri)[1], file)

    def pay(submit: Callable[[], Any]) -> Any:
        compare_price()  # what was found may have failed, and be paid for again
        spending.check(usage, paid_for)
        job = when_known(role, submit)
        spending.record(usage, job, about=True)
        return job

    trained = train(aws, training, watch, pay)
    # Again: a kill may have come between the job and its entry.
    dollars = spending.record(usage, trained.job_arn, about=True)
    began = time.monotonic()
    hosted = host(aws, what, trained.model_arn, model.hosting, watch or Watch(every=HOSTING_SECONDS))
    with atomic_directory(out) as folder:
        write_deployment(
            folder,
            Deployment(
                region=aws.region,
                deployment_arn=hosted.arn,
                hosting=hosted.kind,
                custom_model_arn=trained.model_arn,
                base_model=custom.base_model,
                job_arn=trained.job_arn,
                attempt=trained.attempt,
                hyperparameters=custom.hyperparameters(),
                train_sha256=sent["train"].sha256,
                validation_sha256=sent["validation"].sha256,
                samples=_counts(splits),
                rejected=splits["train"].reasons | splits["validation"].reasons,
            ),
        )
    timings = {
        "hosting_seconds": round(time.monotonic() - began, 3),
        "training_dollars": None if dollars is None else round(dollars, 6),  # None: the price is not known
    }
    if trained.seconds is not None:
        timings["training_seconds"] = round(trained.seconds, 3)
    return Result(_metrics(splits, custom, trained, trained_tokens), trained.curve, timings)


def samples(mix: Iterable[Sample]) -> Iterator[conversation.Sample]:
    """One sample a question: no question sees another one, as in training on this machine."""
    for sample in mix:
        for turn in sample.turns:
            yield turn.question, sample.passages, turn.answer


def tokens(found: Conversations) -> int:
    """About how many tokens the samples have: Nova's tokenizer is not public."""
    texts = (block["text"] for row in found.rows for part in _parts(row) for block in part)
    return -(-sum(map(len, texts)) // CHARACTERS_PER_TOKEN)


def _parts(row: conversation.Row) -> Sequence[Any]:
    return [row["system"], *(message["content"] for message in row["messages"])]


def _customization(name: str, model: BedrockModel) -> CustomizationParams:
    if model.customization is None:
        raise StageError(
            f"models.{name}: has no section customization, so that it cannot be fine-tuned. Add it (see "
            "presets/bedrock.yaml), or leave the model out of study.models."
        )
    return model.customization


def _name(name: str) -> str:
    what = words(name)
    if not 0 < len(what) <= LONGEST_NAME:
        raise StageError(
            f"models.{name}: a model that is fine-tuned on Bedrock must have a name of 1 to {LONGEST_NAME} letters and "
            f"digits: it becomes part of names such as {PROJECT}-micro-0123456789ab. Got {name!r}."
        )
    return what


def _conversations(name: str, split: str, params: FineTuneParams, data: Pairs) -> Conversations:
    """The mix of the first epoch of local training: Nova repeats one file."""
    pairs = data.train if split == "train" else data.validation
    seed = f"{params.seed} train 0" if split == "train" else f"{params.seed} validation"
    found = conversation.conversations(samples(Mix(pairs, data.articles, params.raft).epoch(seed)))
    for reason, count in found.reasons.items():
        say(f"fine-tuning {name}: {count} {split} sample(s) left out, as {reason}")
    conversation.check(found.rows, split, found.rejected)
    return found


def _data(bucket: str, split: str, file: bytes) -> Data:
    sha256 = storage.sha256(file)
    return Data(f"s3://{bucket}/{DATA}{split}-{sha256[:12]}.jsonl", sha256)


def _role(aws: Clients, custom: CustomizationParams, bucket: str) -> Role:
    if custom.role_arn:
        return check_role(aws, custom.role_arn)
    trusted = trust(aws.arn("bedrock", "model-customization-job/*"))
    allowed = customization_policy(aws.bucket_arn(bucket), DATA, OUTPUT)
    key = _role_key(aws, bucket)
    return ensure_role(aws, _role_name(aws, bucket), trusted, allowed, tags(STAGE, key))


def _role_name(aws: Clients, bucket: str) -> str:
    return resource_name("customization", _role_key(aws, bucket))


def _role_key(aws: Clients, bucket: str) -> str:
    return content_key("role", "customization", aws.region, bucket)


def _counts(splits: dict[str, Conversations]) -> dict[str, int]:
    train_split = splits["train"]
    return {
        **{split: len(found.rows) for split, found in splits.items()},
        "with_passages": train_split.with_passages,
        "mended": train_split.repaired,
    }


def _metrics(
    splits: dict[str, Conversations], custom: CustomizationParams, trained: Trained, trained_tokens: int
) -> dict[str, float]:
    counts = _counts(splits)
    metrics: dict[str, float] = {
        "pairs_bare": counts["train"] - counts["with_passages"],
        "pairs_with_passages": counts["with_passages"],
        "samples_mended": counts["mended"],
        "samples_rejected": sum(len(found.rejected) for found in splits.values()),
        "epochs": custom.epochs,
        "tokens": trained_tokens,
    }
    for split, label in (("train", "training_loss"), ("validation", "validation_loss")):
        if losses := [row["loss"] for row in trained.curve if row["split"] == split]:
            metrics[label] = losses[-1]
    if trained.curve:
        metrics["steps"] = max(row["step"] for row in trained.curve)
    return metrics
