"""What was spent, kept in a file that survives kill -9, and the limit, before which a run stops."""

import contextlib
import fcntl
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import IO, NamedTuple

from tune_or_retrieve.base.errors import StageError
from tune_or_retrieve.base.files import text_lines
from tune_or_retrieve.base.home import cached

LEDGER = "spent.jsonl"


class Spent(NamedTuple):
    """`unknown`: number of entries paid for at a price that was not known; their dollars are not in the sum.

    `about`: number of entries whose tokens AWS bills without reporting them, so that they were counted here.
    """

    tokens: int = 0
    dollars: float = 0.0
    unknown: int = 0
    about: int = 0


class _Entry(NamedTuple):
    line: int
    stage: str
    tokens: int
    dollars: float | None
    once: str | None
    provisional: bool
    about: bool


def _better(there: _Entry, dollars: float | None, provisional: bool) -> bool:
    """Whether more is known now than was entered: the dollars at all, or what they were instead of the most."""
    if dollars is None or provisional:
        return there.dollars is None and dollars is not None
    return there.dollars is None or there.provisional


class Budget:
    """The ledger, one JSON line for each thing paid for, and the most that may be spent over all its lines.

    Several processes and threads may write to it at once.

    Args:
        limit: US dollars (`budget_usd`); None: there is none.
    """

    def __init__(self, limit: float | None = None):
        self._limit, self._path = limit, cached(LEDGER)
        self._lock = threading.Lock()

    @property
    def limited(self) -> bool:
        return self._limit is not None

    def spent(self) -> float:
        """Dollars of all stages. Raises StageError if those of an entry are not known: spending is never guessed."""
        entries = list(self._entries())
        if unknown := next((one for one in entries if one.dollars is None), None):
            raise StageError(
                f"{self._path}, line {unknown.line}: {unknown.stage} was paid for while its price was not known, so "
                "budget_usd cannot be enforced. Replace null with its dollars."
            )
        return sum(one.dollars for one in entries if one.dollars is not None)

    def by_stage(self) -> dict[str, Spent]:
        """Raises StageError if the file holds what is no entry."""
        sums: dict[str, Spent] = defaultdict(Spent)
        for one in self._entries():
            tokens, dollars, unknown, about = sums[one.stage]
            sums[one.stage] = Spent(
                tokens + one.tokens,
                dollars + (one.dollars or 0.0),
                unknown + (one.dollars is None),
                about + one.about,
            )
        return dict(sums)

    def check(self, dollars: float | None, what: str) -> None:
        """Call it before paying, with the estimate; None: the price is not known.

        Raises:
            StageError: there is a limit, and what was spent and this together would pass it, or are not known.
        """
        if self._limit is None:
            return
        if dollars is None:
            raise StageError(
                f"{what}: price not known: enter it in params.yaml under `prices`. Nothing was started, as budget_usd, "
                f"${self._limit:.2f}, cannot be enforced without it; with budget_usd: null it starts anyway."
            )
        spent = self.spent()
        if spent + dollars > self._limit:
            raise StageError(
                f"{what}: estimated at ${dollars:.4f}, and ${spent:.4f} are spent already ({self._path}): together "
                f"above budget_usd, ${self._limit:.2f}. Nothing was started. Raise budget_usd in params.yaml, ask for "
                "less (fewer questions, pairs or judges), or remove that file if what it lists is settled."
            )

    def record(
        self,
        stage: str,
        model: str,
        dollars: float | None,
        tokens: int,
        once: str | None = None,
        provisional: bool = False,
        about: bool = False,
    ) -> None:
        """Enter what was paid, on the disk when this returns.

        Args:
            dollars: None: not known.
            once: a name, such as that of a job: what was entered under it is not entered again, unless its dollars
                are known only now, or the entry was provisional.
            provisional: the most that it may come to; what it was is entered later under the same name.
            about: AWS bills the tokens without reporting them: they were counted here.
        """
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = {"at": at, "stage": stage, "model": model, "tokens": tokens, "dollars": dollars}
        if once is not None:
            entry["once"] = once
        entry |= {name: True for name, said in (("provisional", provisional), ("about", about)) if said}
        with self._lock, self._open() as file:
            there = [one for one in self._entries() if one.once == once] if once is not None else []
            if there and not _better(there[0], dollars, provisional):
                return
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # a kill cut this line off: it stays, and is no entry
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def guard(self, stage: str, at_most: float) -> None:
        """Check during a stage, after what was paid has been recorded, that further calls still fit.

        Args:
            at_most: dollars of as many calls as run at once, since those under way are still paid for.

        Raises:
            StageError: they do not.
        """
        if self._limit is not None and (spent := self.spent()) + at_most > self._limit:
            raise StageError(
                f"{stage}: stopped before budget_usd, ${self._limit:.2f}, is passed: ${spent:.4f} are spent "
                f"({self._path}), and the next calls may cost ${at_most:.4f}. What was finished is kept. Raise "
                "budget_usd in params.yaml and run `dvc repro` again, which goes on from there."
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _entries(self) -> Iterator[_Entry]:
        """One for each thing paid for: of those entered under one name the last, in place of the first."""
        found: dict[object, _Entry] = {}
        for one in self._lines():
            found[one.line if one.once is None else one.once] = one
        yield from found.values()

    def _lines(self) -> Iterator[_Entry]:
        for number, line in text_lines(self._path) if self._path.exists() else ():
            try:
                entry = json.loads(line)
                dollars, tokens = entry["dollars"], int(entry.get("tokens", 0))
                dollars = None if dollars is None else float(dollars)
                marks = (bool(entry.get(name, False)) for name in ("provisional", "about"))
                yield _Entry(number, str(entry["stage"]), tokens, dollars, entry.get("once"), *marks)
            except (ValueError, KeyError, TypeError):
                if not line.endswith("}"):  # cut off by a kill or a power failure
                    continue
                raise StageError(
                    f"{self._path}, line {number}: not an entry of the spending ledger. Correct or remove the line; "
                    "without it the budget cannot be enforced."
                ) from None
