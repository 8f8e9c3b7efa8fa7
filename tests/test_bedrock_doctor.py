"""Preflight: each finding whole, on the stand-in."""

import aws_world as world
import pytest
from aws_standin.quotas import PER_MINUTE

from tune_or_retrieve.account.doctor import Finding, Wanted, findings, prices, report
from tune_or_retrieve.account.quotas import PerMinute
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.prices import Prices, TokenPrice
from tune_or_retrieve.providers.bedrock.aws import session
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.chat.access import OPEN_IT

MICRO, CLAUDE = "us.amazon.nova-micro-v1:0", "us.anthropic.claude-sonnet-4-6"
DEFAULT = "tune-or-retrieve-123456789012-us-east-1"
THEIRS = "arn:aws:iam::123456789012:role/study"
GOOD = [
    Finding("credentials", True, "of account 123456789012"),
    Finding("region", True, "us-east-1 offers 13 models"),
]


@pytest.fixture
def here(aws, monkeypatch):
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    return clients(None)


def test_all_is_well_and_nothing_is_made(aws, here, capsys):
    arn = world.role(aws)
    before = aws.left()
    wanted = Wanted([MICRO, MICRO], ["amazon.nova-micro-v1:0:128k"], [], [None], [arn, None])
    found = findings(here, wanted)
    assert found == [
        *GOOD,
        Finding(f"model {MICRO}", True, "open to this account"),
        Finding("model amazon.nova-micro-v1:0:128k", True, "open to this account"),
        Finding("fine-tuning amazon.nova-micro-v1:0:128k", True, "can be fine-tuned"),
        Finding("bucket", True, f"{DEFAULT} is made when it is needed"),
        Finding("role", True, arn),
        Finding("role", True, "one is made when it is needed, below /tune-or-retrieve/"),
        Finding(f"quota of {MICRO}", True, "8,000,000 tokens a minute"),
        Finding("quota of amazon.nova-micro-v1:0:128k", True, "4,000,000 tokens a minute"),
    ]
    assert aws.left() == before
    assert not aws.ledger.bills
    report(found)
    assert capsys.readouterr().out.splitlines()[0] == "ok     credentials: of account 123456789012"


def test_every_fault_is_found_in_one_go_each_with_its_remedy(aws, here, capsys):
    aws.settings.denied_models.add("anthropic.claude-sonnet-4-6")
    clients("eu-west-1").s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    found = findings(here, Wanted([CLAUDE, "us.amazon.nova-huge-v1:0"], [], [], ["mine"], [THEIRS]))
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
            "role", False, f"role {THEIRS}: does not exist. Correct `role_arn` in params.yaml, or set it to null: it "
            "is made then."
        ),
        Finding(f"quota of {CLAUDE}", True, "1,000,000 tokens a minute"),
        Finding(
            "quota of us.amazon.nova-huge-v1:0", True,
            "not listed under a known name; see the AWS console, Service Quotas",
        ),
    ]  # fmt: skip
    with pytest.raises(StageError) as fault:
        report(found)
    assert str(fault.value) == (
        f"not ready for Amazon Bedrock: model {CLAUDE}, model us.amazon.nova-huge-v1:0, bucket, role. The remedies "
        "are above."
    )
    assert capsys.readouterr().out.splitlines()[5] == f"FAULT  role: {found[5].said}"


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


def _found(here, what, **wanted):
    return [one for one in findings(here, Wanted(**wanted)) if one.what.startswith(what)]


TUNABLE = (
    "amazon.nova-micro-v1:0:128k, amazon.nova-lite-v1:0:300k, amazon.nova-pro-v1:0:300k, amazon.nova-2-lite-v1:0:256k"
)


@pytest.mark.parametrize(
    ("base", "ok", "said"),
    [
        ("amazon.nova-micro-v1:0:128k", True, "can be fine-tuned"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k", True, "can be fine-tuned",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-micro-v1:0:128k/abcdefghijkl", True,
            "is a custom model",
        ),
        ("amazon.nova-micro-v1:0", False, "Set it to amazon.nova-micro-v1:0:128k in params.yaml."),
        ("us.amazon.nova-lite-v1:0", False, "Set it to amazon.nova-lite-v1:0:300k in params.yaml."),
        ("amazon.nova-micro-v1:0:24k", False, "Set it to amazon.nova-micro-v1:0:128k in params.yaml."),
        (
            "anthropic.claude-sonnet-4-6", True,
            f"AWS does not list it among those that can be fine-tuned: {TUNABLE}",
        ),
    ],
)  # fmt: skip
def test_a_base_model_must_be_one_by_whose_id_models_are_fine_tuned(aws, here, base, ok, said):
    refused = f"customization.base_model: {base} cannot be fine-tuned in us-east-1 by this id. "
    assert _found(here, "fine-tuning", tuned=[base]) == [
        Finding(f"fine-tuning {base}", ok, said if ok else refused + said)
    ]


def test_an_embedding_model_must_make_vectors(aws, here):
    titan, micro = "amazon.titan-embed-text-v2:0", "amazon.nova-micro-v1:0"
    assert _found(here, "embedding", embedding=[titan, micro]) == [
        Finding(f"embedding by {titan}", True, "makes vectors, open to this account"),
        Finding(
            f"embedding by {micro}", False,
            f"knowledge_base.bedrock.embedding_model: {micro} makes text, not vectors. Set it to an embedding model in "
            f"params.yaml, for instance {titan}.",
        ),
    ]  # fmt: skip
    assert (aws.ledger.count("GetFoundationModel"), aws.ledger.count("GetFoundationModelAvailability")) == (2, 1)


def test_a_region_in_which_nothing_is_fine_tuned_and_a_list_that_may_not_be_read(aws, here):
    assert _found(clients("eu-west-1"), "fine-tuning", tuned=[BASE]) == [
        Finding(f"fine-tuning {BASE}", True, "AWS does not list it among those that can be fine-tuned: none")
    ]
    aws.fault("ListFoundationModels", "AccessDeniedException")
    assert _found(here, "fine-tuning", tuned=[BASE]) == [
        Finding(f"fine-tuning {BASE}", True, "whether it can be fine-tuned could not be read")
    ]


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
        "not checked. AWS, reading the quotas: access is denied (The stand-in was told to answer "
        "AccessDeniedException). Give whoever runs this, or the role that is named, that permission (docs/bedrock.md), "
        "and run again.",
    )  # fmt: skip


BASE = "amazon.nova-micro-v1:0:128k"
TRAINING = "prices.training_per_1k_tokens.amazon.nova-micro-v1:0"
INPUT, OUTPUT = (f"prices.per_million_tokens.amazon.nova-micro-v1:0.{field}" for field in ("input", "output"))
USAGE_TYPE = "USE1-NovaMicro-Customization-Training"
NOT_COMPARED = "are not compared with AWS's Price List: see https://aws.amazon.com/bedrock/pricing/"


def table(training=0.001, **per_million):
    known = {"amazon.nova-micro-v1:0": TokenPrice(**{"input": 0.035, "output": 0.14} | per_million)}
    tuned = {"amazon.nova-micro-v1:0": training}
    return Prices(as_of="2026-11-25", per_million_tokens=known, training_per_1k_tokens=tuned)


@pytest.mark.parametrize(
    ("ours", "listed", "ok", "said"),
    [
        (0.001, [(0.001, "1K tokens")], True, "0.001, as in AWS's Price List"),
        (0.001, [(0.002, "1K tokens")], False,
         f"params.yaml says 0.001, AWS's Price List 0.002 ({USAGE_TYPE}). Correct it."),
        (None, [(0.001, "1K tokens")], False,
         f"params.yaml says null, AWS's Price List 0.001 ({USAGE_TYPE}). Correct it."),
        (0.002, [(0.001, "1K tokens")], True, f"params.yaml says 0.002, AWS's Price List 0.001 ({USAGE_TYPE})"),
        (0.001, [], True, f"AWS's Price List has no {USAGE_TYPE}: see https://aws.amazon.com/bedrock/pricing/"),
        (0.003, [(0.001, "1K tokens"), (0.003, "1K tokens"), (9.0, "Hour"), (0.002, "1K tokens")], True,
         "0.003, as in AWS's Price List"),  # the dearest of several pages, in that unit
    ],
)  # fmt: skip
def test_a_price_is_compared_with_aws_s_own(aws, here, ours, listed, ok, said):
    aws.settings.prices[USAGE_TYPE] = listed
    assert prices(here, table(ours), [], [BASE]) == [Finding(TRAINING, ok, said)]


@pytest.mark.parametrize(("ours", "ok"), [(0.035, True), (0.034, False)])
def test_prices_of_tokens_are_by_the_million(aws, here, ours, ok):
    found = prices(here, table(input=ours), [MICRO], [])
    assert [(one.what, one.ok) for one in found] == [(INPUT, ok), (OUTPUT, True)]
    assert found[1].said == "0.14, as in AWS's Price List"


def test_prices_that_may_not_be_read_are_told_and_no_fault(aws, here):
    aws.fault("GetProducts", "AccessDeniedException")
    assert prices(here, table(None), [MICRO], [BASE]) == [
        Finding(
            "prices", True,
            "not compared with AWS's Price List. AWS, reading AWS's Price List: access is denied (The stand-in was "
            "told to answer AccessDeniedException). Give whoever runs this, or the role that is named, that permission "
            "(docs/bedrock.md), and run again.",
        )
    ]  # fmt: skip
    assert aws.ledger.count("GetProducts") == 1


def test_the_price_list_is_not_asked_for_long(aws, monkeypatch):
    aws.fault("GetProducts", "InternalErrorException")
    assert "not compared" in prices(clients(None), table(), [], [BASE])[0].said
    assert aws.ledger.count("GetProducts") == 2


@pytest.mark.parametrize(
    ("region", "called", "tuned", "keys", "others"),
    [
        ("us-east-1", [MICRO, MICRO, "amazon.nova-micro-v1:0"], [BASE], [INPUT, OUTPUT, TRAINING], None),
        ("us-east-1", [CLAUDE, MICRO], [], [INPUT, OUTPUT], CLAUDE),
        ("eu-west-1", [MICRO], [BASE], [], f"{MICRO}, {BASE}"),
        ("us-east-1", ["global.amazon.nova-2-lite-v1:0"], [], [], "global.amazon.nova-2-lite-v1:0"),
        ("us-east-1", [], ["my.model"], [], "my.model"),
    ],
)
def test_which_prices_are_compared_and_which_are_not(aws, region, called, tuned, keys, others):
    *found, last = prices(clients(region), table(), called, tuned)
    if others is None:
        found.append(last)
    else:
        assert last == Finding("prices", True, f"those of {others} {NOT_COMPARED}")
    assert [one.what for one in found] == keys


def test_a_profile_may_have_a_price_of_its_own(aws, here):
    mine = table()
    mine.per_million_tokens[MICRO] = TokenPrice(input=0.04, output=0.16)
    found = prices(here, mine, [MICRO, "amazon.nova-micro-v1:0"], [])
    own = [f"prices.per_million_tokens.{MICRO}.{field}" for field in ("input", "output")]
    assert [one.what for one in found] == [*own, INPUT, OUTPUT]


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
