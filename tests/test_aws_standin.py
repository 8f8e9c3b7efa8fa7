"""The stand-in for AWS: the protocol, the faults it makes when told to, and what it remembers."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import aws_world as world
import boto3
import botocore.session
import pytest
from aws_standin import DROP, LOSE, REFUSE, STALL
from aws_standin.constraints import faults
from aws_standin.state import HANDLERS
from aws_standin.wire import models
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)

HELLO = {"modelId": "us.amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}


def refused(call, **params):
    """Code, status and message of the refusal."""
    with pytest.raises(ClientError) as error:
        call(**params)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


# Protocol


@pytest.mark.parametrize(("service", "name"), sorted(HANDLERS))
def test_every_operation_played_is_in_botocores_models(service, name):
    assert name in models()[service].operation_names


def test_percent_encoded_arns_come_back_whole(aws):
    arn = world.custom_model(aws)
    assert aws.client("bedrock").get_custom_model(modelIdentifier=arn)["modelArn"] == arn
    assert aws.ledger.of("GetCustomModel")[0].params == {"modelIdentifier": arn}


def test_query_parameters_are_parsed_by_their_types(aws):
    bedrock = aws.client("bedrock")
    first = bedrock.list_inference_profiles(maxResults=2)
    assert len(first["inferenceProfileSummaries"]) == 2
    rest = bedrock.list_inference_profiles(maxResults=1000, nextToken=first["nextToken"])
    everything = bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    assert first["inferenceProfileSummaries"] + rest["inferenceProfileSummaries"] == everything
    assert aws.ledger.of("ListInferenceProfiles")[0].params == {"maxResults": 2}


PATTERN = "Member must satisfy regular expression pattern: "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"jobName": "a job"},
            f"1 validation error detected: Value 'a job' at 'jobName' failed to satisfy constraint: {PATTERN}"
            r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*",
        ),
        (
            {"customModelName": "m" * 64},
            f"2 validation errors detected: Value '{'m' * 64}' at 'customModelName' failed to satisfy constraint: "
            f"Member must have length less than or equal to 63; Value '{'m' * 64}' at 'customModelName' failed to "
            f"satisfy constraint: {PATTERN}([0-9a-zA-Z][_-]?){{1,63}}",
        ),
        (
            {"customizationType": "TUNE"},
            "1 validation error detected: Value 'TUNE' at 'customizationType' failed to satisfy constraint: Member must"
            " satisfy enum value set: [FINE_TUNING, CONTINUED_PRE_TRAINING, DISTILLATION, REINFORCEMENT_FINE_TUNING,"
            " IMPORTED]",
        ),
        (
            {"jobTags": [{"key": "k", "value": "v!"}]},
            "1 validation error detected: Value 'v!' at 'jobTags.1.member.value' failed to satisfy constraint: "
            rf"{PATTERN}[a-zA-Z0-9\s._:/=+@-]*",
        ),
    ],
)
def test_what_boto3_lets_pass_and_the_model_forbids_is_refused(aws, change, message):
    call = aws.client("bedrock").create_model_customization_job
    assert refused(call, **world.job_request(aws, **change)) == ("ValidationException", 400, message)
    assert aws.ledger.made("CreateModelCustomizationJob") == 0


def test_what_boto3_itself_would_not_send_is_refused_too(aws):
    call = aws.client("bedrock-runtime", parameter_validation=False).converse
    code, _, message = refused(call, modelId="us.amazon.nova-lite-v1:0", messages=[{"role": "user"}])
    assert (code, message) == (
        "ValidationException",
        '1 validation error detected: Missing required parameter in messages[0]: "content"',
    )


def test_answers_are_held_to_the_model_as_well():
    shape = models()["bedrock"].operation_model("GetModelCustomizationJob").output_shape
    assert 'Missing required parameter in input: "jobArn"' in faults({"status": "Done"}, shape)
    assert faults({"status": "Done"}, shape)[-1].startswith("Value 'Done' at 'status' failed")


def test_a_fault_of_the_stand_in_fails_the_test():
    from aws_standin import running

    with pytest.raises(AssertionError, match="does not play bedrock ListGuardrails"), running() as aws:
        assert refused(aws.client("bedrock").list_guardrails)[0] == "StandinFault"


def test_an_unknown_path_is_an_unknown_operation(aws):
    connection = http.client.HTTPConnection(aws.url.removeprefix("http://"))
    scope = "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/bedrock/aws4_request"
    connection.request("GET", "/no/such/thing", headers={"Authorization": scope})
    reply = connection.getresponse()
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


# Around it


def test_environment_leads_boto3_of_this_process_and_of_a_child_here(aws):
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == "123456789012"
    script = (
        "import boto3\n"
        "for name in ('bedrock', 'bedrock-runtime', 'bedrock-agent', 'bedrock-agent-runtime', 's3vectors', 's3'):\n"
        "    print(boto3.client(name).meta.endpoint_url)\n"
        "print(len(boto3.client('bedrock').list_foundation_models()['modelSummaries']))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"{aws.url}\n" * 6 + "13\n"


def test_nothing_of_it_is_there_without_the_fixture():
    assert not [name for name in os.environ if name.startswith("AWS_ENDPOINT") or name.endswith("_KEY_ID")]
    with pytest.raises(NoCredentialsError):
        botocore.session.Session().create_client("sts", region_name="us-east-1").get_caller_identity()


def test_each_stand_in_begins_with_an_empty_account():
    from aws_standin import running

    with running() as first:
        world.custom_model(first)
        assert first.left() != []
    with running() as second:
        assert second.left() == []


def test_another_region_has_other_resources_and_no_models(aws):
    world.vector_index(aws)
    assert len(aws.client("s3vectors").list_vector_buckets()["vectorBuckets"]) == 1
    assert aws.client("s3vectors", region="eu-west-1").list_vector_buckets()["vectorBuckets"] == []
    assert aws.client("bedrock", region="eu-west-1").list_foundation_models()["modelSummaries"] == []
    assert refused(aws.client("bedrock-runtime", region="eu-west-1").converse, **HELLO)[2] == (
        "The provided model identifier is invalid."
    )


# Faults

QUOTA, UNAVAILABLE = "ServiceQuotaExceededException", "ServiceUnavailableException"


@pytest.mark.parametrize(
    ("service", "call", "params", "operation", "action", "expected"),
    [
        ("bedrock-runtime", "converse", HELLO, "Converse", "ThrottlingException", ("ThrottlingException", 429)),
        ("bedrock-runtime", "converse", HELLO, "Converse", "ModelTimeoutException", ("ModelTimeoutException", 408)),
        ("bedrock-runtime", "converse", HELLO, "Converse", "ModelErrorException", ("ModelErrorException", 424)),
        ("bedrock-runtime", "converse", HELLO, "Converse", "ModelNotReadyException", ("ModelNotReadyException", 429)),
        ("bedrock-runtime", "converse", HELLO, "Converse", "InternalServerException", ("InternalServerException", 500)),
        ("bedrock-runtime", "converse", HELLO, "*", UNAVAILABLE, (UNAVAILABLE, 503)),
        ("bedrock-runtime", "converse", HELLO, "Converse", "AccessDeniedException", ("AccessDeniedException", 403)),
        ("bedrock", "list_custom_models", {}, "*", "ExpiredTokenException", ("ExpiredTokenException", 403)),
        ("bedrock", "list_custom_models", {}, "*", QUOTA, (QUOTA, 400)),
        ("bedrock-agent", "list_knowledge_bases", {}, "*", QUOTA, (QUOTA, 402)),
        ("s3vectors", "list_vector_buckets", {}, "*", "TooManyRequestsException", ("TooManyRequestsException", 429)),
        ("sts", "get_caller_identity", {}, "GetCallerIdentity", "ExpiredTokenException", ("ExpiredToken", 403)),
        ("iam", "list_roles", {}, "ListRoles", "AccessDeniedException", ("AccessDenied", 403)),
        ("iam", "list_roles", {}, "*", "ThrottlingException", ("Throttling", 400)),
        ("s3", "list_buckets", {}, "GET", "ThrottlingException", ("SlowDown", 503)),
        ("s3", "list_buckets", {}, "GET", "ExpiredTokenException", ("ExpiredToken", 400)),
        ("s3", "list_buckets", {}, "*", "InternalServerException", ("InternalServerException", 500)),
    ],
)  # fmt: skip
def test_an_error_on_command_is_that_of_the_service(aws, service, call, params, operation, action, expected):
    fault = aws.fault(operation, action, service=service, times=1)
    client = aws.client(service)
    assert refused(getattr(client, call), **params)[:2] == expected
    assert getattr(client, call)(**params)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert fault.met == 1


def test_a_share_of_the_calls_is_throttled_and_retries_lose_nothing_and_pay_nothing_twice(aws, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # not the time that retries wait
    fault = aws.fault("Converse", "ThrottlingException", share=0.3, seed=4)
    client = aws.client("bedrock-runtime", retries={"mode": "standard", "total_max_attempts": 12})
    for _ in range(10):
        client.converse(**HELLO)
    assert 1 <= fault.met == aws.ledger.count("Converse", ok=False)
    assert aws.ledger.count("Converse", ok=True) == 10 == len(aws.ledger.bills)
    assert aws.ledger.count("Converse") == 10 + fault.met


def test_the_share_follows_the_seed(aws):
    bedrock = aws.client("bedrock")

    def struck(seed):
        fault = aws.fault("ListCustomModels", "ThrottlingException", share=0.5, seed=seed)
        before = len(aws.ledger.entries)
        for _ in range(8):
            with contextlib.suppress(ClientError):
                bedrock.list_custom_models()
        aws.faults.clear()
        return [entry.ok for entry in aws.ledger.entries[before:]], fault.met

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


@pytest.mark.parametrize(
    ("action", "error", "paid"),
    [
        (REFUSE, ConnectionClosedError, 0),
        (LOSE, ConnectionClosedError, 1),  # the answer was lost, not the bill
        (STALL, ReadTimeoutError, 1),
    ],
)
def test_connections_are_lost_on_command(aws, action, error, paid):
    aws.fault("Converse", action, times=1)
    impatient = aws.client("bedrock-runtime", read_timeout=1 if action == STALL else 60)
    with pytest.raises(error):
        impatient.converse(**HELLO)
    while len(aws.ledger.bills) < paid:  # the client may have gone before
        time.sleep(0.01)
    assert len(aws.ledger.bills) == paid
    assert aws.client("bedrock-runtime").converse(**HELLO)["stopReason"] == "end_turn"


def test_botocore_takes_an_answer_that_is_cut_for_a_success_without_members(aws):
    """What botocore 1.44.5 does, and code of ours must know: if this fails, botocore has learnt to notice."""
    aws.fault("Converse", DROP, times=1)
    client = aws.client("bedrock-runtime")
    assert list(client.converse(**HELLO)) == ["ResponseMetadata"]
    assert len(aws.ledger.bills) == 1


def test_a_lost_answer_is_asked_for_again_and_the_token_makes_it_one_job(aws):
    aws.fault("CreateModelCustomizationJob", LOSE, times=1)
    client = aws.client("bedrock", retries={"total_max_attempts": 2})
    request = world.job_request(aws)
    arn = client.create_model_customization_job(**request)["jobArn"]
    assert aws.ledger.count("CreateModelCustomizationJob", ok=True) == 2
    assert aws.ledger.made("CreateModelCustomizationJob") == 1
    assert [job.arn for job in aws.state("us-east-1").all("model-customization-job")] == [arn]


def test_objects_can_be_lost_on_the_way_too(aws):
    uri = world.put(aws, "a.txt", "x" * 1000)
    aws.fault("GET", DROP, service="s3", times=1)
    s3 = aws.client("s3", retries={"total_max_attempts": 1})
    with pytest.raises((ConnectionClosedError, ResponseStreamingError)):
        s3.get_object(Bucket=world.BUCKET, Key="a.txt")["Body"].read()
    assert s3.get_object(Bucket=world.BUCKET, Key="a.txt")["Body"].read() == aws.account.read(uri)


# Ledger


def test_ledger_counts_requests_tokens_and_the_most_at_one_time(aws):
    aws.latency = 0.1
    client = aws.client("bedrock-runtime")
    with ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: client.converse(**HELLO), range(6)))
    assert aws.ledger.peak["Converse"] == 3
    assert aws.ledger.tokens() == (
        sum(reply["usage"]["inputTokens"] for reply in replies),
        sum(reply["usage"]["outputTokens"] for reply in replies),
    )
    assert aws.ledger.tokens("us.amazon.nova-pro-v1:0") == (0, 0)
    assert [entry.bills[0].model for entry in aws.ledger.of("Converse")] == ["us.amazon.nova-lite-v1:0"] * 6


def test_what_is_left_is_listed_until_it_is_gone(aws):
    arn = world.custom_model(aws)
    bedrock, iam, s3 = aws.client("bedrock"), aws.client("iam"), aws.client("s3")
    policy = iam.create_policy(PolicyName="own", PolicyDocument=world._policy(world.EVERYTHING))["Policy"]["Arn"]
    job = aws.state("us-east-1").all("model-customization-job")[0].id
    assert aws.left() == [
        "custom-model micro-1 Active",
        f"policy {policy}",
        "policy study/study",
        "role study",
        "s3://study-data",
        f"s3://study-data/out/model-customization-job-{job}/training_artifacts/step_wise_training_metrics.csv",
        "s3://study-data/train.jsonl",
    ]
    bedrock.delete_custom_model(modelIdentifier=arn)
    iam.delete_policy(PolicyArn=policy)
    iam.delete_role_policy(RoleName="study", PolicyName="study")
    iam.delete_role(RoleName="study")
    for item in s3.list_objects_v2(Bucket=world.BUCKET)["Contents"]:
        s3.delete_object(Bucket=world.BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=world.BUCKET)
    assert aws.left() == []


def test_seconds_pass_without_anyone_looking(aws):
    aws.pace("model-customization-job", seconds=3600)
    bedrock = aws.client("bedrock")
    arn = bedrock.create_model_customization_job(**world.job_request(aws))["jobArn"]
    assert bedrock.get_model_customization_job(jobIdentifier=arn)["status"] == "InProgress"
    (job,) = aws.state("us-east-1").all("model-customization-job")
    job.since -= 3600
    assert bedrock.get_model_customization_job(jobIdentifier=arn)["status"] == "Completed"
