"""What is ours and still there: listed whole, by tags and names alone, with what it costs while idle."""

import aws_ours as ours
import pytest
from aws_standin import running

from tune_or_retrieve.account.resources import Scope, kinds, table
from tune_or_retrieve.money.prices import Prices
from tune_or_retrieve.providers.bedrock.aws.removal import look
from tune_or_retrieve.providers.bedrock.aws.session import clients

MICRO = "amazon.nova-micro-v1:0"
PRICES = Prices(
    as_of="2026-11-22", per_million_tokens={}, storage_per_model_month=1.95, provisioned_per_hour={MICRO: 60.0}
)
BUCKET, NAME = "tune-or-retrieve-123456789012-us-east-1", "tune-or-retrieve-articles-0123456789ab"
NOTHING, STORED, UNKNOWN = "nothing while idle", "what its gigabytes cost at S3: cents", None


@pytest.fixture(scope="module")
def account():
    with pytest.MonkeyPatch.context() as patch, running() as standin:
        for name, value in standin.environment.items():
            patch.setenv(name, value)
        here = clients()
        ours.of_the_user(standin)
        ours.everything(standin, here)
        yield standin, here


@pytest.fixture
def here(account):
    yield account[1]
    account[0].faults.clear()


def _shown(found):
    return [(one.kind, one.status, one.idle, one.per_month) for one in found]


def test_everything_of_ours_is_listed_and_nothing_of_the_users(here):
    found, unseen = look(here, kinds(Scope(prices=PRICES)))
    assert unseen == []
    assert _shown(found)[:13] == [
        ("fine-tuning job", "InProgress", "the tokens it trains on, paid when it ends", UNKNOWN),
        ("batch job", "Submitted", "the tokens of what it answers", UNKNOWN),
        ("provisioned throughput", "InService", "$60.00 an hour, used or not: $43,800.00 a month", 43_800.0),
        ("deployment", "Active", NOTHING, 0.0),
        ("custom model", "Active", "$1.95 a month", 1.95),
        ("ingestion job", "STARTING", "the tokens it embeds, while it runs", UNKNOWN),
        ("data source", "AVAILABLE", NOTHING, 0.0),
        ("knowledge base", "ACTIVE", NOTHING, 0.0),
        ("vector index", "", STORED, UNKNOWN),
        ("vector bucket", "", NOTHING, 0.0),
        ("role", "", NOTHING, 0.0),
        ("role", "", NOTHING, 0.0),
        ("role", "", NOTHING, 0.0),
    ]
    assert [one.name for one in found[6:11]] == [f"{NAME}/articles", NAME, f"{NAME}/{NAME}", NAME, NAME]
    assert (found[13].name, found[13].idle.split(", ")[1:]) == (f"s3://{BUCKET}/tune-or-retrieve/", ["0.000 GB)"])
    assert (found[14].name, len(found)) == (BUCKET, 15)
    assert table(found, "us-east-1", PRICES).splitlines()[-1] == (
        "us-east-1, while idle: $43,801.95 a month, plus 5 whose cost is not in the price table (US dollars, "
        "prices of 2026-11-22)"
    )


def test_without_prices_what_costs_is_said_all_the_same(here):
    found, _ = look(here, kinds(Scope()))
    assert [one.idle for one in found if one.kind in ("provisioned throughput", "custom model")] == [
        "by the hour, used or not (no price in params.yaml)",
        "storage, by the month (no price in params.yaml)",
    ]


def test_in_the_users_bucket_our_objects_are_found_if_params_name_it(here):
    names = [
        one.name for one in look(here, kinds(Scope(buckets=("study-data",))))[0] if one.kind in ("objects", "bucket")
    ]
    assert names == ["s3://study-data/tune-or-retrieve/", f"s3://{BUCKET}/tune-or-retrieve/", BUCKET]


def test_what_cannot_be_listed_is_told_and_the_rest_is_listed(account, here):
    aws, _ = account
    aws.fault("ListVectorBuckets", "AccessDeniedException")
    found, unseen = look(here, kinds(Scope()))
    denied = (
        "access is denied (The stand-in was told to answer AccessDeniedException). Give whoever runs this, or the role "
        "that is named, that permission (docs/bedrock.md), and run again."
    )
    assert [f"{one}: {one.why}" for one in unseen] == [
        f"every {kind} there may be: AWS, listing every {kind}: {denied}" for kind in ("vector index", "vector bucket")
    ]
    assert len(found) == 13


def test_another_region_has_nothing_of_it(account, monkeypatch):
    for name, value in account[0].environment.items():
        monkeypatch.setenv(name, value)
    found, unseen = look(clients("eu-west-1"), kinds(Scope()))
    assert ([str(one) for one in found], unseen) == ([], [])
    assert table(found, "eu-west-1", None) == "nothing of tune-or-retrieve in eu-west-1."
