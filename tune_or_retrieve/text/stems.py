"""Stems: one form for all inflections of a word, by Snowball's English stemmer and a list of irregular forms."""

import functools
from pathlib import Path

import snowballstemmer

IRREGULAR = Path(__file__).with_name("irregular.txt")


def read_rows(path: Path) -> list[str]:
    """The rows of a word list, without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


_SNOWBALL = snowballstemmer.stemmer("english")
_IRREGULAR = dict(row.split() for row in read_rows(IRREGULAR))


@functools.cache
def stem(word: str) -> str:
    """The stem of a word; an irregular form has the stem of its base form."""
    word = word.lower().removesuffix("'s").removesuffix("’s")
    return _SNOWBALL.stemWord(_IRREGULAR.get(word, word))
