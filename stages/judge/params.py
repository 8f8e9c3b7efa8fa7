"""Section `judges.<name>`: its `kind` chooses the class that checks it and the judge that it makes."""

from typing import Any, Literal

from pydantic import Field

from stages.embedding import EmbeddingParams
from stages.params import Section


class JudgeParams(Section):
    """What every judge has."""

    kind: Literal["facts", "semantic"]
    min_control_accuracy: float = Field(ge=0, le=1)  # below it the judge is reported as unreliable
    control_pairs: int = Field(ge=1)  # validation pairs that controls are made of, spread evenly over the file

    @classmethod
    def variant(cls, raw: Any) -> type[Section]:
        kind = raw.get("kind") if isinstance(raw, dict) else None
        return {"facts": FactsParams, "semantic": SemanticParams}.get(kind, cls) if isinstance(kind, str) else cls


class FactsParams(JudgeParams):
    contradiction_cap: float = Field(ge=0, le=10)  # the most that an answer gets which contradicts its reference


class SemanticParams(JudgeParams):
    contradiction_penalty: float = Field(ge=0, le=1)  # share of the score that a contradiction of everything takes
    embedding: EmbeddingParams
