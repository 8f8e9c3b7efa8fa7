"""Prose to sentences, clauses and typed tokens with their polarity: what both judges read."""

import functools
import re
from dataclasses import dataclass, field
from typing import Literal

from stages.judge.lexicon import STOPWORDS, WEAK, concept, stem
from stages.judge.quantities import Quantity, find_quantities


def _split(words: str) -> list[str]:
    return words.split()


Kind = Literal["word", "identifier", "name", "quantity"]

# Rewritten before anything is read, so that one meaning has one form. Negated bounds ("no more than") are bounds, not
# negations; "unless you say otherwise" is a default.
_PHRASES = [
    (r"[`*#]+|<[^>\n]{1,20}>", ""),
    (r"[’‘]", "'"),
    (r"[“”]", '"'),
    (r"\bcan\s*not\b|\bcan't\b|\bcant\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"\b(?:cannot|must not|may not|should not|does not|do not|not)\s+(?:be\s+)?(?:exceed(?:ed|ing)?|go (?:over|beyond|above))\b",  # noqa: E501
     "is at most"),
    (r"\b(?:no|not|never|cannot)(?:\s+be)?\s+(?:more|greater|longer|larger|higher|bigger|later)\s+than\b", "at most"),
    (r"\b(?:no|not|never|cannot)(?:\s+be)?\s+(?:less|fewer|shorter|smaller|lower|earlier|sooner)\s+than\b", "at least"),
    (r"\bno\s+longer\b|\binstead\s+of\b|\brather\s+than\b", "not"),
    (r"\bnot\s+only\b", ""),
    (r"\bwhether\s+or\s+not\b", "regardless whether"),
    (r"\b(?:unless|if)\b[^.,;\n]{0,40}\b(?:otherwise|change it|changed|overrid\w+|configured differently|another value)\b",  # noqa: E501
     "by default"),
    (r"\bif\s+(?:(?:none|nothing|no value)\s+(?:is|are)|(?:it|this|that|you|one)?\s*(?:is|are|do|does)?\s*not)\s+"
     r"(?:specified|given|set|provided|specify|provide)\s*(?:it|one|a value|this)?(?=[,.;]|$)", "by default"),
    (r"\bif\s+(?:you|it|one|this|that|a value)?\s*(?:is|are|do|does)?\s*(?:specified|given|set|provided|specify|provide)"  # noqa: E501
     r"\s*(?:it|one|a value|this)?(?=[,.;]|$)", "not by default"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)off\b", r"disable \2"),
    (r"\b(turn|switch)(?:ed|es|s|ing)?\s+((?:[\w-]+\s+){0,3}?)on\b", r"enable \2"),
    (r"\b(is|are|was)\s+off\b", r"\1 disabled"),
    (r"\b(is|are|was)\s+on(?=[,.;]|$)", r"\1 enabled"),
    (r"\bat\s+once\b|\bstraight\s+away\b|\bright\s+away\b|\bon\s+the\s+spot\b", "immediately"),
    (r"\bfor\s+good\b", "permanently"),
    (r"\bshort-lived\b|\bshort-term\b", "temporary"),
    (r"\bhas\s+to\b|\bhave\s+to\b|\bmust\s+have\b", "requires"),
    (r"\bmakes?\s+sure\b", "ensures"),
    (r"\bget(?:s|ting)?\s+rid\s+of\b", "deletes"),
    (r"\btak(?:es?|ing)\s+precedence\s+over\b|\bhas\s+priority\s+over\b|\bprevails?\s+over\b|\bwins?\s+over\b", "overrides"),  # noqa: E501
    (r"\bis\s+made\s+up\s+of\b|\bconsists?\s+of\b", "contains"),
    (r"\b(?:one|a single|exactly one)\s+time\b", "once"),
    (r"\bexactly\s+once\b", "exactlyonce"),
    (r"\bat\s+least\s+once\b|\b(?:once|one)\s+or\s+more(?:\s+times)?\b|\bmore\s+than\s+once\b", "atleastonce"),
    (r"\bat\s+most\s+once\b|\bup\s+to\s+once\b", "atmostonce"),
    (r"\b(?:a|one)\s+(?=thousand|hundred|million|dozen)", ""),
]  # fmt: skip
_PHRASES_RE = [(re.compile(p, re.IGNORECASE), new) for p, new in _PHRASES]

_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|no)\.$", re.IGNORECASE)
_CLAUSE = re.compile(
    r":\s+|\s+[–-]\s+|\s*\((?=\w+(?:[ ,]+[^\s)]+){3,}\))|,\s+(?=(?:and|but|or|which|who|whereas|while|so|after|in which|then|"  # noqa: E501
    r"the|a|an|it|they|you|this|each|every|if|when|unless|anything|nobody|no|only|use|set|call|with|where)\b)|"
    r"\s+(?=(?:because|if|when|whenever|unless|until|whereas|although|though|which|while)\s)|\s+(?=(?:before|after)\s+(?:it|they|you|the|an?)\s)|"
    r"\s+(?=and\s+(?:it|they|you|the|an?|is|are|can|cannot|must|may|then|will|has|have|does|do|a push)\s)|,\s+(?=\w+ing\b)",  # noqa: E501
    re.IGNORECASE,
)  # fmt: skip
_TOKEN = re.compile(
    r"arn:[\w:/*-]+"  # ARNs
    r"|[a-z][a-z0-9-]*:(?:[A-Z][A-Za-z]+\*?|\*)"  # permissions: s3:PutObject
    r"|\w+(?:[_/]\w+)+"  # snake_case, media/types
    r"|[A-Za-z][\w]*(?:\.\w+)+"  # dotted.names
    r"|[A-Za-z]+-\d+(?:-\w+)*"  # AES-256
    r"|[A-Za-z][A-Za-z0-9]*(?:'s)?(?:-[A-Za-z]+)*"
    r"|\d[\d,.:-]*\w*"
)
_CAMEL = re.compile(r"^(?:[a-z]+[A-Z]|[A-Z][a-z0-9]+[A-Z]|[A-Z]{2,}[a-z]+[A-Za-z]*[a-z])\w*$")
_CUES = frozenset(
    _split(
        """
            not cannot never no none neither nor without nobody nothing unable lacks lacking lack
        """
    )
)
_WHOLE = frozenset(
    _k for w in ("possible", "allowed", "permitted", "supported", "able", "feasible") for _k in [stem(w)]
)
_CONDITIONS = "if|when|whenever|unless|until|after|before|once|while|although"
_LINKS = frozenset(
    _split(
        """
        if when unless until before after while because although only
    """
    )
)


@dataclass(frozen=True)
class Token:
    """One word that says something.

    `key` is equal for tokens that mean the same; `lexical` is -1 for the negative member of a pair like
    enabled / disabled; `negated` tells whether a negation reaches the token, `direct` whether it is its target.
    """

    text: str
    key: str
    kind: Kind
    start: int
    end: int
    lexical: int = 1
    negated: bool = False
    direct: bool = False
    quantity: Quantity | None = None
    weak: bool = False

    @property
    def sign(self) -> int:
        return -self.lexical if self.negated else self.lexical


@dataclass(frozen=True)
class Clause:
    text: str
    tokens: tuple[Token, ...]
    words: tuple[str, ...]  # every word in lower case, stopwords too
    link: str  # if, unless, when, ... at its head; "" if none
    sentence: int
    cues: int  # negations in it

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(t.key for t in self.tokens)


@dataclass(frozen=True)
class Text:
    raw: str
    clauses: tuple[Clause, ...]
    verdict: Literal["yes", "no", ""] = ""  # an explicit one at the head
    sentences: tuple[str, ...] = field(default=())

    @functools.cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(t for c in self.clauses for t in c.tokens)

    @functools.cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(t.key for t in self.tokens)

    @functools.cached_property
    def quantities(self) -> tuple[Token, ...]:
        return tuple(t for t in self.tokens if t.kind == "quantity")


def normalise(text: str) -> str:
    for pattern, new in _PHRASES_RE:
        text = pattern.sub(new, text)
    return re.sub(r"[ \t]+", " ", text).strip()


def sentences_of(text: str) -> list[str]:
    """Sentences; a line break ends one, too."""
    found: list[str] = []
    for line in re.split(r"\n+|\s+(?=[•])", text):
        line = re.sub(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+", "", line).strip()
        start = 0
        for match in re.finditer(r"[.!?][\"')\]]*\s+(?=[\"'(\[]*\w)", line):
            if _ABBREVIATION.search(line[start : match.start() + 1]):
                continue
            found.append(line[start : match.end()].strip())
            start = match.end()
        if rest := line[start:].strip():
            found.append(rest)
    return [s for s in found if re.search(r"\w", s)]


@functools.lru_cache(maxsize=4096)
def read(text: str) -> Text:
    """Everything the judges need to know of `text`."""
    clean = normalise(text)
    verdict = ""
    if match := re.match(
        r"\W*(yes|no|correct|incorrect|true|false|yep|nope)\b(?=\s*[,.;:!—–-]|\s*$)", clean, re.IGNORECASE
    ):
        verdict = "yes" if match[1].lower() in {"yes", "correct", "true", "yep"} else "no"
        clean = clean[match.end() :].lstrip(" ,.;:!—–-")
    sentences = sentences_of(clean)
    clauses: list[Clause] = []
    for number, sentence in enumerate(sentences):
        for part in _clause_texts(sentence):
            if clause := _read_clause(part, number):
                clauses.append(clause)
    return Text(text, tuple(clauses), verdict, tuple(sentences))


def _clause_texts(sentence: str) -> list[str]:
    strong = re.split(r"\s*(?:;|—)\s*|,?\s+(?=but\s)", sentence)
    return [clause for part in strong for clause in _weak_clauses(part)]


def _weak_clauses(sentence: str) -> list[str]:
    parts = [p.strip(" ,") for p in _CLAUSE.split(sentence) if p and p.strip(" ,.")]
    if parts and (head := re.match(rf"(?:{_CONDITIONS})\b[^,]{{6,}}?,\s+(?=\w)", parts[0], re.IGNORECASE)):
        parts[:1] = [parts[0][: head.end()].strip(" ,"), parts[0][head.end() :]]
    joined: list[str] = []
    for part in parts:
        plain = re.sub(r"\d[\d.,]*[\s-]*\w*", "", part)  # an amount alone is no statement
        content = [w for w in re.findall(r"[\w:']+", plain) if w.lower() not in STOPWORDS]
        # A part with one content word ("when empty", ", and X") says nothing alone, unless it carries a negation.
        if joined and len(content) < 2 and not re.match(r"(?:if|unless|but|until)\b", part, re.IGNORECASE):
            joined[-1] += ", " + part
        else:
            joined.append(part)
    # A head of one word ("BackupName (string of ...)") belongs to what follows.
    if len(joined) > 1 and len([w for w in re.findall(r"[\w:']+", joined[0]) if w.lower() not in STOPWORDS]) < 2:
        joined[:2] = [" (".join(joined[:2]) if "(" in sentence else ", ".join(joined[:2])]
    return joined


def identifier_key(text: str) -> str:
    """CamelCase, snake_case and spaced spellings of one identifier are one; an owner ("s3:") stays."""
    text = re.sub(r"(?<=[A-Z])s$", "", text.removesuffix("'s"))
    return "#" + re.sub(r"[^a-z0-9:*]", "", text.lower())


def identifier_words(text: str) -> list[str]:
    """Stems of the humps of an identifier: VisibilityTimeout -> visible, timeout."""
    tail = text.rsplit(":", 1)[-1]
    return [stem(w) for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", tail)]


def _read_clause(text: str, sentence: int) -> Clause | None:
    quantities = find_quantities(text)
    inside = [(q.start, q.end) for q in quantities]
    raw: list[Token | str] = []
    words: list[str] = []
    at_quantity = iter(quantities)
    pending = next(at_quantity, None)
    for match in _TOKEN.finditer(text):
        while pending and pending.start <= match.start():
            raw.append(
                Token(pending.text, f"={pending.family}:{min(pending.values):g}", "quantity", pending.start, pending.end,  # noqa: E501
                      quantity=pending)
            )  # fmt: skip
            words.append("0")
            pending = next(at_quantity, None)
        if any(a <= match.start() < b for a, b in inside):
            continue
        word = match.group().removesuffix(".") if not match.group()[0].isdigit() else match.group().rstrip(".,:-")
        words.append(word.lower())
        raw.extend(
            _tokens_of(word, match.start(), first=not re.search(r"\w", text[: match.start()]) and not sentence < 0)
        )
    while pending:
        raw.append(Token(pending.text, f"={pending.family}:{min(pending.values):g}", "quantity", pending.start, pending.end,  # noqa: E501
                         quantity=pending))  # fmt: skip
        words.append("0")
        pending = next(at_quantity, None)
    tokens, cues = _with_polarity(raw)
    if not tokens:
        return None
    link = next((w for w in words[:2] if w in _LINKS), "")
    return Clause(text, tuple(tokens), tuple(words), link, sentence, cues)


def _tokens_of(word: str, start: int, first: bool) -> list[Token | str]:
    """A content token, or a stopword as it is (negations among them are looked at later)."""
    end = start + len(word)
    lower = word.lower().removesuffix("'s")
    if lower in STOPWORDS or lower in _CUES:
        return [lower]
    if _CAMEL.match(word) or re.search(r"[_:/\d]", word) or re.search(r"\w\.\w", word):
        return [Token(word, identifier_key(word), "identifier", start, end)]
    pieces = word.split("-") if "-" in word and not word.lower().startswith("non-") else [word]
    found: list[Token | str] = []
    for piece in pieces:
        if not piece or piece.lower() in STOPWORDS:
            continue
        key, lexical = concept(piece.lower().removesuffix("'s"))
        is_name = (piece.isupper() and len(piece) > 1) or (piece[0].isupper() and not first)
        kind: Kind = "name" if is_name else "word"
        found.append(Token(piece, key, kind, start, end, lexical, weak=key in WEAK))
    return found


def _with_polarity(raw: list[Token | str]) -> tuple[list[Token], int]:
    """Spread each negation over what follows it in the clause; "is not possible" reaches back as well."""
    tokens: list[Token] = []
    negated = whole = False
    awaiting = False
    cues = 0
    for item in raw:
        if isinstance(item, str):
            if item in _CUES:
                negated, awaiting, cues = not negated, True, cues + 1
            continue
        direct = awaiting
        if awaiting and stem(item.text) in _WHOLE:
            whole = True
        if not item.weak or item.kind != "word":
            awaiting = False
        tokens.append(_replace(item, negated=negated, direct=direct))
    if whole:
        first = next(i for i, t in enumerate(tokens) if t.negated)
        tokens = [_replace(t, negated=not t.negated, direct=True) if i < first else t for i, t in enumerate(tokens)]
    return tokens, cues


def _replace(token: Token, **changes: bool) -> Token:
    from dataclasses import replace

    return replace(token, **changes)
