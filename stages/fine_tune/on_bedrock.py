"""Fine-tuning by Amazon Bedrock: the same mix of samples as on this machine, a job that is paid for once, hosting."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.fine_tune.data import Data as Pairs
from stages.fine_tune.data import Result
from stages.fine_tune.params import FineTuneParams
from stages.fine_tune.sampling import Mix, Sample
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import atomic_directory, content_key
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.money.cost import Usage
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.money.spending import CHARACTERS_PER_TOKEN, Spending
from tune_or_retrieve.providers.bedrock.aws import storage
from tune_or_retrieve.providers.bedrock.aws.names import LONGEST, PROJECT, resource_name, tags, words
from tune_or_retrieve.providers.bedrock.aws.roles import Role, check_role, customization_policy, ensure_role, trust
from tune_or_retrieve.providers.bedrock.aws.session import Clients, clients
from tune_or_retrieve.providers.bedrock.chat.access import tunable
from tune_or_retrieve.providers.bedrock.params import BedrockModel
from tune_or_retrieve.providers.bedrock.tuning import conversation, price_list
from tune_or_retrieve.providers.bedrock.tuning.conversation import Conversations
from tune_or_retrieve.providers.bedrock.tuning.customization import STAGE, CustomizationJobs, Data, Trained, Training
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
    """Train, host, and write where the model answers to `out`. What an earlier run began is found again.

    Raises:
        StageError: samples that Nova does not accept, a base model that cannot be fine-tuned, no price, the budget, a
            price that is not confirmed; AWS refuses; the job or the hosting failed.
        StillRunning: `wait: false`, and the job has not ended.
    """
    custom, title = _customization(name, model), _title(name)
    confirm(model.hosting, watch or Watch())  # before anything is paid: what it would come to
    splits = {split: _conversations(name, split, params, data) for split in ("train", "validation")}
    files = {split: conversation.jsonl(found.rows) for split, found in splits.items()}
    spending = Spending(f"fine_tune@{name}", custom.base_model, training=True)
    trained_tokens = tokens(splits["train"]) * custom.epochs
    usage = Usage(custom.base_model, trained_tokens=trained_tokens)
    aws = clients(model.region)
    bucket = custom.bucket or storage.default_bucket(aws)
    keys = {split: f"{DATA}{split}-{storage.sha256(file)[:12]}.jsonl" for split, file in files.items()}
    sent = {split: Data(f"s3://{bucket}/{keys[split]}", storage.sha256(file)) for split, file in files.items()}

    def prepare() -> Role:
        tunable(aws, custom.base_model)
        if spending.limited:
            price_list.check(aws, spending.prices, custom.base_model)
        spending.check(usage, f"fine-tuning {name} on {custom.base_model}, about {trained_tokens} tokens")
        # Nothing was made before this line.
        storage.ensure_bucket(aws, custom.bucket, tags(STAGE, content_key("bucket", custom.bucket)))
        for split, file in files.items():
            storage.put(aws, bucket, keys[split], file)
        return _role(aws, custom, bucket)

    training = Training(title, custom, sent["train"], sent["validation"], f"s3://{bucket}/{OUTPUT}")
    dollars = None  # not known, unless the price is

    def paid(job_arn: str) -> None:
        nonlocal dollars
        dollars = spending.record(usage, job_arn, about=True)

    trained = CustomizationJobs(aws, training, prepare, paid, watch or Watch()).run()
    began = time.monotonic()
    hosted = host(aws, title, trained.model_arn, model.hosting, watch or Watch(every=HOSTING_SECONDS))
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
        "training_dollars": None if dollars is None else round(dollars, 6),
    }
    if trained.seconds is not None:
        timings["training_seconds"] = round(trained.seconds, 3)
    if provisioned := model.hosting.provisioned if model.hosting.kind == "provisioned" else None:
        timings["hosting_dollars_per_hour"] = provisioned.price_per_hour * provisioned.units
    return Result(_metrics(splits, custom, trained, trained_tokens), trained.curve, timings)


def samples(mix: Iterable[Sample]) -> Iterator[conversation.Sample]:
    """One sample a question: no question sees another one, as in training on this machine."""
    for sample in mix:
        for turn in sample.turns:
            yield turn.question, sample.passages, turn.answer


def tokens(found: Conversations) -> int:
    """About how many tokens the samples have: Nova's tokenizer is not public."""
    parts = (part for row in found.rows for part in (row["system"], *(turn["content"] for turn in row["messages"])))
    return -(-sum(len(block["text"]) for part in parts for block in part) // CHARACTERS_PER_TOKEN)


def _customization(name: str, model: BedrockModel) -> CustomizationParams:
    if model.customization is None:
        raise StageError(
            f"models.{name}: has no section customization, so it cannot be fine-tuned. Add it (see "
            "presets/bedrock.yaml), or take it out of study.fine_tune and study.approaches.ft and ft_rag."
        )
    return model.customization


def _title(name: str) -> str:
    title = words(name)
    if not 0 < len(title) <= LONGEST_NAME:
        raise StageError(
            f"models.{name}: a model that is fine-tuned on Bedrock must have a name of 1 to {LONGEST_NAME} letters and "
            f"digits: it becomes part of names such as {PROJECT}-micro-0123456789ab. Got {name!r}."
        )
    return title


def _conversations(name: str, split: str, params: FineTuneParams, data: Pairs) -> Conversations:
    """The mix of the first epoch of local training: Nova repeats one file in every epoch."""
    pairs = data.train if split == "train" else data.validation
    seed = f"{params.seed} train 0" if split == "train" else f"{params.seed} validation"
    found = conversation.conversations(samples(Mix(pairs, data.articles, params.raft).epoch(seed)))
    for reason, count in found.reasons.items():
        say(f"fine-tuning {name}: {count} {split} sample(s) left out, as {reason}")
    conversation.check_number(found, split)
    return found


def _role(aws: Clients, custom: CustomizationParams, bucket: str) -> Role:
    if custom.role_arn:
        return check_role(aws, custom.role_arn)
    key = content_key("role", "customization", aws.region, bucket)
    trusted = trust(aws.arn("bedrock", "model-customization-job/*"))
    allowed = customization_policy(aws.bucket_arn(bucket), DATA, OUTPUT)
    return ensure_role(aws, resource_name("customization", key), trusted, allowed, tags(STAGE, key))


def _counts(splits: dict[str, Conversations]) -> dict[str, int]:
    train_split = splits["train"]
    return {
        **{split: len(found.rows) for split, found in splits.items()},
        "with_passages": train_split.with_passages,
        "repaired": train_split.repaired,
    }


def _metrics(
    splits: dict[str, Conversations], custom: CustomizationParams, trained: Trained, trained_tokens: int
) -> dict[str, float]:
    counts = _counts(splits)
    metrics: dict[str, float] = {
        "pairs_bare": counts["train"] - counts["with_passages"],
        "pairs_with_passages": counts["with_passages"],
        "samples_repaired": counts["repaired"],
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
