"""The stand-in for AWS: vector buckets, knowledge bases, ingestion and retrieval."""

import json

import aws_world as world
import pytest
from aws_standin import Pace
from botocore.config import Config
from langchain_aws import AmazonKnowledgeBasesRetriever
from test_aws_standin import refused

FIXED = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 20, "overlapPercentage": 10},
}
QUEUES = "A queue holds messages for up to fourteen days. " * 2 + "The default retention of a queue is four days."
TOPICS = "A topic fans messages out to its subscribers. A topic keeps no message."


def articles(aws, **texts):
    for name, text in texts.items():
        world.put(aws, f"articles/{name}.md", text)


def ask(aws, base, question, **search):
    configuration = {"vectorSearchConfiguration": search} if search else {}
    return aws.client("bedrock-agent-runtime").retrieve(
        knowledgeBaseId=base, retrievalQuery={"text": question}, retrievalConfiguration=configuration
    )["retrievalResults"]


def counts(job):
    statistics = job["statistics"]
    names = ("DocumentsScanned", "NewDocumentsIndexed", "ModifiedDocumentsIndexed", "DocumentsDeleted")
    return [statistics[f"numberOf{name}"] for name in (*names, "DocumentsFailed")]


# S3 Vectors


def test_an_index_must_go_before_its_bucket(aws):
    vectors = aws.client("s3vectors")
    arn = world.vector_index(aws)
    index = vectors.get_index(indexArn=arn)["index"]
    assert (index["dimension"], index["metadataConfiguration"]["nonFilterableMetadataKeys"]) == (
        1024,
        world.STORED_ONLY,
    )
    assert vectors.get_index(vectorBucketName="study-vectors", indexName="study")["index"] == index
    assert [one["indexArn"] for one in vectors.list_indexes(vectorBucketName="study-vectors")["indexes"]] == [arn]
    assert refused(vectors.delete_vector_bucket, vectorBucketName="study-vectors") == (
        "ConflictException",
        409,
        "The specified vector bucket is not empty",
    )
    vectors.delete_index(indexArn=arn)
    vectors.delete_vector_bucket(vectorBucketName="study-vectors")
    assert refused(vectors.get_index, indexArn=arn)[:2] == ("NotFoundException", 404)
    assert refused(vectors.get_vector_bucket, vectorBucketName="study-vectors")[:2] == ("NotFoundException", 404)
    assert aws.left() == []


def test_vector_names_are_taken_and_tags_are_kept(aws):
    vectors = aws.client("s3vectors")
    arn = vectors.create_vector_bucket(vectorBucketName="one", tags={"study": "a"})["vectorBucketArn"]
    assert vectors.list_tags_for_resource(resourceArn=arn)["tags"] == {"study": "a"}
    assert refused(vectors.create_vector_bucket, vectorBucketName="one")[:2] == ("ConflictException", 409)
    assert refused(vectors.get_vector_bucket)[2] == (
        "Must specify either vectorBucketName or vectorBucketArn but not both"
    )


# Knowledge bases


def test_a_knowledge_base_comes_to_life_and_goes(aws):
    agent = aws.client("bedrock-agent")
    request = world.base_request(world.vector_index(aws), world.role(aws), tags={"study": "one"})
    made = agent.create_knowledge_base(**request)["knowledgeBase"]
    base = made["knowledgeBaseId"]
    assert refused(agent.create_data_source, **source_request(base)) == (
        "ValidationException",
        400,
        f"The knowledge base {base} is CREATING. Wait until it is ACTIVE.",
    )
    assert [agent.get_knowledge_base(knowledgeBaseId=base)["knowledgeBase"]["status"] for _ in range(2)] == [
        "CREATING",
        "ACTIVE",
    ]
    assert agent.list_tags_for_resource(resourceArn=made["knowledgeBaseArn"])["tags"] == {"study": "one"}
    assert [one["name"] for one in agent.list_knowledge_bases()["knowledgeBaseSummaries"]] == ["study"]
    assert agent.create_knowledge_base(**request)["knowledgeBase"]["knowledgeBaseId"] == base
    assert refused(agent.create_knowledge_base, **request | {"clientToken": world.TOKEN[::-1]})[:2] == (
        "ConflictException",
        409,
    )
    assert agent.delete_knowledge_base(knowledgeBaseId=base)["status"] == "DELETING"
    assert agent.get_knowledge_base(knowledgeBaseId=base)["knowledgeBase"]["status"] == "DELETING"
    assert refused(agent.get_knowledge_base, knowledgeBaseId=base)[:2] == ("ResourceNotFoundException", 404)


def source_request(base):
    s3 = {"bucketArn": f"arn:aws:s3:::{world.BUCKET}"}
    configuration = {"type": "S3", "s3Configuration": s3}
    return {"knowledgeBaseId": base, "name": "articles", "dataSourceConfiguration": configuration}


INVALID_STORE = "The knowledge base storage configuration provided is invalid: "
INDEX = "arn:aws:s3vectors:us-east-1:123456789012:bucket/study-vectors/index/study"
ROLE = "arn:aws:iam::123456789012:role/study"
BUCKET = f"arn:aws:s3:::{world.BUCKET}"


@pytest.mark.parametrize(
    ("statements", "changes", "message"),
    [
        (
            [world.EVERYTHING],
            {"roleArn": "arn:aws:iam::123456789012:role/none"},
            "Bedrock Knowledge Base was unable to assume the given role. Provide the proper permissions and retry the "
            "request: role arn:aws:iam::123456789012:role/none does not exist",
        ),
        (
            [world.EVERYTHING],
            {"storageConfiguration": {"type": "S3_VECTORS", "s3VectorsConfiguration": {"indexArn": INDEX + "-2"}}},
            f"{INVALID_STORE}no vector index {INDEX}-2",
        ),
        (
            [world.EVERYTHING],
            {
                "knowledgeBaseConfiguration": {
                    "type": "VECTOR",
                    "vectorKnowledgeBaseConfiguration": {
                        "embeddingModelArn": world.TITAN,
                        "embeddingModelConfiguration": {"bedrockEmbeddingModelConfiguration": {"dimensions": 256}},
                    },
                }
            },
            f"{INVALID_STORE}the index has 1024 dimensions, the embedding model 256",
        ),
        (
            [world.allow(["s3vectors:GetIndex"])],
            {},
            f"{INVALID_STORE}{ROLE} is not authorized to perform: s3vectors:QueryVectors on resource: {INDEX}",
        ),
    ],
)
def test_a_knowledge_base_needs_its_role_and_its_store(aws, statements, changes, message):
    request = world.base_request(world.vector_index(aws), world.role(aws, *statements), **changes)
    create = aws.client("bedrock-agent").create_knowledge_base
    assert refused(create, **request) == ("ValidationException", 400, message)


def test_opensearch_serverless_is_a_store_too(aws):
    collection = "arn:aws:aoss:us-east-1:123456789012:collection/abcdefghij0123456789"
    fields = {"vectorField": "v", "textField": "t", "metadataField": "m"}
    section = {"collectionArn": collection, "vectorIndexName": "study", "fieldMapping": fields}
    storage = {"type": "OPENSEARCH_SERVERLESS", "opensearchServerlessConfiguration": section}
    request = world.base_request("", world.role(aws), storageConfiguration=storage)
    aws.pace("knowledge-base", polls=0)
    base = aws.client("bedrock-agent").create_knowledge_base(**request)["knowledgeBase"]["knowledgeBaseId"]
    articles(aws, queues=QUEUES)
    world.ingest(aws, world.data_source(aws, base))
    assert len(ask(aws, base, "retention", overrideSearchType="HYBRID")) == 1


# Ingestion


def test_ingestion_reads_what_is_below_the_prefix_and_counts_changes(aws):
    articles(aws, queues=QUEUES, topics=TOPICS, empty=" \n")
    world.put(aws, "other/secret.md", "A secret is kept elsewhere.")
    world.put(aws, "articles/picture.png", "not text")
    base = world.knowledge_base(aws)
    source = world.data_source(aws, base, FIXED)
    first = world.ingest(aws, source)
    assert (first["status"], counts(first)) == ("COMPLETE", [4, 2, 0, 0, 2])
    assert first["failureReasons"] == [
        f"s3://{world.BUCKET}/articles/empty.md: the file is empty",
        f"s3://{world.BUCKET}/articles/picture.png: the file format is not supported",
    ]
    articles(aws, topics=TOPICS + " It is free.", empty="Now it says something.")
    aws.client("s3").delete_object(Bucket=world.BUCKET, Key="articles/queues.md")
    assert counts(world.ingest(aws, source)) == [3, 1, 1, 1, 1]
    assert counts(world.ingest(aws, source)) == [3, 0, 0, 0, 1]  # what did not change is not indexed again
    assert {one["location"]["s3Location"]["uri"] for one in ask(aws, base, "topic", numberOfResults=100)} == {
        f"s3://{world.BUCKET}/articles/topics.md",
        f"s3://{world.BUCKET}/articles/empty.md",
    }


def test_a_document_that_is_too_large_fails(aws, monkeypatch):
    monkeypatch.setattr("aws_standin.ingestion.LARGEST", 100)
    articles(aws, queues=QUEUES, topics=TOPICS)
    job = world.ingest(aws, world.data_source(aws, world.knowledge_base(aws)))
    assert (job["status"], counts(job)) == ("COMPLETE", [2, 1, 0, 0, 1])
    assert job["failureReasons"] == [f"s3://{world.BUCKET}/articles/queues.md: the file has 142 bytes, more than 100"]


def test_ingestion_into_an_index_whose_text_is_filterable_fails(aws):
    articles(aws, queues=QUEUES * 20)
    base = world.knowledge_base(aws, index=world.vector_index(aws, stored_only=[]))
    job = world.ingest(aws, world.data_source(aws, base))
    assert (job["status"], counts(job)) == ("FAILED", [1, 0, 0, 0, 1])
    assert job["failureReasons"] == [
        f"s3://{world.BUCKET}/articles/queues.md: Filterable metadata must have at most 2048 bytes"
    ]


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        ("s3:GetObject bedrock:* s3vectors:*", f"s3:ListBucket on resource: {BUCKET}"),
        ("s3:ListBucket bedrock:* s3vectors:*", f"s3:GetObject on resource: {BUCKET}/articles/queues.md"),
        ("s3:* s3vectors:*", f"bedrock:InvokeModel on resource: {world.TITAN}"),
        ("s3:* bedrock:* s3vectors:GetIndex s3vectors:QueryVectors", f"s3vectors:PutVectors on resource: {INDEX}"),
    ],
)
def test_ingestion_does_what_the_role_may(aws, actions, reason):
    articles(aws, queues=QUEUES)
    base = world.knowledge_base(aws, role_arn=world.role(aws, world.allow(actions.split())))
    job = world.ingest(aws, world.data_source(aws, base))
    assert (job["status"], job["failureReasons"]) == ("FAILED", [f"{ROLE} is not authorized to perform: {reason}"])


def test_ingestion_with_an_embedding_model_that_the_account_may_not_use_fails(aws):
    articles(aws, queues=QUEUES)
    source = world.data_source(aws, world.knowledge_base(aws))
    aws.settings.denied_models.add("amazon.titan-embed-text-v2:0")
    job = world.ingest(aws, source)
    assert (job["status"], counts(job)) == ("FAILED", [0, 0, 0, 0, 0])
    assert job["failureReasons"] == ["You don't have access to the model with the specified model ID."]
    aws.settings.denied_models.clear()
    assert world.ingest(aws, source)["status"] == "COMPLETE"


def test_ingestion_fails_on_command_is_alone_and_can_be_stopped(aws):
    articles(aws, queues=QUEUES)
    agent, source = aws.client("bedrock-agent"), world.data_source(aws, world.knowledge_base(aws))
    aws.fail_next("ingestion-job", "The crawler broke.")
    failed = world.ingest(aws, source)
    assert (failed["status"], failed["failureReasons"]) == ("FAILED", ["The crawler broke."])
    aws.hold("ingestion-job")
    job = agent.start_ingestion_job(**source)["ingestionJob"]["ingestionJobId"]
    for call in (agent.start_ingestion_job, agent.delete_data_source):
        assert refused(call, **source)[:2] == ("ConflictException", 409)
    assert refused(agent.delete_knowledge_base, knowledgeBaseId=source["knowledgeBaseId"])[0] == "ConflictException"
    agent.stop_ingestion_job(**source, ingestionJobId=job)
    aws.pace("ingestion-job")
    assert agent.get_ingestion_job(**source, ingestionJobId=job)["ingestionJob"]["status"] == "STOPPED"
    statuses = [one["status"] for one in agent.list_ingestion_jobs(**source)["ingestionJobSummaries"]]
    assert statuses == ["FAILED", "STOPPED"]


# Chunking and retrieval


@pytest.mark.parametrize(
    ("chunking", "texts"),
    [
        (
            {
                "chunkingStrategy": "FIXED_SIZE",
                "fixedSizeChunkingConfiguration": {"maxTokens": 5, "overlapPercentage": 20},
            },
            ["a b c d e", "e f g. h i", "i j"],
        ),
        ({"chunkingStrategy": "NONE"}, ["a b c d e f g. h i j"]),
        (
            {
                "chunkingStrategy": "SEMANTIC",
                "semanticChunkingConfiguration": {
                    "maxTokens": 8,
                    "bufferSize": 0,
                    "breakpointPercentileThreshold": 95,
                },
            },
            ["a b c d e f g.", "h i j"],
        ),
        (
            {
                "chunkingStrategy": "HIERARCHICAL",
                "hierarchicalChunkingConfiguration": {
                    "levelConfigurations": [{"maxTokens": 6}, {"maxTokens": 3}],
                    "overlapTokens": 1,
                },
            },
            ["a b c d e f", "g. h i j"],
        ),
    ],
    ids=lambda value: value["chunkingStrategy"] if isinstance(value, dict) else "",
)
def test_documents_are_cut_as_the_strategy_says(aws, chunking, texts):
    articles(aws, letters="a b c d e f g. h i j")
    base = world.knowledge_base(aws)
    world.ingest(aws, world.data_source(aws, base, chunking))
    assert sorted(one["content"]["text"] for one in ask(aws, base, "a", numberOfResults=10)) == sorted(texts)


@pytest.mark.parametrize(
    "chunking",
    [
        {"chunkingStrategy": "SEMANTIC"},
        {"chunkingStrategy": "NONE", "fixedSizeChunkingConfiguration": {"maxTokens": 5, "overlapPercentage": 20}},
        {
            "chunkingStrategy": "HIERARCHICAL",
            "hierarchicalChunkingConfiguration": {
                "levelConfigurations": [{"maxTokens": 3}, {"maxTokens": 6}],
                "overlapTokens": 1,
            },
        },
    ],
)
def test_a_strategy_needs_its_own_configuration(aws, chunking):
    base = world.knowledge_base(aws)
    with pytest.raises(Exception, match="ValidationException"):
        world.data_source(aws, base, chunking)


def test_the_best_passage_comes_first_through_langchain_too(aws):
    articles(aws, queues=QUEUES, topics=TOPICS)
    sidecar = {"metadataAttributes": {"service": "sns"}}
    world.put(aws, "articles/topics.md.metadata.json", json.dumps(sidecar))
    base = world.knowledge_base(aws)
    world.ingest(aws, world.data_source(aws, base, FIXED))
    retriever = AmazonKnowledgeBasesRetriever(
        knowledge_base_id=base,
        region_name="us-east-1",
        retrieval_config={"vectorSearchConfiguration": {"numberOfResults": 2}},
        config=Config(retries={"total_max_attempts": 2}),
    )
    first, second = retriever.invoke("Does a topic keep a message for its subscribers?")
    assert first.page_content == TOPICS
    assert first.metadata["location"] == {
        "s3Location": {"uri": f"s3://{world.BUCKET}/articles/topics.md"},
        "type": "S3",
    }
    assert 1 > first.metadata["score"] > second.metadata["score"] > 0
    assert first.metadata["source_metadata"]["service"] == "sns"
    assert retriever.invoke("Does a topic keep a message for its subscribers?") == [first, second]


def test_results_are_filtered_by_the_attributes_of_documents(aws):
    articles(aws, queues=QUEUES, topics=TOPICS)
    world.put(aws, "articles/topics.md.metadata.json", json.dumps({"metadataAttributes": {"service": "sns"}}))
    base = world.knowledge_base(aws)
    world.ingest(aws, world.data_source(aws, base))

    def found(rule):
        results = ask(aws, base, "messages", filter=rule)
        return [one["location"]["s3Location"]["uri"].rsplit("/", 1)[-1] for one in results]

    is_sns = {"equals": {"key": "service", "value": "sns"}}
    assert found(is_sns) == ["topics.md"]
    assert found({"notEquals": is_sns["equals"]}) == ["queues.md"]
    assert found({"andAll": [is_sns, {"in": {"key": "service", "value": ["sqs"]}}]}) == []


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            {"overrideSearchType": "HYBRID"},
            "HYBRID search type is not supported for search operation on index of S3_VECTORS.",
        ),
        (
            {"numberOfResults": 101},
            "1 validation error detected: Value '101' at "
            "'retrievalConfiguration.vectorSearchConfiguration.numberOfResults' failed to satisfy constraint: Member "
            "must have value less than or equal to 100",
        ),
    ],
)
def test_retrieve_refuses_what_the_store_cannot_do(aws, search, message):
    base = world.knowledge_base(aws)
    with pytest.raises(Exception, match="ValidationException") as error:
        ask(aws, base, "queue", **search)
    assert error.value.response["Error"]["Message"] == message


# Deleting


def vectors_left(aws):
    return len(aws.client("s3vectors").list_vectors(indexArn=INDEX)["vectors"])


@pytest.mark.parametrize(("policy", "left"), [("DELETE", 0), ("RETAIN", 1)])
@pytest.mark.parametrize("what", ["data source", "knowledge base"])
def test_vectors_go_as_the_deletion_policy_says(aws, what, policy, left):
    articles(aws, topics=TOPICS)
    agent, base = aws.client("bedrock-agent"), world.knowledge_base(aws)
    source = world.data_source(aws, base, dataDeletionPolicy=policy)
    world.ingest(aws, source)
    assert vectors_left(aws) == 1
    (listed,) = agent.list_data_sources(knowledgeBaseId=base)["dataSourceSummaries"]
    assert (listed["dataSourceId"], listed["status"]) == (source["dataSourceId"], "AVAILABLE")
    if what == "data source":
        agent.delete_data_source(**source)
        assert agent.get_data_source(**source)["dataSource"]["status"] == "DELETING"
        assert refused(agent.get_data_source, **source)[0] == "ResourceNotFoundException"
    else:
        aws.pace("knowledge-base")
        agent.delete_knowledge_base(knowledgeBaseId=base)
        assert refused(agent.get_knowledge_base, knowledgeBaseId=base)[0] == "ResourceNotFoundException"
        assert not [line for line in aws.left() if line.startswith("data-source")]
    assert vectors_left(aws) == left


@pytest.mark.parametrize("gone", ["index", "role"])
def test_a_source_whose_store_or_role_went_first_cannot_be_deleted_until_it_retains(aws, gone):
    articles(aws, topics=TOPICS)
    agent, base = aws.client("bedrock-agent"), world.knowledge_base(aws)
    source = world.data_source(aws, base)
    world.ingest(aws, source)
    if gone == "index":
        aws.client("s3vectors").delete_index(indexArn=INDEX)
    else:
        aws.client("iam").delete_role_policy(RoleName="study", PolicyName="study")
        aws.client("iam").delete_role(RoleName="study")
    agent.delete_data_source(**source)
    seen = [agent.get_data_source(**source)["dataSource"] for _ in range(2)][1]
    assert seen["status"] == "DELETE_UNSUCCESSFUL"
    assert seen["failureReasons"][0].startswith("Unable to delete data from the vector store.")
    configuration = {name: seen[name] for name in ("name", "dataSourceConfiguration")}
    agent.update_data_source(**source, **configuration, dataDeletionPolicy="RETAIN")
    agent.delete_data_source(**source)
    agent.get_data_source(**source)
    assert refused(agent.get_data_source, **source)[0] == "ResourceNotFoundException"


def test_retrieve_from_what_was_deleted_behind_its_back(aws):
    articles(aws, topics=TOPICS)
    base = world.knowledge_base(aws)
    world.ingest(aws, world.data_source(aws, base))
    retrieve = aws.client("bedrock-agent-runtime").retrieve
    query = {"knowledgeBaseId": base, "retrievalQuery": {"text": "topic"}}
    aws.client("s3vectors").delete_index(indexArn=INDEX)
    assert refused(retrieve, **query) == (
        "ValidationException",
        400,
        "The vector store of the knowledge base could not be found.",
    )
    aws.settings.paces["knowledge-base"] = Pace(polls=0)
    assert refused(retrieve, **query | {"knowledgeBaseId": "0123456789"})[:2] == ("ResourceNotFoundException", 404)
