"""Turns of phrase brought to one form before anything is read, so that one meaning has one form."""

import re

from stages.judge.reading.notation import in_one_notation

_BIGGER = r"(?:more|greater|longer|larger|higher|bigger|later)\s+than"
_SMALLER = r"(?:less|fewer|shorter|smaller|lower|earlier|sooner)\s+than"
_NOTHING = r"(?!more\b|less\b|fewer\b|longer\b|later\b|other\b)"  # "no more than" denies nothing
_MODAL = r"(?:can|may|must|should|could|will)"

_PHRASES = [
    (r"[`*#]+|<[^>\n]{1,20}>", ""),
    (r"(?<=[.!?\n])(\s*)(?:yes|no),\s+", r"\1"),  # said of the sentence before; at the head it is the verdict
    (r"[’‘]", "'"),
    (r"[“”]", '"'),
    # Contractions and compounds of "not" and "no".
    (r"\bcan\s*not\b|\bcan't\b|\bcant\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"\bno-one\b", "no one"),
    (r"\bmakes?\s+sure\b", "ensures"),
    # What may not be done is forbidden.
    (r"\b(?:forbidden|prohibited|banned|disallowed)\b", "not allowed"),
    (r"\b(forbids?|prohibits?|bans?)\b", "does not allow"),
    # Negated bounds are bounds.
    (rf"\b(?:no|not|never|cannot)(?:\s+be)?\s+{_BIGGER}", "at most"),
    (rf"\b(?:no|not|never|cannot)(?:\s+be)?\s+{_SMALLER}", "at least"),
    (r"\b(?:cannot|not)\s+(?:be\s+)?(?:exceed(?:ed|ing)?|go (?:over|beyond|above))\b", "is at most"),
    (r"\b(?:not|never)\s+(?:beyond|above|over|past)\s+(?=\d)", "at most "),
    (rf"\b(?:cannot|{_MODAL}\s+not)\s+(?!be\s)((?:[a-z]+\s+){{1,3}}?){_BIGGER}\s+(?=\d)", r"\1at most "),
    (rf"\b(?:cannot|{_MODAL}\s+not)\s+(?!be\s)((?:[a-z]+\s+){{1,3}}?){_SMALLER}\s+(?=\d)", r"\1at least "),
    # "Returns no data" is "does not return data", "no guests are allowed" is "guests are not allowed".
    (rf"(?<![^.;:,\n])(\s*(?:(?:and|but|so|while|whereas)\s+)?)no +{_NOTHING}(?!one\b|matter\b)"
     rf"((?:(?!but\b|one\b|that\b|which\b|who\b)\w[\w'-]* +){{1,5}}?)({_MODAL}|is|are) +"
     r"(?!not\b|at\s+(?:most|least)\b)", r"\1\2\3 not "),
    (rf"\bhas\s+no\s+{_NOTHING}", "does not have "),
    (rf"\b([a-z]{{2,}}[^s\W])s\s+(?:no|none\s+of)\s+{_NOTHING}(?=[a-z])", r"does not \1 "),
    (rf"\bhave\s+no\s+{_NOTHING}", "do not have "),
    (r"\bneither\b([^.;\n]{1,80}?)\bnor\b", r"not \1or"),
    (r"\b(?:instead\s+of|rather\s+than)\b", "not"),
    (r"\b(?:without|in\s+the\s+absence\s+of)\s+(?:an?|any)\s+(?=[^,.;\n]+(?:[,.;\n]|$))", "if no "),
    # What is given up for nothing is free.
    (r"\b(?:free\s+of\s+charge|(?:at|for)\s+no\s+(?:extra\s+|additional\s+)?(?:charge|cost)|without\s+(?:any\s+)?"
     r"(?:extra\s+|additional\s+)?charges?|for\s+(?:free|nothing)(?=\s*(?:[.,;]|$)))", "free"),
    (r"\bcosts?\s+nothing(?:\s+(?:extra|more))?\b", "is free"),
    # Only.
    (r"\bnothing\s+(?:but|except|other\s+than)\b", "only"),
    (r"\b(?:nobody|no\s+one|none|no\s+[a-z]+)\s+(?:other\s+than|except(?:\s+for)?|besides|apart\s+from|but)\s+(?=\w)",
     "only "),
    # Obligation, conditions, times.
    (r"\b(?:do|does)\s+not\s+(?:have|need)\s+to\b|\b(?:is|are)\s+not\s+required\s+to\b", "need not"),
    (r"\bhas\s+to\b|\bhave\s+to\b|\bmust\s+have\b", "requires"),
    (r"\b(?:as|so)\s+long\s+as\b(?=\s+(?:you|it|they|the|this|that|there|its|no)\b)", "if"),
    (r"\bprovid(?:ed|ing)\s+that\b", "if"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)off\b", r"disable \2"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)on\b", r"enable \2"),
    (r"\b(is|are|was)\s+off\b", r"\1 disabled"),
    (r"\b(is|are|was)\s+on(?=[,.;]|$)", r"\1 enabled"),
    (r"\bat\s+once\b|\bstraight\s+away\b|\bright\s+away\b|\bon\s+the\s+spot\b", "immediately"),
    (r"\bexactly\s+once\b", "exactlyonce"),
    (r"\bat\s+least\s+once\b|\b(?:once|one)\s+or\s+more(?:\s+times)?\b|\bmore\s+than\s+once\b", "atleastonce"),
    (r"\bat\s+most\s+once\b|\bup\s+to\s+once\b", "atmostonce"),
]  # fmt: skip
_PHRASES_RE = [(re.compile(p, re.IGNORECASE), new) for p, new in _PHRASES]


def normalise(text: str) -> str:
    # First: patterns try every split of a run of blanks.
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text))
    text = in_one_notation(text)
    for pattern, new in _PHRASES_RE:
        text = pattern.sub(new, text)
    return re.sub(r" +", " ", text).strip()
