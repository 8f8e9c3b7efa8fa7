"""Teardown leaves nothing of ours behind and touches nothing of the user's, whatever happens in between."""

import contextlib
import io

import aws_ours as ours
import pytest
from aws_standin import LOSE, running

from tune_or_retrieve.account.resources import Scope
from tune_or_retrieve.account.teardown import teardown
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.session import clients

BUCKET = "tune-or-retrieve-123456789012-us-east-1"


@pytest.fixture(scope="module")
def account():
    """One stand-in and one set of clients for all tests here: each starts and ends with nothing of ours in it."""
    patch = pytest.MonkeyPatch()
    with running() as standin:
        for name, value in standin.environment.items():
            patch.setenv(name, value)
        here = clients()
        here.kills = ours.killing(here)
        for service in ("bedrock", "bedrock_agent", "s3vectors", "s3", "iam", "sts", "bedrock_runtime"):
            getattr(here, service)
        ours.of_the_user(standin)
        patch.undo()
        yield standin, here


@pytest.fixture
def aws(account):
    standin, _ = account
    before = standin.left()
    yield standin
    standin.faults.clear()
    ours.let_go(standin)
    _down(account[1])
    assert standin.left() == before


@pytest.fixture
def here(account):
    return account[1]


def _down(here, scope=None, dry_run=False, confirmed=lambda: True) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        teardown([here], scope or Scope(), dry_run, confirmed, ours.QUIET)
    return said.getvalue()


def _changes(aws, start) -> list[str]:
    """Operations that changed something, in their order, each once."""
    entries = aws.ledger.entries[start:]
    made = [one.operation for one in entries if one.operation.startswith(("Delete", "Stop", "Update", "DELETE"))]
    return list(dict.fromkeys(made))


def test_it_removes_everything_in_order_and_nothing_of_the_users(aws, here):
    before = aws.left()
    assert any("by-hand" in one for one in before)
    ours.everything(aws, here)
    for kind in ours.JOBS:
        aws.pace(kind, polls=8)  # so that they are stopped, and do not end by themselves
    start = len(aws.ledger.entries)
    said = _down(here)
    assert aws.left() == before
    assert _changes(aws, start) == [
        "StopModelCustomizationJob", "StopModelInvocationJob", "DeleteProvisionedModelThroughput",
        "DeleteCustomModelDeployment", "DeleteCustomModel", "StopIngestionJob", "DeleteDataSource",
        "DeleteKnowledgeBase", "DeleteIndex", "DeleteVectorBucket", "DeleteRolePolicy", "DeleteRole", "DELETE",
    ]  # fmt: skip
    assert said.splitlines()[-1].startswith("nothing is left of tune-or-retrieve in us-east-1. ")
    assert _down(here) == "nothing of tune-or-retrieve in us-east-1.\n"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(aws, here):
    ids = ours.knowledge_base(here, ours.bucket_of(here))
    before, start = aws.left(), len(aws.ledger.entries)
    said = _down(here, dry_run=True, confirmed=lambda: pytest.fail("a dry run asks nothing"))
    name = "tune-or-retrieve-articles-0123456789ab"
    assert said.splitlines()[-8:] == [
        f"would delete: data source {name}/articles",
        f"would delete: knowledge base {name}",
        f"would delete: vector index {name}/{name}",
        f"would delete: vector bucket {name}",
        f"would delete: role {name}",
        f"would delete: objects s3://{BUCKET}/tune-or-retrieve/",
        f"would delete: bucket {BUCKET}",
        "nothing was removed.",
    ]
    assert (aws.left(), _changes(aws, start)) == (before, [])
    assert ids


def test_what_is_not_confirmed_stays(aws, here):
    ours.bucket_of(here)
    before = aws.left()
    with pytest.raises(StageError, match=r"^not confirmed: nothing was removed\.$"):
        _down(here, confirmed=lambda: False)
    assert aws.left() == before


def test_killed_after_any_change_the_next_run_goes_on(aws, here):
    before = aws.left()
    ours.everything(aws, here)
    ours.let_go(aws)
    runs = 0
    while True:
        runs += 1
        here.kills[0] = runs  # after the first change, then after the second, ...
        try:
            _down(here)
            break
        except ours.Killed:
            continue
    here.kills[0] = 0
    assert runs > 4
    assert aws.left() == before


DENIED = (
    "AWS, deleting the deployment {name}: access is denied (The stand-in was told to answer AccessDeniedException). "
    "Give whoever runs this, or the role that is named, that permission (docs/bedrock.md), and run again."
)


def test_what_fails_is_told_and_the_rest_goes_on(aws, here):
    model = ours.tuned(here, ours.bucket_of(here))
    ours.hosted(here, model)
    ours.knowledge_base(here, ours.bucket_of(here))
    aws.fault("DeleteCustomModelDeployment", "AccessDeniedException")
    with pytest.raises(StageError) as fault:
        _down(here)
    deployment, *_ = [one.split()[1] for one in aws.left() if one.startswith("custom-model-deployment")]
    custom, *_ = [one.split()[1] for one in aws.left() if one.startswith("custom-model tune-or-retrieve-micro")]
    lines = str(fault.value).splitlines()
    assert lines[0] == "left in us-east-1, and may still cost:"
    assert lines[1] == f"  deployment {deployment}: {DENIED.format(name=deployment)}"
    assert lines[2].startswith(f"  custom model {custom}: AWS, deleting the custom model {custom}: it is in use or ")
    assert lines[3:] == ["Run teardown again."]
    assert not any(one.startswith(("bucket tune", "role tune-or-retrieve-art", f"s3://{BUCKET}")) for one in aws.left())


def test_what_a_thing_needs_is_kept_as_long_as_it_is_there(aws, here):
    ours.knowledge_base(here, ours.bucket_of(here))
    aws.fault("DeleteKnowledgeBase", "AccessDeniedException")
    with pytest.raises(StageError) as fault:
        _down(here)
    name = "tune-or-retrieve-articles-0123456789ab"
    kept = f"kept, as knowledge base {name} is still there and needs it"
    assert str(fault.value).splitlines()[2:] == [
        f"  vector index {name}/{name}: {kept}",
        f"  vector bucket {name}: {kept}",
        f"  role {name}: {kept}",
        "Run teardown again.",
    ]
    aws.faults.clear()
    aws.fault("ListDataSources", "AccessDeniedException")
    with pytest.raises(
        StageError,
        match=r"every data source there may be: AWS, listing the data sources of the knowledge base \w+: access is",
    ):
        _down(here)
    assert f"role {name}" in aws.left()


def test_a_data_source_whose_vectors_cannot_be_deleted_goes_without_them(aws, here):
    ours.knowledge_base(here, ours.bucket_of(here))
    name = "tune-or-retrieve-articles-0123456789ab"
    here.iam.delete_role_policy(RoleName=name, PolicyName="tune-or-retrieve")
    here.iam.delete_role(RoleName=name)  # by other hands
    start = len(aws.ledger.entries)
    _down(here)
    assert _changes(aws, start)[:4] == ["DeleteDataSource", "UpdateDataSource", "DeleteKnowledgeBase", "DeleteIndex"]


def test_answers_that_are_lost_do_no_harm(aws, here):
    ours.everything(aws, here)
    ours.let_go(aws)
    for operation in ("DeleteCustomModelDeployment", "DeleteProvisionedModelThroughput", "DeleteKnowledgeBase",
                      "DeleteIndex", "DeleteRole", "StopIngestionJob"):  # fmt: skip
        aws.fault(operation, LOSE, times=1)
    _down(here)  # and the fixture looks that nothing is left


def test_what_is_still_coming_up_is_waited_for(aws, here):
    model = ours.tuned(here, ours.bucket_of(here))
    aws.pace("custom-model-deployment", polls=3)
    here.bedrock.create_custom_model_deployment(
        modelDeploymentName="tune-or-retrieve-micro-0123456789ab", modelArn=model,
        tags=[{"key": "tune-or-retrieve", "value": "tune-or-retrieve"}],
    )  # fmt: skip
    _down(here)
    aws.pace("custom-model-deployment")


def test_what_is_never_gone_is_given_up_and_told(aws, here):
    ours.hosted(here, ours.tuned(here, ours.bucket_of(here)))
    aws.hold("custom-model-deployment")
    clock = iter(range(0, 10**9, 600))
    patient = ours.Watch(every=0.0, clock=lambda: next(clock), sleep=lambda _: None, say=lambda _: None)
    with pytest.raises(StageError, match=r"  deployment \S+: still Active after 60 minutes\. Run again later\."):
        teardown([here], Scope(), False, lambda: True, patient)
    aws.pace("custom-model-deployment")


def test_objects_of_the_user_in_our_bucket_stay_and_are_told(aws, here):
    bucket = ours.bucket_of(here)
    here.s3.put_object(Bucket=bucket, Key="mine.txt", Body=b"mine")
    with pytest.raises(StageError) as fault:
        _down(here)
    assert str(fault.value).splitlines()[1] == (
        f"  bucket {bucket}: it holds objects that are not below tune-or-retrieve/: not ours to delete. Move or delete "
        "them."
    )
    here.s3.delete_object(Bucket=bucket, Key="mine.txt")


def test_in_the_users_own_bucket_only_what_is_below_our_prefix_goes(aws, here):
    before = aws.left()
    here.s3.create_bucket(Bucket="mine")
    for key in ("mine.txt", "tune-or-retrieve/articles/a.md"):
        here.s3.put_object(Bucket="mine", Key=key, Body=b"mine")
    _down(here, Scope(buckets=("mine",)))
    assert sorted(set(aws.left()) - set(before)) == ["s3://mine", "s3://mine/mine.txt"]
    here.s3.delete_object(Bucket="mine", Key="mine.txt")
    here.s3.delete_bucket(Bucket="mine")


def test_a_role_of_a_study_in_another_region_stays(aws, here):
    other = ours.ensure_role(
        here, "tune-or-retrieve-far", ours.trust("arn:aws:bedrock:eu-west-1:123456789012:knowledge-base/*"),
        ours.customization_policy("arn:aws:s3:::b", "tune-or-retrieve/", "tune-or-retrieve/"), {},
    )  # fmt: skip
    _down(here)
    assert "role tune-or-retrieve-far" in aws.left()
    assert other.fresh
    here.iam.delete_role_policy(RoleName="tune-or-retrieve-far", PolicyName="tune-or-retrieve")
    here.iam.delete_role(RoleName="tune-or-retrieve-far")
