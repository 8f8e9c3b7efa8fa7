"""Articles to files: the Markdown of each and the manifest that lists them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from tune_or_retrieve.base.corpus import MANIFEST
from tune_or_retrieve.base.files import atomic_directory, sha256_text, write_jsonl
from tune_or_retrieve.base.records import Article, Skipped

SKIPPED = "skipped.jsonl"


class Document(NamedTuple):
    """An article before it is written, as a source provides it."""

    id: str
    title: str
    service: str
    service_name: str
    kind: Literal["overview", "operation", "document"]
    source: str
    text: str
    language: str | None


def write_articles(documents: Iterable[Document], folder: Path, skipped: Iterable[Skipped] | None = None) -> int:
    """Write `<id>.md` for each document and manifest.jsonl, sorted by id, and return how many there are.

    Args:
        skipped: what the source could not use, for skipped.jsonl. None: it is of no source that skips anything.
    """
    with atomic_directory(folder) as tmp:
        rows = []
        for document in sorted(documents, key=lambda document: document.id):
            path = Path(f"{document.id}.md")
            (tmp / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp / path).write_text(document.text, encoding="utf-8", newline="\n")
            rows.append(
                Article(
                    **{key: value for key, value in document._asdict().items() if key != "text"},
                    path=path.as_posix(),
                    characters=len(document.text),
                    sha256=sha256_text(document.text),
                )
            )
        if skipped is not None:
            write_jsonl(tmp / SKIPPED, skipped)
        return write_jsonl(tmp / MANIFEST, rows)
