"""Waiting for what AWS does in its own time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tune_or_retrieve.base.progress import say

SAY_EVERY_SECONDS = 600.0  # while nothing changes


@dataclass(frozen=True)
class Watch:
    """How one waits: the seconds between two looks, and the time itself, which tests set."""

    every: float = 30.0
    clock: Callable[[], float] = time.time  # seconds since the epoch
    sleep: Callable[[float], object] = time.sleep
    say: Callable[[str], object] = say

    def until(
        self, look: Callable[[], Mapping[str, Any]], over: Callable[[Any], bool], tell: Callable[[Any], str]
    ) -> Mapping[str, Any]:
        """Look until it is over, and give what was seen last.

        Each change is said at once, with the minutes since AWS began (creationTime, or the first look), and now and
        then that there is none.
        """
        told, at, first = None, 0.0, self.clock()
        while True:
            seen = look()
            text, now = tell(seen), self.clock()
            created = seen.get("creationTime") or seen.get("createdAt")
            since = created.timestamp() if created else first
            if text != told or now - at >= SAY_EVERY_SECONDS:
                self.say(f"{text}; {max(0.0, now - since) / 60:.0f} min")
                told, at = text, now
            if over(seen):
                return seen
            self.sleep(self.every)
