"""What the stand-in's own tests need to be there first: a bucket, a role, training data, a knowledge base."""

import json
from typing import Any

from aws_standin import ACCOUNT_ID, Standin

BUCKET = "study-data"
NOVA = "amazon.nova-micro-v1:0:128k"
TITAN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
STORED_ONLY = ["AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA"]
TOKEN = "token-0123456789-0123456789-0123456789"


def allow(actions: list[str], resource: str | list[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


EVERYTHING = allow(["s3:*", "s3vectors:*", "bedrock:*", "aoss:*"])


def role(aws: Standin, *statements: dict[str, Any], name: str = "study", trusted: str = "bedrock.amazonaws.com") -> str:
    """A role that Bedrock may assume for this account; its ARN."""
    iam = aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": trusted},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT_ID},
            "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT_ID}:*"},
        },
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=name, PolicyName="study", PolicyDocument=_policy(*(statements or (EVERYTHING,))))
    return made["Role"]["Arn"]


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def put(aws: Standin, key: str, text: str | bytes) -> str:
    """An object in the study's bucket, which is made if it is not there; its URI."""
    s3 = aws.client("s3")
    if BUCKET not in aws.account.buckets():
        s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key, Body=text if isinstance(text, bytes) else text.encode())
    return f"s3://{BUCKET}/{key}"


def sample(user: str = "What is a queue?", assistant: str = "A queue holds messages.") -> dict[str, Any]:
    return {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "Answer."}],
        "messages": [
            {"role": "user", "content": [{"text": user}]},
            {"role": "assistant", "content": [{"text": assistant}]},
        ],
    }


def jsonl(records: list[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def job_request(aws: Standin, **changes: Any) -> dict[str, Any]:
    """The parameters of a fine-tuning job over eight samples; the role is made unless it is given."""
    request = {
        "jobName": "tune-1",
        "customModelName": "micro-1",
        "baseModelIdentifier": NOVA,
        "trainingDataConfig": {"s3Uri": put(aws, "train.jsonl", jsonl([sample()] * 8))},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out"},
        "clientRequestToken": TOKEN,
    } | changes
    return request if "roleArn" in request else request | {"roleArn": role(aws)}


def custom_model(aws: Standin, **changes: Any) -> str:
    """The ARN of a model that a job has made."""
    bedrock, request = aws.client("bedrock"), job_request(aws, **changes)
    arn = bedrock.create_model_customization_job(**request)["jobArn"]
    while (job := bedrock.get_model_customization_job(jobIdentifier=arn))["status"] == "InProgress":
        pass
    return job["outputModelArn"]


def vector_index(aws: Standin, stored_only: list[str] = STORED_ONLY, dimension: int = 1024) -> str:
    vectors = aws.client("s3vectors")
    vectors.create_vector_bucket(vectorBucketName="study-vectors")
    keys = {"metadataConfiguration": {"nonFilterableMetadataKeys": stored_only}} if stored_only else {}
    shape = {"dataType": "float32", "dimension": dimension, "distanceMetric": "cosine"}
    return vectors.create_index(vectorBucketName="study-vectors", indexName="study", **shape, **keys)["indexArn"]


def base_request(index: str, role_arn: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "study",
        "clientToken": TOKEN,
        "roleArn": role_arn,
        "knowledgeBaseConfiguration": {
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": TITAN},
        },
        "storageConfiguration": {"type": "S3_VECTORS", "s3VectorsConfiguration": {"indexArn": index}},
    } | changes


def knowledge_base(aws: Standin, index: str | None = None, role_arn: str | None = None) -> str:
    """The id of a knowledge base that is ACTIVE."""
    agent = aws.client("bedrock-agent")
    request = base_request(index or vector_index(aws), role_arn or role(aws))
    identifier = agent.create_knowledge_base(**request)["knowledgeBase"]["knowledgeBaseId"]
    while agent.get_knowledge_base(knowledgeBaseId=identifier)["knowledgeBase"]["status"] == "CREATING":
        pass
    return identifier


def data_source(aws: Standin, base: str, chunking: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    """Both ids of a data source over articles/ in the study's bucket, as the operations on it take them."""
    request = {
        "knowledgeBaseId": base,
        "name": "articles",
        "dataSourceConfiguration": {
            "type": "S3",
            "s3Configuration": {"bucketArn": f"arn:aws:s3:::{BUCKET}", "inclusionPrefixes": ["articles/"]},
        },
    } | changes
    if chunking:
        request["vectorIngestionConfiguration"] = {"chunkingConfiguration": chunking}
    made = aws.client("bedrock-agent").create_data_source(**request)["dataSource"]
    return {"knowledgeBaseId": base, "dataSourceId": made["dataSourceId"]}


def ingest(aws: Standin, source: dict[str, str]) -> dict[str, Any]:
    """An ingestion job that is over."""
    agent = aws.client("bedrock-agent")
    job = agent.start_ingestion_job(**source)["ingestionJob"]
    while job["status"] in ("STARTING", "IN_PROGRESS"):
        job = agent.get_ingestion_job(**source, ingestionJobId=job["ingestionJobId"])["ingestionJob"]
    return job
