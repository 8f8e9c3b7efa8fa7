"""Faulty AWS settings, at which botocore raises whatever exception comes: recognised by where it was raised."""

from types import TracebackType

from botocore.exceptions import BotoCoreError

from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsFault, AwsUnavailable
from tune_or_retrieve.providers.bedrock.aws.redaction import hidden

PROCESS = (
    'It must print {"Version": 1, "AccessKeyId": "...", "SecretAccessKey": "..."}: run it yourself, and correct '
    "credential_process in ~/.aws/config."
)
SETTINGS = "Correct ~/.aws/config or the AWS_ variables."
NO_URL = "the address that is set for the service is not a URL ({it})"
ADDRESS = (
    "Correct AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE> or endpoint_url in ~/.aws/config to one as in "
    "https://HOST:PORT, or remove it."
)

# Module and function (None: any), the special before the general; kind, what is wrong, what to do.
ORIGINS: tuple[tuple[tuple[str, str | None], type[AwsFault], str, str], ...] = (
    (
        ("botocore.credentials", "_retrieve_credentials_using"), AwsUnavailable,
        "the credential_process of the AWS profile gives no credentials ({it})", PROCESS,
    ),
    (("botocore.credentials", None), AwsUnavailable, "the credentials cannot be obtained ({it})", SETTINGS),
    (("botocore.endpoint", "create_endpoint"), AwsFault, NO_URL, ADDRESS),
    (("urllib.parse", None), AwsFault, NO_URL, ADDRESS),
    # All that we give it is the region, whose exceptions are known.
    (("botocore.session", "create_client"), AwsFault, "the AWS configuration cannot be used ({it})", SETTINGS),
)  # fmt: skip


def by_origin(fault: BaseException, doing: str) -> AwsFault | None:
    """The fault as a person can act on it, if botocore raised it because of a setting; otherwise None."""
    passed = _passed(fault.__traceback__)
    if not any(module.partition(".")[0] == "botocore" for module, _ in passed):
        return None
    for (module, function), kind, what, remedy in ORIGINS:
        if any(module == one and function in (None, name) for one, name in passed):
            return kind(f"AWS, {doing}: {what.format(it=_text(fault))}. {remedy}", type(fault).__name__)
    return None


def _passed(trace: TracebackType | None) -> set[tuple[str, str]]:
    """Modules and functions that the exception passed through."""
    found = set()
    while trace is not None:
        frame = trace.tb_frame
        found.add((str(frame.f_globals.get("__name__")), frame.f_code.co_name))
        trace = trace.tb_next
    return found


def _text(fault: BaseException) -> str:
    """Its own text, with its class where that says what was expected, as JSONDecodeError does."""
    for_people = type(fault) is ValueError or isinstance(fault, (OSError, BotoCoreError))
    return hidden(str(fault) if for_people else f"{type(fault).__name__}: {fault}").rstrip(".")
