"""The stand-in for AWS: fine-tuning jobs, custom models, and where they are hosted."""

import aws_world as world
import pytest
from test_aws_standin import refused

JOB = "model-customization-job"


def run(aws, **changes):
    """A job that is over, as AWS describes it."""
    bedrock, request = aws.client("bedrock"), world.job_request(aws, **changes)
    arn = bedrock.create_model_customization_job(**request)["jobArn"]
    while (job := bedrock.get_model_customization_job(jobIdentifier=arn))["status"] in ("InProgress", "Stopping"):
        pass
    return job


def test_a_job_goes_on_as_it_is_looked_at_and_makes_a_model(aws):
    aws.pace(JOB, polls=3)
    bedrock = aws.client("bedrock")
    tags = [{"key": "study", "value": "one"}]
    validation = {"validators": [{"s3Uri": world.put(aws, "valid.jsonl", world.jsonl([world.sample()]))}]}
    request = world.job_request(aws, jobTags=tags, customModelTags=tags, validationDataConfig=validation)
    arn = bedrock.create_model_customization_job(**request)["jobArn"]
    seen = [bedrock.get_model_customization_job(jobIdentifier=arn) for _ in range(4)]
    assert [job["status"] for job in seen] == ["InProgress"] * 3 + ["Completed"]
    assert [job["statusDetails"]["trainingDetails"]["status"] for job in seen] == [
        "NotStarted",
        "InProgress",
        "InProgress",
        "Completed",
    ]
    model = bedrock.get_custom_model(modelIdentifier=seen[3]["outputModelArn"])
    assert (model["modelName"], model["modelStatus"], model["jobArn"]) == ("micro-1", "Active", arn)
    assert model["trainingMetrics"] == seen[3]["trainingMetrics"]
    for resource in (arn, model["modelArn"]):
        assert bedrock.list_tags_for_resource(resourceARN=resource)["tags"] == tags
    assert bedrock.list_custom_models(nameContains="micro")["modelSummaries"][0]["modelArn"] == model["modelArn"]
    summary = bedrock.list_model_customization_jobs(statusEquals="Completed")["modelCustomizationJobSummaries"][0]
    assert (summary["jobArn"], summary["customModelArn"]) == (arn, model["modelArn"])


def test_losses_are_where_aws_writes_them(aws):
    validation = {"validators": [{"s3Uri": world.put(aws, "valid.jsonl", world.jsonl([world.sample()]))}]}
    job = run(aws, validationDataConfig=validation, hyperParameters={"epochCount": "3"})
    where = f"s3://{world.BUCKET}/out/model-customization-job-{job['jobArn'].rsplit('/', 1)[-1]}"
    training = aws.account.read(f"{where}/training_artifacts/step_wise_training_metrics.csv").decode().splitlines()
    ends = aws.account.read(f"{where}/validation_artifacts/post_fine_tuning_validation/validation_metrics.csv").decode()
    assert training[:2] == ["step_number,epoch_number,training_loss,perplexity", "1,1,2.000000,7.389056"]
    assert [line.split(",")[:2] for line in training[1:]] == [[str(n), str((n + 3) // 4)] for n in range(1, 13)]
    assert float(training[-1].split(",")[2]) == pytest.approx(job["trainingMetrics"]["trainingLoss"], abs=1e-6)
    assert [line.split(",")[0] for line in ends.splitlines()] == ["step_number", "4", "8", "12"]
    (bill,) = aws.ledger.bills
    assert (bill.model, bill.trained_tokens) == (world.NOVA, 8 * 3 * 12)  # 12 words and marks a sample


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([world.sample()] * 7, "The number of training samples must be between 8 and 20000. Got 7."),
        (
            [world.sample()] * 8 + [world.sample(assistant="Ask the User: now.")],
            "training sample 9: the text holds the reserved keyword 'User:'",
        ),
        (
            [world.sample()] * 8 + [world.sample(user="[EOS]")],
            "training sample 9: the text holds the reserved keyword '[EOS]'",
        ),
        (
            [world.sample()] * 8 + [world.sample() | {"messages": world.sample()["messages"][:1]}],
            "training sample 9: roles must alternate, with a user first and an assistant last",
        ),
        (
            [world.sample()] * 8 + [world.sample() | {"schemaVersion": "1"}],
            "training sample 9: schemaVersion must be bedrock-conversation-2024",
        ),
        (
            [world.sample()] * 8 + [world.sample(assistant=" ")],
            "training sample 9: every content block must hold a text that is not blank",
        ),
        (
            [world.sample()] * 8 + [world.sample() | {"note": 1}],
            "training sample 9: unknown fields ['note']",
        ),
    ],
)  # fmt: skip
def test_a_job_over_bad_data_fails_and_says_why(aws, records, message):
    uri = world.put(aws, "bad.jsonl", world.jsonl(records))
    job = run(aws, trainingDataConfig={"s3Uri": uri})
    assert (job["status"], job["failureMessage"]) == ("Failed", message)
    assert aws.ledger.bills == []
    assert "outputModelArn" not in job


def test_a_job_over_too_many_samples_fails(aws, monkeypatch):
    monkeypatch.setattr("aws_standin.conversations.MAXIMUM", 8)
    job = run(aws, trainingDataConfig={"s3Uri": world.put(aws, "many.jsonl", world.jsonl([world.sample()] * 9))})
    assert job["failureMessage"] == "The number of training samples must be between 8 and 8. Got 9."


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            [world.allow(["s3:ListBucket", "s3:GetObject"])],
            "arn:aws:iam::123456789012:role/study is not authorized to perform: s3:PutObject on resource: "
            "arn:aws:s3:::study-data/out/",
        ),
        (
            [world.allow(["s3:*"], f"arn:aws:s3:::{world.BUCKET}/*")],
            "arn:aws:iam::123456789012:role/study is not authorized to perform: s3:ListBucket on resource: "
            "arn:aws:s3:::study-data",
        ),
        (
            [world.EVERYTHING, world.allow(["s3:GetObject"]) | {"Effect": "Deny"}],
            "arn:aws:iam::123456789012:role/study is not authorized to perform: s3:GetObject on resource: "
            "arn:aws:s3:::study-data/train.jsonl",
        ),
    ],
)
def test_a_job_reads_and_writes_as_its_role_may(aws, statements, message):
    job = run(aws, roleArn=world.role(aws, *statements))
    assert (job["status"], job["failureMessage"]) == ("Failed", message)


def test_a_job_fails_on_command_and_the_next_does_not(aws):
    aws.fail_next(JOB, "Internal error of training.")
    failed = run(aws)
    assert (failed["status"], failed["failureMessage"]) == ("Failed", "Internal error of training.")
    again = run(aws, jobName="tune-2", clientRequestToken="another", roleArn=failed["roleArn"])
    assert again["status"] == "Completed"


# What is refused at once


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"baseModelIdentifier": "amazon.nova-micro-v1:0"},
            "The provided base model identifier is invalid or cannot be customized in this way.",
        ),
        ({"hyperParameters": {"epochCount": "6"}}, "The hyperparameter epochCount must be a number in [1, 5]. Got 6."),
        (
            {"hyperParameters": {"learningRate": "fast"}},
            "The hyperparameter learningRate must be a number in [1e-06, 0.0001]. Got fast.",
        ),
        ({"hyperParameters": {"batchSize": "1"}}, "The hyperparameter batchSize is not supported by this model."),
        (
            {"roleArn": "arn:aws:iam::123456789012:role/none"},
            "Could not assume provided IAM role: role arn:aws:iam::123456789012:role/none does not exist",
        ),
    ],
)
def test_a_bad_request_makes_no_job(aws, change, message):
    call = aws.client("bedrock").create_model_customization_job
    assert refused(call, **world.job_request(aws, **change)) == ("ValidationException", 400, message)
    assert aws.client("bedrock").list_model_customization_jobs()["modelCustomizationJobSummaries"] == []


def test_a_role_that_does_not_trust_bedrock_cannot_be_assumed(aws):
    arn = world.role(aws, trusted="lambda.amazonaws.com")
    code, _, message = refused(
        aws.client("bedrock").create_model_customization_job, **world.job_request(aws, roleArn=arn)
    )
    assert code == "ValidationException"
    assert message.startswith(
        "Could not assume provided IAM role: role arn:aws:iam::123456789012:role/study does not trust "
        "bedrock.amazonaws.com for arn:aws:bedrock:us-east-1:123456789012:model-customization-job/"
    )


def test_a_new_role_is_found_after_a_while(aws):
    aws.account.propagation = 2
    call, request = aws.client("bedrock").create_model_customization_job, world.job_request(aws)
    assert [refused(call, **request)[0] for _ in range(2)] == ["ValidationException"] * 2
    assert call(**request)["jobArn"]


# Idempotency and names


def test_same_token_and_request_are_the_same_job(aws):
    call, request = aws.client("bedrock").create_model_customization_job, world.job_request(aws)
    assert call(**request)["jobArn"] == call(**request)["jobArn"]
    assert (aws.ledger.count("CreateModelCustomizationJob"), aws.ledger.made("CreateModelCustomizationJob")) == (2, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobName": "tune-2"}, f"The client token {world.TOKEN} was used before for another request."),
        (
            {"clientRequestToken": "another"},
            "The model-customization-job name tune-1 is already in use. Choose another name.",
        ),
        (
            {"clientRequestToken": "another", "jobName": "tune-2"},
            "The custom model name micro-1 is already in use by a running job.",
        ),
    ],
)
def test_names_and_tokens_are_taken(aws, change, message):
    aws.hold(JOB)
    call, request = aws.client("bedrock").create_model_customization_job, world.job_request(aws)
    call(**request)
    assert refused(call, **request | change) == ("ConflictException", 400, message)


def test_a_job_name_stays_taken_when_the_model_is_deleted(aws):
    bedrock, request = aws.client("bedrock"), world.job_request(aws)
    job = bedrock.create_model_customization_job(**request)
    while (seen := bedrock.get_model_customization_job(jobIdentifier=job["jobArn"]))["status"] == "InProgress":
        pass
    bedrock.delete_custom_model(modelIdentifier=seen["outputModelArn"])
    assert bedrock.create_model_customization_job(**request)["jobArn"] == job["jobArn"]
    assert refused(bedrock.create_model_customization_job, **request | {"clientRequestToken": "b"})[0] == (
        "ConflictException"
    )


def test_stopped_jobs_stop_and_ended_jobs_cannot_be_stopped(aws):
    aws.hold(JOB)
    bedrock = aws.client("bedrock")
    bedrock.create_model_customization_job(**world.job_request(aws))
    bedrock.stop_model_customization_job(jobIdentifier="tune-1")
    assert bedrock.get_model_customization_job(jobIdentifier="tune-1")["status"] == "Stopping"
    aws.pace(JOB)
    assert bedrock.get_model_customization_job(jobIdentifier="tune-1")["status"] == "Stopped"
    assert refused(bedrock.stop_model_customization_job, jobIdentifier="tune-1") == (
        "ConflictException",
        400,
        "The job tune-1 is Stopped and cannot be stopped.",
    )
    assert aws.ledger.bills == []


# Hosting

HOSTS = {
    "custom-model-deployment": (
        "custom_model_deployment",
        "customModelDeploymentIdentifier",
        lambda arn: {"modelDeploymentName": "micro", "modelArn": arn},
        "customModelDeploymentArn",
        "Active",
        "modelDeploymentSummaries",
    ),
    "provisioned-model": (
        "provisioned_model_throughput",
        "provisionedModelId",
        lambda arn: {"provisionedModelName": "micro", "modelId": arn, "modelUnits": 1},
        "provisionedModelArn",
        "InService",
        "provisionedModelSummaries",
    ),
}


@pytest.mark.parametrize("kind", HOSTS)
def test_hosting_comes_up_answers_and_holds_the_model_until_it_is_gone(aws, kind):
    word, identifier, request, arn_name, ready, summaries = HOSTS[kind]
    bedrock, model = aws.client("bedrock"), world.custom_model(aws)
    get, delete = getattr(bedrock, f"get_{word}"), getattr(bedrock, f"delete_{word}")
    tags = [{"key": "study", "value": "one"}]
    arn = getattr(bedrock, f"create_{word}")(**request(model), tags=tags)[arn_name]
    ask = aws.client("bedrock-runtime").converse
    hello = {"modelId": arn, "messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}
    assert refused(ask, **hello)[:2] == ("ModelNotReadyException", 429)
    assert [get(**{identifier: arn})["status"] for _ in range(2)] == ["Creating", ready]
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == tags
    listed = getattr(bedrock, f"list_{word}s")(nameContains="mic")
    assert [(one[arn_name], one["status"]) for one in listed[summaries]] == [(arn, ready)]
    assert getattr(bedrock, f"list_{word}s")(nameContains="lite")[summaries] == []
    assert ask(**hello)["stopReason"] == "end_turn"
    assert refused(bedrock.delete_custom_model, modelIdentifier=model) == (
        "ConflictException",
        400,
        f"The custom model micro-1 is in use by {arn}.",
    )
    delete(**{identifier: arn})
    assert get(**{identifier: arn})["status"] == ready  # on its way out, which has no status
    assert refused(bedrock.delete_custom_model, modelIdentifier=model)[0] == "ConflictException"
    assert refused(get, **{identifier: arn})[:2] == ("ResourceNotFoundException", 404)
    assert refused(ask, **hello)[0] == "ResourceNotFoundException"
    bedrock.delete_custom_model(modelIdentifier=model)
    assert refused(bedrock.get_custom_model, modelIdentifier=model)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("kind", HOSTS)
def test_hosting_fails_on_command(aws, kind):
    word, identifier, request, arn_name, *_ = HOSTS[kind]
    bedrock, model = aws.client("bedrock"), world.custom_model(aws)
    aws.fail_next(kind, "No capacity.")
    arn = getattr(bedrock, f"create_{word}")(**request(model))[arn_name]
    seen = [getattr(bedrock, f"get_{word}")(**{identifier: arn}) for _ in range(2)][1]
    assert (seen["status"], seen["failureMessage"]) == ("Failed", "No capacity.")


def test_committed_throughput_cannot_be_deleted_before_its_term_is_over(aws):
    bedrock, model = aws.client("bedrock"), world.custom_model(aws)
    request = HOSTS["provisioned-model"][2](model) | {"commitmentDuration": "OneMonth"}
    arn = bedrock.create_provisioned_model_throughput(**request)["provisionedModelArn"]
    seen = [bedrock.get_provisioned_model_throughput(provisionedModelId=arn) for _ in range(2)][1]
    assert (seen["commitmentExpirationTime"] - seen["creationTime"]).days == 30
    assert refused(bedrock.delete_provisioned_model_throughput, provisionedModelId=arn) == (
        "ConflictException",
        400,
        "The provisioned throughput cannot be deleted before its commitment term is over.",
    )


def test_tags_are_added_and_taken_away(aws):
    bedrock, arn = aws.client("bedrock"), world.custom_model(aws)
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    bedrock.untag_resource(resourceARN=arn, tagKeys=["a"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "b", "value": "2"}]
    many = [{"key": f"k{n}", "value": ""} for n in range(51)]
    assert refused(bedrock.tag_resource, resourceARN=arn, tags=many)[0] == "TooManyTagsException"
