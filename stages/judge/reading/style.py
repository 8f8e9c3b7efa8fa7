"""How an answer is said, apart from whether it is right: repetition, refusals, breaks, padding."""

import re
from collections import Counter

_REFUSAL = re.compile(
    r"\b(?:i\s+(?:do\s+not|don't|cannot|can't|am\s+(?:not|unable)|'m\s+(?:not|unable))\s+(?:know|sure|able|answer|find|have|"
    r"provide|determine|certain)|unable\s+to\s+(?:answer|find|provide|determine)|i(?:'m|\s+am)\s+sorry|(?:i\s+)?(?:cannot|"
    r"can't)\s+(?:be\s+)?(?:answer(?:ed)?|determine[d]?)|no\s+(?:information|answer)\s+(?:is\s+)?(?:available|given|provided|"
    r"found)|not\s+(?:mentioned|specified|stated|given|provided)\s+in\s+the\s+(?:passage|context|text|document|information)|"
    r"(?:passages?|context|documents?|documentation|texts?|articles?)\s+(?:do|does)\s+not\s+(?:say|mention|specify|state|"
    r"provide|contain|tell|give)|i\s+have\s+no\s+(?:idea|information)|as\s+an\s+ai)",
    re.IGNORECASE,
)


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w:.-]*\w", text.lower())


def is_refusal(text: str) -> bool:
    """Whether the answer declines to answer, at its head; a caveat at the end of a long answer is none."""
    match = _REFUSAL.search(text.replace("’", "'"))
    return bool(match) and (match.start() < 60 or len(text) < 200)


def repetition(text: str) -> float:
    """Share of words that only repeat runs of three words said before, 0–1; one repeat is no vice."""
    words = words_of(text)
    runs = Counter(zip(words, words[1:], words[2:], strict=False))
    total = sum(runs.values())
    if total < 6:
        counts = Counter(words)
        return (len(words) - len(counts)) / len(words) if len(words) >= 6 and len(counts) <= 2 else 0.0
    return sum(n - 1 for n in runs.values()) / total


def is_babble(text: str) -> bool:
    """Whether the answer is stuck in a loop: more than half of it was said before, or very few different words."""
    words = words_of(text)
    return repetition(text) > 0.5 or (len(words) >= 16 and len(set(words)) / len(words) < 0.34)


def without_repeats(text: str) -> str:
    """The text without the sentences that it said before."""
    return "".join(sentence + space for sentence, space in _once(text)).rstrip()


def _once(text: str) -> list[tuple[str, str]]:
    """Each sentence, or part of one up to a colon, that was not said before, with the space that follows it."""
    parts = [*re.split(r"((?<=[.!?:;])\s+|\n+)", text), ""]
    firsts: dict[str, tuple[str, str]] = {}
    for sentence, space in zip(parts[::2], parts[1::2], strict=True):
        firsts.setdefault(" ".join(words_of(sentence)), (sentence, space))
    return [found for words, found in firsts.items() if words]


_ECHO_WORDS = 6  # at least, of a sentence that only repeats the question: a name that it offers may be the answer


def statements(text: str, question: str) -> str:
    """What an answer says, once: without repeats, and without sentences that ask, or say the question after."""
    asked = f" {' '.join(words_of(question))} "

    def says(sentence: str) -> bool:
        words = words_of(sentence)
        echo = len(words) >= _ECHO_WORDS and f" {' '.join(words)} " in asked
        return not echo and not sentence.rstrip(" *_\"'’”)").endswith("?")

    return "".join(sentence + space for sentence, space in _once(text) if says(sentence)).rstrip()


_LOOP_FACTOR = 0.65  # of a whole right answer: people gave 6 to 7 to one that is then repeated to the limit
_LOOP_CAP = 2.5  # of an answer that loops within its sentences


def after_babble(overall: float, text: str, completeness: float) -> float:
    """The score of an answer that may be stuck in a loop: what it said once counts less, the less of it is there.

    `completeness` is 0–1.
    """
    if is_babble(without_repeats(text)):
        return min(overall, _LOOP_CAP)
    return _LOOP_FACTOR * completeness * overall if is_babble(text) else overall


def is_broken_off(text: str) -> bool:
    """Whether the answer breaks off within a longer text."""
    return len(words_of(text)) > 12 and not re.search(r"[.!?:;)\]\"'`}]\s*$|\n\s*[-*•\d].{0,80}$", text.rstrip())


def clarity(text: str) -> float:
    """0–10: repetition and a broken end cost, and so does a text too long to be read as an answer."""
    count = len(words_of(text))
    if not count:
        return 0.0
    value = 10.0 - 9.0 * min(1.0, 1.6 * repetition(text)) - (1.0 if is_broken_off(text) else 0.0)
    value -= min(3.0, max(0, count - 120) / 60)
    return max(0.0, value)
