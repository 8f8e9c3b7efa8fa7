"""A text as both judges read it: clauses of typed tokens, and an explicit yes or no at its head."""

import functools
import itertools
import re
from dataclasses import dataclass, field
from typing import Literal

from stages.judge.reading.clauses import clauses_of, sentences_of
from stages.judge.reading.tokens import Token, read_tokens
from stages.judge.reading.wording import normalise

# What a question begins with that asks for a yes or no.
AUXILIARIES = "can|could|does|do|did|is|are|was|were|will|would|must|should|has|have|may|might"
_YES_NO = re.compile(rf"\W*(?:{AUXILIARIES})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Clause:
    text: str
    tokens: tuple[Token, ...]
    words: tuple[str, ...]  # every word in lower case, stopwords too
    sentence: int
    cues: int  # negations in it; "unless" is one

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(t.key for t in self.tokens)


@dataclass(frozen=True)
class Text:
    raw: str
    clauses: tuple[Clause, ...]
    verdict: Literal["yes", "no", ""] = ""  # an explicit one at the head
    sentences: tuple[str, ...] = field(default=())

    @functools.cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(t for c in self.clauses for t in c.tokens)

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(t.key for t in self.tokens)

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(w for c in self.clauses for w in c.words)

    @functools.cached_property
    def quantities(self) -> tuple[Token, ...]:
        return tuple(t for t in self.tokens if t.kind == "quantity")

    @property
    def is_yes_no(self) -> bool:
        """Whether it asks for a yes or no."""
        return bool(_YES_NO.match(self.raw))

    @functools.cached_property
    def by_sentence(self) -> tuple[tuple[Clause, ...], ...]:
        """The clauses of each sentence that has any."""
        return tuple(tuple(group) for _, group in itertools.groupby(self.clauses, key=lambda clause: clause.sentence))

    def cues(self, sentence: int) -> int:
        """How many negations a sentence has."""
        return sum(c.cues for c in self.clauses if c.sentence == sentence)

    def first_clause(self, sentence: int) -> int:
        """Number of the first clause of a sentence; 0 if the sentence has none."""
        return next((n for n, clause in enumerate(self.clauses) if clause.sentence == sentence), 0)


@functools.lru_cache(maxsize=4096)
def read_text(text: str) -> Text:
    """Everything the judges need to know of `text`."""
    clean = normalise(text)
    verdict = ""
    if match := re.match(
        r"\W*(yes|no|correct|incorrect|true|false|yep|nope)\b(?=\s*[,.;:!—–-]|\s*$)", clean, re.IGNORECASE
    ):
        verdict = "yes" if match[1].lower() in {"yes", "correct", "true", "yep"} else "no"
        clean = clean[match.end() :].lstrip(" ,.;:!—–-")
    sentences = sentences_of(clean)
    clauses: list[Clause] = []
    for number, sentence in enumerate(sentences):
        for part in clauses_of(sentence):
            if clause := _read_clause(part, number):
                clauses.append(clause)
    return Text(text, tuple(clauses), verdict, tuple(sentences))


def _read_clause(text: str, sentence: int) -> Clause | None:
    tokens, words, cues = read_tokens(text)
    if not tokens:
        return None
    return Clause(text, tokens, words, sentence, cues + words.count("unless"))
