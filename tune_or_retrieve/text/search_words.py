"""Words of a text for BM25, in any script. Exact names of operations and parameters match however they are written.

Texts are compared in Unicode's NFKC, case folded: "GRÖSSE" and "Größe" are one word, composed or not. Scripts that put
no blanks between words give overlapping pairs of characters, as Lucene's CJKAnalyzer does.

Words are stemmed by Snowball; English ones only from plural to singular. In documentation of code, "setting" and "set"
are not alike. On the shipped corpus, hybrid search has a recall@5 of 0.974 over 150 test and validation questions; with
Snowball's English stemmer it has 0.964, and without stemming 0.958.

A name in code gives its parts and, marked with ``=``, the whole of it: ``s3:GetObject`` gives ``s3``, ``get``,
``object``, ``=getobject`` and ``=s3getobject``. The mark keeps names apart from prose, so that a rare name has
the weight of its own rarity. A question may spell a name as words ("put object"): runs of words are joined, and a
run that the index knows as a name counts as that name.
"""

import functools
import itertools
import unicodedata
from collections.abc import Collection, Iterator

import regex

from tune_or_retrieve.text.languages import UNSTEMMED, WITHOUT_BLANKS

NAME = "="
MAX_JOINED = 5  # words; DeleteBucketIntelligentTieringConfiguration has five, few names have more

# Korean has blanks, but between phrases: particles are written with the word before them.
_SCRIPTS = "".join(rf"\p{{scx={name}}}" for name in (*WITHOUT_BLANKS, "Hang"))
_UNSPACED = rf"[[\p{{L}}\p{{M}}\p{{N}}]&&[{_SCRIPTS}]]"
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_SCRIPTS}]]+"
# A full stop or colon counts only inside a name; the last one is the joiner that Persian has where others have a blank.
_SEPARATOR = r"[-_.:/$\u200c]"
_TOKEN = regex.compile(
    rf"[0-9]{{1,3}}(?:,[0-9]{{3}})+|(?P<unspaced>{_UNSPACED}+)|{_WORD}(?:{_SEPARATOR}{_WORD})*", regex.V1
)
# getHTTPResponse → get, HTTP, Response; ListObjectsV2 → List, Objects, V2; s3 and SHA256 stay whole; 10MiB → 10, MiB
_LOWER = r"[[\p{L}\p{M}]--\p{Lu}]"
_PARTS = regex.compile(rf"\p{{Lu}}+(?!{_LOWER})\p{{N}}*|\p{{Lu}}?{_LOWER}+\p{{N}}*|\p{{N}}+", regex.V1)
_SEPARATORS = regex.compile(_SEPARATOR)
_CHARACTER = regex.compile(r"\X")  # with its combining marks
_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", regex.V1)
_INVISIBLE = regex.compile(r"[\u00ad\u200d]")  # soft hyphen, zero width joiner: a matter of display

# Of English, but left out of texts in all languages, since names, titles and quotes are English in all of them.
STOP_WORDS = frozenset(
    """
    a about also an and any are as at be been but by can could do does did for from had has have how i if in into is
    it its may me might must my no nor not of on or our shall should so such than that the their them then there
    these they this those to was we were what when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a hundred quoted words would hide them
)


def text_words(text: str, algorithm: str) -> list[str]:
    """Words of a passage, in order, with repeats: stems of words, and names marked with ``=``.

    Args:
        algorithm: of Snowball, or UNSTEMMED.
    """
    words: list[str] = []
    for match in _TOKEN.finditer(_plain(text)):
        if match["unspaced"]:
            words.extend(_pairs(match[0]))
        else:
            words.extend(_words_of(match[0].replace(",", ""), algorithm))  # 1,048,576 is 1048576
    return words


def query_words(text: str, known: Collection[str], algorithms: Collection[str]) -> list[str]:
    """Words of a question that the index knows, each once, in order.

    Args:
        text: the question.
        known: vocabulary of the index, as made by :func:`text_words`.
        algorithms: those by which the texts of the index are stemmed. The question may be about any of them, so it is
            stemmed by each.
    """
    found = [word for algorithm in sorted(algorithms) for word in text_words(text, algorithm) if word in known]
    tokens = (match[0] for match in _TOKEN.finditer(_plain(text)))
    plain = [_folded(part) for token in tokens for part in _SEPARATORS.split(token)]
    for start in range(len(plain)):
        for end in range(start + 1, min(start + MAX_JOINED, len(plain)) + 1):
            if (name := NAME + "".join(plain[start:end])) in known:
                found.append(name)
    return list(dict.fromkeys(found))


def _plain(text: str) -> str:
    """The text in NFKC with ASCII digits."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return _DIGIT.sub(lambda match: str(unicodedata.digit(match[0])), text)


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word.casefold()).replace("i̇", "i")  # of the Turkish İ


def _pairs(run: str) -> Iterator[str]:
    characters = _CHARACTER.findall(run)
    if len(characters) == 1:
        return iter(characters)
    return (first + second for first, second in itertools.pairwise(characters))


def _words_of(token: str, algorithm: str) -> list[str]:
    pieces = _SEPARATORS.split(token)
    parts = [_folded(part) for piece in pieces for part in _PARTS.findall(piece)]
    words = [_stem(part, algorithm) for part in parts if part not in STOP_WORDS]
    names = [piece for piece in pieces if len(_PARTS.findall(piece)) > 1]
    if len(pieces) > 1:
        names.append("".join(pieces))
    return words + [NAME + _folded(name) for name in dict.fromkeys(names)]


@functools.cache
def _stem(word: str, algorithm: str) -> str:
    if algorithm == UNSTEMMED:
        return word
    return _singular(word) if algorithm == "english" else _stemmer(algorithm).stemWord(word)


def _singular(word: str) -> str:
    """Plural to singular, nothing more: the S-stemmer of Harman (1991), "How effective is suffixing?".

    And -es where English adds it to a hissing sound, so that "classes" finds "class" and "boxes" finds "box".
    """
    if len(word) <= 3:  # sns, kms, aws
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "xes")):
        return word[:-2]
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word


@functools.cache
def _stemmer(algorithm: str):
    import snowballstemmer

    return snowballstemmer.stemmer(algorithm)
