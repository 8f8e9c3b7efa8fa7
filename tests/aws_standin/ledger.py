"""Every request that came in, and what it would have cost."""

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bill:
    """What AWS would charge for: tokens read, written or trained on, by model or resource."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    trained_tokens: int = 0
    batch: bool = False


@dataclass
class Entry:
    """One request. For the services that moto plays, `operation` is the query action or S3's HTTP method."""

    service: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str | None = None
    fault: str | None = None  # what the stand-in was told to do with it
    replayed: bool = False  # answered again for the same client token: nothing new was made or paid for
    bills: list[Bill] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Ledger:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.bills: list[Bill] = []
        self.peak: dict[str, int] = {}  # the most requests of an operation at one time
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)
            running = self._running.get(entry.operation, 0) + 1
            self._running[entry.operation] = running
            self.peak[entry.operation] = max(running, self.peak.get(entry.operation, 0))

    def end(self, entry: Entry) -> None:
        with self._lock:
            self._running[entry.operation] -= 1

    def of(self, operation: str, service: str | None = None) -> list[Entry]:
        return [one for one in self.entries if one.operation == operation and service in (None, one.service)]

    def count(self, operation: str, ok: bool | None = None) -> int:
        """Requests of an operation: all, those that succeeded (ok=True), or those that did not."""
        return sum(ok in (None, entry.ok) for entry in self.of(operation))

    def made(self, operation: str) -> int:
        """How often an operation really made something: it succeeded, and not as the replay of an earlier request."""
        return sum(entry.ok and not entry.replayed for entry in self.of(operation))

    def bill(self, bill: Bill) -> None:
        self.bills.append(bill)

    def tokens(self, model: str | None = None) -> tuple[int, int]:
        """Input and output tokens that AWS would charge for, of one model or of all."""
        bills = [bill for bill in self.bills if model in (None, bill.model)]
        return sum(bill.input_tokens for bill in bills), sum(bill.output_tokens for bill in bills)
