"""Clients, and the messages of what goes wrong with them, against the stand-in and botocore's own exceptions."""

import aws_broken as broken
import botocore.exceptions as raised
import pytest
from aws_standin import CREDENTIALS, DROP, LOSE

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws import session
from tune_or_retrieve.providers.bedrock.aws.faults import (
    AwsFault,
    AwsMissing,
    AwsUnavailable,
    aws,
    hidden,
    is_missing,
    member,
    unreachable,
)
from tune_or_retrieve.providers.bedrock.aws.session import clients

HELLO = {"modelId": "us.amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}
LOG_IN = "Log in with `aws configure` or `aws sso login`, or name a profile in AWS_PROFILE, and run again."
AGAIN = "What was finished is kept: run `dvc repro` again, which goes on from there."


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(session, "ATTEMPTS", 1)


REFUSED = [
    ("ExpiredTokenException", "gone", AwsUnavailable, f"the credentials have expired. {LOG_IN}"),
    (
        "UnrecognizedClientException", f"The key {CREDENTIALS['AWS_ACCESS_KEY_ID']} is invalid.", AwsUnavailable,
        f"AWS does not accept the credentials (UnrecognizedClientException). {LOG_IN}",
    ),
    (
        "AccessDeniedException", "User arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel.",
        AwsUnavailable,
        "access is denied (User arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel). Give whoever "
        "runs this, or the role that is named, that permission (docs/bedrock.md), and run again.",
    ),
    (
        "AccessDeniedException", "You don't have access to the model with the specified model ID.", AwsUnavailable,
        "this account has no access to the model (You don't have access to the model with the specified model ID). "
        "Open it in the Bedrock console under Model access (Anthropic asks for a form once, and models of others for a "
        "means of payment), wait a few minutes, and run again; `tune-or-retrieve doctor` says which models are open.",
    ),
    (
        "AccessDeniedException", "User x is not authorized to perform: iam:PassRole on resource: y", AwsUnavailable,
        "the role may not be passed to Bedrock (User x is not authorized to perform: iam:PassRole on resource: y). "
        "Give whoever runs this iam:PassRole on the role (docs/bedrock.md), and run again.",
    ),
    (
        "ValidationException", "Could not assume provided IAM role: r", AwsUnavailable,
        "Bedrock cannot assume the role (Could not assume provided IAM role: r). The role must exist and trust "
        "bedrock.amazonaws.com for this account (docs/bedrock.md). Correct `role_arn` in params.yaml, or set it to "
        "null: the role is made then.",
    ),
    (
        "ServiceQuotaExceededException", "too many", AwsFault,
        "a quota of the account is used up (too many). Remove what is no longer needed (`tune-or-retrieve resources` "
        "lists what this project made), or ask for more in the console under Service Quotas.",
    ),
    (
        "ThrottlingException", "Too many tokens.", AwsFault,
        "throttled, after one try (Too many tokens). Lower run.concurrency in params.yaml, or ask for a higher quota "
        f"under Service Quotas. {AGAIN}",
    ),
    (
        "ResourceNotFoundException", "no such thing", AwsMissing,
        "it is not there (no such thing). Someone else deleted it, or it was made in another region or account. Run "
        "the stage that makes it again: `dvc repro --force --single-item index` for a knowledge base, "
        "`fine_tune@<model>` for what hosts a model.",
    ),
    (
        "InternalServerException", "oops", AwsUnavailable,
        f"AWS failed, after one try (InternalServerException: oops). {AGAIN}",
    ),
    (
        "ValidationException", "maxTokens is wrong", AwsFault,
        "Converse was refused (ValidationException: maxTokens is wrong). If a value of params.yaml is named, correct "
        "it.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "kind", "expected"), REFUSED)
def test_a_refusal_is_one_message_with_its_remedy(aws, quick, error, message, kind, expected):
    aws.fault("Converse", error, message=message)
    with pytest.raises(AwsFault) as fault, aws_("asking"):
        clients(None).bedrock_runtime.converse(**HELLO)
    assert (type(fault.value), str(fault.value)) == (kind, f"AWS, asking: {expected}")
    assert unreachable(fault.value) == (kind is AwsUnavailable)


aws_ = aws  # the fixture of the stand-in has the same name in the tests


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "us.amazon.nova-huge-v1:0",
            "the model id is unknown in this region (The provided model identifier is invalid). Correct it in "
            "params.yaml, or set AWS_REGION or `region` to one that has it; `aws bedrock list-foundation-models` and "
            "`aws bedrock list-inference-profiles` list the ids of the region.",
        ),
        (
            "amazon.nova-2-lite-v1:0",
            "the model cannot be called by this id (Invocation of model ID amazon.nova-2-lite-v1:0 with on-demand "
            "throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains "
            "this model). Call it through an inference profile: put `us.` (or eu., apac.) before the id in "
            "params.yaml.",
        ),
    ],
)
def test_a_model_id_that_does_not_serve_is_named_as_such(aws, quick, model, expected):
    with pytest.raises(AwsFault) as fault, aws_("asking"):
        clients(None).bedrock_runtime.converse(**HELLO | {"modelId": model})
    assert str(fault.value) == f"AWS, asking: {expected}"
    assert not unreachable(fault.value)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (raised.NoCredentialsError(), f"no credentials were found. {LOG_IN}"),
        (
            raised.EndpointConnectionError(endpoint_url="https://bedrock.us-east-9.amazonaws.com/"),
            'Could not connect to the endpoint URL: "https://bedrock.us-east-9.amazonaws.com/". Check the network, the '
            "proxy, and that the region (AWS_REGION or `region` in params.yaml) exists and has the service.",
        ),
        (
            raised.ReadTimeoutError(endpoint_url="https://x"),
            'no answer came in time (Read timeout on endpoint URL: "https://x"). A call of a model may have been paid '
            f"for all the same. {AGAIN}",
        ),
    ],
)
def test_what_botocore_raises_is_one_message_too_and_through_langchains_valueerror(fault, expected):
    with pytest.raises(AwsUnavailable, match=r"^AWS, asking: ") as found, aws("asking"):
        raise fault
    assert str(found.value) == f"AWS, asking: {expected}"
    with pytest.raises(AwsUnavailable) as found, aws("asking"):
        raise ValueError("Could not load credentials") from fault
    assert str(found.value) == f"AWS, asking: {expected}"


@pytest.mark.parametrize("bug", [KeyError("x"), ValueError("y"), raised.ParamValidationError(report="z")])
def test_a_bug_of_ours_stays_one(bug):
    with pytest.raises(type(bug)) as found, aws("asking"):
        raise bug
    assert found.value is bug
    assert not unreachable(bug)


def test_no_credentials_and_no_region_before_anything_is_sent(monkeypatch):
    with pytest.raises(AwsUnavailable) as fault:
        clients(None)
    assert str(fault.value) == (
        "AWS, reading the AWS profile: no region is set. Set AWS_REGION or `region` in params.yaml, or run "
        "`aws configure`: us-east-1 has every model that the study knows."
    )
    with pytest.raises(AwsUnavailable, match=r"asking whose credentials these are: no credentials were found\. Log in"):
        _ = clients("us-east-1").account_id


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        *((AwsUnavailable, one) for one in (*broken.UNAVAILABLE, *broken.NO_REQUEST)),
        *((AwsFault, one) for one in broken.WRONG),
    ],
    ids=lambda one: one.said[:60] if isinstance(one, broken.Broken) else "",
)
def test_a_wrong_setting_of_aws_is_one_message_and_none_that_anything_steps_in_for(
    aws, quick, monkeypatch, tmp_path, kind, setting
):
    setting.set(monkeypatch, tmp_path)
    with pytest.raises(AwsFault, match=r"^AWS, [^:]+: ") as fault:
        _ = clients(None).account_id
    assert (type(fault.value), str(fault.value).split(": ", 1)[1]) == (kind, setting.said)
    assert unreachable(fault.value) == (kind is AwsUnavailable)


def test_credentials_that_cannot_be_renewed_in_the_midst_of_it_are_one_message(aws, monkeypatch, tmp_path):
    until = "date -u +%Y-%m-%dT%H:%M:%SZ"  # now: they are renewed before the first call
    script, once = tmp_path / "login", tmp_path / "once"
    script.write_text(
        f"[ -e {once} ] && echo hello && exit\ntouch {once}\n"
        f'echo "{{\\"Version\\": 1, \\"AccessKeyId\\": \\"A\\", \\"SecretAccessKey\\": \\"B\\", '
        f'\\"Expiration\\": \\"$({until})\\"}}"\n'
    )
    setting = broken.NO_JSON._replace(config=f"credential_process = sh {script}")
    setting.set(monkeypatch, tmp_path)
    here = clients(None)
    assert here.sts is here.sts
    with pytest.raises(AwsUnavailable) as fault:
        _ = here.account_id
    assert str(fault.value) == f"AWS, asking whose credentials these are: {setting.said}"


def test_an_answer_that_is_cut_is_no_success(aws, quick):
    aws.fault("Converse", DROP, times=1)
    with pytest.raises(AwsUnavailable) as fault, aws_("asking"):
        member(clients(None).bedrock_runtime.converse(**HELLO), "output", "message")
    assert str(fault.value) == (
        "AWS, asking: the answer came incomplete or unreadable (no output.message). A call of a model may have been "
        f"paid for all the same. {AGAIN}"
    )


def test_account_is_asked_for_once(aws):
    here = clients(None)
    assert [here.account_id, here.account_id, here.region] == ["123456789012", "123456789012", "us-east-1"]
    assert aws.ledger.count("GetCallerIdentity") == 1
    assert here.s3 is here.s3


@pytest.mark.parametrize(("action", "calls"), [("ThrottlingException", 2), ("InternalServerException", 1), (LOSE, 1)])
def test_only_what_cost_nothing_is_asked_of_a_model_again(aws, monkeypatch, action, calls):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    aws.fault("Converse", action, times=1)
    try:
        with aws_("asking"):
            clients(None).bedrock_runtime.converse(**HELLO)
    except StageError:
        assert calls == 1
    assert aws.ledger.count("Converse") == calls
    assert len(aws.ledger.bills) == (0 if action == "InternalServerException" else 1)


def test_calls_that_cost_nothing_are_tried_again(aws, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    aws.fault("ListCustomModels", "InternalServerException", times=2)
    assert clients(None).bedrock.list_custom_models()["modelSummaries"] == []


@pytest.mark.parametrize(
    "call",
    [
        lambda here: here.bedrock.get_custom_model(modelIdentifier="none"),
        lambda here: here.bedrock.delete_custom_model(modelIdentifier="none"),
        lambda here: here.s3vectors.get_vector_bucket(vectorBucketName="none"),
        lambda here: here.iam.get_role(RoleName="none"),
        lambda here: here.s3.head_bucket(Bucket="none"),
    ],
)
def test_every_service_says_missing_in_its_own_words(aws, call):
    with pytest.raises(raised.ClientError) as fault:
        call(clients(None))
    assert is_missing(fault.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {CREDENTIALS['AWS_ACCESS_KEY_ID']}", "key [hidden]"),
        ("X-Amz-Security-Token=abc&x=1", "X-Amz-Security-Token=[hidden]&x=1"),
        ("x-amz-security-token:IQoJb3\nhost:x", "x-amz-security-token:[hidden]\nhost:x"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "key [hidden]"),
        ("a" * 120, "[hidden]"),
        ("sha256 " + "0123456789abcdef" * 4, "sha256 " + "0123456789abcdef" * 4),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
        ),
    ],
)
def test_no_credential_is_shown(text, expected):
    assert hidden(text) == expected


@pytest.mark.parametrize("end", ["\r", "\n", " \r\n"])
def test_a_token_with_a_line_break_is_hidden_and_said_to_have_one(aws, monkeypatch, end):
    from tune_or_retrieve.providers.bedrock.aws.session import clients

    token = "standin-token-that-no-log-and-no-out-may-hold"
    monkeypatch.setenv("AWS_SESSION_TOKEN", token + end)
    with pytest.raises(AwsFault) as fault:
        _ = clients("us-east-1").account_id
    assert str(fault.value) == (
        "AWS, asking whose credentials these are: the credentials hold a line break or another character that no "
        "header takes. Log in with `aws configure` or `aws sso login`, or name a profile in AWS_PROFILE, and run again."
    )
    assert token not in str(fault.value)


def test_the_secrets_of_the_environment_are_hidden_wherever_they_stand(aws, quick):
    aws.fault("Converse", "ValidationException", message=" ".join(CREDENTIALS.values()))
    with pytest.raises(AwsFault) as fault, aws_("asking"):
        clients(None).bedrock_runtime.converse(**HELLO)
    assert "[hidden] [hidden] [hidden]" in str(fault.value)
    assert not [value for value in CREDENTIALS.values() if value in str(fault.value)]
