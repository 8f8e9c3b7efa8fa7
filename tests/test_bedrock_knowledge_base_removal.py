"""Knowledge bases on the stand-in: removed whole, and made again where other hands took something away."""

from dataclasses import replace

import aws_base
import pytest
from aws_base import REMAKE, Study, spec_of
from aws_process import Killed

from tune_or_retrieve.providers.bedrock.aws.faults import AwsMissing
from tune_or_retrieve.providers.bedrock.aws.removal import remove_all
from tune_or_retrieve.providers.bedrock.knowledge_base.build import check
from tune_or_retrieve.providers.bedrock.knowledge_base.kinds import BASE, ROLE, VECTORS

account, study = aws_base.account, aws_base.study  # fixtures: one account for all tests here, a study for each


def delete_base(study, built):
    jobs, sources, bases, *_ = study.kinds()
    assert remove_all(study.clients, [jobs, sources, bases], study.watch) == []


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
def test_what_other_hands_deleted_is_reported_and_made_again(study, delete):
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
        f"made it, by someone else or by a run with other params. {REMAKE}"
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
    assert study.left(ROLE) == {built.name}


def test_removal_killed_after_any_deletion_goes_on_and_may_be_repeated(account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    standin, made = account
    place, killed = 0, True
    while killed:
        study = Study(standin, made, spec_of(f"removed-{place}"))
        built = study.build()
        try:
            with study.dying(place):
                study.remove()
            killed = False
        except Killed:
            study.remove()
        assert study.left() == set()
        study.remove()
        assert not [line for line in standin.left() if built.name in line]
        place += 1
    assert place >= 6


def test_removal_ends_the_ingestion_that_runs_and_does_without_a_vector_store(study):
    built = study.build()
    study.aws.hold("ingestion-job")
    ids = {"knowledgeBaseId": built.knowledge_base_id, "dataSourceId": built.data_source_id}
    study.clients.bedrock_agent.start_ingestion_job(**ids)
    delete_index(study, built)
    with pytest.raises(Killed):
        study.remove(replace(study.watch, sleep=lambda _: (_ for _ in ()).throw(Killed)))
    study.aws.pace("ingestion-job", polls=0)
    with study.requests() as counted:
        study.remove()
    assert (counted["UpdateDataSource"], counted["DeleteDataSource"]) == (1, 2)
    assert study.left() == set()


def test_a_knowledge_base_without_our_tags_is_not_ours(study):
    built = study.build()
    arn = f"arn:aws:bedrock:us-east-1:123456789012:knowledge-base/{built.knowledge_base_id}"
    study.clients.bedrock_agent.untag_resource(resourceArn=arn, tagKeys=["tune-or-retrieve"])
    assert (study.left(BASE), study.left(VECTORS)) == (set(), {built.name})
