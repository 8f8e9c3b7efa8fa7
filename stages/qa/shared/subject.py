"""How questions and answers name what an article is about, so that each stands on its own."""

import re
from dataclasses import dataclass

from stages.qa.shared.grammar import upper_first
from tune_or_retrieve.base.records import Article

OPERATION = re.compile(
    r"\b(?:this|the) (?:API )?(?:operation|action|API|call|method)\b"
    r"|\bthis (?:request|function|command)\b",
    re.IGNORECASE,
)
PARAMETER = re.compile(
    r"(?<!than )\bthis (?:optional |required )?(?:parameter|field|value|property|option|setting|argument"
    r"|element|header|flag|attribute|member|input|string|list|token|number|structure|object)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Subject:
    """The operation, service or document that a question must name."""

    name: str  # "PutObject"; "Amazon S3" for an overview; a document's title
    service: str  # "Amazon S3"
    kind: str  # as in Article

    @property
    def answer(self) -> str:
        """How an answer names it."""
        return f"{self.name} ({self.service})" if self.kind == "operation" else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """What a question has to contain to be about it."""
        return (self.name, self.service) if self.kind == "operation" else (self.name,)


def subject_of(article: Article) -> Subject:
    if article.kind == "operation":
        return Subject(article.title.removesuffix(f" ({article.service_name})"), article.service_name, "operation")
    if article.kind == "overview":
        return Subject(article.service_name, article.service_name, "overview")
    return Subject(article.title, article.service_name, "document")


def resolve(words: str, subject: Subject, parameter: str = "") -> str:
    """Put names for "this operation" and, in a parameter's documentation, for "this parameter"."""
    if subject.kind == "operation":
        named = f"the {subject.name} operation"
        if not re.search(rf"\b{re.escape(subject.name)} (?:operation|action|API|call|command)", words):
            words = OPERATION.sub(lambda match: named if match[0][0].islower() else upper_first(named), words)
    if parameter:
        named = f"the {parameter} parameter"
        words = PARAMETER.sub(lambda match: named if match[0][0].islower() else upper_first(named), words)
    return words
