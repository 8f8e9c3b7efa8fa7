"""Knowledge bases on the stand-in: made once, brought up to date, made again where other hands took something away."""

import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace

import aws_world as world
import pytest
from aws_process import Killed
from aws_standin import running

from stages.bedrock import session
from stages.bedrock.faults import AwsFault, AwsMissing
from stages.bedrock.ingestion import IngestionFailed
from stages.bedrock.knowledge_base import Built, Plan, build, check, corpus_key
from stages.bedrock.knowledge_base_params import ManagedBaseParams
from stages.bedrock.knowledge_base_removal import remains, remove
from stages.bedrock.retriever import locate, make_retriever
from stages.bedrock.session import clients
from stages.bedrock.waiting import Watch
from stages.chunks.params import ChunkingParams
from stages.errors import StageError
from stages.files import sha256_text
from stages.records import Article

BUCKET = "tune-or-retrieve-123456789012-us-east-1"
TEXTS = {
    "depot/shelf": "# Shelf\n\nA shelf holds at most 40 crates.\n\nA shelf is free.\n",
    "depot/gate": "# Gate\n\nThe gate opens for 90 seconds unless GateDelay says otherwise.\n",
}
CHUNKING = ChunkingParams.model_validate(
    {
        "strategy": "fixed_size",
        "tokenizer": "t",
        "fixed_size": {"max_tokens": 20, "overlap_percentage": 10},
        "hierarchical": {"parent_max_tokens": 40, "child_max_tokens": 20, "overlap_tokens": 5},
        "semantic": {
            "max_tokens": 50,
            "buffer_size": 1,
            "breakpoint_percentile_threshold": 90,
            "embedding": {"model": "m", "dtype": "bfloat16", "batch_size": 1},
        },
    }
)
PARAMS = ManagedBaseParams(
    store="s3_vectors",
    opensearch_serverless=None,
    embedding_model="amazon.titan-embed-text-v2:0",
    dimensions=256,
    max_failed_share=0.0,
)
REMAKE = "Make it again: dvc repro --force --single-item index, then `dvc repro`."
CHANGES = ("Create", "Put", "Start", "Delete", "Update", "Stop")


@dataclass
class Study:
    """One study of the account that all tests share: others' resources are never met."""

    aws: object
    clients: object
    plan: Plan
    texts: dict = field(default_factory=lambda: dict(TEXTS))
    said: list = field(default_factory=list)

    @property
    def name(self):
        return f"tune-or-retrieve-kb-{self.plan.params.study}-{self.plan.key(self.plan.bucket or BUCKET)[:12]}"

    @property
    def watch(self):
        return Watch(clock=lambda: 0.0, sleep=lambda _: None, say=self.said.append)

    def articles(self):
        return [
            Article(
                id=name, title=f"{name.title()} handbook", service="depot", service_name="Depot", kind="document",
                source=name, path=f"{name}.md", characters=len(text), sha256=sha256_text(text),
            )
            for name, text in self.texts.items()
        ]  # fmt: skip

    def build(self, **changes):
        plan = replace(self.plan, **changes)
        return build(self.clients, plan, self.articles(), lambda one: self.texts[one.id], self.watch)

    def remains(self):
        return remains(self.clients, self.plan.params.study)

    def find(self, built, question="crates", k=10):
        found = make_retriever(self.clients.bedrock_agent_runtime, built.knowledge_base_id, k, "SEMANTIC").invoke(
            question
        )
        return locate([found], self.articles(), built.root, lambda one: self.texts[one.id])[0]

    @contextlib.contextmanager
    def requests(self):
        """Counts the requests that change something at AWS and carry it out, by operation."""
        start, counted = len(self.aws.ledger.entries), Counter()
        yield counted
        for entry in self.aws.ledger.entries[start:]:
            if entry.ok and not entry.replayed and entry.operation.startswith((*CHANGES, "PUT", "POST", "DELETE")):
                counted[entry.operation] += 1

    @contextlib.contextmanager
    def dying(self, at):
        """Killed when the n-th request that changes something at AWS has been carried out."""
        left = iter(range(at))

        def count(model, **_):
            if model.name.startswith(CHANGES) and next(left, None) is None:
                raise Killed

        hooks = [getattr(self.clients, name).meta.events for name in ("bedrock_agent", "s3vectors", "s3", "iam")]
        for hook in hooks:
            hook.register("after-call", count)
        try:
            yield
        finally:
            for hook in hooks:
                hook.unregister("after-call", count)


@pytest.fixture(scope="module")
def account():
    with running() as standin, pytest.MonkeyPatch.context() as patch:
        for name, value in standin.environment.items():
            patch.setenv(name, value)
        patch.setattr(session, "ATTEMPTS", 1)
        made = clients()
        for service in ("sts", "s3", "iam", "s3vectors", "bedrock_agent", "bedrock_agent_runtime"):
            getattr(made, service)
        for kind in ("knowledge-base", "data-source", "ingestion-job"):
            standin.pace(kind, polls=0)
        yield standin, made


@pytest.fixture
def study(account, request):
    """Named after the test, so that each has its own."""
    standin, made = account
    yield of(standin, made, "s" + sha256_text(request.node.name)[:8])
    standin.faults.clear()
    standin.pace("ingestion-job", polls=0)


def of(standin, made, name):
    return Study(standin, made, Plan(PARAMS.model_copy(update={"study": name}), CHUNKING))


def test_a_knowledge_base_is_built_with_all_that_it_needs_and_found_again(study):
    with study.requests() as first:
        built = study.build()
    name, prefix = study.name, f"tune-or-retrieve/knowledge-base/{study.plan.params.study}/articles/"
    index = f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{name}/index/{name}"
    assert built == Built(
        region="us-east-1", name=name, knowledge_base_id=built.knowledge_base_id, data_source_id=built.data_source_id,
        store="s3_vectors", vector_store_arn=index, embedding_model="amazon.titan-embed-text-v2:0", dimensions=256,
        root=f"s3://{BUCKET}/{prefix}", corpus=corpus_key(study.articles()), documents=2, failed=0,
        failed_documents=[],
    )  # fmt: skip
    said = [line.rsplit(";", 1)[0] for line in study.said]
    assert said == [
        f"knowledge base {name}: made",
        f"knowledge base {name}: ACTIVE",
        f"knowledge base {name}: ingestion IN_PROGRESS (0 documents read, 0 indexed, 0 removed, 0 failed)",
        f"knowledge base {name}: ingestion COMPLETE (2 documents read, 2 indexed, 0 removed, 0 failed)",
    ]
    creations = ("CreateVectorBucket", "CreateIndex", "CreateKnowledgeBase", "CreateDataSource", "StartIngestionJob")
    assert {operation: first[operation] for operation in creations} == dict.fromkeys(creations, 1)

    with study.requests() as second:
        assert study.build() == built
    assert second == {}
    assert study.said[-1] == f"knowledge base {name}: holds these articles already"
    check(study.clients, built)

    agent, vectors = study.aws.client("bedrock-agent"), study.aws.client("s3vectors")
    tags = {
        "tune-or-retrieve": "tune-or-retrieve",
        "tune-or-retrieve:stage": "index",
        "tune-or-retrieve:key": study.plan.key(BUCKET),
    }
    base_arn = f"arn:aws:bedrock:us-east-1:123456789012:knowledge-base/{built.knowledge_base_id}"
    assert agent.list_tags_for_resource(resourceArn=base_arn)["tags"] == tags
    for arn in (index, index.rpartition("/index/")[0]):
        assert vectors.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    role = study.aws.client("iam").get_role(RoleName=name)["Role"]
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == tags
    about = vectors.get_index(indexArn=index)["index"]
    assert (about["dimension"], about["distanceMetric"]) == (256, "cosine")
    assert about["metadataConfiguration"]["nonFilterableMetadataKeys"] == [
        "AMAZON_BEDROCK_TEXT", "AMAZON_BEDROCK_METADATA", "title",
    ]  # fmt: skip
    source = agent.get_data_source(knowledgeBaseId=built.knowledge_base_id, dataSourceId=built.data_source_id)
    assert source["dataSource"]["dataDeletionPolicy"] == "DELETE"
    assert source["dataSource"]["dataSourceConfiguration"]["s3Configuration"] == {
        "bucketArn": f"arn:aws:s3:::{BUCKET}", "bucketOwnerAccountId": "123456789012", "inclusionPrefixes": [prefix],
    }  # fmt: skip


def test_what_is_found_is_a_place_in_an_article_and_titles_count(study):
    built = study.build()
    first = study.find(built, "How many crates?")[0]
    text = TEXTS["depot/shelf"]
    assert text[first.metadata["start"] : first.metadata["end"]] == first.page_content
    assert {one.metadata["article_id"] for one in study.find(built, "handbook")} == set(TEXTS)  # in the titles only
    assert "handbook" not in "".join(TEXTS.values())


@pytest.mark.parametrize(
    ("strategy", "sent"),
    [
        ("none", {"chunkingStrategy": "NONE"}),
        (
            "semantic",
            {
                "chunkingStrategy": "SEMANTIC",
                "semanticChunkingConfiguration": {
                    "maxTokens": 50,
                    "bufferSize": 1,
                    "breakpointPercentileThreshold": 90,
                },
            },
        ),
        (
            "hierarchical",
            {
                "chunkingStrategy": "HIERARCHICAL",
                "hierarchicalChunkingConfiguration": {
                    "levelConfigurations": [{"maxTokens": 40}, {"maxTokens": 20}],
                    "overlapTokens": 5,
                },
            },
        ),
    ],
)
def test_the_strategies_of_chunking_are_bedrocks(study, strategy, sent):
    built = study.build(chunking=CHUNKING.model_copy(update={"strategy": strategy}))
    ids = {"knowledgeBaseId": built.knowledge_base_id, "dataSourceId": built.data_source_id}
    source = study.aws.client("bedrock-agent").get_data_source(**ids)["dataSource"]
    assert source["vectorIngestionConfiguration"] == {"chunkingConfiguration": sent}
    assert study.find(built)[0].metadata["article_id"] == "depot/shelf"


def test_changed_articles_are_sent_and_indexed_in_the_same_knowledge_base(study):
    first = study.build()
    study.texts = {"depot/shelf": TEXTS["depot/shelf"].replace("40", "50"), "depot/door": "# Door\n\nA door is red.\n"}
    with study.requests() as changed:
        second = study.build()
    assert changed == {"PUT": 3, "POST": 1, "StartIngestionJob": 1}  # shelf; door and its title; one deletion of two
    assert second == first.model_copy(update={"corpus": corpus_key(study.articles())})
    assert study.said[-1].startswith(
        f"knowledge base {study.name}: ingestion COMPLETE (2 documents read, 2 indexed, 1 removed, 0 failed)"
    )
    assert {one.metadata["article_id"] for one in study.find(second, "handbook")} == {"depot/shelf", "depot/door"}
    check(study.clients, second)
    with pytest.raises(StageError) as fault:
        check(study.clients, first)
    assert str(fault.value) == (
        f"knowledge base {first.knowledge_base_id}: holds other articles than data/index was written for; another run "
        f"has sent its own since. {REMAKE}"
    )
    study.texts = dict(TEXTS)
    assert study.build() == first
    check(study.clients, first)


def test_killed_after_any_change_at_aws_nothing_is_made_twice(account):
    standin, made = account
    place, whole = 0, None
    while whole is None:
        study = of(standin, made, f"killed-{place}")
        with study.requests() as counted:
            try:
                with study.dying(place):
                    whole = study.build()
            except Killed:
                built = study.build()
                assert built.documents == 2
                assert study.build() == built
        once = ("CreateVectorBucket", "CreateIndex", "CreateRole", "CreateKnowledgeBase", "CreateDataSource")
        assert {name: counted[name] for name in (*once, "StartIngestionJob")} == dict.fromkeys(
            (*once, "StartIngestionJob"), 1
        ), place
        (only,) = study.remains()
        assert only.name == study.name
        place += 1
    assert place >= 11  # two of vectors, two of the role, base, source, four objects, job; and the one not killed


def test_an_ingestion_that_runs_is_waited_for_and_not_started_again(study):
    study.aws.hold("ingestion-job")

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(
            study.clients, study.plan, study.articles(), lambda one: TEXTS[one.id],
            replace(study.watch, sleep=interrupted),
        )  # fmt: skip
    assert study.said[-1] == (
        f"\nknowledge base {study.name}: what AWS has begun goes on there. `dvc repro` comes back to it."
    )
    study.aws.pace("ingestion-job", polls=2)
    with study.requests() as counted:
        assert study.build().documents == 2
    assert counted == {}
    assert any("found the ingestion job" in line for line in study.said)


def test_another_chunking_makes_another_and_removes_the_old_one_even_if_killed_in_it(account):
    standin, made = account
    place, whole = 0, None
    while whole is None:
        study = of(standin, made, f"moved-{place}")
        old = study.build()
        other = replace(study, plan=replace(study.plan, chunking=CHUNKING.model_copy(update={"strategy": "none"})))
        with study.requests() as counted:
            try:
                with study.dying(7 + place):  # the first are those that make the new one
                    whole = other.build()
            except Killed:
                other.build()
        assert (counted["StartIngestionJob"], counted["CreateKnowledgeBase"], counted["PUT"]) == (1, 1, 0)
        (only,) = study.remains()
        assert only.name == other.name != old.name
        with pytest.raises(AwsMissing) as fault:
            check(study.clients, old)
        assert str(fault.value) == (
            f"knowledge base {old.knowledge_base_id} in us-east-1: it is no longer there, deleted since the index "
            f"stage made it, by other hands or by a run with other params. {REMAKE}"
        )
        place += 1
    assert place >= 6  # source, base, index, bucket, policy, role; and the one not killed


def delete_base(study, built):
    for found in study.remains():
        remove(study.clients, replace(found, vector_bucket=False, role=False), study.watch)


def delete_index(study, built):
    study.clients.s3vectors.delete_index(indexArn=built.vector_store_arn)


def delete_vectors(study, built):
    delete_index(study, built)
    study.clients.s3vectors.delete_vector_bucket(vectorBucketName=built.name)


def delete_source(study, built):
    ids = {"knowledgeBaseId": built.knowledge_base_id, "dataSourceId": built.data_source_id}
    now = study.clients.bedrock_agent.get_data_source(**ids)["dataSource"]
    kept = {name: now[name] for name in ("name", "dataSourceConfiguration", "vectorIngestionConfiguration")}
    study.clients.bedrock_agent.update_data_source(**ids, **kept, dataDeletionPolicy="RETAIN")
    study.clients.bedrock_agent.delete_data_source(**ids)


@pytest.mark.parametrize("delete", [delete_base, delete_index, delete_vectors, delete_source])
def test_what_other_hands_deleted_is_told_and_made_again(study, delete):
    built = study.build()
    before = [(one.metadata["id"], one.page_content) for one in study.find(built)]
    delete(study, built)

    def search():
        check(study.clients, built)
        study.find(built)

    with pytest.raises(AwsMissing) as fault:
        search()
    what = {"delete_base": "it is", "delete_source": "its data source is"}.get(delete.__name__, "its vector store is")
    assert str(fault.value) == (
        f"knowledge base {built.knowledge_base_id} in us-east-1: {what} no longer there, deleted since the index stage "
        f"made it, by other hands or by a run with other params. {REMAKE}"
    )
    again = study.build()
    assert again.knowledge_base_id != built.knowledge_base_id
    assert [(one.metadata["id"], one.page_content) for one in study.find(again)] == before  # each passage once
    check(study.clients, again)


def test_a_deleted_role_is_made_again_and_the_rest_stays(study):
    built = study.build()
    iam = study.aws.client("iam")
    iam.delete_role_policy(RoleName=built.name, PolicyName="tune-or-retrieve")
    iam.delete_role(RoleName=built.name)
    assert study.build() == built
    assert study.remains()[0].role


def test_a_role_of_the_users_is_taken_and_left_alone(study):
    arn = world.role(study.aws, name="theirs")
    built = study.build(role_arn=arn)
    (found,) = study.remains()
    assert (found.name, found.role) == (built.name, False)
    remove(study.clients, found, study.watch)
    assert study.remains() == []
    assert "theirs" in study.aws.account.roles()


def test_a_role_that_does_not_trust_bedrock_is_refused_before_anything_is_made(study):
    arn = world.role(study.aws, name="distrusting", trusted="ec2.amazonaws.com")
    with study.requests() as counted, pytest.raises(StageError, match=r"does not trust bedrock\.amazonaws\.com"):
        study.build(role_arn=arn)
    assert counted == {}


def test_documents_that_fail_are_counted_named_and_refused_beyond_the_share(study):
    study.texts["depot/void"] = " \n"
    void = f"s3://{BUCKET}/tune-or-retrieve/knowledge-base/{study.plan.params.study}/articles/depot/void.md"
    with pytest.raises(IngestionFailed) as fault:
        study.build()
    assert str(fault.value) == (
        f"knowledge base {study.name}: 1 of 3 documents could not be indexed, more than max_failed_share: 0 allows. "
        f"They are depot/void. AWS: {void}: the file is empty. Mend them or raise max_failed_share in params.yaml, and "
        "run `dvc repro`, which indexes what is missing."
    )
    patient = study.plan.params.model_copy(update={"max_failed_share": 0.4})
    with study.requests() as counted:
        built = study.build(params=patient)
    assert counted == {}  # the job that ran already is good enough now
    assert (built.documents, built.failed, built.failed_documents) == (3, 1, ["depot/void"])
    assert study.said[-1] == (
        f"knowledge base {study.name}: 1 of 3 documents could not be indexed and cannot be found. They are depot/void. "
        f"AWS: {void}: the file is empty."
    )


def test_an_ingestion_that_failed_says_why_and_is_started_again(study):
    study.aws.fail_next("ingestion-job", "The embedding model was throttled.")
    with pytest.raises(IngestionFailed) as fault:
        study.build()
    job = str(fault.value).split("job ")[1][:10]
    assert str(fault.value) == (
        f"knowledge base {study.name}: the ingestion job {job} is FAILED: The embedding model was throttled. Mend the "
        "cause and run `dvc repro`, which starts another."
    )
    with study.requests() as counted:
        study.build()
    assert counted == {"StartIngestionJob": 1}


def test_a_knowledge_base_that_failed_says_why_and_is_replaced(study):
    study.aws.fail_next("knowledge-base", "The index is not encrypted as it must be.")
    with pytest.raises(StageError) as fault:
        study.build()
    assert str(fault.value) == (
        f"knowledge base {study.name}: is FAILED: The index is not encrypted as it must be. Mend the cause and run "
        "`dvc repro`, which removes it and makes another."
    )
    built = study.build()
    assert [one.base_id for one in study.remains()] == [built.knowledge_base_id]


def test_what_a_refused_plan_left_behind_is_removed_by_the_next(study):
    with pytest.raises(AwsFault, match="the model id is unknown in this region"):
        study.build(params=study.plan.params.model_copy(update={"embedding_model": "amazon.titan-embed-text-v9:0"}))
    assert len(study.remains()) == 1
    built = study.build()
    assert [one.name for one in study.remains()] == [built.name]


def test_a_role_that_iam_has_just_made_is_waited_for(study):
    study.aws.account.propagation = 2
    try:
        assert study.build().documents == 2
    finally:
        study.aws.account.propagation = 0


def test_opensearch_serverless_is_used_as_given_and_left_standing(study):
    given = {
        "collection_arn": "arn:aws:aoss:us-east-1:123456789012:collection/abcdefghij",
        "index_name": "study",
        "vector_field": "vector",
        "text_field": "text",
        "metadata_field": "metadata",
    }
    params = ManagedBaseParams.model_validate(
        PARAMS.model_dump()
        | {"study": study.plan.params.study, "store": "opensearch_serverless", "opensearch_serverless": given}
    )
    study.plan = replace(study.plan, params=params)
    built = study.build()
    base = study.clients.bedrock_agent.get_knowledge_base(knowledgeBaseId=built.knowledge_base_id)["knowledgeBase"]
    assert base["storageConfiguration"] == {
        "type": "OPENSEARCH_SERVERLESS",
        "opensearchServerlessConfiguration": {
            "collectionArn": given["collection_arn"],
            "vectorIndexName": "study",
            "fieldMapping": {"vectorField": "vector", "textField": "text", "metadataField": "metadata"},
        },
    }
    policy = study.aws.client("iam").get_role_policy(RoleName=built.name, PolicyName="tune-or-retrieve")
    assert "aoss:APIAccessAll" in json.dumps(policy["PolicyDocument"])
    before = [one.page_content for one in study.find(built)]
    other = study.build(chunking=CHUNKING.model_copy(update={"strategy": "none"}))  # in the same index of theirs
    assert len(study.find(other, "handbook")) == 2
    (found,) = study.remains()
    assert (found.vector_bucket, found.base_id) == (False, other.knowledge_base_id)
    assert [one.page_content for one in study.find(study.build())] == before


def test_no_articles_are_refused(study):
    study.texts = {}
    with study.requests() as counted, pytest.raises(StageError) as fault:
        study.build()
    assert str(fault.value) == (
        "no articles: a knowledge base cannot be built of nothing. Check the section `articles`."
    )
    assert counted == {}


def test_removal_killed_after_any_deletion_goes_on_and_may_be_repeated(account):
    standin, made = account
    place, killed = 0, True
    while killed:
        study = of(standin, made, f"removed-{place}")
        built = study.build()
        (found,) = study.remains()
        assert found.parts == [
            f"knowledge base {built.name} ({built.knowledge_base_id}) and its data source",
            f"vector bucket {built.name} and its index",
            f"role {built.name}",
        ]
        try:
            with study.dying(place):
                remove(made, found, study.watch)
            killed = False
        except Killed:
            for left in study.remains():
                remove(made, left, study.watch)
        assert study.remains() == []
        remove(made, found, study.watch)
        assert not [line for line in standin.left() if built.name in line]
        place += 1
    assert place >= 6


def test_removal_ends_the_ingestion_that_runs_and_does_without_a_vector_store(study):
    built = study.build()
    study.aws.hold("ingestion-job")
    ids = {"knowledgeBaseId": built.knowledge_base_id, "dataSourceId": built.data_source_id}
    study.clients.bedrock_agent.start_ingestion_job(**ids)
    delete_index(study, built)
    (found,) = study.remains()
    with pytest.raises(Killed):
        remove(study.clients, found, replace(study.watch, sleep=lambda _: (_ for _ in ()).throw(Killed)))
    study.aws.pace("ingestion-job", polls=0)
    with study.requests() as counted:
        remove(study.clients, found, study.watch)
    assert (counted["UpdateDataSource"], counted["DeleteDataSource"]) == (1, 2)
    assert study.remains() == []


def test_a_knowledge_base_without_our_tags_is_not_ours(study):
    built = study.build()
    arn = f"arn:aws:bedrock:us-east-1:123456789012:knowledge-base/{built.knowledge_base_id}"
    study.clients.bedrock_agent.untag_resource(resourceArn=arn, tagKeys=["tune-or-retrieve"])
    (found,) = study.remains()
    assert (found.base_id, found.vector_bucket) == (None, True)
