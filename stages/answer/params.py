"""Section `answer` of params.yaml: decoding, the same in all approaches."""

from pydantic import Field

from tune_or_retrieve.base.params import Section
from tune_or_retrieve.chat.calls import Options


class AnswerParams(Section):
    max_tokens: int = Field(ge=1, le=32_768)  # of a reply
    temperature: float = Field(ge=0, le=2)  # 0: the most likely token, always the same text
    seed: int = Field(ge=0, le=2**31 - 1)  # of the sampling; without effect at temperature 0
    repeats: int = Field(ge=1, le=100)  # calls timed for each question; the text is that of the first

    @property
    def options(self) -> Options:
        return Options(max_tokens=self.max_tokens, temperature=self.temperature, seed=self.seed)
