"""A study's knowledge base on the stand-in: built over two articles, counted in requests, killed after any of them."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aws_process import Killed
from aws_standin import running

from stages.chunks.params import ChunkingParams
from stages.index.managed import chunking_configuration
from tune_or_retrieve.base.files import sha256_text
from tune_or_retrieve.base.records import Article
from tune_or_retrieve.money.jobs import Watch
from tune_or_retrieve.providers.bedrock.aws import session
from tune_or_retrieve.providers.bedrock.aws.removal import look
from tune_or_retrieve.providers.bedrock.aws.session import clients
from tune_or_retrieve.providers.bedrock.knowledge_base.build import BaseSpec, build
from tune_or_retrieve.providers.bedrock.knowledge_base.kinds import (
    BASE,
    SOURCE,
    base_kinds,
    of_study,
    remove_bases,
    role_kind,
)
from tune_or_retrieve.providers.bedrock.knowledge_base.params import BedrockBaseParams
from tune_or_retrieve.providers.bedrock.knowledge_base.retriever import locate, make_retriever

BUCKET = "tune-or-retrieve-123456789012-us-east-1"
TEXTS = {
    "depot/shelf": "# Shelf\n\nA shelf holds at most 40 crates.\n\nA shelf is free.\n",
    "depot/gate": "# Gate\n\nThe gate opens for 90 seconds unless GateDelay says otherwise.\n",
}
CHUNKING = ChunkingParams.model_validate(
    {
        "strategy": "fixed_size",
        "tokenizers": ["t"],
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
PARAMS = BedrockBaseParams(
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
    spec: BaseSpec
    texts: dict = field(default_factory=lambda: dict(TEXTS))
    said: list = field(default_factory=list)

    @property
    def name(self):
        return f"tune-or-retrieve-kb-{self.spec.params.study}-{self.spec.key(BUCKET)[:12]}"

    @property
    def watch(self):
        return Watch(clock=lambda: 0.0, sleep=lambda _: None, say=self.said.append)

    def articles(self):
        """Written to data/articles below the working directory, where a build reads them."""
        for name, text in self.texts.items():
            path = Path("data/articles", f"{name}.md")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [
            Article(
                id=name, title=f"{name.title()} handbook", service="depot", service_name="Depot", kind="document",
                source=name, path=f"{name}.md", characters=len(text), sha256=sha256_text(text),
            )
            for name, text in self.texts.items()
        ]  # fmt: skip

    def build(self, watch=None, chunking=None, ask=lambda: None, **params):
        spec = replace(self.spec, params=self.spec.params.model_copy(update=params))
        spec = replace(spec, chunking=chunking or spec.chunking)
        return build(self.clients, spec, self.articles(), ask, watch or self.watch)

    def kinds(self):
        wanted = of_study(self.spec.params.study)
        return [*base_kinds(wanted), role_kind((SOURCE, BASE), wanted)]

    def left(self, kind=None):
        """Names of the knowledge bases of which something is there, or something of this kind."""
        found, unseen = look(self.clients, self.kinds())
        assert unseen == []
        return {one.name.partition("/")[0] for one in found if kind in (None, one.kind)}

    def remove(self, watch=None):
        remove_bases(self.clients, of_study(self.spec.params.study), "it is removed", watch or self.watch)

    def find(self, built, question="crates", k=10):
        found = make_retriever(self.clients.bedrock_agent_runtime, built.knowledge_base_id, k, "SEMANTIC").invoke(
            question
        )
        return locate([found], self.articles(), built.root)[0]

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


def spec_of(name: str) -> BaseSpec:
    """Of a study of this name."""
    return BaseSpec(PARAMS.model_copy(update={"study": name}), chunking_configuration(CHUNKING))


@pytest.fixture(scope="module")
def account():
    with running() as standin, pytest.MonkeyPatch.context() as patch:
        for name, value in standin.environment.items():
            patch.setenv(name, value)
        patch.setattr(session, "ATTEMPTS", 1)
        made = clients()
        for service in ("sts", "s3", "iam", "s3vectors", "bedrock", "bedrock_agent", "bedrock_agent_runtime"):
            getattr(made, service)
        for kind in ("knowledge-base", "data-source", "ingestion-job"):
            standin.pace(kind, polls=0)
        yield standin, made


@pytest.fixture
def study(account, request, tmp_path, monkeypatch):
    """Named after the test, so that each has its own."""
    monkeypatch.chdir(tmp_path)
    standin, made = account
    yield Study(standin, made, spec_of("s" + sha256_text(request.node.name)[:8]))
    standin.faults.clear()
    standin.pace("ingestion-job", polls=0)
