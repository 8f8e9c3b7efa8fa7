"""S3 Vectors: vector buckets, indexes, and the vectors that ingestion puts there."""

from typing import Any

from .errors import AwsError, conflict, invalid
from .state import Resource, State, operation, page

BUCKET, INDEX = "bucket", "index"


def _find(state: State, kind: str, arn: str | None) -> Resource:
    if arn not in state.resources:
        what = "vector bucket" if kind == BUCKET else "index"
        raise AwsError("NotFoundException", f"The specified {what} could not be found")
    return state.resources[arn]


def _bucket_arn(state: State, params: dict[str, Any]) -> str:
    if ("vectorBucketName" in params) == ("vectorBucketArn" in params):
        raise invalid("Must specify either vectorBucketName or vectorBucketArn but not both")
    return params.get("vectorBucketArn") or state.arn("s3vectors", f"bucket/{params['vectorBucketName']}")


def _bucket(state: State, params: dict[str, Any]) -> Resource:
    return _find(state, BUCKET, _bucket_arn(state, params))


def _index(state: State, params: dict[str, Any]) -> Resource:
    if ("indexArn" in params) == ("vectorBucketName" in params and "indexName" in params):
        raise invalid("Must specify either indexArn or both vectorBucketName and indexName")
    arn = params.get("indexArn") or f"{_bucket_arn(state, params)}/index/{params['indexName']}"
    return _find(state, INDEX, arn)


@operation("s3vectors", "CreateVectorBucket")
def create_bucket(state: State, params: dict[str, Any]) -> dict[str, Any]:
    name = params["vectorBucketName"]
    arn = state.arn("s3vectors", f"bucket/{name}")
    if arn in state.resources:
        raise conflict("A vector bucket with the specified name already exists")
    state.add(Resource(BUCKET, name, arn, name, "Active"), params.get("tags"))
    return {"vectorBucketArn": arn}


def _bucket_summary(bucket: Resource) -> dict[str, Any]:
    return {"vectorBucketName": bucket.name, "vectorBucketArn": bucket.arn, "creationTime": bucket.created}


@operation("s3vectors", "GetVectorBucket")
def get_bucket(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "vectorBucket": _bucket_summary(_bucket(state, params)) | {"encryptionConfiguration": {"sseType": "AES256"}}
    }


@operation("s3vectors", "ListVectorBuckets")
def list_buckets(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [_bucket_summary(one) for one in state.all(BUCKET) if one.name.startswith(params.get("prefix", ""))]
    return page(found, params, "vectorBuckets")


@operation("s3vectors", "DeleteVectorBucket")
def delete_bucket(state: State, params: dict[str, Any]) -> None:
    bucket = _bucket(state, params)
    if any(index.fields["bucket"] == bucket.name for index in state.all(INDEX)):
        raise conflict("The specified vector bucket is not empty")
    state.remove(bucket)


@operation("s3vectors", "CreateIndex")
def create_index(state: State, params: dict[str, Any]) -> dict[str, Any]:
    bucket, name = _bucket(state, params), params["indexName"]
    arn = f"{bucket.arn}/index/{name}"
    if arn in state.resources:
        raise conflict("An index with the specified name already exists")
    given = ("dataType", "dimension", "distanceMetric", "metadataConfiguration")
    about = {key: params[key] for key in given if key in params}
    fields = {"bucket": bucket.name, "about": about, "vectors": {}}
    state.add(Resource(INDEX, arn, arn, name, "Active", fields), params.get("tags"))
    return {"indexArn": arn}


def _index_summary(index: Resource) -> dict[str, Any]:
    return {
        "vectorBucketName": index.fields["bucket"],
        "indexName": index.name,
        "indexArn": index.arn,
        "creationTime": index.created,
    }


@operation("s3vectors", "GetIndex")
def get_index(state: State, params: dict[str, Any]) -> dict[str, Any]:
    index = _index(state, params)
    return {"index": _index_summary(index) | index.fields["about"]}


@operation("s3vectors", "ListIndexes")
def list_indexes(state: State, params: dict[str, Any]) -> dict[str, Any]:
    bucket, prefix = _bucket(state, params), params.get("prefix", "")
    mine = [one for one in state.all(INDEX) if one.fields["bucket"] == bucket.name and one.name.startswith(prefix)]
    return page([_index_summary(one) for one in mine], params, "indexes")


@operation("s3vectors", "DeleteIndex")
def delete_index(state: State, params: dict[str, Any]) -> None:
    state.remove(_index(state, params))


@operation("s3vectors", "ListVectors")
def list_vectors(state: State, params: dict[str, Any]) -> dict[str, Any]:
    vectors = _index(state, params).fields["vectors"]
    found = [
        {"key": key} | ({"metadata": chunk.metadata} if params.get("returnMetadata") else {})
        for key, chunk in vectors.items()
    ]
    return page(found, params, "vectors")
