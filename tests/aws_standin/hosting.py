"""Where custom models run: on-demand deployments and provisioned throughput."""

from datetime import timedelta
from typing import Any

from .catalog import MODELS, foundation_arn, short, tunable
from .customization import MODEL
from .errors import conflict, invalid
from .state import Resource, State, operation, page
from .tags import as_map

DEPLOYMENT, THROUGHPUT = "custom-model-deployment", "provisioned-model"
COMMITMENTS = {"OneMonth": timedelta(days=30), "SixMonths": timedelta(days=180)}


@operation("bedrock", "CreateCustomModelDeployment")
def create_deployment(state: State, params: dict[str, Any]) -> dict[str, Any]:
    model = state.get(MODEL, params["modelArn"])
    state.refuse_name(DEPLOYMENT, params["modelDeploymentName"], invalid)  # the operation has no ConflictException
    identifier = state.new_id()
    arn = state.arn("bedrock", f"{DEPLOYMENT}/{identifier}")
    fields = {"modelArn": model.arn, "description": params.get("description")}
    deployment = Resource(DEPLOYMENT, identifier, arn, params["modelDeploymentName"], "Creating", fields)
    _start(state, deployment, "Active")
    state.add(deployment, as_map(params.get("tags")))
    return {"customModelDeploymentArn": arn}


def _start(state: State, hosted: Resource, ready: str) -> None:
    failure = state.settings.failure(hosted.kind)

    def finish(hosted: Resource) -> None:
        if failure:
            hosted.fields["failureMessage"] = failure
        hosted.turn("Failed" if failure else ready)

    hosted.turn("Creating", finish)


def _deployment(one: Resource, name: str) -> dict[str, Any]:
    return {
        "customModelDeploymentArn": one.arn,
        name: one.name,
        "modelArn": one.fields["modelArn"],
        "createdAt": one.created,
        "lastUpdatedAt": one.updated,
        "status": one.status,
        "failureMessage": one.fields.get("failureMessage"),
    }


@operation("bedrock", "GetCustomModelDeployment")
def get_deployment(state: State, params: dict[str, Any]) -> dict[str, Any]:
    one = state.get(DEPLOYMENT, params["customModelDeploymentIdentifier"], poll=True)
    return _deployment(one, "modelDeploymentName") | {"description": one.fields["description"]}


@operation("bedrock", "ListCustomModelDeployments")
def list_deployments(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        _deployment(one, "customModelDeploymentName")
        for one in state.listed(DEPLOYMENT, params, poll=True)
        if params.get("modelArnEquals", one.fields["modelArn"]) == one.fields["modelArn"]
    ]
    return page(found, params, "modelDeploymentSummaries")


@operation("bedrock", "DeleteCustomModelDeployment")
def delete_deployment(state: State, params: dict[str, Any]) -> None:
    """There is no status for being deleted: it is Active until it is gone."""
    one = state.get(DEPLOYMENT, params["customModelDeploymentIdentifier"])
    if one.status == "Creating":
        raise conflict("The custom model deployment is being created.")
    one.turn(one.status, state.remove)


@operation("bedrock", "CreateProvisionedModelThroughput")
def create_throughput(state: State, params: dict[str, Any]) -> dict[str, Any]:
    base = tunable(state, params["modelId"])
    if base:
        model_arn = foundation = foundation_arn(state.region, base[0])
    else:
        model = state.get(MODEL, params["modelId"])
        model_arn, foundation = model.arn, model.fields["baseModelArn"]
    state.refuse_name(THROUGHPUT, params["provisionedModelName"], invalid)  # no ConflictException here either
    identifier = state.new_id()
    arn = state.arn("bedrock", f"{THROUGHPUT}/{identifier}")
    fields = {"modelArn": model_arn, "foundationModelArn": foundation, "modelUnits": params["modelUnits"]}
    one = Resource(THROUGHPUT, identifier, arn, params["provisionedModelName"], "Creating", fields)
    if duration := params.get("commitmentDuration"):
        fields |= {"commitmentDuration": duration, "commitmentExpirationTime": one.created + COMMITMENTS[duration]}
    _start(state, one, "InService")
    state.add(one, as_map(params.get("tags")))
    return {"provisionedModelArn": arn}


def _throughput(one: Resource) -> dict[str, Any]:
    return one.fields | {
        "provisionedModelName": one.name,
        "provisionedModelArn": one.arn,
        "desiredModelArn": one.fields["modelArn"],
        "desiredModelUnits": one.fields["modelUnits"],
        "status": one.status,
        "creationTime": one.created,
        "lastModifiedTime": one.updated,
    }


@operation("bedrock", "GetProvisionedModelThroughput")
def get_throughput(state: State, params: dict[str, Any]) -> dict[str, Any]:
    return _throughput(state.get(THROUGHPUT, params["provisionedModelId"], poll=True))


@operation("bedrock", "ListProvisionedModelThroughputs")
def list_throughputs(state: State, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {name: value for name, value in _throughput(one).items() if name != "failureMessage"}
        for one in state.listed(THROUGHPUT, params, poll=True)
    ]
    return page(found, params, "provisionedModelSummaries")


@operation("bedrock", "DeleteProvisionedModelThroughput")
def delete_throughput(state: State, params: dict[str, Any]) -> None:
    one = state.get(THROUGHPUT, params["provisionedModelId"])
    if one.status == "Creating":
        raise conflict("The provisioned throughput is being created.")
    if "commitmentDuration" in one.fields:  # the term outlasts every test
        raise conflict("The provisioned throughput cannot be deleted before its commitment term is over.")
    one.turn(one.status, state.remove)


def base_model(state: State, hosted: Resource) -> str:
    """The id of the foundation model below a deployment or a throughput."""
    arn = hosted.fields.get("foundationModelArn") or state.resources[hosted.fields["modelArn"]].fields["baseModelArn"]
    return next(model.id for model in MODELS.values() if short(arn) in (model.id, f"{model.id}:{model.tunable}"))
