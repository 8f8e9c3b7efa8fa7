"""The foundation models and inference profiles that the stand-in's account can see. Ids are those of AWS's docs."""

from dataclasses import dataclass
from typing import Any

from .errors import invalid, not_found
from .state import State, operation, page

TEXT, EMBEDDING = "TEXT", "EMBEDDING"
NO_ACCESS = "You don't have access to the model with the specified model ID."


@dataclass(frozen=True)
class Model:
    id: str
    name: str  # 20 characters at most by botocore's shape
    provider: str
    output: str = TEXT
    on_demand: bool = True  # False: only through an inference profile
    tunable: str | None = None  # the suffix under which it is fine-tuned and provisioned
    max_tokens: int = 10_000
    tool_choices: tuple[str, ...] = ("auto", "any", "tool")
    json_schema: bool = False  # Converse's outputConfig; which models have it is unverified
    dimensions: tuple[int, ...] = ()  # of an embedding model, the default first

    def arn(self, region: str) -> str:
        return foundation_arn(region, self.id)


MODELS = {
    model.id: model
    for model in (
        Model("amazon.nova-micro-v1:0", "Nova Micro", "Amazon", tunable="128k"),
        Model("amazon.nova-lite-v1:0", "Nova Lite", "Amazon", tunable="300k"),
        Model("amazon.nova-pro-v1:0", "Nova Pro", "Amazon", tunable="300k"),
        Model("amazon.nova-2-lite-v1:0", "Nova 2 Lite", "Amazon", on_demand=False, tunable="256k", max_tokens=65_535),
        Model("amazon.titan-embed-text-v2:0", "Titan Embeddings V2", "Amazon", EMBEDDING, dimensions=(1024, 512, 256)),
        Model("anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6", "Anthropic", on_demand=False, max_tokens=64_000,
              json_schema=True),
        Model("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", "Anthropic", on_demand=False,
              max_tokens=64_000, json_schema=True),
        Model("meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B", "Meta", on_demand=False, max_tokens=8_192,
              tool_choices=("auto",)),
        Model("meta.llama4-maverick-17b-instruct-v1:0", "Llama 4 Maverick 17B", "Meta", on_demand=False,
              max_tokens=8_192, tool_choices=("auto",)),
    )
}  # fmt: skip
PROFILES = {f"us.{model.id}": model for model in MODELS.values() if model.output == TEXT}


def foundation_arn(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def short(identifier: str) -> str:
    """The id in a foundation model's or an inference profile's ARN; an id as it is."""
    return identifier.rsplit("/", 1)[-1]


def tunable(state: State, identifier: str) -> tuple[str, Model] | None:
    """The id and the model of what can be fine-tuned: amazon.nova-micro-v1:0:128k, or its ARN."""
    for model in MODELS.values():
        if model.tunable and short(identifier) == f"{model.id}:{model.tunable}" and offered(state):
            return short(identifier), model
    return None


def offered(state: State) -> bool:
    return state.region in state.settings.model_regions


def _summary(state: State, model: Model, suffix: str = "") -> dict[str, Any]:
    how = ["PROVISIONED"] if suffix else ["ON_DEMAND"] if model.on_demand else []
    return {
        "modelArn": foundation_arn(state.region, model.id + suffix),
        "modelId": model.id + suffix,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": [TEXT],
        "outputModalities": [model.output],
        "responseStreamingSupported": model.output == TEXT,
        "customizationsSupported": ["FINE_TUNING"] if suffix else [],
        "inferenceTypesSupported": how,
        "modelLifecycle": {"status": "ACTIVE"},
    }


def _summaries(state: State) -> list[dict[str, Any]]:
    plain = [_summary(state, model) for model in MODELS.values()]
    tuned = [_summary(state, model, f":{model.tunable}") for model in MODELS.values() if model.tunable]
    return plain + tuned if offered(state) else []


@operation("bedrock", "ListFoundationModels")
def list_models(state: State, params: dict[str, Any]) -> dict[str, Any]:
    wanted = {
        "byProvider": lambda one: [one["providerName"]],
        "byCustomizationType": lambda one: one["customizationsSupported"],
        "byOutputModality": lambda one: one["outputModalities"],
        "byInferenceType": lambda one: one["inferenceTypesSupported"],
    }
    found = [one for one in _summaries(state) if all(value in wanted[name](one) for name, value in params.items())]
    return {"modelSummaries": found}


@operation("bedrock", "GetFoundationModel")
def get_model(state: State, params: dict[str, Any]) -> dict[str, Any]:
    for one in _summaries(state):
        if short(params["modelIdentifier"]) == one["modelId"]:
            return {"modelDetails": one}
    raise not_found("Could not resolve the foundation model from the provided model identifier.")


@operation("bedrock", "GetFoundationModelAvailability")
def get_availability(state: State, params: dict[str, Any]) -> dict[str, Any]:
    model_id = params["modelId"]
    if model_id not in MODELS:
        raise invalid("The provided model identifier is invalid.")
    denied = model_id in state.settings.denied_models
    return {
        "modelId": model_id,
        "agreementAvailability": {"status": "NOT_AVAILABLE" if denied else "AVAILABLE"},
        "authorizationStatus": "NOT_AUTHORIZED" if denied else "AUTHORIZED",
        "entitlementAvailability": "NOT_AVAILABLE" if denied else "AVAILABLE",
        "regionAvailability": "AVAILABLE" if offered(state) else "NOT_AVAILABLE",
    }


def _profile(state: State, profile_id: str, model: Model) -> dict[str, Any]:
    return {
        "inferenceProfileName": f"US {model.name}".replace(".", " "),
        "inferenceProfileArn": state.arn("bedrock", f"inference-profile/{profile_id}"),
        "inferenceProfileId": profile_id,
        "models": [{"modelArn": model.arn(region)} for region in ("us-east-1", "us-east-2", "us-west-2")],
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


@operation("bedrock", "ListInferenceProfiles")
def list_profiles(state: State, params: dict[str, Any]) -> dict[str, Any]:
    none = params.get("typeEquals") == "APPLICATION" or not offered(state)
    found = [] if none else [_profile(state, name, model) for name, model in PROFILES.items()]
    return page(found, params, "inferenceProfileSummaries")


@operation("bedrock", "GetInferenceProfile")
def get_profile(state: State, params: dict[str, Any]) -> dict[str, Any]:
    profile_id = short(params["inferenceProfileIdentifier"])
    if profile_id not in PROFILES or not offered(state):
        raise not_found("The provided inference profile could not be found.")
    return _profile(state, profile_id, PROFILES[profile_id])
