"""Rough stems: one form for the inflections and the usual derivations of one word."""

import functools
import re
from pathlib import Path

WORDS = Path(__file__).parent / "words"


def read_rows(name: str) -> list[str]:
    """The rows of a word list, without its comments."""
    lines = (WORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


_IRREGULAR = dict(row.split() for row in read_rows("irregular"))


@functools.cache
def stem(word: str) -> str:
    """A rough stem, the same for the inflections and the usual derivations of one word."""
    word = word.lower().removesuffix("'s").removesuffix("’s")
    if word in _IRREGULAR:
        return _base(_IRREGULAR[word])
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif re.search(r"(ss|x|ch|sh|zz)es$", word):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word in _IRREGULAR:
        return _base(_IRREGULAR[word])
    for suffix in ("ing", "ed"):
        root = word.removesuffix(suffix)
        if root != word and len(root) >= 3 and re.search("[aeiouy]", root):
            word = root[:-1] if re.search(r"([bdgmnprt])\1$", root) else root
            break
    return _base(word)


def _base(word: str) -> str:
    word = re.sub(r"(?<=\w\w)bility$", "ble", word)
    for suffixes in (
        ("ally", "ly"),
        ("ization", "isation", "ation", "ition", "ion", "ment", "ize", "ise", "ate", "at"),
    ):
        for suffix in suffixes:
            root = word.removesuffix(suffix)
            if root != word and len(root) >= 4:
                word = root
                break
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word
