"""Roles that are enough for what Bedrock does with them, and no more, on the stand-in that tries each permission."""

import json
import re

import aws_world as world
import pytest
from botocore.exceptions import ClientError

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws import names, roles, session
from tune_or_retrieve.providers.bedrock.aws.roles import Role
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.chat.batch_jobs import ensure_bucket_and_role
from tune_or_retrieve.providers.bedrock.chat.params import BatchParams
from tune_or_retrieve.providers.bedrock.knowledge_base.parts import index_arn

ID, BUCKET = "123456789012", f"arn:aws:s3:::{world.BUCKET}"
TAGS = names.tags("index", "k" * 64)
NULL = "or set it to null: it is made then."


@pytest.fixture
def here(aws, monkeypatch):
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    return clients(None)


def made(here, kind="model-customization-job", allowed=None) -> Role:
    allowed = allowed or roles.customization_policy(BUCKET, "train", "out/")
    return roles.ensure_role(here, "tuner", roles.trust(here.arn("bedrock", f"{kind}/*")), allowed, TAGS)


def test_a_role_is_made_once_corrected_and_removed(aws, here):
    first, again = made(here), made(here)
    assert first == Role(f"arn:aws:iam::{ID}:role/tune-or-retrieve/tuner", fresh=True)
    assert again == Role(first.arn, fresh=False)
    assert made(here, allowed=roles.batch_policy("arn:aws:s3:::b", "in/", "out/", [world.TITAN])).fresh
    assert made(here, "knowledge-base", roles.batch_policy("arn:aws:s3:::b", "in/", "out/", [world.TITAN])).fresh
    assert not made(here, "knowledge-base", roles.batch_policy("arn:aws:s3:::b", "in/", "out/", [world.TITAN])).fresh
    assert names.unpaired(here.iam.list_role_tags(RoleName="tuner")["Tags"]) == TAGS
    world.role(aws)  # another's
    assert roles.roles_of_ours(here) == ["tuner"]
    for _ in range(2):
        roles.remove_role(here, "tuner")
    assert aws.left() == ["policy study/study", "role study"]


def test_the_customization_role_is_enough(aws, here):
    assert world.custom_model(aws, roleArn=made(here).arn)


@pytest.mark.parametrize("lacking", ["s3:GetObject", "s3:ListBucket"])
def test_and_without_one_of_its_permissions_the_job_fails(aws, here, lacking):
    allowed = roles.customization_policy(BUCKET, "train", "out/")
    allowed["Statement"] = [one for one in allowed["Statement"] if lacking not in one["Action"]]
    arn = made(here, allowed=allowed).arn
    job = here.bedrock.create_model_customization_job(**world.job_request(aws, roleArn=arn))["jobArn"]
    here.bedrock.get_model_customization_job(jobIdentifier=job)
    assert lacking in here.bedrock.get_model_customization_job(jobIdentifier=job)["failureMessage"]


def test_the_knowledge_base_role_is_enough(aws, here):
    world.put(aws, "articles/a.md", "A queue holds messages.")
    index = world.vector_index(aws)
    allowed = roles.knowledge_base_policy(BUCKET, "articles/", world.TITAN, index)
    arn = made(here, "knowledge-base", allowed).arn
    job = world.ingest(aws, world.data_source(aws, world.knowledge_base(aws, index, arn)))
    assert (job["status"], job["statistics"]["numberOfNewDocumentsIndexed"]) == ("COMPLETE", 1)


def test_a_fresh_role_is_waited_for_and_only_for_that(aws, here):
    aws.account.propagation = 2
    role, slept = made(here), []
    job = world.job_request(aws, roleArn=role.arn)
    roles.when_known(role, lambda: here.bedrock.create_model_customization_job(**job), Watch(sleep=slept.append))
    assert slept == [2, 4]
    bad = job | {"hyperParameters": {"batchSize": "9"}, "jobName": "b", "customModelName": "b"}
    bad["clientRequestToken"] = "b" * 40
    with pytest.raises(ClientError, match="hyperparameter"):
        roles.when_known(role, lambda: here.bedrock.create_model_customization_job(**bad), Watch(sleep=slept.append))
    assert slept == [2, 4]


@pytest.mark.parametrize("fresh", [True, False])
def test_a_role_that_is_never_known_ends_in_what_bedrock_says(aws, here, fresh):
    slept, role = [], Role(f"arn:aws:iam::{ID}:role/none", fresh)
    job = world.job_request(aws, roleArn=role.arn)
    with pytest.raises(ClientError, match="Could not assume provided IAM role"):
        roles.when_known(role, lambda: here.bedrock.create_model_customization_job(**job), Watch(sleep=slept.append))
    assert slept == (list(roles.WAITS_SECONDS) if fresh else [])


def test_a_given_role_is_looked_at_and_left_as_it_is(aws, here):
    arn = world.role(aws)
    assert roles.check_role(here, arn) == Role(arn, fresh=False)
    assert {entry.operation for entry in aws.ledger.of("GetRole")} == {"GetRole"}


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (
            "arn:aws:iam::210987654321:role/study",
            "role arn:aws:iam::210987654321:role/study: belongs to account 210987654321, but the credentials "
            "belong to 123456789012. Name a role of that account in params.yaml, or null: it is made then.",
        ),
        (
            f"arn:aws:iam::{ID}:role/none",
            f"role arn:aws:iam::{ID}:role/none: does not exist. Correct `role_arn` in params.yaml, {NULL}",
        ),
        (
            f"arn:aws:iam::{ID}:role/web",
            f"role arn:aws:iam::{ID}:role/web: does not trust bedrock.amazonaws.com, so Bedrock cannot assume it. Add "
            "that to its trust policy (docs/bedrock.md), or set `role_arn` in params.yaml to null: a role is made "
            "then.",
        ),
    ],
)
def test_a_given_role_that_cannot_serve(aws, here, arn, expected):
    world.role(aws, name="web", trusted="ec2.amazonaws.com")
    with pytest.raises(StageError) as fault:
        roles.check_role(here, arn)
    assert str(fault.value) == expected


def test_a_given_role_that_may_not_be_looked_at_is_left_to_bedrock(aws, here, capsys):
    arn = world.role(aws)
    aws.fault("GetRole", "AccessDeniedException")
    assert roles.check_role(here, arn) == Role(arn, fresh=False)
    assert capsys.readouterr().err == f"role {arn}: not checked, as these credentials lack iam:GetRole.\n"


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")]
)
def test_arns_are_of_the_partition_that_the_region_is_in(aws, region, partition):
    ensure_bucket_and_role(there := clients(region), BatchParams(model="amazon.nova-lite-v1:0"))
    (name,) = roles.roles_of_ours(there)
    role = there.iam.get_role(RoleName=name)["Role"]
    policy = there.iam.get_role_policy(RoleName=name, PolicyName=names.PROJECT)["PolicyDocument"]
    arns = re.findall(r'"(arn:[^"]+)"', json.dumps([role["AssumeRolePolicyDocument"], policy]))
    bucket = f"arn:{partition}:s3:::tune-or-retrieve-{ID}-{region}"
    assert arns == [
        f"arn:{partition}:bedrock:{region}:{ID}:model-invocation-job/*",
        f"arn:{partition}:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0",
        bucket,
        f"{bucket}/tune-or-retrieve/batch/*",
        f"{bucket}/tune-or-retrieve/batch/*",
    ]
    assert index_arn(there, "a") == f"arn:{partition}:s3vectors:{region}:{ID}:bucket/a/index/a"


def test_a_region_that_cannot_be_is_told(aws):
    with pytest.raises(StageError) as fault:
        clients("nowhere").arn("bedrock", "knowledge-base/*")
    assert str(fault.value) == (
        "AWS, looking for the region nowhere: Unknown region: 'nowhere'. No partition found for provided region_name. "
        "Correct AWS_REGION or `region` in params.yaml, for instance to us-east-1."
    )
