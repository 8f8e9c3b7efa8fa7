"""Prose to sentences, and sentences to clauses: the statements that are compared one by one."""

import re

from stages.judge.reading.lexicon import STOPWORDS

_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|no)\.$", re.IGNORECASE)
_ITEM = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")
_CLAUSE = re.compile(
    r":\s+|\s+[–-]\s+|,\s+(?=not\s[^,;]*$)|\s*\((?=\w+(?:[ ,]+[^\s),]+){3,40}\))|,\s+(?=(?:and|but|or|which|who|whereas|while|so|after|in which|then|"  # noqa: E501
    r"the|a|an|it|they|you|this|each|every|if|when|unless|except|anything|nobody|no|only|use|set|call|with|where)\b)|"
    r"\s+(?!which\scase\b)(?=(?:because|if|when|whenever|unless|until|whereas|although|though|which|while|except)\s)|\s+(?=(?:before|after)\s+(?:it|they|you|the|an?)\s)|"
    r"\s+(?=and\s+(?:it|they|you|nothing|nobody|no|the|an?|is|are|can|cannot|must|may|then|will|has|have|does|do)\s)|,\s+(?=\w+ing\b)",
    re.IGNORECASE,
)  # fmt: skip
_CONDITIONS = "if|when|whenever|unless|until|after|before|once|while|although"
_CONDITION = re.compile(rf"(?:{_CONDITIONS})\b", re.IGNORECASE)
_SHORT = re.compile(
    r"(?:if|unless|but|until|when|while|not)\b", re.IGNORECASE
)  # what is a part though it has but one word


def sentences_of(text: str) -> list[str]:
    """Sentences; a line break ends one, too, unless it leads in a list, whose items belong to it."""
    found: list[str] = []
    for line in _lines(text):
        start = 0
        for match in re.finditer(r"[.!?][\"')\]]*\s+(?=[\"'(\[]*\w)", line):
            if _ABBREVIATION.search(line[start : match.start() + 1]):
                continue
            found.append(line[start : match.end()].strip())
            start = match.end()
        if rest := line[start:].strip():
            found.append(rest)
    return [s for s in found if re.search(r"\w", s)]


def _lines(text: str) -> list[str]:
    lines: list[str] = []
    in_list = False
    for line in re.split(r"\n+|\s+(?=[•])", text):
        item = _ITEM.sub("", line)
        is_item = item != line
        in_list = is_item and (in_list or (bool(lines) and lines[-1].endswith(":")))
        if in_list:
            lines[-1] += (" " if lines[-1].endswith(":") else ", ") + item.strip()
        else:
            lines.append(item.strip())
    return lines


def clauses_of(sentence: str) -> list[str]:
    strong = re.split(r"\s*(?:;|—)\s*|,?\s+(?=but\s)", sentence)
    return [clause for part in strong for clause in _weak_clauses(part)]


def _weak_clauses(sentence: str) -> list[str]:
    parts = [p.strip(" ,") for p in _CLAUSE.split(sentence) if p and p.strip(" ,.")]
    if parts and (head := re.match(rf"(?:{_CONDITIONS}|without)\b[^,]{{6,}}?,\s+(?=\w)", parts[0], re.IGNORECASE)):
        parts[:1] = [parts[0][: head.end()].strip(" ,"), parts[0][head.end() :]]
    joined: list[str] = []
    for part in parts:
        # A part with one content word ("when empty", ", and X") says nothing alone, unless it carries a negation, or
        # is what follows from the condition at the head.
        after_condition = len(joined) == 1 and _CONDITION.match(joined[0])
        if joined and _content(part) < 2 and not after_condition and not _SHORT.match(part):
            joined[-1] += ", " + part
        else:
            joined.append(part)
    # A head of one word ("BackupName (string of ...)") belongs to what follows, unless either is a condition.
    if len(joined) > 1 and _content(joined[0]) < 2 and not any(_CONDITION.match(part) for part in joined[:2]):
        joined[:2] = [" (".join(joined[:2]) if "(" in sentence else ", ".join(joined[:2])]
    return joined


def _content(part: str) -> int:
    """How many words say something; an amount alone is no statement."""
    plain = re.sub(r"\d[\d.,]*[\s-]*\w*", "", part)
    return sum(w.lower() not in STOPWORDS for w in re.findall(r"[\w:']+", plain))
