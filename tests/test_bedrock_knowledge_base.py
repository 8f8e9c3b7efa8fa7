"""Knowledge bases on the stand-in: made once, found again, brought up to date; what fails is reported."""

import json
from dataclasses import replace

import aws_base
import aws_world as world
import pytest
from aws_base import BUCKET, CHUNKING, PARAMS, REMAKE, TEXTS

from stages.index.managed import chunking_configuration
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.providers.bedrock.aws.fault_rules import AwsUnavailable
from tune_or_retrieve.providers.bedrock.aws.faults import AwsFault
from tune_or_retrieve.providers.bedrock.knowledge_base.build import Built, check, corpus_key
from tune_or_retrieve.providers.bedrock.knowledge_base.kinds import BASE, ROLE, VECTORS
from tune_or_retrieve.providers.bedrock.knowledge_base.params import BedrockBaseParams

account, study = aws_base.account, aws_base.study  # fixtures: one account for all tests here, a study for each


def test_a_knowledge_base_is_built_with_all_that_it_needs_and_found_again(study):
    with study.requests() as first:
        built = study.build()
    name, prefix = study.name, f"tune-or-retrieve/knowledge-base/{study.spec.params.study}/articles/"
    index = f"arn:aws:s3vectors:us-east-1:123456789012:bucket/{name}/index/{name}"
    assert built == Built(
        region="us-east-1", name=name, knowledge_base_id=built.knowledge_base_id, data_source_id=built.data_source_id,
        store="s3_vectors", vector_store_arn=index, embedding_model="amazon.titan-embed-text-v2:0", dimensions=256,
        root=f"s3://{BUCKET}/{prefix}", corpus=corpus_key(study.articles()), documents=2, failed=0,
        failed_documents=[],
    )  # fmt: skip
    said = [line.rsplit(";", 1)[0] for line in study.said]
    job = study.aws.ledger.of("GetIngestionJob")[-1].params["ingestionJobId"]
    assert said == [
        f"knowledge base {name}: made",
        f"knowledge base {name}: ACTIVE",
        f"knowledge base {name}: submitted the ingestion job {job}",
        f"knowledge base {name}: ingestion IN_PROGRESS (0 documents read, 0 indexed, 0 removed, 0 failed)",
        f"knowledge base {name}: ingestion COMPLETE (2 documents read, 2 indexed, 0 removed, 0 failed)",
    ]
    creations = ("CreateVectorBucket", "CreateIndex", "CreateKnowledgeBase", "CreateDataSource", "StartIngestionJob")
    assert {operation: first[operation] for operation in creations} == dict.fromkeys(creations, 1)

    with study.requests() as second:
        assert study.build() == built
    assert second == {}
    job = study.aws.ledger.of("GetIngestionJob")[-1].params["ingestionJobId"]
    assert f"knowledge base {name}: found the ingestion job {job}, COMPLETE; no other is submitted" in study.said
    check(study.clients, built)

    agent, vectors = study.aws.client("bedrock-agent"), study.aws.client("s3vectors")
    tags = {
        "tune-or-retrieve": "tune-or-retrieve",
        "tune-or-retrieve:stage": "index",
        "tune-or-retrieve:key": study.spec.key(BUCKET),
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
    built = study.build(chunking=chunking_configuration(CHUNKING.model_copy(update={"strategy": strategy})))
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
        f"knowledge base {first.knowledge_base_id}: holds other articles than those that data/index was written for; "
        f"another run has sent its own since. {REMAKE}"
    )
    study.texts = dict(TEXTS)
    assert study.build() == first
    check(study.clients, first)


def test_a_role_of_the_users_is_taken_and_left_alone(study):
    arn = world.role(study.aws, name="theirs")
    built = study.build(role_arn=arn)
    assert (study.left(), study.left(ROLE)) == ({built.name}, set())
    study.remove()
    assert study.left() == set()
    assert "theirs" in study.aws.account.roles()


def test_a_role_that_does_not_trust_bedrock_is_refused_before_anything_is_made(study):
    arn = world.role(study.aws, name="distrusting", trusted="ec2.amazonaws.com")
    with study.requests() as counted, pytest.raises(StageError, match=r"does not trust bedrock\.amazonaws\.com"):
        study.build(role_arn=arn)
    assert counted == {}


def test_documents_that_fail_are_counted_named_and_refused_beyond_the_share(study):
    study.texts["depot/void"] = " \n"
    void = f"s3://{BUCKET}/tune-or-retrieve/knowledge-base/{study.spec.params.study}/articles/depot/void.md"
    with pytest.raises(StageError) as fault:
        study.build()
    job = study.aws.ledger.of("GetIngestionJob")[-1].params["ingestionJobId"]
    assert str(fault.value) == (
        f"knowledge base {study.name}: the ingestion job {job} could not index 1 of 3 documents, more than "
        f"max_failed_share: 0 allows. They are depot/void. AWS: {void}: the file is empty. Fix them or raise "
        "max_failed_share in params.yaml, and run `dvc repro`, which indexes what is missing."
    )
    with study.requests() as counted:
        built = study.build(max_failed_share=0.4)
    assert counted == {}  # the job that ran already is good enough now
    assert (built.documents, built.failed, built.failed_documents) == (3, 1, ["depot/void"])
    assert study.said[-1] == (
        f"knowledge base {study.name}: 1 of 3 documents could not be indexed and cannot be found. They are depot/void. "
        f"AWS: {void}: the file is empty."
    )


def test_an_ingestion_that_failed_says_why_and_is_started_again(study):
    study.aws.fail_next("ingestion-job", "The embedding model was throttled.")
    with pytest.raises(StageError) as fault:
        study.build()
    job = str(fault.value).split("job ")[1][:10]
    assert str(fault.value) == (
        f"knowledge base {study.name}: the ingestion job {job} is FAILED: The embedding model was throttled. Fix the "
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
        f"knowledge base {study.name}: is FAILED: The index is not encrypted as it must be. Fix the cause and run "
        "`dvc repro`, which removes it and makes another."
    )
    built = study.build()
    assert study.left(BASE) == {built.name}
    assert study.aws.ledger.made("CreateKnowledgeBase") >= 2


def test_an_embedding_model_that_is_not_there_or_none_or_not_open_is_refused_before_anything_is_made(study):
    with study.requests() as made:
        with pytest.raises(AwsFault, match=r"the model id is unknown in this region .* or set AWS_REGION or `region`"):
            study.build(embedding_model="amazon.titan-embed-text-v9:0")
        with pytest.raises(StageError, match=r"amazon\.nova-micro-v1:0 makes text, not vectors\. Set it to"):
            study.build(embedding_model="amazon.nova-micro-v1:0")
        study.aws.settings.denied_models.add(PARAMS.embedding_model)
        try:
            with pytest.raises(AwsUnavailable, match=f"^this account has no access to {PARAMS.embedding_model}: "):
                study.build()
        finally:
            study.aws.settings.denied_models.clear()
    assert made == {}


def test_what_a_refused_plan_left_behind_is_removed_by_the_next(study):
    study.aws.fault("CreateKnowledgeBase", "ServiceQuotaExceededException")
    with pytest.raises(AwsFault, match="a quota of the account is used up"):
        study.build(dimensions=512)
    study.aws.faults.clear()
    (refused,) = study.left()
    built = study.build()
    assert study.left() == {built.name} != {refused}


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
    params = BedrockBaseParams.model_validate(
        PARAMS.model_dump()
        | {"study": study.spec.params.study, "store": "opensearch_serverless", "opensearch_serverless": given}
    )
    study.spec = replace(study.spec, params=params)
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
    other = study.build(chunking={"chunkingStrategy": "NONE"})  # in the same index of theirs
    assert len(study.find(other, "handbook")) == 2
    assert (study.left(BASE), study.left(VECTORS)) == ({other.name}, set())
    assert [one.page_content for one in study.find(study.build())] == before


def test_no_articles_are_refused(study):
    study.texts = {}
    with study.requests() as counted, pytest.raises(StageError) as fault:
        study.build()
    assert str(fault.value) == (
        "no articles: a knowledge base cannot be built of nothing. Check the section `articles`."
    )
    assert counted == {}
