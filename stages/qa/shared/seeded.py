"""Choices by chance that are the same on every machine."""

import hashlib


def choice(seed: int, *parts: str) -> int:
    """A large number that follows from the seed and the parts, and not from the order of work."""
    return int.from_bytes(hashlib.sha256("\x1f".join([str(seed), *parts]).encode()).digest()[:8], "big")
