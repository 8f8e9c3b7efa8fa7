"""A folder of documents as articles. What cannot be read is skipped and told, never lost without a word."""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.articles import summary
from stages.articles.conversions import Conversions
from stages.articles.formats import Converted, Unreadable
from stages.articles.names import ids_of, told_apart
from stages.articles.params import FolderParams
from stages.articles.walk import EMPTY, kind_of, reason_of, walk
from stages.articles.write import Document
from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.progress import track
from tune_or_retrieve.base.records import Skipped
from tune_or_retrieve.text.languages import language_of
from tune_or_retrieve.text.markdown import blocks, first_title, is_title

ONLY_A_TITLE = "nothing but headings"
TITLE_CHARACTERS = 200  # a longer first heading is cut: each passage carries the title


class Reading(NamedTuple):
    documents: list[Document]
    skipped: list[Skipped]  # sorted by path
    told: list[str]  # lines for the end of the run: what was read, converted and skipped, and why


def read_folder(params: FolderParams, output: Path = Path("data/articles")) -> Reading:
    """Every document below the folder that `params` include.

    Args:
        output: where articles will be written, see `walk`.

    Raises:
        StageError: the folder is missing or holds `output`, nothing in it could be read, or something was skipped
            although `params.strict`.
    """
    found = walk(params, output)
    converted, skipped, encodings = {}, list(found.skipped), {}
    with Conversions() as conversions:
        for path in track(found.files, "articles", unit="files", shorter="give fewer files"):
            try:
                result = converted[path] = _converted(conversions, Path(params.path), path)
            except Unreadable as reason:
                skipped.append(Skipped(path=path, kind=kind_of(path), reason=str(reason)))
                continue
            skipped += [Skipped(path=path, kind=kind_of(path), reason=note, partly=True) for note in result.notes]
            if result.encoding:
                encodings[path] = result.encoding
    skipped.sort(key=lambda one: (one.path, one.reason))
    _refuse(params, converted, skipped)
    ids = ids_of(list(converted))
    documents = told_apart([_document(path, ids[path], result) for path, result in converted.items()])
    characters = sum(len(document.text) for document in documents)
    told = [
        summary.read_line(params.path, list(converted), characters),
        *summary.skipped_lines(skipped),
        *summary.partly_lines(skipped),
        *summary.chosen_lines(skipped),
        *summary.encoding_lines(encodings),
        *summary.link_lines(found),
    ]
    return Reading(documents, skipped, told)


def _converted(conversions: Conversions, folder: Path, path: str) -> Converted:
    try:
        data = (folder / path).read_bytes()
    except OSError as fault:
        raise Unreadable(reason_of(fault)) from None
    result = conversions.convert(path, data)
    found = blocks(result.text)
    if all(block.kind in ("heading", "rule") for block in found):
        raise Unreadable("; ".join([ONLY_A_TITLE if found else EMPTY, *result.notes]))
    return result if is_title(result.title or "") else result._replace(title=first_title(found))


def _document(path: str, id: str, converted: Converted) -> Document:
    place = PurePosixPath(path)
    top = place.parts[0] if len(place.parts) > 1 else "documents"
    title = " ".join((converted.title or place.stem).split()) or place.stem
    if len(title) > TITLE_CHARACTERS:
        title = f"{title[: TITLE_CHARACTERS - 1]}…"
    return Document(id, title, top, top, "document", path, converted.text, language_of(converted.text))


def _refuse(params: FolderParams, converted: dict[str, Converted], skipped: list[Skipped]) -> None:
    why = [*summary.skipped_lines(skipped, listed=False), *summary.chosen_lines(skipped)]
    if not converted:
        raise StageError("\n".join([f"params.yaml: {summary.nothing(params.path, bool(why))}", *why]))
    if params.strict and summary.unchosen(skipped):
        rule = f"{params.path}: articles.folder.strict allows nothing to be skipped."
        advice = "Put them right, name them in articles.folder.exclude, or set articles.folder.strict to false."
        raise StageError("\n".join([rule, *why, advice]))
