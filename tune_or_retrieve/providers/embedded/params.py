"""A model that runs in this process. Imports no engine."""

import re
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from tune_or_retrieve.base.params import Filled
from tune_or_retrieve.chat.models import ModelParams

SHA256 = re.compile(r"[0-9a-f]{64}")


class EmbeddedModel(ModelParams):
    """GGUF weights run by xllamacpp (llama.cpp) in this process."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["embedded"]
    weights: Filled  # location of a GGUF file, see tune_or_retrieve.base.locations
    sha256: str | None = None  # of that file; None: not checked
    # Served in another format than the file's, a copy made once; None: as it is. Training reads the file itself.
    requantize: Literal["Q8_0", "Q4_0", "F16"] | None = None
    context_tokens: int = Field(ge=256, le=1_048_576)  # prompt and reply together
    sent_to: ClassVar[None] = None
    billed_as: ClassVar[None] = None

    @field_validator("sha256")
    @classmethod
    def _is_sha256(cls, value: str | None) -> str | None:
        if value is not None and not SHA256.fullmatch(value):
            raise ValueError("must be 64 hexadecimal digits in lower case")
        return value


class Model(EmbeddedModel):
    """An entry of `models`."""

    # What was tuned from these weights elsewhere: the location of a GGUF adapter, of a folder that peft wrote, or of a
    # whole GGUF model. None: the stage fine_tune trains it.
    tuned: Filled | None = None


Asked = EmbeddedModel
