"""How questions and answers name what an article is about, so that each stands on its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stages.qa.grammar import upper_first
from tune_or_retrieve.base.records import Article

OPERATION = re.compile(
    r"\b(?:this|the) (?:API )?(?:operation|action|API|call|command|API action|API operation|API call|method)\b"
    r"|\bthis (?:request|function|command)\b",
    re.IGNORECASE,
)
PARAMETER = re.compile(
    r"(?<!than )\bthis (?:optional |required )?(?:request )?(?:parameter|field|value|property|option|setting|argument"
    r"|element|header|flag|attribute|member|input|key-value pair|string|list|token|number|structure|object)\b",
    re.IGNORECASE,
)
# An operation as a noun phrase, and as an adverbial
NAMED = (
    "{name} in {service}",
    "the {name} operation of {service}",
    "the {service} {name} operation",
    "{service} {name}",
)
SCENES = (
    "When calling {name} in {service}",
    "With the {name} operation of {service}",
    "When using {name} in {service}",
    "With {service} {name}",
)


@dataclass(frozen=True)
class Subject:
    """The operation, service or document that a question must name."""

    name: str  # "PutObject"; "Amazon S3" for an overview; a document's title
    service: str  # "Amazon S3"
    kind: str  # as in Article

    @property
    def answer(self) -> str:
        return f"{self.name} ({self.service})" if self.kind == "operation" else self.name

    def question(self, form: int) -> str:
        """One of several ways to name it, a noun phrase."""
        if self.kind != "operation":
            return self.name if self.kind == "overview" else f"“{self.name}”"
        return self._put(NAMED, form)

    def context(self, form: int) -> str:
        """An adverbial that sets the scene: "When calling PutObject in Amazon S3"."""
        if self.kind == "overview":
            return f"In {self.service}"
        if self.kind == "document":
            return (f"According to “{self.name}”", f"In “{self.name}”")[form % 2]
        return self._put(SCENES, form)

    def _put(self, forms: Sequence[str], form: int) -> str:
        return forms[form % len(forms)].format(name=self.name, service=self.service)

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
