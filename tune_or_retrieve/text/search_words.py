"""Words of a text for BM25. Exact names of operations and parameters match however they are written.

A name in code gives its parts and, marked with ``=``, the whole of it: ``s3:GetObject`` gives ``s3``, ``get``,
``object``, ``=getobject`` and ``=s3getobject``. The mark keeps names apart from prose, so that a rare name has
the weight of its own rarity. A question may spell a name as words ("put object"): runs of words are joined, and a
run that the index knows as a name counts as that name.
"""

import re
from collections.abc import Collection

NAME = "="
MAX_JOINED = 5  # words; DeleteBucketIntelligentTieringConfiguration has five, few names have more

# A run of letters and digits, with the separators that hold a name together. A full stop or colon counts only inside.
_TOKEN = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[A-Za-z0-9]+(?:[-_.:/$][A-Za-z0-9]+)*")
# getHTTPResponse → get, HTTP, Response; ListObjectsV2 → List, Objects, V2; s3 and SHA256 stay whole; 10MiB → 10, MiB
_PARTS = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
_SEPARATORS = re.compile(r"[-_.:/$]")

STOP_WORDS = frozenset(
    """
    a about also an and any are as at be been but by can could do does did for from had has have how i if in into is
    it its may me might must my no nor not of on or our shall should so such than that the their them then there
    these they this those to was we were what when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a hundred quoted words would hide them
)


def text_words(text: str) -> list[str]:
    """Words of a passage, in order, with repeats: stems of words, and names marked with ``=``."""
    words: list[str] = []
    for match in _TOKEN.finditer(text):
        words.extend(_words_of(match.group().replace(",", "")))  # 1,048,576 is 1048576
    return words


def query_words(text: str, known: Collection[str]) -> list[str]:
    """Words of a question that the index knows, each once, in order.

    Args:
        text: the question.
        known: vocabulary of the index, as made by :func:`text_words`.
    """
    found = [word for word in text_words(text) if word in known]
    plain = [part.lower() for token in _TOKEN.findall(text) for part in _SEPARATORS.split(token)]
    for start in range(len(plain)):
        for end in range(start + 1, min(start + MAX_JOINED, len(plain)) + 1):
            if (name := NAME + "".join(plain[start:end])) in known:
                found.append(name)
    return list(dict.fromkeys(found))


def _words_of(token: str) -> list[str]:
    pieces = _SEPARATORS.split(token)
    parts = [part for piece in pieces for part in _PARTS.findall(piece)]
    words = [_stem(part.lower()) for part in parts if part.lower() not in STOP_WORDS]
    names = [piece for piece in pieces if len(_PARTS.findall(piece)) > 1]
    if len(pieces) > 1:
        names.append("".join(pieces))
    return words + [NAME + name.lower() for name in dict.fromkeys(names)]


def _stem(word: str) -> str:
    """Plural to singular, nothing more: the S-stemmer of Harman (1991), "How effective is suffixing?"."""
    if len(word) <= 3:  # sns, kms, aws
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
