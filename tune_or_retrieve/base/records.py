"""Typed rows that flow between the stages. ``None`` means not computed, never 0.

Character offsets are Python string offsets (code points) into the text of an article: ``text[start:end]``.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Approach = Literal["base", "rag", "ft", "ft_rag"]
APPROACHES: tuple[Approach, ...] = ("base", "rag", "ft", "ft_rag")
RETRIEVING: tuple[Approach, ...] = ("rag", "ft_rag")
FINE_TUNED: tuple[Approach, ...] = ("ft", "ft_rag")
QuestionSet = Literal["handwritten", "synthetic"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Article(Record):
    """One row of data/articles/manifest.jsonl; the text is in the file `path`."""

    id: str  # stable, for instance "s3/put-object"; a folder source uses the relative path without its suffix
    title: str  # "PutObject (Amazon S3)"
    service: str  # botocore's name, "s3"; a folder source uses the name of the top folder, or "documents"
    service_name: str  # as written to people, "Amazon S3"
    kind: Literal["overview", "operation", "document"]
    language: str | None = None  # ISO 639-1, "en"; None: the text does not tell
    source: str  # where it came from: "botocore 1.44.5 s3/2006-03-01 PutObject" or the file's path
    path: str  # Markdown file, relative to data/articles
    characters: int
    sha256: str  # of the Markdown text in UTF-8


class Skipped(Record):
    """One row of data/articles/skipped.jsonl: a file or folder of the user's documents that is no article, or a
    part of one."""

    path: str  # below the folder of documents; a folder ends with "/"; what is not printable is escaped
    kind: str  # its format, "PDF"; the suffix of a file that is not read, ".png"; "without suffix"; "folder"
    reason: str  # "encrypted; save it without a password"
    partly: bool = False  # only what `reason` says was skipped; the rest is an article


class Span(Record):
    """A passage of an article: ``text[start:end]``."""

    article_id: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)


class Evidence(Span):
    """A span with the hash of its text: a changed article is noticed without storing any of its text."""

    sha256: str  # of the span's text in UTF-8


class Quote(Span):
    """A span with its words."""

    text: str  # exactly the article's text[start:end]


class Chunk(Record):
    """A passage that is embedded (start, end) and the one that is then passed to the model (context_*).

    The two differ only with hierarchical chunking, where a child is found and its parent passed to the model.
    """

    id: str  # "<article id>#<number>"
    article_id: str
    title: str  # of the article
    section: str  # headings above the passage, " > " between them; "" if none
    start: int
    end: int
    context_start: int
    context_end: int
    text: str  # exactly the article's text[start:end]
    context: str  # exactly the article's text[context_start:context_end]
    text_header: str = ""  # header of the table whose rows the text begins with, if it is not in the text
    context_header: str = ""  # the same for the context

    @property
    def full_text(self) -> str:
        """What is embedded and searched, without the headings."""
        return f"{self.text_header}\n{self.text}" if self.text_header else self.text

    @property
    def full_context(self) -> str:
        """What is passed to the model."""
        return f"{self.context_header}\n{self.context}" if self.context_header else self.context


class Pair(Record):
    """A synthetic question with its answer, supported by `evidence`: verbatim passages, one for most pairs.

    Passages of several articles make a comparison.
    """

    id: str
    question: str
    answer: str
    evidence: list[Quote] = Field(min_length=1)
    service: str
    kind: str  # of fact: "limit", "default", "purpose", ...
    phrasing: str  # which of the phrasings of that kind

    @property
    def articles(self) -> frozenset[str]:
        """Ids of the articles that it rests on."""
        return frozenset(quote.article_id for quote in self.evidence)


class SeenArticle(Record):
    """The text of an article that training or validation pairs rest on: what a training reads of the articles."""

    id: str
    title: str
    text: str


class Rejection(Record):
    """A candidate pair that was rejected, with the rule it broke."""

    pair: Pair
    reason: str


class Question(Record):
    """A test question with its ground truth. `evidence` holds all passages that the reference rests on."""

    id: str
    set: QuestionSet
    slice: Literal["seen", "unseen"] = "unseen"  # unseen: no pair is from its articles; the stage qa computes it
    question: str
    reference: str
    service: str
    kind: str
    evidence: list[Evidence]


class Passage(Record):
    """What is passed to a model of one retrieved chunk."""

    chunk_id: str
    article_id: str
    title: str
    section: str
    text: str
    score: float | None  # None: the knowledge base gave none


class Retrieved(Record):
    """The contexts of one question, best first, replayed to every approach that retrieves."""

    question_id: str
    passages: list[Passage]


class Timed(Record):
    """What a time was measured on; only times measured on the same are compared. All None: a hosted model."""

    machine: str | None = None  # processor, instructions and cores: "AMD EPYC (bf16), 2 cores"
    device: str | None = None  # cpu | cuda | mps, of the embedded engine cpu | gpu
    threads: int | None = None

    @property
    def measured_on(self) -> "Timed":
        """These fields alone, of a row that has others."""
        return Timed(machine=self.machine, device=self.device, threads=self.threads)


ELSEWHERE = Timed()


class RetrievalTiming(Timed):
    question_id: str
    seconds: float  # wall, embedding of the query included


class Answer(Record):
    """What a model said. Deterministic: no timing belongs here."""

    question_id: str
    model: str
    approach: Approach
    text: str
    input_tokens: int
    output_tokens: int
    stop_reason: str  # "stop" | "length", as the engine named it


class AnswerTiming(Timed):
    question_id: str
    model: str
    approach: Approach
    repeat: int
    seconds: float  # wall of the generation call, retrieval not included
    replayed: bool  # the call was not made in this run: the first measurement is shown
    server_seconds: float | None = None  # as a hosted model's server measured it, without network and retries
    retries: int | None = None  # of a hosted model, after throttling; within `seconds`
    billed_as: str | None = None  # the model or profile whose tokens are paid for; None: it has no price of its own
    others_share: float | None = None  # of this machine's cores, that other processes used meanwhile, 0-1


class Effort(Record):
    """What a stage took: as long as what it found in the store took when it was made."""

    seconds: float | None = None  # on this machine; None: not measured
    input_tokens: int = 0
    output_tokens: int = 0
    billed_as: str | None = None  # the model whose tokens are paid for; None: this machine's time is


class Score(Record):
    """One judge's opinion of one answer, 0–10. All None if the judge could not score it (unscored, not wrong)."""

    question_id: str
    model: str
    approach: Approach
    judge: str
    overall: float | None
    factual_accuracy: float | None
    completeness: float | None
    relevance: float | None
    clarity: float | None
    fact_recall: float | None  # share of the reference's facts found in the answer, 0–1; judges that count facts
    comment: str  # why, in a few words: shown in the report
