"""Reading data/articles: the manifest and, checked by its hashes, the text of each article."""

from pathlib import Path

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import read_jsonl, sha256_text
from tune_or_retrieve.base.records import Article

FOLDER = Path("data/articles")
MANIFEST = "manifest.jsonl"


def read_articles(folder: Path = FOLDER) -> list[Article]:
    """Rows of the manifest, in its order (by id). Raises StageError if it is missing or damaged."""
    return list(read_jsonl(folder / MANIFEST, Article))


def read_text(article: Article, folder: Path = FOLDER) -> str:
    """The Markdown of one article, the text that all character offsets point into.

    Raises:
        StageError: the file is missing, or is not what the manifest was written for.
    """
    path = folder / article.path
    try:
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        text = None
    if text is None or sha256_text(text) != article.sha256:
        what = "is missing or unreadable" if text is None else "was changed after it was written"
        raise StageError(f"{path}: article {article.id!r} {what}. Remove {folder} and run `dvc repro`.")
    return text
