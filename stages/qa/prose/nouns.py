"""Subjects of sentences as noun phrases inside a question."""

import re

from stages.qa.shared.grammar import FINITE, RELATIVE, has_pointer, has_pronoun, is_third_person

DETERMINERS = frozenset("A An The Each Every Any All Some Your Most Another".split())  # noqa: SIM905
SINGULAR = ("A ", "An ", "Each ", "Every ", "Another ")
# No adverbs, conjunctions and pronouns: such a sentence leans on another, or its subject comes later.
NO_SUBJECT = re.compile(
    r"(?:If|When|While|Unless|Until|After|Before|During|Once|In|On|At|By|For|From|With|Without|Within|To|As|Since|Because"
    r"|Although|Though|Also|Then|Thus|So|But|And|Or|Nor|Yet|Only|Not|Here|There|Who|What|Which|Where|How|Why|You|We|I"
    r"|No|Nobody|Nothing|Both|Someone|Somebody|Everyone|Please|Sometimes|Usually|Often|However|Instead|Otherwise|Nevertheless)\b"
)
# Words with a capital wherever they stand.
CAPITALISED = re.compile(
    r"(?:\w+day|January|February|March|April|May|June|July|August|September|October|November|December"
    r"|\w+(?:ish|ese|ian|ean|ican)|German|French|Dutch)s?$"
)


def noun(words: str, names: frozenset[str]) -> str | None:
    """A subject as it stands inside a sentence ("A dock" to "a dock"); None where it is not surely one.

    Args:
        names: words that the article writes with a capital inside of sentences.
    """
    if not 1 <= len(words.split()) <= 12 or NO_SUBJECT.match(words) or has_pointer(words) or has_pronoun(words):
        return None
    if "'" in words or "’" in words or re.search(r"\b(?:and|or|but|not|never|only|also|then)$", words):
        return None
    head, _, clause = words.partition(" that ")
    if FINITE.search(head) or RELATIVE.search(head) or (clause and len(clause.split()) < 2):
        return None
    if clause and (FINITE.search(clause) or RELATIVE.search(clause)):
        return None
    first, *others = words.split()
    if first in DETERMINERS:
        return words[0].lower() + words[1:]
    if not first[0].isupper() or first in names or not re.fullmatch(r"[A-Z][a-z-]*", first):
        return words
    if others and re.match(r"[A-Z][a-z]", others[0]):
        return words  # "Harbor Queue"
    if CAPITALISED.match(first) or not (others or first.endswith("s")):
        return None
    return words[0].lower() + words[1:]


def is_verb(verb: str, subject: str, title: str) -> bool:
    """Is a word in -s behind a subject surely its verb, and no plural?"""
    if verb in ("is", "has", "does", "was") or verb.endswith(("ss", "us")):
        return False
    names_only = subject == title or all(word[0].isupper() for word in subject.split())
    return names_only or is_third_person(verb) or subject.startswith(SINGULAR)


def capitals_within(texts: list[str]) -> frozenset[str]:
    """Words that stand with a capital inside of sentences, where only names do."""
    return frozenset(word for text in texts for word in re.findall(r"(?<=[a-z,] )[A-Z][\w-]*", text))
