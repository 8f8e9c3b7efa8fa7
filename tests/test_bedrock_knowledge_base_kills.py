"""Knowledge bases on the stand-in: killed or interrupted at any moment of a build, the next one goes on."""

from dataclasses import replace

import aws_base
import pytest
from aws_base import REMAKE, Study, spec_of
from aws_process import Killed

from tune_or_retrieve.providers.bedrock.aws.faults import AwsMissing
from tune_or_retrieve.providers.bedrock.knowledge_base.build import check

account, study = aws_base.account, aws_base.study  # fixtures: one account for all tests here, a study for each


def test_killed_after_any_change_at_aws_nothing_is_made_twice(account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    standin, made = account
    place, whole = 0, None
    while whole is None:
        study = Study(standin, made, spec_of(f"killed-{place}"))
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
        assert study.left() == {study.name}
        place += 1
    assert place >= 11  # two of vectors, two of the role, base, source, four objects, job; and the one not killed


def test_an_ingestion_that_runs_is_waited_for_and_not_started_again(study):
    study.aws.hold("ingestion-job")

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.build(replace(study.watch, sleep=interrupted))
    job = study.aws.ledger.of("GetIngestionJob")[-1].params["ingestionJobId"]
    assert study.said[-1] == (
        f"\nknowledge base {study.name}: the ingestion job {job} goes on at AWS and is paid for. `dvc repro` picks "
        "it up again."
    )
    study.aws.pace("ingestion-job", polls=2)
    with study.requests() as counted:
        assert study.build().documents == 2
    assert counted == {}
    assert any("found the ingestion job" in line for line in study.said)


def test_another_chunking_makes_another_and_removes_the_old_one_even_if_killed_in_it(account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    standin, made = account
    place, whole = 0, None
    while whole is None:
        study = Study(standin, made, spec_of(f"moved-{place}"))
        old = study.build()
        other = replace(study, spec=replace(study.spec, chunking={"chunkingStrategy": "NONE"}))
        with study.requests() as counted:
            try:
                with study.dying(7 + place):  # the first are those that make the new one
                    whole = other.build()
            except Killed:
                other.build()
        assert (counted["StartIngestionJob"], counted["CreateKnowledgeBase"], counted["PUT"]) == (1, 1, 0)
        assert study.left() == {other.name} != {old.name}
        with pytest.raises(AwsMissing) as fault:
            check(study.clients, old)
        assert str(fault.value) == (
            f"knowledge base {old.knowledge_base_id} in us-east-1: it is no longer there, deleted since the index "
            f"stage made it, by someone else or by a run with other params. {REMAKE}"
        )
        place += 1
    assert place >= 6  # source, base, index, bucket, policy, role; and the one not killed
