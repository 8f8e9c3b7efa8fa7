"""S3: the study's bucket, and what is in it below tune-or-retrieve/. What did not change is not sent again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault, aws, code, found, is_missing, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, are_ours, capital_pairs, unpaired
from tune_or_retrieve.providers.bedrock.aws.session import Clients

ROOT = f"{PROJECT}/"  # all that is written lies below it: the rest of a user's bucket is not ours
SHA256 = "sha256"  # the name in an object's metadata
AT_ONCE = 16  # requests
DELETED_AT_ONCE = 1000  # keys that one request may name
CLOSED = {
    "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True,
}  # fmt: skip


def default_bucket(clients: Clients) -> str:
    """The bucket of this account and region, if params name none."""
    return f"{PROJECT}-{clients.account_id}-{clients.region}"


def ensure_bucket(clients: Clients, name: str | None, tags: Mapping[str, str]) -> str:
    """The name of a bucket that is there, of this account and in this region.

    Made if it is not there, closed to the public and with the tags (see names.tags). One that is there is left as it
    is, except the default one, which an earlier run may not have finished.

    Raises:
        StageError: the bucket belongs to another account or is in another region, or AWS refuses.
    """
    bucket = name or default_bucket(clients)
    region = bucket_region(clients, bucket)
    if region is None:
        _make(clients, bucket)
        _close(clients, bucket, tags)
    elif region != clients.region:
        raise StageError(
            f"bucket {bucket}: is in {region}, but Bedrock is used in {clients.region}, and they must be in one "
            f"region. Set AWS_REGION or `region` in params.yaml to {region}, or name a bucket in {clients.region} "
            "(null: it is made)."
        )
    elif name is None and not are_ours(bucket_tags(clients, bucket)):
        _close(clients, bucket, tags)
    return bucket


def bucket_region(clients: Clients, bucket: str) -> str | None:
    """Where the bucket is; None if there is none of this name.

    Raises:
        StageError: it is another account's, or the credentials may not see it: S3 does not say which.
    """
    owner = clients.account_id
    with aws(f"looking for the bucket {bucket}"):
        try:
            return member(clients.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner), "BucketRegion")
        except ClientError as fault:
            if is_missing(fault):
                return None
            if code(fault) == "403":
                raise AwsFault(
                    f"bucket {bucket}: another account's, or these credentials (account {owner}) may not look at it. "
                    "Name a bucket of this account in params.yaml (null: one is made), or allow s3:ListBucket on it "
                    "(docs/bedrock.md).",
                    "403",
                ) from None
            raise


def bucket_tags(clients: Clients, bucket: str) -> dict[str, str]:
    """The bucket's tags. Raises AwsMissing if it is not there."""
    with aws(f"reading the tags of the bucket {bucket}"):
        try:
            return unpaired(member(clients.s3.get_bucket_tagging(Bucket=bucket), "TagSet"))
        except ClientError as fault:
            if code(fault) == "NoSuchTagSet":
                return {}
            raise


def sync(clients: Clients, bucket: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Make the objects below a prefix be exactly these: sends what is new or changed, removes what is not named.

    Args:
        prefix: below ROOT, ends in "/".
        files: the data by the rest of the key.

    Raises:
        StageError: AWS refuses. What was sent stays, and is not sent again by the next call.
    """
    if not prefix.startswith(ROOT) or not prefix.endswith("/"):
        raise ValueError(f"a prefix must begin with {ROOT} and end in /: {prefix!r}")
    there = dict(objects(clients, bucket, prefix))
    wanted = {prefix + name: data for name, data in sorted(files.items())}

    def send(item: tuple[str, bytes]) -> None:
        key, data = item
        if there.get(key) != len(data) or _sha256_there(clients, bucket, key) != sha256(data):
            _put(clients, bucket, key, data)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in track(pool.map(send, wanted.items()), f"upload to s3://{bucket}/{prefix}", len(wanted), "files"):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what is under way ends, what waits is not begun
            raise
    _remove(clients, bucket, sorted(there.keys() - wanted.keys()))


def objects(clients: Clients, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Keys and sizes in bytes below a prefix, by key."""
    with aws(f"listing s3://{bucket}/{prefix}"):
        for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            member(page, "KeyCount")  # a page that was cut would look like an empty one
            for one in page.get("Contents", []):
                yield one["Key"], one["Size"]


def put(clients: Clients, bucket: str, key: str, data: bytes) -> str:
    """Write one object, unless it is there with the same content. Returns its s3:// address."""
    if _sha256_there(clients, bucket, key) != sha256(data):
        _put(clients, bucket, key, data)
    return f"s3://{bucket}/{key}"


def get(clients: Clients, bucket: str, key: str) -> bytes:
    """One object. Raises AwsMissing if it is not there, AwsFault if AWS refuses or the answer is cut."""
    with aws(f"reading s3://{bucket}/{key}"):
        return member(clients.s3.get_object(Bucket=bucket, Key=key), "Body").read()


def get_jsonl(clients: Clients, bucket: str, key: str) -> list[dict[str, Any]]:
    """The rows of an object of JSON lines. Raises StageError with the line that is not JSON, and as `get`."""
    rows = []
    lines = get(clients, bucket, key).decode("utf-8").split("\n")  # splitlines would end a row at U+2028, too
    for number, line in enumerate(filter(None, lines), start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as fault:
            raise StageError(
                f"s3://{bucket}/{key}, line {number}: not readable as JSON ({fault}). Remove it and run again."
            ) from None
    return rows


def remove_objects(clients: Clients, bucket: str) -> None:
    """Delete every object below ROOT. A bucket that is gone is no fault."""
    if bucket_region(clients, bucket) is not None:
        _remove(clients, bucket, [key for key, _ in objects(clients, bucket, ROOT)])


def remove_bucket(clients: Clients, bucket: str) -> bool:
    """Delete a bucket that this project made, if nothing is left in it. False if it is the user's, or not empty.

    The default one is ours by its name: a kill may have come before it was tagged.
    """
    if bucket_region(clients, bucket) is None:
        return True
    ours = bucket == default_bucket(clients) or are_ours(bucket_tags(clients, bucket))
    if not ours or next(objects(clients, bucket, ""), None):
        return False
    with aws(f"deleting the bucket {bucket}"):
        clients.s3.delete_bucket(Bucket=bucket, ExpectedBucketOwner=clients.account_id)
    return True


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _make(clients: Clients, bucket: str) -> None:
    # us-east-1 is the default, and must not be named
    place = {} if clients.region == "us-east-1" else {"LocationConstraint": clients.region}
    with aws(f"making the bucket {bucket}"):
        try:
            clients.s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
        except ClientError as fault:
            if code(fault) != "BucketAlreadyOwnedByYou":  # a try before this one, whose answer was lost
                raise


def _close(clients: Clients, bucket: str, tags: Mapping[str, str]) -> None:
    with aws(f"closing the bucket {bucket} to the public"):
        clients.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=CLOSED)
    with aws(f"tagging the bucket {bucket}"):
        clients.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": capital_pairs(tags)})


def _put(clients: Clients, bucket: str, key: str, data: bytes) -> None:
    with aws(f"writing s3://{bucket}/{key}"):
        clients.s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata={SHA256: sha256(data)})


def _sha256_there(clients: Clients, bucket: str, key: str) -> str | None:
    with aws(f"looking at s3://{bucket}/{key}"):
        there = found(lambda: clients.s3.head_object(Bucket=bucket, Key=key))
        return there and there.get("Metadata", {}).get(SHA256)


def _remove(clients: Clients, bucket: str, keys: list[str]) -> None:
    for start in range(0, len(keys), DELETED_AT_ONCE):
        some = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
        with aws(f"deleting {len(some)} objects of the bucket {bucket}"):
            answer = clients.s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        if faults := answer.get("Errors"):
            first = faults[0]
            raise AwsFault(
                f"bucket {bucket}: {len(faults)} objects could not be deleted, the first s3://{bucket}/{first['Key']} "
                f"({first['Code']}: {first['Message']}). Run again.",
                first["Code"],
            )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
