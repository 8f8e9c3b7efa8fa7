"""Conversions that take time, kept by content: a changed document, or a run that was stopped, repeats no other one."""

import contextlib
import functools
import json
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from stages.articles.formats import FORMATS, Converted, Format, Unreadable, convert
from tune_or_retrieve.base.files import content_key, sha256_file
from tune_or_retrieve.base.locations import version_of
from tune_or_retrieve.base.store import Store
from tune_or_retrieve.text import markdown


class Conversions(contextlib.ExitStack):
    """Converts files; what a library converts is taken from the store or put there. Files without text are kept, too.

    The store is opened when it is first needed.
    """

    @functools.cached_property
    def _store(self) -> Store:
        return self.enter_context(Store("conversions"))

    def convert(self, name: str, data: bytes) -> Converted:
        """As `stages.articles.formats.convert`. Raises Unreadable, also from the store."""
        format = FORMATS[PurePosixPath(name).suffix.lower()]
        if not format.libraries:
            return convert(name, data)
        key = content_key("conversion", sha256(data).hexdigest(), format.name, _version(format))
        kept = self._store.get(key)
        if kept is None:
            kept = json.dumps(_converted(name, data))
            self._store.put(key, kept)
        result = json.loads(kept)
        if isinstance(result, str):
            raise Unreadable(result)
        return Converted(**result)._replace(notes=tuple(result["notes"]))


def _converted(name: str, data: bytes) -> dict[str, Any] | str:
    """What is converted, or why it cannot be."""
    try:
        return convert(name, data)._asdict()
    except Unreadable as fault:
        return str(fault)


@functools.cache
def _version(format: Format) -> str:
    """Of the code that converts: a conversion of another version is not used again."""
    code = sorted(Path(__file__).with_name("formats").glob("*.py"))  # adapters use one another, and the reader
    code.append(Path(markdown.__file__))
    return content_key([sha256_file(file) for file in code], {name: version_of(name) for name in format.libraries})
