"""The stand-in for AWS: what models are there, what they answer one by one, and in batches."""

import json

import aws_world as world
import pytest
from aws_standin import Reply
from langchain_aws import ChatBedrockConverse
from pydantic import BaseModel, Field
from test_aws_standin import refused

NOVA = "us.amazon.nova-lite-v1:0"
CLAUDE = "us.anthropic.claude-sonnet-4-6"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
PASSAGES = (
    "[1] Queues\nA queue holds messages for four days. A topic keeps none.\n\n"
    "Question: How long does a queue hold messages?"
)


def say(text, **more):
    return {"messages": [{"role": "user", "content": [{"text": text}]}]} | more


class Score(BaseModel):
    """The score of an answer."""

    reason: str
    score: int = Field(ge=2, le=10)


# What is there


def test_models_are_listed_as_a_doctor_asks_for_them(aws):
    bedrock = aws.client("bedrock")
    tunable = bedrock.list_foundation_models(byCustomizationType="FINE_TUNING")["modelSummaries"]
    assert [one["modelId"] for one in tunable] == [
        "amazon.nova-micro-v1:0:128k",
        "amazon.nova-lite-v1:0:300k",
        "amazon.nova-pro-v1:0:300k",
        "amazon.nova-2-lite-v1:0:256k",
    ]
    assert bedrock.get_foundation_model(modelIdentifier=world.TITAN)["modelDetails"]["outputModalities"] == [
        "EMBEDDING"
    ]
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=CLAUDE)
    assert (profile["inferenceProfileId"], profile["status"]) == (CLAUDE, "ACTIVE")
    assert refused(bedrock.get_foundation_model, modelIdentifier="amazon.nova-none-v1:0")[0] == (
        "ResourceNotFoundException"
    )


def test_a_model_without_access_says_so_twice(aws):
    aws.settings.denied_models.add("anthropic.claude-sonnet-4-6")
    availability = aws.client("bedrock").get_foundation_model_availability(modelId="anthropic.claude-sonnet-4-6")
    assert (availability["authorizationStatus"], availability["entitlementAvailability"]) == (
        "NOT_AUTHORIZED",
        "NOT_AVAILABLE",
    )
    assert refused(aws.client("bedrock-runtime").converse, modelId=CLAUDE, **say("Hello?")) == (
        "AccessDeniedException",
        403,
        "You don't have access to the model with the specified model ID.",
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"modelId": "us.amazon.nova-none-v1:0"}, "The provided model identifier is invalid."),
        (
            {"modelId": "anthropic.claude-sonnet-4-6"},
            "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn’t supported. Retry your "
            "request with the ID or ARN of an inference profile that contains this model.",
        ),
        (
            {"modelId": "amazon.titan-embed-text-v2:0"},
            "This action doesn't support the model that you provided.",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"text": "Hello."}]}]},
            "A conversation must start with a user message.",
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": "Hello?"}]}] * 2},
            "A conversation must alternate between user and assistant roles.",
        ),
        (say(" "), "The text field in the ContentBlock object at messages.0.content.0 is blank."),
        (
            {"inferenceConfig": {"maxTokens": 10_001}},
            "The maximum tokens you requested exceeds the model limit of 10000.",
        ),
        (
            {"inferenceConfig": {"temperature": 1.5}},
            "1 validation error detected: Value '1.5' at 'inferenceConfig.temperature' failed to satisfy constraint: "
            "Member must have value less than or equal to 1",
        ),
        (
            {
                "modelId": LLAMA,
                "toolConfig": {
                    "tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {"type": "object"}}}}],
                    "toolChoice": {"any": {}},
                },
            },
            "This model doesn't support the toolConfig.toolChoice.any field. Remove it.",
        ),
    ],
)
def test_converse_refuses_what_the_model_does_not_take(aws, request_, message):
    request = {"modelId": NOVA, **say("Hello?")} | request_
    assert refused(aws.client("bedrock-runtime").converse, **request) == ("ValidationException", 400, message)
    assert aws.ledger.bills == []


@pytest.mark.parametrize(
    "model",
    [
        NOVA,
        "amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{NOVA}",
    ],
)
def test_a_model_answers_to_each_of_its_names(aws, model):
    reply = aws.client("bedrock-runtime").converse(modelId=model, **say(PASSAGES))
    assert reply["output"]["message"]["content"] == [{"text": "A queue holds messages for four days."}]
    assert aws.ledger.bills[0].model == model


# Answers


@pytest.mark.parametrize(
    ("script", "limits", "text", "stop", "written"),
    [
        ("One two three.", {}, "One two three.", "end_turn", 4),
        ("One two three.", {"maxTokens": 2}, "One two", "max_tokens", 2),
        ("One two. END three", {"stopSequences": ["END"]}, "One two. ", "stop_sequence", 3),
        (Reply("No.", stop="content_filtered"), {}, "No.", "content_filtered", 2),
    ],
)
def test_what_is_scripted_is_said_within_the_limits(aws, script, limits, text, stop, written):
    seen = []
    aws.settings.answer = lambda request: seen.append(request) or script
    system = [{"text": "Be brief."}]
    reply = aws.client("bedrock-runtime").converse(
        modelId=NOVA, system=system, inferenceConfig=limits, **say("Count to three.")
    )
    assert (reply["output"]["message"]["content"], reply["stopReason"]) == ([{"text": text}], stop)
    usage = reply["usage"]
    assert usage["outputTokens"] == written
    assert usage["totalTokens"] == usage["inputTokens"] + written
    assert reply["metrics"]["latencyMs"] >= 1
    assert (seen[0].model, seen[0].system, seen[0].user) == ("amazon.nova-lite-v1:0", "Be brief.", "Count to three.")


def test_without_a_script_it_says_when_nothing_fits(aws):
    reply = aws.client("bedrock-runtime").converse(modelId=NOVA, **say("Why?"))
    assert reply["output"]["message"]["content"] == [{"text": "I have no passage that answers this question."}]


def test_longer_prompts_have_more_tokens_and_count_tokens_agrees(aws):
    runtime = aws.client("bedrock-runtime")
    short, long = (runtime.converse(modelId=NOVA, **say(text))["usage"]["inputTokens"] for text in ("a", "a b c"))
    assert long == short + 2
    counted = runtime.count_tokens(modelId="amazon.nova-lite-v1:0", input={"converse": say("a b c")})
    assert counted["inputTokens"] == long


def chat(model, **more):
    return ChatBedrockConverse(model=model, region_name="us-east-1", **more)


def test_langchain_reads_text_usage_stop_reason_and_latency(aws):
    message = chat(NOVA, max_tokens=3).invoke([("system", "Be brief."), ("human", PASSAGES)])
    assert message.content == "A queue holds"
    assert message.response_metadata["stopReason"] == "max_tokens"
    assert message.response_metadata["metrics"]["latencyMs"][0] >= 1
    assert (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) == aws.ledger.tokens()


def test_langchain_asks_a_deployment_as_its_base_model(aws):
    model = world.custom_model(aws)
    aws.pace("custom-model-deployment", polls=0)
    bedrock = aws.client("bedrock")
    deployment = bedrock.create_custom_model_deployment(modelDeploymentName="micro", modelArn=model)
    arn = deployment["customModelDeploymentArn"]
    message = chat(arn, provider="amazon", base_model="amazon.nova-micro-v1:0").invoke(PASSAGES)
    assert message.content == "A queue holds messages for four days."
    assert aws.ledger.bills[-1].model == arn


@pytest.mark.parametrize(
    ("model", "method", "choice"),
    [
        (NOVA, "function_calling", {"tool": {"name": "Score"}}),
        (CLAUDE, "function_calling", {"tool": {"name": "Score"}}),
        (LLAMA, "function_calling", None),
        (CLAUDE, "json_schema", None),
    ],
)
def test_structured_output_of_langchain_is_scripted_or_made_from_the_schema(aws, model, method, choice):
    structured = chat(model).with_structured_output(Score, method=method)
    assert structured.invoke(PASSAGES) == Score(reason="A queue holds messages for four days.", score=2)
    aws.settings.answer = lambda request: {"reason": request.model, "score": 7}
    assert structured.invoke("Judge.").score == 7
    assert aws.ledger.of("Converse")[0].params.get("toolConfig", {}).get("toolChoice") == choice


def test_a_tool_input_that_is_cut_is_not_handed_out(aws):
    reply = aws.client("bedrock-runtime").converse(
        modelId=NOVA,
        inferenceConfig={"maxTokens": 3},
        toolConfig={"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": Score.model_json_schema()}}}]},
        **say(PASSAGES),
    )
    assert reply["stopReason"] == "max_tokens"
    assert reply["output"]["message"]["content"][0]["toolUse"]["input"] == {}


def test_a_script_may_not_call_the_tool_at_all(aws):
    aws.settings.answer = lambda request: "I would rather chat."
    structured = chat(NOVA).with_structured_output(Score, include_raw=True)
    assert structured.invoke("Judge.")["parsed"] is None


# Batches


def batch_request(aws, records, **changes):
    uri = world.put(aws, "batch/in.jsonl", world.jsonl(records))
    return {
        "jobName": "judging",
        "roleArn": world.role(aws),
        "modelId": NOVA,
        "modelInvocationType": "Converse",
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": uri}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{world.BUCKET}/batch/out/"}},
    } | changes


def run(aws, request):
    bedrock = aws.client("bedrock")
    arn = bedrock.create_model_invocation_job(**request)["jobArn"]
    seen = []
    while not seen or seen[-1]["status"] in ("Submitted", "InProgress"):
        seen.append(bedrock.get_model_invocation_job(jobIdentifier=arn))
    return seen


@pytest.mark.parametrize(
    ("kind", "model_input"),
    [
        ("Converse", say(PASSAGES)),
        ("InvokeModel", say(PASSAGES, schemaVersion="messages-v1")),
    ],
)
def test_a_batch_writes_an_answer_to_each_record(aws, kind, model_input):
    records = [{"recordId": f"R{n:03}", "modelInput": model_input} for n in range(99)]
    records.append({"recordId": "R099", "modelInput": model_input | say(" ")})
    seen = run(aws, batch_request(aws, records, modelInvocationType=kind))
    assert [job["status"] for job in seen] == ["Submitted", "InProgress", "InProgress", "Completed"]
    job = seen[-1]
    assert (job["totalRecordCount"], job["successRecordCount"], job["errorRecordCount"]) == (100, 99, 1)
    out = f"s3://{world.BUCKET}/batch/out/{job['jobArn'].rsplit('/', 1)[-1]}"
    lines = [json.loads(line) for line in aws.account.read(f"{out}/in.jsonl.out").splitlines()]
    assert [line["recordId"] for line in lines] == [record["recordId"] for record in records]
    assert lines[0]["modelOutput"]["output"]["message"]["content"][0]["text"] == "A queue holds messages for four days."
    assert lines[99]["error"]["errorMessage"].endswith("is blank.")
    manifest = json.loads(aws.account.read(f"{out}/manifest.json.out"))
    assert (manifest["inputTokenCount"], manifest["outputTokenCount"]) == aws.ledger.tokens()
    assert {bill.batch for bill in aws.ledger.bills} == {True}


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"modelInput": say("Hello?")}] * 99, "The job contains less records (99) than the required minimum of 100"),
        ([{"recordId": "R1"}] * 100, f"s3://{world.BUCKET}/batch/in.jsonl line 1 has no modelInput"),
    ],
)
def test_a_batch_over_bad_records_fails(aws, records, message):
    job = run(aws, batch_request(aws, records))[-1]
    assert (job["status"], job["message"]) == ("Failed", message)
    assert aws.ledger.bills == []


def test_a_batch_takes_no_deployment_and_no_name_twice(aws):
    create = aws.client("bedrock").create_model_invocation_job
    request = batch_request(aws, [])
    deployment = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/0123456789ab"
    assert refused(create, **request | {"modelId": deployment})[0] == "ValidationException"
    assert refused(create, **request | {"modelId": "us.amazon.nova-none-v1:0"})[0] == "ValidationException"
    create(**request)
    assert refused(create, **request)[:2] == ("ConflictException", 400)


def test_a_batch_is_stopped_and_fails_on_command(aws):
    bedrock = aws.client("bedrock")
    aws.hold("model-invocation-job")
    request = batch_request(aws, [])
    arn = bedrock.create_model_invocation_job(**request)["jobArn"]
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    aws.pace("model-invocation-job")
    assert bedrock.get_model_invocation_job(jobIdentifier=arn)["status"] == "Stopped"
    aws.fail_next("model-invocation-job", "The batch broke.")
    job = run(aws, request | {"jobName": "again"})[-1]
    assert (job["status"], job["message"]) == ("Failed", "The batch broke.")
    assert [one["status"] for one in bedrock.list_model_invocation_jobs()["invocationJobSummaries"]] == [
        "Stopped",
        "Failed",
    ]
