"""Together or one by one: "all or none" and "each on its own", "shared by all" and "its own", "both" and "either"."""

import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.stems import stem
from stages.judge.text import Text

_OWN = r"(?:has|have|gets?|with)\s+(?:its|their|an?)\s+own|individually|independently|separately|one\s+by\s+one"
_PAIRS = (
    (r"either\s+all\b.*\bor\s+(?:all|none)|all[\s-]or[\s-](?:nothing|none)|as\s+(?:a\s+whole|(?:a|one)(?:\s+single)?\s+unit)"
     r"|atomic(?:ally)?", _OWN),
    (r"shared\s+(?:by|among|between|across)|shares?\b|in\s+common", _OWN),
    (r"(?:for|on|in|per)\s+(?:each|every)\b|(\w+)\s+by\s+\1\b|individually|separately",
     r"once\s+for\s+all|for\s+all\b[^.,;]*\b(?:at\s+once|together|immediately)"),
    (r"entire(?:ly)?|whole|in\s+full|completely", r"(?:only|just|merely)\s+(?:the|some|its|their|a\s+part)\b"),
    (r"both\b[^.;]*\b(?:must|needs?|requires?)", r"either\b[^.;]*\bor\b[^.;]*\b(?:must|needs?|requires?)"),
    (r"(?:needs?|requires?|requiring|takes?)\s+both|both\b[^.;]*\b(?:needed|required|necessary)",
     r"(?:needs?|requires?|takes?)\s+(?:either|one\s+of)\b|(?:either|one|any)\b[^.;]*\b(?:enough|suffices?|sufficient|will\s+do)"),
)  # fmt: skip
_PAIRS_RE = [tuple(re.compile(rf"\b(?:{p})", re.IGNORECASE) for p in pair) for pair in _PAIRS]


def together_or_apart(reference: Text, answer: Text) -> list[Contradiction]:
    """One side says the one, and the other side nothing but the other, of nouns that both name."""
    hits = []
    for pair in _PAIRS_RE:
        for one, two in (pair, pair[::-1]):
            own, said = one.search(_text(reference)), two.search(_text(answer))
            if own and said and not two.search(_text(reference)) and not one.search(_text(answer)):
                hits.append(Contradiction("scope", f'says "{said[0]}" where the reference says "{own[0]}"'))
    return hits


_SAME = re.compile(r"\bsame\s+(\w+)", re.IGNORECASE)
_OTHER = re.compile(r"\b(?:can|may|must|should|could)\b.*\b(?:another|a\s+different|different)\s+(\w+)", re.IGNORECASE)


def same_or_other(reference: Text, answer: Text) -> list[Contradiction]:
    """ "In the same Region" against "may be in another Region", either way round."""
    for one, two in ((reference, answer), (answer, reference)):
        for thing in (_named(_SAME, one) & _named(_OTHER, two)) - _named(_SAME, two) - _named(_OTHER, one):
            return [Contradiction("scope", f'"the same {thing}" against "another {thing}"')]
    return []


def _named(pattern: re.Pattern, text: Text) -> set[str]:
    return {stem(found[1]) for c in text.clauses if c.cues % 2 == 0 for found in pattern.finditer(c.text)}


def _text(text: Text) -> str:
    return " ".join(text.sentences)
