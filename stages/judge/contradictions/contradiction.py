"""What every finder of contradictions returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contradiction:
    kind: str  # amount, bound, name, polarity, opposite, roles, order, scope, verdict
    text: str  # for people: 'says "30 minutes" where the reference says "30 seconds"'
    clause: int = 0  # of the reference
