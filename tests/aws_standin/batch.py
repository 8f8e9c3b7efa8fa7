"""Batch inference: model invocation jobs over records in S3."""

import json
from collections.abc import Iterator
from typing import Any

from .account import NoObject, NotAllowed, Object, split
from .constraints import faults, message
from .converse import answer, resolve
from .errors import AwsError, conflict, invalid
from .hosting import DEPLOYMENT, THROUGHPUT
from .state import Resource, State, operation, page
from .tags import as_map
from .wire import models

JOB = "model-invocation-job"
MINIMUM = 100  # records; the account's quota
ECHOED = ("roleArn", "modelId", "inputDataConfig", "outputDataConfig", "clientRequestToken", "timeoutDurationInHours",
          "modelInvocationType")  # fmt: skip


@operation("bedrock", "CreateModelInvocationJob")
def create(state: State, params: dict[str, Any]) -> dict[str, Any]:
    if any(f":{kind}/" in params["modelId"] for kind in (DEPLOYMENT, THROUGHPUT, "custom-model")):
        raise invalid("Batch inference is not supported for the provided model.")
    resolve(state, params["modelId"])
    state.refuse_name(JOB, params["jobName"])
    identifier = state.new_id()
    arn = state.arn("bedrock", f"{JOB}/{identifier}")
    try:
        state.account.assume(params["roleArn"], arn)
    except NotAllowed as error:
        raise invalid(f"Could not assume provided IAM role: {error}") from error
    fields = {name: params[name] for name in ECHOED if name in params} | {"_failure": state.settings.failure(JOB)}
    job = Resource(JOB, identifier, arn, params["jobName"], "Submitted", fields)
    job.turn("Submitted", lambda job: job.turn("InProgress", lambda job: _finish(state, job)))
    state.add(job, as_map(params.get("tags")))
    return {"jobArn": arn}


def _finish(state: State, job: Resource) -> None:
    source = job.fields["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
    target = job.fields["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].rstrip("/")
    account, role = state.account, job.fields["roleArn"]
    try:
        if job.fields["_failure"]:
            raise NotAllowed(job.fields["_failure"])
        files = [one for one in account.objects(*split(source)) if one.key.endswith(".jsonl")]
        for one in files:
            account.demand(role, "s3:GetObject", f"arn:aws:s3:::{one.bucket}/{one.key}")
        account.demand(role, "s3:PutObject", f"arn:aws:s3:::{'/'.join(split(target))}/")
        records = [(one, record) for one in files for record in _records(one)]
    except (NotAllowed, NoObject, ValueError) as error:
        job.fields["message"] = str(error)
        return job.turn("Failed")
    if len(records) < MINIMUM:
        job.fields["message"] = f"The job contains less records ({len(records)}) than the required minimum of {MINIMUM}"
        return job.turn("Failed")
    written: dict[str, list[str]] = {}
    failed = 0
    before = state.ledger.tokens()
    for one, record in records:
        said = _answer(state, job, record)
        failed += "error" in said
        written.setdefault(one.key.rsplit("/", 1)[-1], []).append(json.dumps(said, ensure_ascii=False))
    for name, lines in written.items():
        account.write(f"{target}/{job.id}/{name}.out", ("\n".join(lines) + "\n").encode())
    read, wrote = (after - start for after, start in zip(state.ledger.tokens(), before, strict=True))
    manifest = {
        "totalRecordCount": len(records),
        "processedRecordCount": len(records),
        "successRecordCount": len(records) - failed,
        "errorRecordCount": failed,
    }
    counts = {"inputTokenCount": read, "outputTokenCount": wrote}
    account.write(f"{target}/{job.id}/manifest.json.out", json.dumps(manifest | counts).encode())
    job.fields |= manifest
    job.turn("Completed")


def _records(one: Object) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(one.data.decode().splitlines(), 1):
        record = json.loads(line)
        if not isinstance(record, dict) or not isinstance(record.get("modelInput"), dict):
            raise ValueError(f"{one.uri} line {number} has no modelInput")
        yield {"recordId": f"CALL{number:07}"} | record


def _answer(state: State, job: Resource, record: dict[str, Any]) -> dict[str, Any]:
    """A record's line in the output. With InvokeModel only Nova's own form is played, which is Converse's but for the
    schema version; modelInvocationType Converse takes every model alike.
    """
    given = dict(record["modelInput"])
    model = resolve(state, job.fields["modelId"])
    try:
        if job.fields.get("modelInvocationType", "InvokeModel") == "InvokeModel":
            if not model.id.startswith("amazon.nova"):
                raise invalid("The stand-in plays InvokeModel records of Nova only: use modelInvocationType Converse.")
            if given.pop("schemaVersion", None) != "messages-v1":
                raise invalid("schemaVersion must be messages-v1")
        params = given | {"modelId": job.fields["modelId"]}
        found = faults(params, models()["bedrock-runtime"].operation_model("Converse").input_shape)
        if found:
            raise invalid(message(found))
        return record | {"modelOutput": answer(state, params, batch=True)}
    except AwsError as error:
        return record | {"error": {"errorCode": 400, "errorMessage": error.message}}


def _job(job: Resource) -> dict[str, Any]:
    shown = {name: value for name, value in job.fields.items() if not name.startswith("_")}
    named = {"jobArn": job.arn, "jobName": job.name, "status": job.status, "submitTime": job.created}
    return shown | named | {"lastModifiedTime": job.updated, "endTime": None if job.step else job.updated}


@operation("bedrock", "GetModelInvocationJob")
def get(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return _job(state.get(JOB, params["jobIdentifier"], poll=True))


@operation("bedrock", "ListModelInvocationJobs")
def list_jobs(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [_job(job) for job in state.listed(JOB, params, poll=True)]
    return page(found, params, "invocationJobSummaries")


@operation("bedrock", "StopModelInvocationJob")
def stop(state: State, params: dict[str, Any]) -> None:
    job = state.get(JOB, params["jobIdentifier"])
    if not job.step:
        raise conflict(f"The job {job.name} is {job.status} and cannot be stopped.")
    job.turn("Stopping", lambda job: job.turn("Stopped"))
