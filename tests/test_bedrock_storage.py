"""The bucket and its objects, on the stand-in."""

import pytest

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws import names, session, storage
from tune_or_retrieve.providers.bedrock.aws.faults import AwsMissing
from tune_or_retrieve.providers.bedrock.aws.session import clients

TAGS = names.tags("index", "k" * 64)
DEFAULT = "tune-or-retrieve-123456789012-us-east-1"


@pytest.fixture
def here(aws, monkeypatch):
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    return clients(None)


def test_a_bucket_is_made_once_closed_and_tagged(aws, here):
    assert [storage.ensure_bucket(here, None, TAGS) for _ in range(2)] == [DEFAULT] * 2
    assert aws.account.buckets() == [DEFAULT]
    assert storage.bucket_tags(here, DEFAULT) == TAGS
    assert here.s3.get_public_access_block(Bucket=DEFAULT)["PublicAccessBlockConfiguration"] == storage.CLOSED


def test_making_the_default_bucket_goes_on_where_it_was_cut_off(aws, here):
    here.s3.create_bucket(Bucket=DEFAULT)
    storage.ensure_bucket(here, None, TAGS)
    assert storage.bucket_tags(here, DEFAULT) == TAGS


def test_a_bucket_of_the_users_is_left_as_it_is(aws, here):
    here.s3.create_bucket(Bucket="mine")
    assert storage.ensure_bucket(here, "mine", TAGS) == "mine"
    assert storage.bucket_tags(here, "mine") == {}
    assert not storage.remove_bucket(here, "mine")
    assert aws.account.buckets() == ["mine"]


def test_another_region_is_said_from_either_side(aws, here):
    west = clients("eu-west-1")
    storage.ensure_bucket(west, "mine", TAGS)
    assert storage.bucket_region(west, "mine") == "eu-west-1"
    with pytest.raises(StageError) as fault:
        storage.ensure_bucket(here, "mine", TAGS)
    assert str(fault.value) == (
        "bucket mine: is in eu-west-1, but Bedrock is used in us-east-1, and they must be in one region. Set "
        "AWS_REGION or `region` in params.yaml to eu-west-1, or name a bucket in us-east-1 (null: it is made)."
    )


def test_another_accounts_bucket(aws, here):
    aws.fault("HEAD", "AccessDeniedException", service="s3")
    with pytest.raises(StageError) as fault:
        storage.ensure_bucket(here, "theirs", TAGS)
    assert str(fault.value) == (
        "bucket theirs: another account's, or these credentials (account 123456789012) may not look at it. Name a "
        "bucket of this account in params.yaml (null: one is made), or allow s3:ListBucket on it (docs/bedrock.md)."
    )


def test_only_what_changed_is_sent_and_what_is_not_named_is_removed(aws, here):
    bucket, prefix = storage.ensure_bucket(here, None, TAGS), "tune-or-retrieve/articles/"
    here.s3.put_object(Bucket=bucket, Key="mine.txt", Body=b"mine")
    first = {"a.md": b"one", "b.md": b"two", "c.md": b"three"}
    before = aws.ledger.count("PUT")
    for _ in range(2):
        storage.sync(here, bucket, prefix, first)
        assert aws.ledger.count("PUT") == before + 3
    # the same length is not the same text
    storage.sync(here, bucket, prefix, {"a.md": b"eno", "b.md": b"two", "d/é.md": b"new"})
    assert aws.ledger.count("PUT") == before + 5
    assert {one.key: one.data for one in aws.account.objects(bucket)} == {
        "mine.txt": b"mine",
        f"{prefix}a.md": b"eno",
        f"{prefix}b.md": b"two",
        f"{prefix}d/é.md": b"new",
    }
    storage.remove_objects(here, bucket)
    assert not storage.remove_bucket(here, bucket)
    here.s3.delete_object(Bucket=bucket, Key="mine.txt")
    assert storage.remove_bucket(here, bucket)
    assert storage.remove_bucket(here, bucket)
    storage.remove_objects(here, bucket)
    assert aws.left() == []


def test_what_was_sent_before_a_fault_is_not_sent_again(aws, here):
    bucket, files = storage.ensure_bucket(here, None, TAGS), {f"{n}.md": b"x" * n for n in range(1, 9)}
    aws.fault("PUT", "AccessDeniedException", times=1, service="s3")
    with pytest.raises(StageError, match="access is denied"):
        storage.sync(here, bucket, storage.ROOT, files)
    there, sent = len(aws.account.objects(bucket)), aws.ledger.count("PUT")
    storage.sync(here, bucket, storage.ROOT, files)
    assert (len(aws.account.objects(bucket)), aws.ledger.count("PUT") - sent) == (8, 8 - there)


@pytest.mark.parametrize("prefix", ["", "articles/", "tune-or-retrieve/a"])
def test_nothing_outside_our_prefix_is_touched(here, prefix):
    with pytest.raises(ValueError, match="must begin with"):
        storage.sync(here, "b", prefix, {})


def test_an_object_is_sent_once_and_its_rows_come_back(aws, here):
    bucket, key = storage.ensure_bucket(here, None, TAGS), "tune-or-retrieve/t.jsonl"
    before = aws.ledger.count("PUT")
    data = '{"a": "x\u2028y"}\n{"b": [1, null]}\n'.encode()
    uris = [storage.put(here, bucket, key, data) for _ in range(2)]
    assert uris == [f"s3://{bucket}/{key}"] * 2
    assert aws.ledger.count("PUT") == before + 1
    assert storage.get_jsonl(here, *storage.split_uri(uris[0])) == [{"a": "x\u2028y"}, {"b": [1, None]}]
    with pytest.raises(AwsMissing, match=rf"^AWS, reading s3://{bucket}/none: it is not there"):
        storage.get(here, bucket, "none")
    broken = storage.put(here, bucket, "tune-or-retrieve/b.jsonl", b"{}\n{\n")
    with pytest.raises(
        StageError, match=rf"^{broken}, line 2: not readable as JSON \(.*\)\. Remove it and run again\.$"
    ):
        storage.get_jsonl(here, bucket, "tune-or-retrieve/b.jsonl")
