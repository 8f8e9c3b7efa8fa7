"""What AWS, botocore and langchain-aws raise, as one message with a remedy. No message contains a credential."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.fault_origins import by_origin
from tune_or_retrieve.providers.bedrock.aws.fault_rules import (
    EXCEPTIONS,
    LOG_IN,
    MISSING,
    REFUSALS,
    AnswerCut,
    AwsFault,
    AwsMissing,
    AwsUnavailable,
)
from tune_or_retrieve.providers.bedrock.aws.redaction import hidden

__all__ = [
    "AnswerCut", "AwsFault", "AwsMissing", "AwsUnavailable",
    "aws", "code", "explained", "found", "hidden", "is_missing", "member", "unreachable",
]  # fmt: skip

T = TypeVar("T")


@contextlib.contextmanager
def aws(doing: str) -> Iterator[None]:
    """Around calls of boto3 and langchain-aws: what they raise becomes an AwsFault that a person can act on.

    Args:
        doing: for the message "AWS, {doing}: ...", as in "making the bucket study-data".

    Raises:
        AwsFault, or one of its subclasses. A bug of ours keeps its own class.
    """
    try:
        yield
    except StageError:
        raise
    except Exception as fault:
        found = explained(fault, doing)
        if found is None:
            raise
        raise found from None  # the cause's own text may hold a credential


def explained(fault: BaseException, doing: str) -> AwsFault | None:
    """The fault as a person can act on it; None if it is not AWS's but a bug, which keeps its traceback."""
    known = _known(fault)
    if isinstance(known, botocore.ClientError):
        return _refusal(known, doing)
    if known is not None and "Invalid header value" in str(known):
        what = "the credentials hold a line break or another character that no header takes"
        return AwsFault(f"AWS, {doing}: {what}. {LOG_IN}", type(known).__name__)
    for kinds, kind, what, remedy in EXCEPTIONS:
        if known is not None and isinstance(known, kinds):
            it = hidden(str(known)).rstrip(".")
            return kind(f"AWS, {doing}: {what.format(it=it)}. {remedy}", type(known).__name__)
    return by_origin(fault.__cause__ or fault, doing)


def unreachable(fault: BaseException) -> bool:
    """Whether it means no credentials, no access, or no answer. A quota, a bad value or a bug is none of these."""
    found = fault if isinstance(fault, StageError) else explained(fault, "")
    return isinstance(found, AwsUnavailable)


def is_missing(fault: botocore.ClientError) -> bool:
    """Whether AWS says that what was asked for does not exist, in the words of any service."""
    return code(fault) in MISSING.split()


def found(call: Callable[[], T]) -> T | None:
    """What a call returns, inside `aws`; None if what it asks for does not exist."""
    try:
        return call()
    except botocore.ClientError as fault:
        if is_missing(fault):
            return None
        raise


def code(fault: botocore.ClientError) -> str:
    return fault.response.get("Error", {}).get("Code", "")


def member(answer: Any, *path: str | int) -> Any:
    """One member of an answer, inside `aws`: botocore takes a truncated answer for one without members."""
    found = answer
    for step in path:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            raise AnswerCut(f"no {'.'.join(map(str, path))}") from None
    return found


def _known(fault: BaseException | None) -> BaseException | None:
    """The fault itself, or the one that langchain-aws turned into a ValueError or KeyError; None for anything else."""
    if isinstance(fault, (botocore.BotoCoreError, botocore.ClientError, ResponseParserError, AnswerCut)):
        return fault
    if isinstance(fault, ValueError) and fault.__cause__ is not None:
        return _known(fault.__cause__)
    if isinstance(fault, KeyError) and _raised_in(fault, "langchain_aws"):
        return AnswerCut(f"no {fault.args[0]}")
    return None


def _raised_in(fault: BaseException, package: str) -> bool:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").split(".")[0] == package


def _refusal(fault: botocore.ClientError, doing: str) -> AwsFault:
    answer, error = fault.response, fault.response.get("Error", {})
    it = hidden(" ".join(str(error.get("Message") or "no reason given").split())).rstrip(".")
    retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    tries = f"{retries + 1} tries" if retries else "one try"
    for codes, words, kind, what, remedy in REFUSALS:
        if (not codes or code(fault) in codes.split()) and re.search(words, it, re.IGNORECASE):
            what = what.format(code=code(fault), it=it, tries=tries)
            return kind(f"AWS, {doing}: {what}. {remedy}", code(fault))
    what = f"{fault.operation_name} was refused ({code(fault) or 'no code'}: {it})"
    return AwsFault(f"AWS, {doing}: {what}. If a value of params.yaml is named, correct it.", code(fault))
