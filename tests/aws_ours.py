"""An account in which a study has run: everything that this project makes, beside things of the user's own."""

import itertools
import json
import re
from typing import Any

import aws_world as world
from aws_process import Killed
from aws_standin import Standin

from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws import names
from tune_or_retrieve.providers.bedrock.aws.roles import (
    batch_policy,
    customization_policy,
    ensure_role,
    knowledge_base_policy,
    trust,
    when_known,
)
from tune_or_retrieve.providers.bedrock.aws.session import Clients
from tune_or_retrieve.providers.bedrock.aws.storage import ensure_bucket, put, sync
from tune_or_retrieve.providers.bedrock.tuning.customization import CustomizationJobs, Data, Training
from tune_or_retrieve.providers.bedrock.tuning.customization_params import CustomizationParams
from tune_or_retrieve.providers.bedrock.tuning.hosting import HostingParams, ProvisionedParams, host

KEY = "0123456789ab" * 5
QUIET = Watch(every=0.0, clock=lambda: 0.0, sleep=lambda _: None, say=lambda _: None)
PROVISIONED = HostingParams(
    kind="provisioned",
    provisioned=ProvisionedParams(units=1, commitment="none", price_per_hour=60.0, confirmed=True),
)
JOBS = ("model-customization-job", "model-invocation-job", "ingestion-job")
NUMBERS = itertools.count()
NOVA = "amazon.nova-micro-v1:0:128k"


def bucket_of(clients: Clients) -> str:
    return ensure_bucket(clients, None, names.tags("index", KEY))


def training(clients: Clients, bucket: str, model: str) -> CustomizationJobs:
    role = ensure_role(
        clients, names.resource_name("fine-tune", KEY),
        trust(clients.arn("bedrock", "model-customization-job/*")),
        customization_policy(clients.bucket_arn(bucket), "tune-or-retrieve/training/", "tune-or-retrieve/output/"),
        names.tags("fine_tune", KEY),
    )  # fmt: skip
    uri = put(clients, bucket, f"tune-or-retrieve/training/{model}.jsonl", world.jsonl([world.sample()] * 8).encode())
    params = CustomizationParams(base_model=NOVA, epochs=1, learning_rate=1e-5, warmup_steps=10)
    data = Data(uri, f"{model} {next(NUMBERS)}")  # the job of a model that was deleted is not submitted again by itself
    content = Training(model, params, data, data, f"s3://{bucket}/tune-or-retrieve/output/")
    return CustomizationJobs(clients, content, lambda: role, lambda job: None, QUIET)


def tuned(clients: Clients, bucket: str) -> str:
    """The ARN of a custom model of ours."""
    return training(clients, bucket, "micro").run().model_arn


def running_training(clients: Clients, bucket: str) -> None:
    training(clients, bucket, "lite").ensure()


def hosted(clients: Clients, model_arn: str) -> None:
    host(clients, "micro", model_arn, HostingParams(), QUIET)


def provisioned(clients: Clients, model_arn: str) -> None:
    host(clients, "lite", model_arn, PROVISIONED, QUIET)


def knowledge_base(clients: Clients, bucket: str) -> dict[str, str]:
    """Vectors, a knowledge base and its data source, with ingested articles; the ids of both."""
    tags = names.tags("index", KEY)
    prefix = "tune-or-retrieve/articles/"
    sync(clients, bucket, prefix, {"queue.md": b"# Queue\n\nA parcel can hold at most 64 KB of data."})
    vectors, agent = clients.s3vectors, clients.bedrock_agent
    name = names.resource_name("articles", KEY)
    vectors.create_vector_bucket(vectorBucketName=name, tags=tags)
    keys = {"nonFilterableMetadataKeys": world.STORED_ONLY}
    index = vectors.create_index(
        vectorBucketName=name, indexName=name, dataType="float32", dimension=1024, distanceMetric="cosine",
        metadataConfiguration=keys, tags=tags,
    )["indexArn"]  # fmt: skip
    role = ensure_role(
        clients, name, trust(clients.arn("bedrock", "knowledge-base/*")),
        knowledge_base_policy(clients.bucket_arn(bucket), prefix, world.TITAN, index), tags,
    )  # fmt: skip
    request = world.base_request(index, role.arn, name=name, tags=tags, clientToken=names.client_token("kb"))
    base = when_known(role, lambda: agent.create_knowledge_base(**request), QUIET)["knowledgeBase"]["knowledgeBaseId"]
    while agent.get_knowledge_base(knowledgeBaseId=base)["knowledgeBase"]["status"] == "CREATING":
        pass
    source = agent.create_data_source(
        knowledgeBaseId=base, name="articles",
        dataSourceConfiguration={
            "type": "S3",
            "s3Configuration": {"bucketArn": f"arn:aws:s3:::{bucket}", "inclusionPrefixes": [prefix]},
        },
    )["dataSource"]["dataSourceId"]  # fmt: skip
    return {"knowledgeBaseId": base, "dataSourceId": source}


def ingesting(clients: Clients, ids: dict[str, str]) -> None:
    clients.bedrock_agent.start_ingestion_job(**ids)


def running_batch(clients: Clients, bucket: str) -> None:
    role = ensure_role(
        clients, names.resource_name("batch", KEY),
        trust(clients.arn("bedrock", "model-invocation-job/*")),
        batch_policy(clients.bucket_arn(bucket), "tune-or-retrieve/batch/", "tune-or-retrieve/batch/", ["*"]),
        names.tags("judge", KEY),
    )  # fmt: skip
    put(clients, bucket, "tune-or-retrieve/batch/in.jsonl", json.dumps({"modelInput": {}}).encode())
    uri = f"s3://{bucket}/tune-or-retrieve/batch/"
    clients.bedrock.create_model_invocation_job(
        jobName=names.resource_name("judge", KEY, attempt=next(NUMBERS) + 1),
        roleArn=role.arn, modelId="amazon.nova-micro-v1:0",
        inputDataConfig={"s3InputDataConfig": {"s3Uri": uri}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": uri}},
        tags=names.pairs(names.tags("judge", KEY)),
    )  # fmt: skip


def everything(aws: Standin, clients: Clients) -> None:
    """All that a study makes; the jobs are held, and run for ever."""
    bucket = bucket_of(clients)
    model = tuned(clients, bucket)
    hosted(clients, model)
    provisioned(clients, model)
    ids = knowledge_base(clients, bucket)
    for kind in JOBS:
        aws.hold(kind)
    ingesting(clients, ids)
    running_training(clients, bucket)
    running_batch(clients, bucket)


def killing(clients: Clients) -> list[int]:
    """Have the process die right after its nth change at AWS. Set the number in the list given; 0: never."""
    left = [0]

    def count(model: Any, **_: Any) -> None:
        if re.match("Delete|Stop|Update|Put|Create", model.name) and left[0]:
            left[0] -= 1
            if not left[0]:
                raise Killed

    clients._session.events.register("after-call", count)
    return left


def of_the_user(aws: Standin) -> list[str]:
    """Things that nobody may touch, some named like ours; what `left` says of them."""
    world.custom_model(aws, jobName="tune-or-retrieve-by-hand", customModelName="tune-or-retrieve-by-hand")
    world.data_source(aws, world.knowledge_base(aws, role_arn=world.role(aws, name="tune-or-retrieve-by-hand")))
    world.put(aws, "tune-or-retrieve/mine.txt", "mine")
    return aws.left()


def let_go(aws: Standin) -> None:
    for kind in JOBS:
        aws.pace(kind)
