"""Numbers as people read them. A missing value is an en dash, a negative number has a real minus sign."""

from collections.abc import Collection, Sequence

from stages.report.measures import Change, Graded
from stages.report.statistics import Interval
from tune_or_retrieve.base.records import Approach

MISSING = "–"
ANSWER_WORDS: dict[Approach, str] = {"base": "neither", "rag": "retrieve", "ft": "fine-tune", "ft_rag": "both"}
BASE_WORDS = {  # what base says where the only other approach is this one
    "rag": "do not retrieve",
    "ft": "do not fine-tune",
}
APPROACH_WORDS: dict[Approach, str] = {
    "base": "the model as it is",
    "rag": "with retrieved passages",
    "ft": "fine-tuned",
    "ft_rag": "fine-tuned, with retrieved passages",
}
# By the names that params.yaml gives these two; a judge of another name is not described.
JUDGE_WORDS = {
    "facts": "compares claims word by word: amounts, units, names, negations, replaced words and swapped parts. It may "
    "score true answers in wholly other words too low.",
    "semantic": "compares meaning by word vectors, and reads amounts, identifiers and negation from the words. It "
    "reads texts as facts does but shares none of its rules for finding errors, and it is blind to who does what to "
    "whom.",
}


SCORING_WORDS = {
    "points": "grades each answer from 0 to 10 and says why.",
    "logprob": "gives one digit. Its score is the mean of all digits by the probability that it gives them, so a score "
    "near 5 for every answer means that it does not know.",
    "pairwise": "compares every two answers to a question. Its score is the share of the others that an answer beats.",
}


def answer_word(approach: Approach, tried: Collection[Approach]) -> str:
    """What speaks for an approach says of "fine-tune, retrieve, both or neither?", as far as it was `tried`."""
    others = [one for one in tried if one != "base"]
    return BASE_WORDS.get(others[0], "neither") if approach == "base" and len(others) == 1 else ANSWER_WORDS[approach]


def not_tried(model: str, tried: Collection[Approach]) -> str:
    """A sentence on the approaches that the study leaves out; empty if it has all, or but one, which says enough."""
    said = []
    if len(tried) == 1:
        return ""
    if "base" not in tried:
        said.append("the model as it is")
    if not {"ft", "ft_rag"} & {*tried}:
        said.append("fine-tuning")
    elif "ft" not in tried:
        said.append("fine-tuning without retrieval")
    if not {"rag", "ft_rag"} & {*tried}:
        said.append("retrieval")
    elif "rag" not in tried:
        said.append("retrieval without fine-tuning")
    if "ft_rag" not in tried and {"rag", "ft"} <= {*tried}:
        said.append("fine-tuning with retrieval")
    if not said:
        return ""
    words = listed(said)
    return f"{words[0].upper()}{words[1:]} {'was' if len(said) == 1 else 'were'} not tried with {model}."


def number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return MISSING
    text = f"{value:,.{digits}f}"
    return "0" + text[2:] if text.startswith("-0") and not text.strip("-0.") else text.replace("-", "−")


def signed(value: float | None, digits: int = 2) -> str:
    if value is None:
        return MISSING
    text = number(value, digits)
    return text if text.startswith("−") or not text.strip("0.") else f"+{text}"


def percent(value: float | None) -> str:
    """A signed change, already in %."""
    return MISSING if value is None else f"{signed(value, 0)}%"


def share(value: float | None) -> str:
    """A fraction as a percentage."""
    return MISSING if value is None else f"{100 * value:.0f}%"


def interval(value: Interval | None, digits: int = 2, sign: bool = False) -> str:
    if value is None:
        return ""
    form = signed if sign else number
    return f"[{form(value.low, digits)}, {form(value.high, digits)}]"


def change(value: Change | None) -> str:
    """A relative change with its interval; says why where there is none."""
    if value is None:
        return MISSING
    if value.percent is None:
        return "undefined (base is 0)" if value.n else MISSING
    return f"{percent(value.percent)} {interval(value.interval, 0, sign=True)}".rstrip()


def score(graded: Graded, n: int) -> str:
    """Mean score, interval, and how many were scored where not all were."""
    text = f"{number(graded.score)} {interval(graded.interval)}".rstrip()
    return text if graded.n_scored == n else f"{text} ({graded.n_scored}/{n} scored)"


def p_value(value: float | None) -> str:
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def money(value: float | None, currency: str) -> str:
    """Three significant digits: costs range from cents to thousands."""
    if value is None:
        return MISSING
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{text} {currency}"


def amount(value: float | None, times: int = 1) -> str:
    """Money without its currency, which stands beside: three significant digits."""
    return MISSING if value is None else money(value * times, "").rstrip()


def amount_interval(value: Interval | None, times: int = 1) -> str:
    return f"[{amount(value.low, times)}, {amount(value.high, times)}]" if value else ""


def thousand(value: float | None) -> float | None:
    return None if value is None else 1000 * value


def share_interval(value: Interval | None) -> str:
    return f"[{share(value.low)}, {share(value.high)}]" if value else ""


def capitalize_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str], last: str = "and") -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return MISSING
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.0f} s"
