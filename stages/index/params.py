"""Section `knowledge_base` of params.yaml, which the retrieve stage reads, too."""

from typing import Any, Literal

from tune_or_retrieve.base.params import Section
from tune_or_retrieve.vectors.params import FaissParams

MANAGED = "managed.json"  # the only file in data/index then: what was built on Bedrock
UNUSED = "unused.json"  # the only file in data/index then: no model retrieves, so nothing was built


class KnowledgeBaseParams(Section):
    backend: Literal["faiss", "bedrock"]
    fallback: Literal["faiss", "none"]  # without credentials, access or an answer of Bedrock
    faiss: FaissParams
    bedrock: Any = None  # read with backend: bedrock, and then of the class that Bedrock's package has for it

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        return _with_bedrock() if isinstance(raw, dict) and raw.get("backend") == "bedrock" else cls


def _with_bedrock() -> type[KnowledgeBaseParams]:
    from tune_or_retrieve.providers.bedrock.knowledge_base.params import BedrockBaseParams

    class WithBedrock(KnowledgeBaseParams):
        bedrock: BedrockBaseParams

    return WithBedrock
