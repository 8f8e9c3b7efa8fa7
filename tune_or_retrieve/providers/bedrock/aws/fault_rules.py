"""The kinds of AWS faults, and for each known fault what is wrong and what to do."""

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Conflict


class AwsFault(StageError):
    """A fault of AWS or on the way to it. `code` is AWS's error code, or the class of botocore's exception."""

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code


class AwsUnavailable(AwsFault):
    """No credentials, no access, or no answer: the faults for which `knowledge_base.fallback` is."""


class AwsMissing(AwsFault):
    """What was asked for does not exist: deleted, in another region, or never made."""


class AwsConflict(AwsFault, Conflict):
    """What was to be made is already there, or what was to be deleted is in use."""


class AnswerCut(Exception):
    """An answer of AWS lacks a member that the service always sends. Raised by `member`, explained by `aws`."""


LOG_IN = "Log in with `aws configure` or `aws sso login`, or name a profile in AWS_PROFILE, and run again."
AGAIN = "What was finished is kept: run `dvc repro` again, which goes on from there."
PERMIT = "Give whoever runs this, or the role that is named, that permission (docs/bedrock.md), and run again."
NO_REGION = (
    "no region is set. Set AWS_REGION or `region` in params.yaml, or run `aws configure`: us-east-1 has every model "
    "that the study knows."
)
OTHER_REGION = "Correct AWS_REGION or `region` in params.yaml, for instance to us-east-1."

# The exceptions of botocore, the special before the general: kind, what is wrong, what to do. {it}: its own text.
EXCEPTIONS: tuple[tuple[tuple[type[Exception], ...], type[AwsFault], str, str], ...] = (
    ((botocore.NoCredentialsError,), AwsUnavailable, "no credentials were found", LOG_IN),
    ((botocore.PartialCredentialsError,), AwsUnavailable, "the credentials are incomplete ({it})", LOG_IN),
    ((botocore.ProfileNotFound,), AwsFault, "{it}", "Correct AWS_PROFILE, or make it with `aws configure`."),
    (
        (
            botocore.CredentialRetrievalError, botocore.SSOError, botocore.TokenRetrievalError,
            botocore.NoAuthTokenError, botocore.LoginError, botocore.MetadataRetrievalError,
        ),
        AwsUnavailable, "the credentials cannot be obtained ({it})", LOG_IN,
    ),
    ((botocore.NoRegionError,), AwsUnavailable, *NO_REGION.split(". ", 1)),
    ((botocore.InvalidRegionError, botocore.UnknownRegionError), AwsFault, "{it}", OTHER_REGION),
    ((botocore.UnknownEndpointError, botocore.EndpointProviderError), AwsUnavailable, "{it}", OTHER_REGION),
    (
        (botocore.EndpointConnectionError, botocore.ConnectTimeoutError, botocore.ProxyConnectionError),
        AwsUnavailable, "{it}",
        "Check the network, the proxy, and that the region (AWS_REGION or `region` in params.yaml) exists and has the "
        "service.",
    ),
    (
        (botocore.SSLError,), AwsUnavailable, "{it}",
        "A proxy may show a certificate of its own: name its file in AWS_CA_BUNDLE.",
    ),
    (
        (botocore.ReadTimeoutError,), AwsUnavailable, "no answer came in time ({it})",
        f"A call of a model may have been paid for all the same. {AGAIN}",
    ),
    (
        (
            ResponseParserError, botocore.IncompleteReadError, botocore.ResponseStreamingError,
            botocore.ChecksumError, botocore.FlexibleChecksumError, AnswerCut,
        ),
        AwsUnavailable, "the answer came incomplete or unreadable ({it})",
        f"A call of a model may have been paid for all the same. {AGAIN}",
    ),
    ((botocore.ConnectionClosedError,), AwsUnavailable, "the connection was lost ({it})", AGAIN),
    (
        (botocore.HTTPClientError,), AwsUnavailable, "the request could not be made ({it})",
        f"Check the proxy (HTTPS_PROXY), AWS_CA_BUNDLE and AWS_ENDPOINT_URL. {AGAIN}",
    ),
    (
        (
            botocore.ConfigParseError, botocore.InvalidRetryConfigurationError, botocore.InvalidRetryModeError,
            botocore.InvalidMaxRetryAttemptsError, botocore.InvalidConfigError, botocore.MissingDependencyException,
        ),
        AwsFault, "the AWS configuration cannot be used ({it})", "Correct ~/.aws/config or the AWS_ variables.",
    ),
)  # fmt: skip

BAD_KEYS = (
    "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId SignatureDoesNotMatch "
    "InvalidSignatureException IncompleteSignature MissingAuthenticationToken AuthFailure InvalidToken"
)
DENIED = "AccessDenied AccessDeniedException UnauthorizedOperation Forbidden AllAccessDisabled 403"
QUOTA = (
    "ServiceQuotaExceededException LimitExceeded LimitExceededException TooManyBuckets TooManyTagsException "
    "TooManyTags ResourceLimitExceeded"
)
THROTTLED = (
    "Throttling ThrottlingException ThrottledException TooManyRequestsException RequestLimitExceeded SlowDown "
    "RequestThrottled RequestThrottledException ProvisionedThroughputExceededException"
)
MISSING = (
    "ResourceNotFoundException NotFoundException NoSuchEntity NoSuchBucket NoSuchKey NoSuchUpload NotFound "
    "NoSuchEntityException 404"
)
SERVER = (
    "InternalServerException InternalServerError InternalFailure InternalError ServiceUnavailable "
    "ServiceUnavailableException ServiceException ModelErrorException 500 502 503 504"
)
REGIONS = (
    "PermanentRedirect TemporaryRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException "
    "IncorrectEndpoint 301 307"
)

# The refusals of AWS, the special before the general: codes (none: any), words of the message, kind, what is wrong,
# what to do. {code} and {it} are AWS's, {tries} is how often it was tried.
REFUSALS: tuple[tuple[str, str, type[AwsFault], str, str], ...] = (
    (
        "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired", "", AwsUnavailable,
        "the credentials have expired", LOG_IN,
    ),
    (
        "RequestTimeTooSkewed", "", AwsUnavailable, "this machine's clock is wrong", "Set it and run again.",
    ),
    (
        BAD_KEYS, "Signature (expired|not yet current)", AwsUnavailable,
        "this machine's clock is wrong", "Set it and run again.",
    ),
    (BAD_KEYS, "", AwsUnavailable, "AWS does not accept the credentials ({code})", LOG_IN),  # the message quotes them
    ("OptInRequired SubscriptionRequiredException", "", AwsUnavailable,
     "the account has not opened this service ({it})", "Open it in the AWS console and run again."),
    (
        DENIED + " ValidationException ResourceNotFoundException",
        "access to (the|this) model|model access|use case details|INVALID_PAYMENT_INSTRUMENT|aws-marketplace",
        AwsUnavailable, "this account has no access to the model ({it})",
        "Open it in the Bedrock console under Model access (Anthropic asks for a form once, and models of others for "
        "a means of payment), wait a few minutes, and run again; `tune-or-retrieve doctor` says which models are open.",
    ),
    (
        DENIED + " ValidationException InvalidRequestException", "PassRole", AwsUnavailable,
        "the role may not be passed to Bedrock ({it})",
        "Give whoever runs this iam:PassRole on the role (docs/bedrock.md), and run again.",
    ),
    (
        DENIED + " ValidationException InvalidRequestException",
        r"assume|not authorized to perform: sts:|does not trust|role .*(not valid|invalid|not exist)", AwsUnavailable,
        "Bedrock cannot assume the role ({it})",
        "The role must exist and trust bedrock.amazonaws.com for this account (docs/bedrock.md). Correct "
        "`role_arn` in params.yaml, or set it to null: the role is made then.",
    ),
    (DENIED, "", AwsUnavailable, "access is denied ({it})", PERMIT),
    (
        REGIONS, "", AwsFault, "the bucket is in another region ({it})",
        "Name a bucket of the region that Bedrock is used in, or null: it is made then.",
    ),
    (
        "BucketAlreadyExists", "", AwsFault, "another account has a bucket of this name",
        "Bucket names are unique across all accounts: choose another in params.yaml.",
    ),
    (
        "InvalidBucketName", "", AwsFault, "the bucket's name is not allowed ({it})",
        "It takes 3 to 63 lower-case letters, digits, dots and hyphens: correct it in params.yaml.",
    ),
    (
        QUOTA, "", AwsFault, "a quota of the account is used up ({it})",
        "Remove what is no longer needed (`tune-or-retrieve resources` lists what this project made), or ask for more "
        "in the console under Service Quotas.",
    ),
    (
        "ModelNotReadyException", "", AwsUnavailable, "the model is still being made ready, after {tries}",
        f"Wait a few minutes. {AGAIN}",
    ),
    (
        THROTTLED, "", AwsFault, "throttled, after {tries} ({it})",
        f"Lower run.concurrency in params.yaml, or ask for a higher quota under Service Quotas. {AGAIN}",
    ),
    ("ModelTimeoutException", "", AwsFault, "the model did not answer in time ({it})", AGAIN),
    (
        "", "on-demand throughput isn", AwsFault, "the model cannot be called by this id ({it})",
        "Call it through an inference profile: put `us.` (or eu., apac.) before the id in params.yaml.",
    ),
    (
        "ValidationException ResourceNotFoundException",
        "model identifier|foundation model|base model|embedding model|inference profile|isn't supported in this region",
        AwsFault, "the model id is unknown in this region ({it})",
        "Correct it in params.yaml, or set AWS_REGION or `region` to one that has it; `aws bedrock "
        "list-foundation-models` and `aws bedrock list-inference-profiles` list the ids of the region.",
    ),
    (
        "ValidationException", "too long|too large|maximum context|input length", AwsFault,
        "the prompt is longer than the model's window ({it})",
        "Lower retrieval.top_k or the chunk size in params.yaml, or choose a model with a longer window.",
    ),
    (
        MISSING, "", AwsMissing, "it is not there ({it})",
        "Someone else deleted it, or it was made in another region or account. Run the stage that makes it again: `dvc "
        "repro --force --single-item index` for a knowledge base, `fine_tune@<model>` for what hosts a model.",
    ),
    (
        "ConflictException ResourceInUseException OperationAborted DeleteConflict BucketNotEmpty", "", AwsConflict,
        "it is in use or being changed ({it})", "Wait until that is over, and run again.",
    ),
    (
        "UnknownOperationException", "", AwsUnavailable, "the service does not know this call ({it})",
        "The region may not have it: set AWS_REGION or `region` in params.yaml, for instance to us-east-1.",
    ),
    (SERVER, "", AwsUnavailable, "AWS failed, after {tries} ({code}: {it})", AGAIN),
)  # fmt: skip
