"""A folder of .md and .txt files as articles. All faults of the folder are reported at once.

Texts are kept as they are, except for line ends and trailing blanks: runs of spaces and HTML of exporters stay. The
clean-up for AWS models is for HTML, not Markdown: it would join the lines of a list or a code block, and what looks
like a tag may be the user's own text: `<p>`, <a>, a < b.
"""

import re
from collections import defaultdict
from pathlib import Path

from stages.articles.params import FolderParams
from stages.articles.write import Document
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.text.languages import language_of

SUFFIXES = (".md", ".txt")
MAX_BYTES = 2 * 1024 * 1024  # of one file, about 350,000 words; a longer one is a book, whose title says little
HEADING = re.compile(r"#{1,6} +(.*?)[ #]*$")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
KEY = "articles.folder.path"


def read_folder(params: FolderParams, output: Path = Path("data/articles")) -> list[Document]:
    """Every .md and .txt file below the folder; hidden files and folders are left out.

    Args:
        output: where articles will be written. A folder that contains it would read its own output.

    Raises:
        StageError: names each file that is empty or has a title only, is too large, binary or not UTF-8, and each title
            or id that two share.
    """
    folder = _folder(params, output)
    files = article_files(folder)
    if not files:
        raise StageError(f"params.yaml: {KEY} must hold .md or .txt files. Got {str(folder)!r}, which holds none.")
    documents, faults = [], []
    for path in track(files, "articles", unit="files", shorter="give fewer files"):
        try:
            documents.append(_document(path, folder))
        except StageError as fault:
            faults.append(str(fault))
    faults += _shared(documents)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise StageError("\n  ".join([f"{folder}: {count} in {len(files)} files:", *faults]))
    return documents


def article_files(folder: Path) -> list[Path]:
    """The files below a folder that are articles, sorted."""
    return sorted(path for path in folder.rglob("*") if _is_article(path, folder))


def title_of(text: str, default: str) -> str:
    """The first heading outside code, else `default`."""
    fenced = False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        heading = HEADING.match(line)
        if heading and heading[1] and not fenced:
            return heading[1]
    return default


def _folder(params: FolderParams, output: Path) -> Path:
    folder = Path(params.path)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise StageError(f"params.yaml: {KEY} must be a folder. Got {params.path!r}, which {what}.")
    if output.resolve().is_relative_to(folder.resolve()):
        raise StageError(
            f"params.yaml: {KEY} must not hold {output}, where this stage writes. Got {params.path!r}: "
            "put the documents in a folder of their own."
        )
    return folder


def _is_article(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir()


def _document(path: Path, folder: Path) -> Document:
    text = _read(path)
    relative = path.relative_to(folder)
    top = relative.parts[0] if len(relative.parts) > 1 else "documents"
    return Document(
        id=relative.with_suffix("").as_posix(),
        title=title_of(text, path.stem),
        service=top,
        service_name=top,
        kind="document",
        source=relative.as_posix(),
        text=text,
        language=language_of(text),
    )


def _read(path: Path) -> str:
    """The text with Unix line ends, a final line end and no byte-order mark."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as fault:
        raise StageError(f"{path}: not readable ({fault.strerror}).") from None
    if size > MAX_BYTES:
        raise StageError(f"{path}: must be at most {MAX_BYTES:,} bytes. Got {size:,}. Split it into several files.")
    if b"\0" in data:
        at = data.index(b"\0")
        raise StageError(f"{path}: binary, not text (a zero byte at offset {at}). Save it as text in UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise StageError(
            f"{path}: not UTF-8 (byte 0x{data[fault.start]:02x} at offset {fault.start}). Save it in UTF-8."
        ) from None
    if not text.strip():
        raise StageError(f"{path}: empty. Remove it, or write the article.")
    if HEADING.fullmatch(text.strip()):
        raise StageError(f"{path}: empty below its title. Remove it, or write the article.")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def _shared(documents: list[Document]) -> list[str]:
    """Faults of ids and titles that several files share, which the model could not distinguish."""
    faults = []
    for what, advice in (("id", "Rename one of them."), ("title", "Give each its own first heading.")):
        groups = defaultdict(list)
        for document in documents:
            groups[getattr(document, what)].append(document.source)
        faults += [
            f"{' and '.join(sources)}: have the same {what}, {value!r}. {advice}"
            for value, sources in groups.items()
            if len(sources) > 1
        ]
    return faults
