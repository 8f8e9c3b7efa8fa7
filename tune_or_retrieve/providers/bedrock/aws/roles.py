"""IAM roles that Bedrock assumes for the study: one for each purpose, with no more permissions than it needs."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws.faults import aws, code, found, member
from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, capital_pairs
from tune_or_retrieve.providers.bedrock.aws.session import Clients

PATH = f"/{PROJECT}/"  # our roles are listed by it, and iam:PassRole is allowed on it
POLICY = PROJECT  # the name of the one inline policy of each
BEDROCK = "bedrock.amazonaws.com"
WAITS_SECONDS = (2, 4, 8, 16, 30)  # a new role is known everywhere within seconds, sometimes a minute
NOT_YET = ("assume", "not authorized", "permission", "access denied")  # said of a role that is not known yet

T = TypeVar("T")
Policy = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """`fresh`: just made or changed, so that Bedrock may not know it yet (see `when_known`)."""

    arn: str
    fresh: bool


def trust(source_arn: str) -> Policy:
    """Who may assume the role: Bedrock, for resources of one kind in one account and region.

    Args:
        source_arn: of these resources, such as arn:aws:bedrock:us-east-1:123456789012:knowledge-base/*.
    """
    account_id = source_arn.split(":")[4]
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": BEDROCK},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}, "ArnLike": {"aws:SourceArn": source_arn}},
        }
    )


def knowledge_base_policy(bucket_arn: str, prefix: str, embedding_model_arn: str, vector_store_arn: str) -> Policy:
    """Read the articles, embed them, keep the vectors in an S3 Vectors index or an OpenSearch Serverless collection."""
    if ":s3vectors:" in vector_store_arn:
        verbs = ("PutVectors", "GetVectors", "DeleteVectors", "QueryVectors", "GetIndex")
        actions = [f"s3vectors:{verb}" for verb in verbs]
    else:
        actions = ["aoss:APIAccessAll"]
    return _policy(
        _allow(["bedrock:InvokeModel"], embedding_model_arn),
        *_read(bucket_arn, prefix),
        _allow(actions, vector_store_arn),
    )


def customization_policy(bucket_arn: str, data_prefix: str, output_prefix: str) -> Policy:
    """Read the training and validation data, write the model's metrics. Prefixes end in "/"."""
    return _policy(*_read(bucket_arn, data_prefix), *_write(bucket_arn, output_prefix))


def batch_policy(bucket_arn: str, input_prefix: str, output_prefix: str, model_arns: Sequence[str]) -> Policy:
    """Read the prompts, write the replies, call the models: of an inference profile, its ARN and those behind it."""
    return _policy(
        _allow(["bedrock:InvokeModel"], list(model_arns)),
        *_read(bucket_arn, input_prefix),
        *_write(bucket_arn, output_prefix),
    )


def ensure_role(clients: Clients, name: str, trusted: Policy, allowed: Policy, tags: Mapping[str, str]) -> Role:
    """The role of this name with exactly this trust and these permissions: made, corrected or found.

    Raises:
        StageError: AWS refuses.
    """
    iam, changed = clients.iam, False
    with aws(f"making the role {name}"):
        role = found(lambda: member(iam.get_role(RoleName=name), "Role"))
        if role is None:
            about = {"Description": "Made by tune-or-retrieve for Amazon Bedrock.", "Tags": capital_pairs(tags)}
            document = json.dumps(trusted)
            role = member(iam.create_role(RoleName=name, Path=PATH, AssumeRolePolicyDocument=document, **about), "Role")
            changed = True
        elif _document(role.get("AssumeRolePolicyDocument")) != trusted:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))
            changed = True
    with aws(f"giving the role {name} its permissions"):
        policy = found(lambda: member(iam.get_role_policy(RoleName=name, PolicyName=POLICY), "PolicyDocument"))
        if _document(policy) != allowed:
            iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=json.dumps(allowed))
            changed = True
        return Role(member(role, "Arn"), changed)


def check_role(clients: Clients, arn: str) -> Role:
    """A role that the user gives: it must exist in this account and trust Bedrock. Nothing of it is changed.

    If the credentials may not look at roles, this is said, and Bedrock itself has the last word.

    Raises:
        StageError: there is no such role, or Bedrock is not trusted by it.
    """
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    if account != clients.account_id:
        raise StageError(
            f"role {arn}: belongs to account {account}, but the credentials belong to {clients.account_id}. Name "
            "a role of that account in params.yaml, or null: it is made then."
        )
    with aws(f"looking at the role {arn}"):
        try:
            role = found(lambda: member(clients.iam.get_role(RoleName=name), "Role"))
        except ClientError as fault:
            if not code(fault).startswith("AccessDenied"):
                raise
            say(f"role {arn}: not checked, as these credentials lack iam:GetRole.")
            return Role(arn, fresh=False)
    if role is None or role.get("Arn") != arn:
        raise StageError(
            f"role {arn}: does not exist. Correct `role_arn` in params.yaml, or set it to null: it is made then."
        )
    if not _trusts_bedrock(_document(role.get("AssumeRolePolicyDocument"))):
        raise StageError(
            f"role {arn}: does not trust {BEDROCK}, so Bedrock cannot assume it. Add that to its trust policy "
            "(docs/bedrock.md), or set `role_arn` in params.yaml to null: a role is made then."
        )
    return Role(arn, fresh=False)


def when_known(role: Role, call: Callable[[], T], watch: Watch) -> T:
    """Make a call that hands `role` to Bedrock, and repeat it while a fresh role is not known there yet.

    Raises:
        ClientError: as the call does, after the last wait, or at once if it is about something else.
    """
    for wait in WAITS_SECONDS if role.fresh else ():
        try:
            return call()
        except ClientError as fault:
            said = str(fault.response.get("Error", {}).get("Message", "")).lower()
            if not any(words in said for words in NOT_YET):
                raise
        watch.sleep(wait)
    return call()


def roles_of_ours(clients: Clients) -> list[str]:
    """The names of all roles that this project made in the account for the region of the clients.

    IAM knows no regions: a study in another one has roles under the same path, and must keep them.
    """
    names = []
    with aws("listing the roles"):
        for page in clients.iam.get_paginator("list_roles").paginate(PathPrefix=PATH):
            for role in member(page, "Roles"):
                document = json.dumps(_document(role.get("AssumeRolePolicyDocument")))
                regions = re.findall(r"arn:aws[a-z-]*:bedrock:([a-z0-9-]+):", document)
                if not regions or clients.region in regions:
                    names.append(role["RoleName"])
    return sorted(names)


def remove_role(clients: Clients, name: str) -> None:
    """Delete a role of ours and its policy. If they are gone already, that is no fault."""
    with aws(f"deleting the role {name}"):
        found(lambda: clients.iam.delete_role_policy(RoleName=name, PolicyName=POLICY))
        found(lambda: clients.iam.delete_role(RoleName=name))


def _document(policy: Any) -> Any:
    """IAM returns policies percent-encoded; botocore decodes most of them."""
    return json.loads(unquote(policy)) if isinstance(policy, str) else policy


def _trusts_bedrock(document: Any) -> bool:
    statements = (document or {}).get("Statement", [])
    for one in statements if isinstance(statements, list) else [statements]:
        principal = one.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if one.get("Effect") == "Allow" and BEDROCK in ([services] if isinstance(services, str) else services):
            return True
    return False


def _policy(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: list[str], resource: str | list[str], **condition: Any) -> Policy:
    return {"Effect": "Allow", "Action": actions, "Resource": resource} | condition


def _read(bucket_arn: str, prefix: str) -> list[Policy]:
    # the list is of the whole bucket: Bedrock asks with prefixes of its own making
    return [
        _allow(["s3:ListBucket"], bucket_arn),
        _allow(["s3:GetObject"], f"{bucket_arn}/{prefix}*"),
    ]


def _write(bucket_arn: str, prefix: str) -> list[Policy]:
    return [_allow(["s3:GetObject", "s3:PutObject"], f"{bucket_arn}/{prefix}*")]
