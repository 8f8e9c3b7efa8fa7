"""What became of a folder of documents, in a few lines however many files there are."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from stages.articles.formats.converted import ELSEWHERE
from stages.articles.walk import CHOSEN, FOLDER_KIND, KEY, TWICE, Found, kind_of, printable
from stages.articles.write import SKIPPED
from tune_or_retrieve.base.corpus import FOLDER
from tune_or_retrieve.base.records import Skipped

NAMES = 3  # of files, for each reason
REASONS = 12
KINDS = 9  # with their counts; there are as many formats
CHARACTERS = 60  # of a path
NAMED_FILES = re.compile(rf"{re.escape(ELSEWHERE)} \(.*\)$")


def read_line(folder: str, paths: Sequence[str], characters: int) -> str:
    """ "articles: 118 from docs (100 Markdown, 18 PDF), 240,118 characters"."""
    return f"articles: {len(paths):,} from {folder} ({kinds(map(kind_of, paths))}), {characters:,} characters"


def nothing(folder: str, something_skipped: bool) -> str:
    """The fault of a folder in which nothing can be read."""
    what = "in which nothing can be read:" if something_skipped else "which is empty."
    return f"{KEY}: must hold documents. Got {folder!r}, {what}"


def skipped_lines(skipped: Iterable[Skipped], listed: bool = True) -> list[str]:
    """A line for each reason, the commonest first; none if nothing was skipped but by the user's choice.

    Args:
        listed: whether skipped.jsonl was written.
    """
    whole = unchosen(skipped)
    head = f"skipped: {len(whole):,}" + (f", listed in {FOLDER / SKIPPED}" if listed else "")
    return [head, *_by_reason(whole)] if whole else []


def partly_lines(skipped: Iterable[Skipped]) -> list[str]:
    """What was lost of documents that were read."""
    lines = _by_reason([one for one in skipped if one.partly])
    return [f"read in part, listed in {FOLDER / SKIPPED}:", *lines] if lines else []


def unchosen(skipped: Iterable[Skipped]) -> list[Skipped]:
    """The files and folders that were skipped, but not by the user's choice."""
    return [one for one in skipped if one.reason not in CHOSEN and not one.partly]


def _by_reason(skipped: Iterable[Skipped]) -> list[str]:
    by_reason: dict[str, list[Skipped]] = defaultdict(list)
    for one in skipped:
        by_reason[NAMED_FILES.sub(ELSEWHERE, one.reason)].append(one)
    groups = sorted(by_reason.items(), key=lambda group: (-len(group[1]), group[0]))
    lines = [
        f"  {reason}: {kinds(one.kind for one in same)} ({names([one.path for one in same])})"
        for reason, same in groups[:REASONS]
    ]
    if rest := groups[REASONS:]:
        lines.append(f"  {len(rest):,} other reasons: {sum(len(same) for _, same in rest):,}")
    return lines


def chosen_lines(skipped: Iterable[Skipped]) -> list[str]:
    """What the user chose to leave out, counted; a folder counts as one."""
    count = Counter(one.reason for one in skipped)
    parts = [f"{count[reason]:,} {reason}" for reason in CHOSEN if reason != TWICE and count[reason]]
    return [f"left out: {', '.join(parts)} (a folder counts as one)"] if parts else []


def link_lines(found: Found) -> list[str]:
    """Which links were followed, and where DVC does not look."""
    lines = []
    if found.linked_files:
        lines.append(f"links to files, read where they lead: {names(found.linked_files)}")
    if found.linked_folders:
        lines.append(f"links to folders, read where they lead: {names(found.linked_folders)}")
    if found.repositories:
        lines.append(f"DVC repositories of their own: {names(found.repositories)}")
    if twice := [one.path for one in found.skipped if one.reason == TWICE]:
        lines.append(f"reached twice, read once: {names(twice)}")
    if found.unwatched:
        lines.append(
            f"DVC does not notice changes in {names(found.unwatched)}: after one, run `dvc repro --force articles`, "
            "then `dvc repro`."
        )
    return lines


def encoding_lines(encodings: dict[str, str]) -> list[str]:
    """Files by the encoding that they were read in, where that is not UTF-8."""
    by_encoding = defaultdict(list)
    for path, encoding in encodings.items():
        by_encoding[encoding].append(path)
    return [f"not UTF-8, read as {one}: {len(paths):,} ({names(paths)})" for one, paths in sorted(by_encoding.items())]


def kinds(found: Iterable[str]) -> str:
    """ "100 Markdown, 12 HTML"; of many kinds the commonest."""
    common = Counter(sorted(found)).most_common()
    shown = [f"{count:,} {kind}{'s' * (kind == FOLDER_KIND and count > 1)}" for kind, count in common[:KINDS]]
    if rest := common[KINDS:]:
        shown.append(f"{sum(count for _, count in rest):,} of {len(rest)} other kinds")
    return ", ".join(shown)


def names(paths: Sequence[str], most: int = NAMES) -> str:
    """ "a.md, b.md, c.md and 12 more"."""
    shown = ", ".join(_short(printable(path)) for path in paths[:most])
    return f"{shown} and {len(paths) - most:,} more" if len(paths) > most else shown


def _short(path: str) -> str:
    return path if len(path) <= CHARACTERS else f"…{path[1 - CHARACTERS :]}"
