"""What the stand-in is told to do wrong, to which requests, and how often."""

import random
import threading
from dataclasses import dataclass, field

REFUSE = "refuse"  # the connection is lost before anything is carried out
LOSE = "lose"  # the request is carried out, and the connection lost before the answer
DROP = "drop"  # the request is carried out, and the connection lost in the middle of the answer. botocore does not hold
# a body to its Content-Length: an answer that is cut so comes out of boto3 as a success without any member
STALL = "stall"  # the request is carried out, and nothing answered for longer than anyone waits


@dataclass
class Fault:
    """`action`: REFUSE, LOSE, DROP, STALL or an error code such as ThrottlingException. `operation` "*" is every one.

    `share` of the requests, drawn with the seed in the order in which they come; `times` at most.
    """

    operation: str
    action: str
    service: str | None = None
    times: int | None = None
    share: float = 1.0
    seed: int = 0
    status: int | None = None  # an HTTP status other than the model's
    message: str | None = None
    met: int = 0  # how often it struck
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def strikes(self, service: str, operation: str) -> bool:
        if self.operation not in ("*", operation) or self.service not in (None, service):
            return False
        if (self.times is not None and self.met >= self.times) or self._random.random() >= self.share:
            return False
        self.met += 1
        return True


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, service: str, operation: str) -> Fault | None:
        """The first fault that strikes this request."""
        with self._lock:
            return next((fault for fault in self._faults if fault.strikes(service, operation)), None)
