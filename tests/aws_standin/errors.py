"""What AWS answers when it refuses, in the form of each protocol."""

import json
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ServiceModel

# Codes that any AWS service may answer and that no service model lists.
COMMON_STATUS = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "UnknownOperationException": 404,
    "ThrottlingException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "StandinFault": 400,  # ours: the test or the stand-in is at fault; not retried by botocore
}

# s3, iam and sts say the same things with other words.
XML_CODES = {
    "s3": {"AccessDeniedException": "AccessDenied", "ExpiredTokenException": "ExpiredToken"},
    "iam": {"AccessDeniedException": "AccessDenied", "ExpiredTokenException": "ExpiredToken"},
    "sts": {"AccessDeniedException": "AccessDenied", "ExpiredTokenException": "ExpiredToken"},
}
XML_THROTTLED = {"s3": ("SlowDown", 503), "iam": ("Throttling", 400), "sts": ("Throttling", 400)}

Answer = tuple[int, dict[str, str], bytes]


class AwsError(Exception):
    """A refusal: the error code of the service, the message, and the status if the model does not say it."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message)


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message)


def status_of(error: AwsError, service: ServiceModel | None) -> int:
    """The HTTP status of the error in this service: of the model first, since the same code has other statuses
    elsewhere (ConflictException is 400 in bedrock and 409 in bedrock-agent).
    """
    if error.status:
        return error.status
    shapes = {shape.name: shape for shape in service.error_shapes} if service else {}
    if error.code in shapes:
        return shapes[error.code].metadata.get("error", {}).get("httpStatusCode", 400)
    return COMMON_STATUS.get(error.code, 400)


def rest_json_error(error: AwsError, service: ServiceModel | None) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return status_of(error, service), headers, json.dumps({"message": error.message}).encode()


def json_answer(body: dict[str, Any], status: int = 200) -> Answer:
    """Of a service whose protocol is json, not rest-json."""
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def json_error(error: AwsError) -> Answer:
    return json_answer({"__type": error.code, "Message": error.message}, error.status or 400)


def xml_error(error: AwsError, service: str) -> Answer:
    """Errors of the services that moto plays: s3 and those of the query protocol (iam, sts)."""
    code, status = XML_CODES.get(service, {}).get(error.code, error.code), status_of(error, None)
    if error.code == "ThrottlingException":
        code, status = XML_THROTTLED.get(service, ("Throttling", 400))
    if service == "s3" and code == "ExpiredToken":
        status = 400
    body = f"<Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
    if service != "s3":
        body = f"<ErrorResponse>{body}<RequestId>standin</RequestId></ErrorResponse>"
    return status, {"Content-Type": "text/xml"}, body.encode()
