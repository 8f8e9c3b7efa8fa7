"""Whether a model is in the region, open to the account, and able to do what it is asked. Costs and makes nothing."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.prices import AREA, names
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsUnavailable
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, is_missing, member
from tune_or_retrieve.providers.bedrock.aws.session import Clients

OPEN_IT = (
    "Open it in the Bedrock console under Model access (Anthropic asks for a form once) and wait a few minutes; where "
    "it is not offered, choose another region or model."
)


def access(clients: Clients, name: str) -> str:
    """What was found about a model or inference profile that is called, in words.

    Raises:
        AwsUnavailable: the account has no access to it.
        StageError: there is no such model in the region.
    """
    if not AREA.match(name):
        return _access(clients, name, _details(clients, name)["modelId"])
    with aws(f"looking for the model {name}"):
        models = member(clients.bedrock.get_inference_profile(inferenceProfileIdentifier=name), "models")
        return _access(clients, name, member(models, 0, "modelArn").rsplit("/", 1)[-1])


def embeds(clients: Clients, model: str) -> str:
    """What was found about a foundation model that is to make vectors, in words.

    Raises:
        AwsUnavailable: the account has no access to it.
        StageError: there is no such model in the region, or it makes something else.
    """
    details = _details(clients, model)
    made = details.get("outputModalities") or ["EMBEDDING"]
    if "EMBEDDING" not in made:
        raise StageError(
            f"knowledge_base.bedrock.embedding_model: {model} makes {', '.join(made).lower()}, not vectors. Set it to "
            "an embedding model in params.yaml, for instance amazon.titan-embed-text-v2:0."
        )
    return f"makes vectors, {_access(clients, model, details['modelId'])}"


def tunable(clients: Clients, base: str) -> str:
    """What was found about fine-tuning a model by this id, in words.

    AWS lists the ids under which models can be fine-tuned. Those of Nova end in a window, as in
    amazon.nova-micro-v1:0:128k, and differ from those that are called.

    Raises:
        StageError: this id is not listed, but the same model is listed under another, which is named.
    """
    if ":custom-model/" in base:  # to be trained further; only foundation models are listed
        return "is a custom model"
    with aws("asking which models can be fine-tuned"):
        try:
            listed = member(clients.bedrock.list_foundation_models(byCustomizationType="FINE_TUNING"), "modelSummaries")
        except ClientError as fault:
            if code(fault).startswith("AccessDenied"):
                return "whether it can be fine-tuned could not be read"
            raise
        ids = [member(one, "modelId") for one in listed]
    if base.rsplit("/", 1)[-1] in ids:
        return "can be fine-tuned"
    same = [one for one in ids if names(one)[-1] == names(base)[-1]]
    if not same:  # whether AWS lists all of them is not promised: the job's own check has the last word
        return f"AWS does not list it among those that can be fine-tuned: {', '.join(ids) or 'none'}"
    raise StageError(
        f"customization.base_model: {base} cannot be fine-tuned in {clients.region} by this id. Set it to "
        f"{' or '.join(same)} in params.yaml."
    )


def _details(clients: Clients, model: str) -> Mapping[str, Any]:
    with aws(f"looking for the model {model}"):
        details = member(clients.bedrock.get_foundation_model(modelIdentifier=model), "modelDetails")
        member(details, "modelId")
        return details


def _access(clients: Clients, name: str, base: str) -> str:
    base = ":".join(base.split(":")[:2])  # access is to a model, not to its variants: amazon.nova-micro-v1:0:128k
    with aws(f"asking for access to the model {name}"):
        try:
            said = clients.bedrock.get_foundation_model_availability(modelId=base)
        except ClientError as fault:
            if is_missing(fault) or code(fault).startswith("AccessDenied"):
                return "exists; whether it is open to this account could not be read"
            raise
        states = {
            "the agreement": member(said, "agreementAvailability", "status"),
            "the authorization": member(said, "authorizationStatus"),
            "the entitlement": member(said, "entitlementAvailability"),
            "the region": member(said, "regionAvailability"),
        }
    closed = [f"{what} {state}" for what, state in states.items() if state not in ("AVAILABLE", "AUTHORIZED")]
    if closed:
        raise AwsUnavailable(f"this account has no access to {name}: {', '.join(closed)}. {OPEN_IT}")
    return "open to this account"
