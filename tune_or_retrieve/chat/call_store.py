"""Model calls stored by content, with their first timing: what was paid for and measured is not done again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tune_or_retrieve.base.store import Store


class CallStore:
    """A :class:`tune_or_retrieve.base.store.Store` of JSON values."""

    def __init__(self, path: Path | None = None):
        self._store = Store("calls", path)

    def get(self, key: str) -> Any | None:
        """The value under `key`, or None."""
        found = self._store.get(key)
        return None if found is None else json.loads(found)

    def put(self, key: str, value: Any) -> None:
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, Any]) -> None:
        """As `put` for each: all of them or, if it fails or is killed, none."""
        self._store.put_all(
            {key: json.dumps(value, sort_keys=True, ensure_ascii=False) for key, value in values.items()}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
