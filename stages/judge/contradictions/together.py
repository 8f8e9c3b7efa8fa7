"""Together or one by one: "all or none" and "each on its own", "shared by all" and "its own", "both" and "either"."""

import itertools
import re

from stages.judge.contradictions.contradiction import Contradiction
from stages.judge.matching import found
from stages.judge.text import Text
from tune_or_retrieve.text.stems import stem

_TOGETHER_SHARED, _SAME_SHARED = 0.4, 0.6  # share of a sentence that the other one has to speak of, too
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
    """One side says the one, and the other side nothing but the other, in sentences that speak of the same."""
    hits = []
    for pair in _PAIRS_RE:
        for one, two in (pair, pair[::-1]):
            own, said = _sentences(one, reference), _sentences(two, answer)
            if _sentences(two, reference) or _sentences(one, answer):
                continue
            for (n, ours), (m, theirs) in itertools.product(own.items(), said.items()):
                if _shared(reference, n, answer, m) >= _TOGETHER_SHARED:
                    text = f'says "{theirs}" where the reference says "{ours}"'
                    hits.append(Contradiction("scope", text, clause=reference.first_clause(n)))
    return hits[:1]


_SAME = re.compile(r"\bsame\s+(\w+)", re.IGNORECASE)
_OTHER = re.compile(r"\b(?:can|may|must|should|could)\b.*\b(?:another|a\s+different|different)\s+(\w+)", re.IGNORECASE)


def same_or_other(reference: Text, answer: Text) -> list[Contradiction]:
    """ "In the same Region" against "may be in another Region", either way round."""
    for one, two in ((_SAME, _OTHER), (_OTHER, _SAME)):
        ours, theirs = _named(one, reference), _named(two, answer)
        both = ours.keys() & theirs.keys() - _named(two, reference).keys() - _named(one, answer).keys()
        for stemmed in sorted(both):
            (n, thing), (m, _) = ours[stemmed], theirs[stemmed]
            if _shared(reference, n, answer, m) >= _SAME_SHARED:
                return [Contradiction("scope", f'"the same {thing}" against "another {thing}"')]
    return []


def _named(pattern: re.Pattern, text: Text) -> dict[str, tuple[int, str]]:
    """What is said to be the same or another, by its stem: the sentence, and the word as it stands there."""
    return {
        stem(place[1]): (clause.sentence, place[1])
        for clause in text.clauses
        if clause.cues % 2 == 0
        for place in pattern.finditer(clause.text)
    }


def _sentences(pattern: re.Pattern, text: Text) -> dict[int, str]:
    """What the pattern finds, by the number of its sentence."""
    return {n: place[0] for n, sentence in enumerate(text.sentences) if (place := pattern.search(sentence))}


def _shared(reference: Text, sentence: int, answer: Text, other: int) -> float:
    """Share of what a sentence of the reference speaks of that the answer's speaks of, 0–1."""
    ours, theirs = (
        [t for c in text.clauses if c.sentence == n for t in c.tokens]
        for text, n in ((reference, sentence), (answer, other))
    )
    return sum(found(t, theirs) for t in ours) / len(ours) if ours else 0.0
