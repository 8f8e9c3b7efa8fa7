"""What was spent, kept in a file that survives kill -9, and the limit that stops a run before it is passed."""

import contextlib
import fcntl
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stages.bedrock.prices import Usage, cost
from stages.errors import StageError
from stages.prices import Prices

LEDGER = Path(".cache/spent.jsonl")


class Budget:
    """The ledger, one JSON line for each thing paid for, and the most that may be spent over all its lines.

    Several processes and threads may write to it at once.

    Args:
        limit: US dollars (`budget_usd`); None: none.
    """

    def __init__(self, prices: Prices, limit: float | None, path: Path = LEDGER):
        self._prices, self._limit, self._path = prices, limit, path
        self._lock = threading.Lock()

    def spent(self) -> float:
        return sum(self.by_stage().values())

    def by_stage(self) -> dict[str, float]:
        """Dollars by stage. Raises StageError if the file holds what is no entry: spending is never guessed."""
        sums: dict[str, float] = defaultdict(float)
        for entry in self._entries():
            sums[entry["stage"]] += entry["dollars"]
        return dict(sums)

    def check(self, dollars: float, what: str) -> None:
        """Call it before what costs, with its estimate.

        Raises:
            StageError: what was spent and this together would pass the limit.
        """
        if self._limit is None:
            return
        spent = self.spent()
        if spent + dollars > self._limit:
            raise StageError(
                f"{what}: estimated at ${dollars:.4f}, and ${spent:.4f} are spent already ({self._path}): together "
                f"above budget_usd, ${self._limit:.2f}. Nothing was started. Raise budget_usd in params.yaml, ask for "
                "less (fewer questions, pairs or judges), or remove that file if what it lists is settled."
            )

    def record(self, stage: str, usage: Usage) -> float:
        """Enter what was used, on the disk when this returns; its dollars."""
        return self.record_dollars(stage, usage.model, cost(usage, self._prices), usage.tokens)

    def record_dollars(self, stage: str, model: str, dollars: float, tokens: int = 0, once: str | None = None) -> float:
        """Enter what is not billed by tokens alone, such as hours of provisioned throughput.

        Args:
            once: a name, such as that of a job: what is entered under it already is not entered again.
        """
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = {"at": at, "stage": stage, "model": model, "tokens": tokens, "dollars": dollars}
        if once is not None:
            entry["once"] = once
        with self._lock, self._open() as file:
            if once is not None and any(one.get("once") == once for one in self._entries()):
                return dollars
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # a kill came in the middle of this line: it stays, as no entry
                    file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return dollars

    def guard(self, stage: str, usage: Usage, at_most: float) -> None:
        """Record, and then check that another call of `at_most` dollars still fits: for the midst of a stage.

        Raises:
            StageError: it does not. What is under way at that time is still paid for, so that `at_most` is the cost
                of as many calls as run at once.
        """
        self.record(stage, usage)
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

    def _entries(self) -> Iterator[dict]:
        if not self._path.exists():
            return
        lines = self._path.read_bytes().splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                yield {"stage": str(entry["stage"]), "dollars": float(entry["dollars"]), "once": entry.get("once")}
            except (ValueError, KeyError, TypeError):
                if not line.endswith(b"}"):  # torn by a kill or a power cut as it was written
                    continue
                raise StageError(
                    f"{self._path}, line {number}: not an entry of the spending ledger. Correct or remove the line; "
                    "without it the budget cannot be held."
                ) from None
