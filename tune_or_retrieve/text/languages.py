"""Languages: which one a text is in, and which can be stemmed. Codes are those of ISO 639-1: "en"."""

import functools
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tune_or_retrieve.text.markdown import blocks

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
# The algorithms of Snowball, https://snowballstem.org/algorithms, by the languages that they are for.
SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
UNSTEMMED = "none"
# Scripts (ISO 15924) that put no blanks between words.
WITHOUT_BLANKS = ("Han", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr")

_READ = 20_000  # characters of a text that are looked at
_ENOUGH = 3_000  # of them, characters of prose that are classified; more does not change the result
_NO_WORDS = re.compile(r"(`+)[^`]+\1|<[^<>\n]+>|\S+://\S+")  # in prose: code, tags, addresses
_PROSE = ("heading", "paragraph", "table")
_NOT_LANGUAGE = "zxx"  # ISO 639-2: no linguistic content


def language_of(text: str) -> str | None:
    """The language of a Markdown text by its prose, which leaves out code.

    None if no language is more probable than all others together, as with a text that is very short.
    """
    text = text[:_READ]
    prose = "\n".join(text[block.content : block.end] for block in blocks(text) if block.kind in _PROSE)
    prose = _NO_WORDS.sub(" ", prose)[:_ENOUGH]
    language, probability = _identifier().classify(prose)
    return language if probability > 0.5 and language != _NOT_LANGUAGE else None


@functools.cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    try:
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as fault:  # it unpacks the model into a temporary file, which may find no room
        raise OSError(fault.errno, fault.strerror, fault.filename or tempfile.gettempdir()) from fault
    # Without the dialects and creoles that have longer codes: short English texts would be taken for Nigerian Pidgin.
    identifier.set_languages([code for code in identifier.labels if len(code) == 2 or code == _NOT_LANGUAGE])
    return identifier


def may_be_english(language: str | None) -> bool:
    """Whether what knows English only reads a text of this language; one that is not known counts as English."""
    return language in (ENGLISH, None)


def stemming(setting: str, languages: Mapping[str, str | None]) -> dict[str, str]:
    """How to stem each text: an algorithm of Snowball, or UNSTEMMED.

    Args:
        setting: "auto" (by the language of each), UNSTEMMED or an algorithm of Snowball (for all).
        languages: of the texts, by id; a text of unknown language, mostly a short one, counts as one of the commonest.
    """
    if setting != "auto":
        return dict.fromkeys(languages, setting)
    known = Counter(language for language in languages.values() if language)
    commonest = min(known, key=lambda language: (-known[language], language), default="")
    return {id_: SNOWBALL.get(language or commonest, UNSTEMMED) for id_, language in languages.items()}


def shares(languages: Mapping[str | None, int]) -> str:
    """Counts of languages in words, the commonest first: "40 en, 12 de, 1 unknown"."""
    ordered = sorted(languages.items(), key=lambda item: (-item[1], item[0] or "~"))
    return ", ".join(f"{number:,} {language or 'unknown'}" for language, number in ordered)
