"""Whether a model exists in the region and is open to the account. Makes and pays nothing."""

from botocore.exceptions import ClientError

from stages.bedrock.chat_params import AREA
from stages.bedrock.fault_rules import AwsUnavailable
from stages.bedrock.faults import aws, code, is_missing, member
from stages.bedrock.session import Clients

OPEN_IT = (
    "Open it in the Bedrock console under Model access (Anthropic asks for a form once) and wait a few minutes; where "
    "it is not offered, choose another region or model."
)


def access(clients: Clients, name: str) -> str:
    """What was found of a model or inference profile, in words.

    Raises:
        AwsUnavailable: the account has no access to it.
        StageError: there is no such model in the region.
    """
    with aws(f"looking for the model {name}"):
        if AREA.match(name):
            models = member(clients.bedrock.get_inference_profile(inferenceProfileIdentifier=name), "models")
            base = member(models, 0, "modelArn").rsplit("/", 1)[-1]
        else:
            details = member(clients.bedrock.get_foundation_model(modelIdentifier=name), "modelDetails")
            base = member(details, "modelId")
    return _access(clients, name, base)


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
