"""Preflight: each finding whole, on the stand-in."""

import io

import aws_world as world
import pytest
from aws_standin.quotas import PER_MINUTE

from stages.bedrock import session
from stages.bedrock.access import OPEN_IT
from stages.bedrock.doctor import Finding, Wanted, findings, prices, report
from stages.bedrock.price_list import Entry, entries
from stages.bedrock.quotas import PerMinute
from stages.bedrock.session import clients
from stages.errors import StageError
from stages.prices import Prices, TokenPrice

MICRO, CLAUDE = "us.amazon.nova-micro-v1:0", "us.anthropic.claude-sonnet-4-6"
DEFAULT = "tune-or-retrieve-123456789012-us-east-1"
GOOD = [
    Finding("credentials", True, "of account 123456789012"),
    Finding("region", True, "us-east-1 offers 13 models"),
]


@pytest.fixture
def here(aws, monkeypatch):
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    return clients(None)


def test_all_is_well_and_nothing_is_made(aws, here):
    arn = world.role(aws)
    before = aws.left()
    wanted = Wanted([MICRO, "amazon.nova-micro-v1:0:128k", MICRO], [None], [arn, None])
    found = findings(here, wanted)
    assert found == [
        *GOOD,
        Finding(f"model {MICRO}", True, "open to this account"),
        Finding("model amazon.nova-micro-v1:0:128k", True, "open to this account"),
        Finding("bucket", True, f"{DEFAULT} is made when it is needed"),
        Finding("role", True, arn),
        Finding("role", True, "one is made when it is needed, below /tune-or-retrieve/"),
        Finding(f"quota of {MICRO}", True, "8,000,000 tokens a minute"),
        Finding("quota of amazon.nova-micro-v1:0:128k", True, "4,000,000 tokens a minute"),
    ]
    assert aws.left() == before
    assert not aws.ledger.bills
    said = io.StringIO()
    report(found, said)
    assert said.getvalue().splitlines()[0] == "ok     credentials: of account 123456789012"


def test_every_fault_is_found_in_one_go_each_with_its_remedy(aws, here):
    aws.settings.denied_models.add("anthropic.claude-sonnet-4-6")
    clients("eu-west-1").s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    found = findings(here, Wanted([CLAUDE, "us.amazon.nova-huge-v1:0"], ["mine"], ["study"]))
    assert found == [
        *GOOD,
        Finding(
            f"model {CLAUDE}", False,
            f"this account has no access to {CLAUDE}: the agreement NOT_AVAILABLE, the authorization NOT_AUTHORIZED, "
            f"the entitlement NOT_AVAILABLE. {OPEN_IT}",
        ),
        Finding(
            "model us.amazon.nova-huge-v1:0", False,
            "AWS, looking for the model us.amazon.nova-huge-v1:0: the model id is unknown in this region (The provided "
            "inference profile could not be found). Correct it in params.yaml, or set AWS_REGION or `region` to "
            "one that has it; `aws bedrock list-foundation-models` and `aws bedrock list-inference-profiles` list the "
            "ids of the region.",
        ),
        Finding(
            "bucket", False,
            "mine is in eu-west-1, but Bedrock is used in us-east-1. Name a bucket in us-east-1 in params.yaml (null: "
            "it is made), or set `region` to eu-west-1.",
        ),
        Finding(
            "role", False, "role_arn in params.yaml must be like arn:aws:iam::123456789012:role/NAME. Got 'study'."
        ),
        Finding(f"quota of {CLAUDE}", True, "1,000,000 tokens a minute"),
        Finding(
            "quota of us.amazon.nova-huge-v1:0", True,
            "not listed under a name that is known; see the AWS console, Service Quotas",
        ),
    ]  # fmt: skip
    said = io.StringIO()
    with pytest.raises(StageError) as fault:
        report(found, said)
    assert str(fault.value) == (
        f"not ready for Amazon Bedrock: model {CLAUDE}, model us.amazon.nova-huge-v1:0, bucket, role. Each remedy "
        "stands above."
    )
    assert said.getvalue().splitlines()[5] == f"FAULT  role: {found[5].said}"


def test_without_credentials_that_aws_takes_nothing_more_is_asked(aws, here):
    aws.fault("GetCallerIdentity", "ExpiredTokenException")
    assert findings(here, Wanted([MICRO])) == [
        Finding(
            "credentials", False,
            "AWS, asking whose credentials these are: the credentials have expired. Log in with `aws configure` or "
            "`aws sso login`, or name a profile in AWS_PROFILE, and run again.",
        )
    ]  # fmt: skip
    assert aws.ledger.count("ListFoundationModels") == 0


def test_a_region_without_models(aws, monkeypatch):
    found = findings(clients("eu-west-1"), Wanted())
    assert found[1] == Finding(
        "region",
        False,
        "eu-west-1 offers this account no model. Set AWS_REGION or `region` in params.yaml to another, for instance "
        "us-east-1.",
    )


def test_access_that_may_not_be_read_is_said_and_no_fault(aws, here):
    aws.fault("GetFoundationModelAvailability", "AccessDeniedException")
    assert findings(here, Wanted([MICRO]))[2] == Finding(
        f"model {MICRO}", True, "exists; whether it is open to this account could not be read"
    )


def test_a_quota_of_nothing_is_a_fault_with_its_remedy(aws, here):
    name = "Cross-region model inference tokens per minute for Amazon Nova Micro"
    aws.settings.quotas[name] = 0.0
    assert findings(here, Wanted([MICRO]))[-1] == Finding(
        f"quota of {MICRO}", False,
        f"0 tokens a minute: every call would be throttled. Ask for more in the AWS console under Service Quotas, "
        f"Amazon Bedrock ({name}), or choose another model.",
    )  # fmt: skip


def test_quotas_that_may_not_be_read_are_told_and_no_fault(aws, here):
    aws.fault("ListServiceQuotas", "AccessDeniedException")
    assert findings(here, Wanted([MICRO]))[-1] == Finding(
        "quotas", True,
        "not looked at. AWS, reading the quotas: access is denied (The stand-in was told to answer "
        "AccessDeniedException). Give whoever runs this, or the role that is named, that permission (README, "
        "Permissions), and run again.",
    )  # fmt: skip


TRAINING, INPUT = "prices.training_per_1k_tokens.amazon.nova-micro-v1:0", "prices.per_million_tokens.amazon.nova-micro"
USAGE_TYPE = "USE1-NovaMicro-Customization-Training"


@pytest.mark.parametrize(
    ("ours", "listed", "ok", "said"),
    [
        (0.001, 0.001, True, "0.001, as in AWS's Price List"),
        (0.002, 0.001, False, f"params.yaml says 0.002, AWS's Price List 0.001 ({USAGE_TYPE}). Correct it there."),
        (None, 0.001, False, f"params.yaml says null, AWS's Price List 0.001 ({USAGE_TYPE}). Correct it there."),
        (0.001, None, True, f"AWS's Price List has no {USAGE_TYPE}: see https://aws.amazon.com/bedrock/pricing/"),
    ],
)
def test_a_price_is_held_against_aws_s_own(aws, here, ours, listed, ok, said):
    usage_type = USAGE_TYPE if listed else f"{USAGE_TYPE}-gone"
    found = prices(here, [Entry(TRAINING, ours, usage_type)])
    assert found == [Finding(TRAINING, ok, said.replace(USAGE_TYPE, usage_type))]


def test_the_dearest_of_several_prices_counts_and_tokens_are_by_the_million(aws, here):
    aws.settings.prices["USE1-NovaMicro-input-tokens"] = 0.0000351
    assert prices(here, [Entry(INPUT, 0.0351, "USE1-NovaMicro-input-tokens", 1000)]) == [
        Finding(INPUT, True, "0.0351, as in AWS's Price List")
    ]


def test_prices_that_may_not_be_read_are_told_and_no_fault(aws, here):
    aws.fault("GetProducts", "AccessDeniedException")
    asked = aws.ledger.count("GetProducts")
    assert prices(here, [Entry(TRAINING, None, USAGE_TYPE), Entry(INPUT, None, USAGE_TYPE)]) == [
        Finding(
            "prices", True,
            "not compared with AWS's Price List. AWS, reading AWS's Price List: access is denied (The stand-in was "
            "told to answer AccessDeniedException). Give whoever runs this, or the role that is named, that permission "
            "(README, Permissions), and run again.",
        )
    ]  # fmt: skip
    assert aws.ledger.count("GetProducts") == asked + 1


@pytest.mark.parametrize(
    ("region", "asked", "tuned", "keys"),
    [
        ("us-east-1", [MICRO, MICRO, CLAUDE], ["amazon.nova-micro-v1:0:128k"], [
            "prices.per_million_tokens.amazon.nova-micro-v1:0.input",
            "prices.per_million_tokens.amazon.nova-micro-v1:0.output", TRAINING,
        ]),
        ("eu-west-1", [MICRO], ["amazon.nova-micro-v1:0:128k"], []),
        ("us-east-1", [CLAUDE], ["my.model"], []),
    ],
)  # fmt: skip
def test_the_prices_of_amazon_s_models_are_compared_where_their_usage_types_are_known(region, asked, tuned, keys):
    table = Prices(as_of="2026-11-25", per_million_tokens={"amazon.nova-micro-v1:0": TokenPrice(input=1.0, output=2.0)})
    found = list(entries(region, table, asked, tuned))
    assert [one.key for one in found] == keys
    assert [one.ours for one in found] == [1.0, 2.0, None][: len(keys)]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("us.amazon.nova-lite-v1:0", "8,000,000 tokens a minute"),
        ("us.anthropic.claude-sonnet-4-6", "1,000,000 tokens a minute"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "200,000 tokens a minute"),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "2,000,000 tokens a minute"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "600,000 tokens a minute"),
    ],
)
def test_the_quota_of_a_model_is_found_by_its_name_for_people(model, said):
    named = {name: value for name, value in PER_MINUTE.items() if "tokens" in name}
    assert PerMinute(named).of(model) == said
