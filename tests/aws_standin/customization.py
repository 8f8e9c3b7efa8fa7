"""Fine-tuning jobs and the custom models that come of them. Nothing is trained, but the artefacts are written."""

import math
from typing import Any

from .account import NoObject, NotAllowed, split
from .catalog import foundation_arn, tunable
from .conversations import check
from .errors import AwsError, conflict, invalid
from .ledger import Bill
from .state import Resource, State, operation, page
from .tags import as_map

JOB, MODEL = "model-customization-job", "custom-model"
HYPERPARAMETERS = {
    "epochCount": (int, 1, 5),
    "learningRate": (float, 1e-6, 1e-4),
    "learningRateWarmupSteps": (int, 0, 100),
}
INHERITED = (
    "baseModelArn",
    "hyperParameters",
    "trainingDataConfig",
    "validationDataConfig",
    "outputDataConfig",
    "trainingMetrics",
    "validationMetrics",
)
ECHOED = ("roleArn", "trainingDataConfig", "outputDataConfig", "customizationType", "clientRequestToken")


@operation("bedrock", "CreateModelCustomizationJob")
def create_job(state: State, params: dict[str, Any]) -> dict[str, Any]:
    base = tunable(state, params["baseModelIdentifier"])
    if base is None or params.get("customizationType", "FINE_TUNING") != "FINE_TUNING":
        raise invalid("The provided base model identifier is invalid or cannot be customized in this way.")
    state.refuse_name(JOB, params["jobName"])
    state.refuse_name(MODEL, params["customModelName"])
    running = [job.fields["outputModelName"] for job in state.all(JOB) if job.status == "InProgress"]
    if params["customModelName"] in running:
        raise conflict(f"The custom model name {params['customModelName']} is already in use by a running job.")
    _check_hyperparameters(params.get("hyperParameters", {}))
    identifier = state.new_id()
    arn = state.arn("bedrock", f"{JOB}/{base[0]}/{identifier}")
    try:
        state.account.assume(params["roleArn"], arn)
    except NotAllowed as error:
        raise invalid(f"Could not assume provided IAM role: {error}") from error
    fields = {name: params[name] for name in ECHOED if name in params} | {
        "outputModelName": params["customModelName"],
        "baseModelArn": foundation_arn(state.region, base[0]),
        "hyperParameters": {"epochCount": "2", "learningRate": "1e-5", "learningRateWarmupSteps": "10"}
        | params.get("hyperParameters", {}),
        "validationDataConfig": params.get("validationDataConfig", {"validators": []}),
        "_modelTags": as_map(params.get("customModelTags")),
        "_failure": state.settings.failure(JOB),
    }
    job = Resource(JOB, identifier, arn, params["jobName"], "InProgress", fields)
    job.turn("InProgress", lambda job: _finish(state, job))
    state.add(job, as_map(params.get("jobTags")))
    return {"jobArn": arn}


def _check_hyperparameters(given: dict[str, str]) -> None:
    for name, text in given.items():
        if name not in HYPERPARAMETERS:
            raise invalid(f"The hyperparameter {name} is not supported by this model.")
        number, low, high = HYPERPARAMETERS[name]
        try:
            fits = low <= number(text) <= high
        except ValueError:
            fits = False
        if not fits:
            raise invalid(f"The hyperparameter {name} must be a number in [{low}, {high}]. Got {text}.")


def _finish(state: State, job: Resource) -> None:
    """Ends the job: Failed with a message, or Completed with a model."""
    trained, problems = _read(state, job)
    problems += [job.fields["_failure"]] if job.fields["_failure"] else []
    if problems:
        job.fields["failureMessage"] = " ".join(problems)[:2048]
        return job.turn("Failed")
    epochs = int(job.fields["hyperParameters"]["epochCount"])
    _write_curves(state, job, epochs)
    state.ledger.bill(Bill(job.fields["baseModelArn"].rsplit("/", 1)[-1], trained_tokens=trained * epochs))
    job.fields["outputModelArn"] = _make_model(state, job).arn
    job.turn("Completed")


def _read(state: State, job: Resource) -> tuple[int, list[str]]:
    """The tokens of the training data, and what is wrong with the data or with what the role may do."""
    role, account, trained, problems = job.fields["roleArn"], state.account, 0, []
    validators = [one["s3Uri"] for one in job.fields["validationDataConfig"]["validators"]]
    files = [(job.fields["trainingDataConfig"]["s3Uri"], "training"), *((uri, "validation") for uri in validators)]
    output = split(job.fields["outputDataConfig"]["s3Uri"].rstrip("/"))
    try:
        for uri, what in files:
            bucket, key = split(uri)
            account.demand(role, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
            account.demand(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
            found, count = check(account.read(uri), what)
            problems += found
            trained += count if what == "training" else 0
        account.demand(role, "s3:PutObject", f"arn:aws:s3:::{'/'.join(output)}/")
        account.objects(output[0])
    except (NotAllowed, NoObject) as error:
        problems.append(str(error))
    return trained, problems


def _write_curves(state: State, job: Resource, epochs: int) -> None:
    """Losses that fall as a formula says, in the files where AWS puts them: four steps an epoch."""
    where = f"{job.fields['outputDataConfig']['s3Uri'].rstrip('/')}/model-customization-job-{job.id}"
    curve = [(step, (step + 3) // 4, 0.5 + 1.5 / step**0.3) for step in range(1, 4 * epochs + 1)]
    _write(state, f"{where}/training_artifacts/step_wise_training_metrics.csv", "training_loss", curve)
    job.fields["trainingMetrics"] = {"trainingLoss": curve[-1][2]}
    if validators := job.fields["validationDataConfig"]["validators"]:
        ends = [(step, epoch, loss + 0.1) for step, epoch, loss in curve if step % 4 == 0]
        path = "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"
        _write(state, f"{where}/{path}", "validation_loss", ends)
        job.fields["validationMetrics"] = [{"validationLoss": ends[-1][2]} for _ in validators]


def _make_model(state: State, job: Resource) -> Resource:
    base, model_id = job.arn.split("/")[1], state.new_id()
    arn = state.arn("bedrock", f"{MODEL}/{base}/{model_id}")
    about = {name: job.fields[name] for name in INHERITED if name in job.fields}
    about |= {"jobName": job.name, "jobArn": job.arn}
    return state.add(
        Resource(MODEL, model_id, arn, job.fields["outputModelName"], "Active", about), job.fields["_modelTags"]
    )


def _write(state: State, uri: str, column: str, curve: list[tuple[int, int, float]]) -> None:
    rows = [f"{step},{epoch},{loss:.6f},{math.exp(loss):.6f}" for step, epoch, loss in curve]
    lines = [f"step_number,epoch_number,{column},perplexity", *rows]
    state.account.write(uri, ("\n".join(lines) + "\n").encode())


def _details(job: Resource) -> dict[str, Any]:
    """The three phases: which of them is running follows from how often the job was looked at."""
    phases = ("validationDetails", "dataProcessingDetails", "trainingDetails")
    done = len(phases) if job.status == "Completed" else min(job.polls, 2) if job.status == "InProgress" else 0
    states = ["Completed"] * done + [job.status] + ["NotStarted"] * len(phases)
    return {phase: {"status": status} for phase, status in zip(phases, states, strict=False)}


@operation("bedrock", "GetModelCustomizationJob")
def get_job(state: State, params: dict[str, Any]) -> dict[str, Any]:
    job = state.get(JOB, params["jobIdentifier"], poll=True)
    return {name: value for name, value in job.fields.items() if not name.startswith("_")} | {
        "jobArn": job.arn,
        "jobName": job.name,
        "status": job.status,
        "statusDetails": _details(job),
        "creationTime": job.created,
        "lastModifiedTime": job.updated,
        "endTime": None if job.step else job.updated,
    }


@operation("bedrock", "ListModelCustomizationJobs")
def list_jobs(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {
            "jobArn": job.arn,
            "baseModelArn": job.fields["baseModelArn"],
            "jobName": job.name,
            "status": job.status,
            "creationTime": job.created,
            "lastModifiedTime": job.updated,
            "customModelArn": job.fields.get("outputModelArn"),
            "customModelName": job.fields["outputModelName"],
            "customizationType": "FINE_TUNING",
        }
        for job in state.listed(JOB, params, poll=True)
    ]
    return page(found, params, "modelCustomizationJobSummaries")


@operation("bedrock", "StopModelCustomizationJob")
def stop_job(state: State, params: dict[str, Any]) -> None:
    job = state.get(JOB, params["jobIdentifier"])
    if job.status not in ("InProgress", "Stopping"):
        raise conflict(f"The job {job.name} is {job.status} and cannot be stopped.")
    job.turn("Stopping", lambda job: job.turn("Stopped"))


@operation("bedrock", "GetCustomModel")
def get_model(state: State, params: dict[str, Any]) -> dict[str, Any]:
    model = state.get(MODEL, params["modelIdentifier"], poll=True)
    named = {"modelArn": model.arn, "modelName": model.name, "modelStatus": model.status, "creationTime": model.created}
    return model.fields | named


@operation("bedrock", "ListCustomModels")
def list_custom_models(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {
            "modelArn": model.arn,
            "modelName": model.name,
            "creationTime": model.created,
            "baseModelArn": model.fields["baseModelArn"],
            "baseModelName": model.fields["baseModelArn"].rsplit("/", 1)[-1].partition(":")[0],
            "modelStatus": model.status,
        }
        for model in state.listed(MODEL, params)
    ]
    return page(found, params, "modelSummaries")


@operation("bedrock", "DeleteCustomModel")
def delete_model(state: State, params: dict[str, Any]) -> None:
    model = state.get(MODEL, params["modelIdentifier"])
    users = [one.arn for one in state.resources.values() if one.fields.get("modelArn") == model.arn]
    if users:
        raise AwsError("ConflictException", f"The custom model {model.name} is in use by {users[0]}.")
    state.remove(model)
