"""Answers of known worth, made from validation pairs: what a judge must order rightly before it is believed."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stages.judge.controls.paraphrase import paraphrase
from stages.judge.controls.role_swaps import IDENTIFIER, PRODUCTS, swap_roles
from stages.judge.reading.text import AUXILIARIES
from tune_or_retrieve.base.records import Pair

# Which kind must score higher than which. Wrong answers of different kinds are not compared with one another: all of
# them belong in 0–3.
WRONG = ("swapped_number", "swapped_unit", "swapped_name", "swapped_role", "flipped_negation")
WORTHLESS = ("other", "echo", "babble", "empty")
# What pleases a judge that looks for the question's words, or for a Yes, and says nothing or the wrong thing.
FLATTERY = ("echo_statement", "echo_yes", "bare_yes", "bare_no")
EXPECTED = (
    *((good, bad) for good in ("reference", "paraphrase") for bad in ("half", *WRONG, *WORTHLESS, *FLATTERY)),
    *(("half", bad) for bad in (*WRONG, *WORTHLESS)),
)
KINDS = ("reference", "paraphrase", "half", *WRONG, *WORTHLESS, *FLATTERY)


@dataclass(frozen=True)
class Control:
    pair_id: str
    question: str
    reference: str
    kind: str
    answer: str


def make_controls(pairs: Sequence[Pair]) -> list[Control]:
    """Every control that each pair's answer allows, always the same for the same pairs."""
    names = sorted({name for pair in pairs for name in IDENTIFIER.findall(pair.answer)} - PRODUCTS)
    controls = []
    for number, pair in enumerate(pairs):
        made = {
            "reference": pair.answer,
            "paraphrase": paraphrase(pair.answer),
            "half": half(pair.answer, pair.question),
            "swapped_number": swap_number(pair.answer),
            "swapped_unit": swap_unit(pair.answer),
            "swapped_name": swap_name(pair.answer, names),
            "swapped_role": swap_roles(pair.answer),
            "flipped_negation": flip_negation(pair.answer),
            "other": _other(pairs, number),
            "echo": pair.question,
            "babble": babble(pair.answer),
            "empty": "",
            **flattery(pair.question, pair.answer),
        }
        for kind in KINDS:
            answer = made[kind]
            if answer is not None and (answer != pair.answer or kind == "reference"):
                controls.append(Control(pair.id, pair.question, pair.answer, kind, answer))
    return controls


def ordering(controls: Iterable[Control], scores: Iterable[float | None]) -> dict[str, tuple[int, int]]:
    """(rightly ordered, compared) per "better>worse" kind pair; a tie is not an order, an unscored control is left out."""  # noqa: E501
    by_pair: dict[str, dict[str, float]] = defaultdict(dict)
    for control, score in zip(controls, scores, strict=True):
        if score is not None:
            by_pair[control.pair_id][control.kind] = score
    counts: dict[str, tuple[int, int]] = {}
    for better, worse in EXPECTED:
        rows = [(s[better], s[worse]) for s in by_pair.values() if better in s and worse in s]
        if rows:
            counts[f"{better}>{worse}"] = (sum(a > b for a, b in rows), len(rows))
    return counts


# ---- the makers ------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w.,:/#-])\d[\d,]*(?:\.\d+)?(?![\w:/]|-\w|\.\d)")


def _pick(text: str, count: int) -> int:
    """A number below `count` that follows from the text."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % count


def half(text: str, question: str) -> str | None:
    """The first half at a border between statements.

    None if there is but one statement, or if the second half only says what the question does: then nothing is missing.
    """
    borders = [
        m.start()
        for m in re.finditer(r"(?<=[\w)]{2})(?:[.;]\s+(?=[A-Z]?\w)|,\s+(?=(?:and|but|or|which)\s+\w+\s+\w+))", text)
    ]
    borders = [b for b in borders if 0.25 * len(text) <= b <= 0.75 * len(text)]
    if not borders:
        return None
    border = min(borders, key=lambda b: abs(b - len(text) / 2))
    left_out, asked = (set(re.findall(r"\b[a-z]{4}|\d+", part.lower())) for part in (text[border:], question))
    return None if len(left_out - asked) <= len(left_out) / 2 else text[:border].rstrip(" ,;.") + "."


def swap_number(text: str) -> str | None:
    """The first amount made another: one that nothing in the text says."""
    present = {m.replace(",", "") for m in _NUMBER.findall(text)}
    if not present:
        return None

    def other(match: re.Match) -> str:
        value = float(match[0].replace(",", ""))
        for factor, plus in ((2, 1), (3, 2), (5, 7), (7, 4)):
            new = value * factor + plus
            if f"{new:g}" not in present:
                return f"{new:,.0f}" if value == int(value) else f"{new:g}"
        return match[0]

    return _NUMBER.sub(other, text, count=1)


_UNITS = (("seconds", "minutes", "hours", "days"), ("KB", "MB", "GB", "TB"), ("KiB", "MiB", "GiB", "TiB"),
          ("bytes", "characters"))  # fmt: skip


def swap_unit(text: str) -> str | None:
    """The first amount with a unit gets another unit of its family."""
    for family in _UNITS:
        for unit in family:
            if match := re.search(rf"(?<=\d)([\s-]?){unit}\b", text):
                others = [u for u in family if u != unit]
                new = others[_pick(text, len(others))]
                return f"{text[: match.start()]}{match[1]}{new}{text[match.end() :]}"
    return None


def swap_name(text: str, names: Sequence[str]) -> str | None:
    """Its last identifier, wherever it stands, becomes one that another answer names and this one does not."""
    own = [name for name in IDENTIFIER.findall(text) if name not in PRODUCTS]
    others = [n for n in names if n not in text and (":" in n) == (":" in own[-1])] if own else []
    if not others:
        return None
    return re.sub(rf"\b{re.escape(own[-1])}\b", others[_pick(text, len(others))], text)


_FLIPS = [
    (r"\bcannot\b|\bcan't\b|\bcan not\b", "can"),
    (r"\b(is|are|was|were|do|does|must|will|should|may|can) not\b", r"\1"),
    (r"\b(is|are|do|does|must|wo|should)n't\b", r"\1"),
    (r"\bnever\b", "always"),
    (r"\bmust\b", "must not"),
    (r"\b(can|will|should)\b", r"\1 not"),
    (r"\b(is|are)\b(?= [a-z]+(?:ed|en|ble|t)\b)", r"\1 not"),
    (r"\brequires\b", "does not require"),
    (r"\breturns\b", "does not return"),
    (r"\b(Deletes|Creates|Returns|Retrieves|Updates|Lists|Adds|Removes)\b", lambda m: f"Does not {m[0].lower()[:-1]}"),
]


def flip_negation(text: str) -> str | None:
    """The first statement that can be denied is denied, or its denial taken away. Bounds and conditions are left."""
    for pattern, new in _FLIPS:
        for match in re.finditer(pattern, text):
            before, after = text[max(0, match.start() - 25) : match.start()], text[match.end() : match.end() + 25]
            if re.search(r"\b(?:if|unless|when|whether)\b[^,.]*$", before, re.IGNORECASE) or re.match(
                r"\s+(?:be\s+)?(?:more|less|exceed|only)", after
            ):
                continue
            denied = new(match) if callable(new) else match.expand(new)
            return text[: match.start()] + denied + text[match.end() :]
    return None


_AUXILIARY = re.compile(rf"({AUXILIARIES})\s+(.+)", re.IGNORECASE)
_ASKS = re.compile(
    r"(?:.*?\b)?(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:long|many|much|often|large|big|far))?)\b\s*"
    r"(?:(is|are)\s+|(?:do|does|did|can|could|may|might|must|should|will)\s+)?",
    re.IGNORECASE,
)
_NO = re.compile(r"\W*no\b(?!\s+\w)", re.IGNORECASE)
_YES = re.compile(r"\W*yes\b", re.IGNORECASE)
_SUBJECT = re.compile(
    r"((?:an?|the|one|every|each|my|your|its|this)\s+(?:[\w-]+\s+)??[\w-]+|[\w.-]+)\s+(.+)", re.IGNORECASE
)


def flattery(question: str, answer: str) -> dict[str, str | None]:
    """Those that say nothing of `answer`, or its contrary: none that would be right, or all of it.

    "Yes, it can be renamed" is right where the answer is yes, so a yes/no question has an echo only where it is no.
    """
    found = dict.fromkeys(FLATTERY)
    said, known = (set(re.findall(r"[a-z]{4,}|\d+", text.lower())) for text in (answer, question))
    if 2 * len(said - known) >= len(said) > 0:
        found |= {"bare_yes": "Yes.", "bare_no": "No."}
    if statement := _as_statement(re.split(r"(?<=[.?!])\s+", question.strip())[-1].rstrip("? "), answer):
        found["echo_statement"] = f"{statement[0].upper()}{statement[1:]}."
        found["echo_yes"] = f"Yes, {statement}."
    return found


def _as_statement(asked: str, answer: str) -> str | None:
    """What is asked, said: "It is the maximum length", "a queue can be renamed"."""
    if yes_no := _AUXILIARY.fullmatch(asked):
        subject = _SUBJECT.fullmatch(yes_no[2])
        return f"{subject[1]} {yes_no[1].lower()} {subject[2]}" if subject and _NO.match(answer) else None
    asks = _ASKS.match(asked)
    if not asks or _YES.match(answer) or _NO.match(answer) or not asked[asks.end() :]:
        return None
    rest = re.sub(r"\s+do$", "", asked[asks.end() :])
    return f"it {asks[1].lower()} {rest}" if asks[1] else rest


def _other(pairs: Sequence[Pair], number: int) -> str | None:
    """The answer of a pair far off, of another service where there is one."""
    own = pairs[number]
    for distant in (True, False):
        for step in range(len(pairs) // 2, len(pairs) + len(pairs) // 2):
            other = pairs[(number + step) % len(pairs)]
            if other.answer != own.answer and other.kind != own.kind and (not distant or other.service != own.service):
                return other.answer
    return None


def babble(text: str) -> str:
    """What a small model falls into: the head of the answer over and over."""
    return ". ".join([" ".join(text.split()[:5]).rstrip(".,;")] * 12) + "."
