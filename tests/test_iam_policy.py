"""docs/iam-policy.json allows every call that the code can make, and nothing that no code needs."""

import ast
import fnmatch
import json
import re
from pathlib import Path

import aws_ours as ours
import aws_world as world
import botocore.session
import pytest
from aws_base import Study, spec_of
from botocore import xform_name

from tune_or_retrieve.providers.bedrock.aws.names import PROJECT, unpaired
from tune_or_retrieve.providers.bedrock.aws.session import Clients, clients
from tune_or_retrieve.providers.bedrock.chat.batch_jobs import Batch, BatchJobs
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams
from tune_or_retrieve.providers.bedrock.tuning.hosting import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
POLICY = json.loads((ROOT / "docs/iam-policy.json").read_text())
AUTHORIZATION = json.loads((ROOT / "tests/fixtures/iam_actions.json").read_text())["actions"]  # by AWS's reference
PREFIXES = {  # of actions, by service
    "bedrock": "bedrock", "bedrock-agent": "bedrock", "bedrock-runtime": "bedrock", "bedrock-agent-runtime": "bedrock",
    "s3vectors": "s3vectors", "s3": "s3", "iam": "iam", "service-quotas": "servicequotas",
    "pricing": "pricing",
}  # fmt: skip
OTHERWISE = {  # where the action is not named as the operation
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
WORDS = [how.noun for how in OPERATIONS.values()] + ["model_customization_job", "model_invocation_job"]
BY_BEDROCK = {"aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"}  # for us, at a model's first call
BY_LANGCHAIN = {"bedrock:InvokeModel", "bedrock:Retrieve"}  # Converse and its permission, and the retriever's call
IMPLIED = {
    "bedrock:TagResource",
    "s3vectors:TagResource",
    "iam:TagRole",
    "iam:PassRole",
}  # of creating with tags, roles
ELSEWHERE = {  # calls of the knowledge base's build and of batch inference
    "bedrock:CreateModelInvocationJob", "bedrock:CreateKnowledgeBase", "bedrock:CreateDataSource",
    "bedrock:StartIngestionJob", "s3vectors:CreateVectorBucket", "s3vectors:CreateIndex", "s3vectors:ListVectors",
}  # fmt: skip


def _methods() -> dict[str, set[str]]:
    """Actions by the name of the client's method, of all the services that the code uses."""
    session, found = botocore.session.Session(), {}
    for service, prefix in PREFIXES.items():
        for operation in session.get_service_model(service).operation_names:
            action = f"{prefix}:{operation}"
            found.setdefault(xform_name(operation), set()).add(OTHERWISE.get(action, action))
    return found


def _named() -> set[str]:
    """Every attribute, and every string that could be a method's name, in the code that has the clients."""
    names = set()
    folders = ("tune_or_retrieve/providers/bedrock", "tune_or_retrieve/account")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                end = node.values[-1].value if isinstance(node.values[-1], ast.Constant) else ""
                names |= {f"{node.values[0].value}{word}{end}" for word in WORDS}
    return names


@pytest.fixture(scope="module")
def called() -> set[str]:
    methods, named = _methods(), _named()
    actions = {action for name in named & methods.keys() for action in methods[name]}
    return actions - {"servicequotas:ListTagsForResource"}  # its name is that of bedrock's and s3vectors', too


def _actions() -> list[str]:
    return [action for statement in POLICY["Statement"] for action in statement["Action"]]


def test_every_call_is_allowed(called):
    assert "bedrock:DeleteCustomModelDeployment" in called  # the scan sees names that are put together
    assert called - set(_actions()) == set()


def test_nothing_is_allowed_that_no_code_calls(called):
    assert set(_actions()) - called - BY_BEDROCK - BY_LANGCHAIN - IMPLIED - ELSEWHERE == set()


def test_each_action_is_named_once_and_none_by_a_pattern():
    assert len(_actions()) == len(set(_actions()))
    assert not [action for action in _actions() if "*" in action]


def _resources(statement) -> list[str]:
    return statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]


def test_each_action_may_be_limited_as_the_policy_limits_it():
    """What AWS does not limit by resource, any ARN denies; what does not check a tag, a condition on the tag denies."""
    names = ("tune-or-retrieve/a", "tune-or-retrieve-a/tune-or-retrieve/a")
    for statement in POLICY["Statement"]:
        conditions = {key.partition("/")[0] for one in statement.get("Condition", {}).values() for key in one}
        for action in statement["Action"]:
            known = AUTHORIZATION[action]
            if _resources(statement) != ["*"]:
                arns = [one.replace("*", name) for one in known["resources"] for name in names]
                assert any(fnmatch.fnmatchcase(arn, ours) for arn in arns for ours in _resources(statement)), action
            assert {key for key in conditions if "Tag" in key} <= set(known["tags"]), action


def test_what_makes_changes_or_removes_reaches_only_what_is_ours():
    reading = re.compile(r"\w+:(Get|List|InvokeModel)")
    for statement in POLICY["Statement"]:
        if all(reading.match(action) or action in BY_BEDROCK for action in statement["Action"]):
            continue
        resources = _resources(statement)
        assert "*" not in resources or not any(AUTHORIZATION[one]["resources"] for one in statement["Action"])
        removing = [action for action in statement["Action"] if re.match(r"\w+:(Delete|Stop|Update)", action)]
        ours = all("tune-or-retrieve" in resource for resource in resources) or "ResourceTag" in json.dumps(statement)
        assert ours or not removing, statement["Sid"]


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:DeleteObject", "arn:aws:s3:::tune-or-retrieve-123456789012-us-east-1/tune-or-retrieve/a.md", True),
        ("s3:DeleteObject", "arn:aws:s3:::mine/tune-or-retrieve/a.md", False),
        ("s3:DeleteObject", "arn:aws:s3:::tune-or-retrieve-123456789012-us-east-1/mine.txt", False),
        ("iam:DeleteRole", "arn:aws:iam::123456789012:role/tune-or-retrieve/tune-or-retrieve-kb", True),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin", False),
        ("s3vectors:DeleteIndex", "arn:aws:s3vectors:us-east-1:1:bucket/tune-or-retrieve-a/index/a", True),
        ("s3vectors:DeleteIndex", "arn:aws:s3vectors:us-east-1:1:bucket/mine/index/tune-or-retrieve-a", False),
    ],
)  # fmt: skip
def test_resources_are_scoped(action, resource, allowed):
    patterns = [one["Resource"] for one in POLICY["Statement"] if action in one["Action"]]
    flat = [one for found in patterns for one in (found if isinstance(found, list) else [found])]
    assert any(fnmatch.fnmatchcase(resource, pattern) for pattern in flat) == allowed


def _on_condition(key: str, value: str) -> set[str]:
    """The actions that are allowed under this one condition."""
    found = (one for one in POLICY["Statement"] if one.get("Condition") == {"StringEquals": {key: value}})
    return {action for one in found for action in one["Action"]}


def test_only_bedrock_subscribes_for_us():
    assert _on_condition("aws:CalledViaLast", "bedrock.amazonaws.com") == BY_BEDROCK


def test_what_can_be_made_with_tags_can_be_made_with_ours_only(called):
    made = {action for action in called if action.startswith("bedrock:Create")}
    assert made - _with_our_tag() == {"bedrock:CreateDataSource"}  # takes none: its knowledge base has them
    assert [action for action in sorted(made) if not _tag_members(action)] == ["bedrock:CreateDataSource"]


def test_each_call_of_ours_that_makes_something_brings_the_tag(aws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = clients()
    bucket = ours.bucket_of(here)
    model = ours.tuned(here, bucket)
    ours.hosted(here, model)
    ours.provisioned(here, model)
    Study(aws, here, spec_of("study")).build()
    _batch(here)
    seen = {}
    for entry in aws.ledger.entries:
        if (action := f"bedrock:{entry.operation}") in _with_our_tag():
            for name in _tag_members(action):
                given = entry.params.get(name, {})
                brought = given if isinstance(given, dict) else unpaired(given)
                seen.setdefault(action, set()).add(brought.get(PROJECT))
    assert seen == {action: {PROJECT} for action in _with_our_tag()}


def _with_our_tag() -> set[str]:
    """What makes something, and is allowed with our tag only."""
    return _on_condition(f"aws:RequestTag/{PROJECT}", PROJECT) - {"bedrock:TagResource"}


def _tag_members(action: str) -> list[str]:
    """Where in a request the tags of what it makes stand."""
    for service in ("bedrock", "bedrock-agent"):
        model = botocore.session.Session().get_service_model(service)
        if (operation := action.partition(":")[2]) in model.operation_names:
            return [name for name in model.operation_model(operation).input_shape.members if "tags" in name.lower()]
    raise AssertionError(action)


def _batch(here: Clients) -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "How long?"}]}]}
    records = [{"recordId": f"CALL{number:07}", "modelInput": request} for number in range(100)]
    batch = Batch("judge", BatchParams(model="us.anthropic.claude-sonnet-4-6"), world.jsonl(records).encode())
    BatchJobs(here, batch, lambda: None, lambda job: None, ours.QUIET).run()


def test_it_fits_into_one_managed_policy():
    assert len(re.sub(r"\s", "", json.dumps(POLICY))) <= 6144
