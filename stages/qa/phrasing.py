"""How questions are put: several phrasings for each form of fact, one chosen per fact by a seeded hash.

Slots: {op} names the subject ("PutObject in Amazon S3"), {within} sets the scene ("When calling PutObject in Amazon
S3"), {name} and {service} are its parts; the other slots are words of the fact. The part of a form's name before the
dot is the kind of fact.
"""

import hashlib

from stages.qa.document_phrasing import DOCUMENT_PHRASINGS, core, framed
from stages.qa.grammar import upper_first
from stages.qa.operation_phrasing import OPERATION_PHRASINGS
from stages.qa.parameter_phrasing import PARAMETER_PHRASINGS

PHRASINGS = PARAMETER_PHRASINGS | OPERATION_PHRASINGS


def choice(seed: int, *parts: str) -> int:
    """A large number that follows from the seed and the parts, the same on every machine."""
    return int.from_bytes(hashlib.sha256("\x1f".join([str(seed), *parts]).encode()).digest()[:8], "big")


def put(form: str, slots: dict[str, str], number: int) -> tuple[str, str]:
    """The question and the name of its phrasing, "limit.length/2". Slots of a document hold its title."""
    if "title" in slots:
        chosen = number % len(DOCUMENT_PHRASINGS[form])
        return framed(core(form, slots, number), slots["title"], number // 83), f"{form}/{chosen + 1}"
    phrasings = PHRASINGS[form]
    chosen = number % len(phrasings)
    return upper_first(phrasings[chosen].format(**slots)), f"{form}/{chosen + 1}"
