"""What every finder of contradictions returns."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["yes_no", "negation", "amount", "name", "substitution", "swap"]


@dataclass(frozen=True)
class Contradiction:
    kind: Kind
    text: str  # for people: 'says "30 minutes" where the reference says "30 seconds"'
    clause: int = 0  # number of the reference's clause
