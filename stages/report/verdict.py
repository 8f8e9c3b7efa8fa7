"""The answer to "fine-tune, retrieve, both or neither?", in words that claim no more than the numbers do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stages.report.comparisons import Comparison
from stages.report.inputs import Study
from stages.report.measures import Cell
from stages.report.words import answer_word, listed, not_tried, number, percent
from tune_or_retrieve.base.records import Approach

FEW_QUESTIONS = 30
FEW_PAIRS = 300
OTHERS = {2: "both others", 3: "each of the other three"}


@dataclass(frozen=True)
class Standing:
    """How the approaches of one model rank on one set."""

    model: str
    set: str
    n: int
    approaches: list[Approach]  # at least two
    best: Approach | None  # it beat each of the others
    robust: bool  # ... after Holm's correction too
    unbeaten: list[Approach]  # no other approach beat these
    any_call: bool

    @property
    def text(self) -> str:
        where = f"on the {self.n} {self.set} questions"
        if self.best:
            firm = "" if self.robust else " (not in every comparison after Holm's correction)"
            others = [a for a in self.approaches if a != self.best]
            return f"{where}, {self.best} beats {OTHERS.get(len(others), others[0])}{firm}"
        if not self.any_call:
            return f"{where}, {alike(self.approaches)}"
        if not self.unbeaten:
            return f"{where}, each approach is beaten by another, in a circle"
        if len(self.unbeaten) == 1:
            return f"{where}, {self.unbeaten[0]} is beaten by no other, but does not beat each of them"
        beaten = [a for a in self.approaches if a not in self.unbeaten]
        those = f"each of {listed(beaten)}" if len(beaten) > 1 else beaten[0]
        return f"{where}, {listed(self.unbeaten)} are not told apart; {those} is beaten by another"


def alike(approaches: Sequence[Approach]) -> str:
    if len(approaches) == 2:
        return f"{listed(approaches)} cannot be told apart"
    return "no approach can be told from another"


@dataclass(frozen=True)
class Verdict:
    model: str
    headline: str
    because: str
    standings: list[Standing]
    worth: str = ""  # how far to trust a small study; empty if it is not small


def standings(study: Study, comparisons: list[Comparison]) -> list[Standing]:
    """Of models that answer by two approaches or more."""
    results = []
    for model in study.models:
        approaches = study.approaches_of(model)
        for set_ in study.sets if len(approaches) > 1 else ():
            mine = [c for c in comparisons if c.model == model and c.set == set_]
            lost: dict[Approach, list[Approach]] = {a: [] for a in approaches}  # by loser, who beat it
            for c in mine:
                if c.winner:
                    lost[c.second if c.winner == c.first else c.first].append(c.winner)
            best = next((a for a in approaches if all(a in lost[other] for other in approaches if other != a)), None)
            robust = best is not None and all(c.robust for c in mine if best in (c.first, c.second))
            unbeaten = [a for a in approaches if not lost[a]]
            n, any_call = len(study.select(set_)), any(c.winner for c in mine)
            results.append(Standing(model, set_, n, approaches, best, robust, unbeaten, any_call))
    return results


def verdicts(study: Study, comparisons: list[Comparison]) -> list[Verdict]:
    every = standings(study, comparisons)
    found = [_verdict(study, model, [s for s in every if s.model == model]) for model in study.models]
    return [
        replace(
            one,
            because=f"{one.because} {not_tried(one.model, study.approaches_of(one.model))}".rstrip(),
            worth=_worth(study, one.model, [c for c in comparisons if c.model == one.model]),
        )
        for one in found
    ]


def _worth(study: Study, model: str, comparisons: list[Comparison]) -> str:
    """How far to trust a study with few questions or training pairs; empty if it has enough."""
    said = []
    if len(study.questions) < FEW_QUESTIONS:
        said.append(f"This is a quick look, with {len(study.questions)} question{'s' * (len(study.questions) > 1)}.")
        largest = max(study.sets, key=lambda set_: len(study.select(set_)))
        effects = [
            effect
            for comparison in comparisons
            for judge in study.reliable_judges
            if comparison.set == largest and (effect := comparison.judges[judge].detectable) is not None
        ]
        if effects:
            said.append(
                f"On the {largest} ones, a difference usually has to be {number(min(effects), 1)} to "
                f"{number(max(effects), 1)} points to be seen (the minimum detectable effects), and intervals over so "
                "few articles tend to be too narrow. What is not told apart here may still differ."
            )
    if model in study.tuned_here and study.train_pairs is not None and study.train_pairs < FEW_PAIRS:
        said.append(f"Fine-tuning had {study.train_pairs} pairs only; more of them may teach a model more.")
    return " ".join(said)


def _verdict(study: Study, model: str, mine: list[Standing]) -> Verdict:
    tried = study.approaches_of(model)
    if len(tried) == 1:
        return Verdict(model, "Nothing to compare.", f"Only {tried[0]} was tried with {model}.", mine)
    if not study.reliable_judges:
        because = f"None of the judges ({listed(study.judges)}) did well enough on its controls to be believed."
        return Verdict(model, "No answer yet.", because, mine)
    because = "; ".join(s.text for s in mine) + "."
    because = because[0].upper() + because[1:]
    bests = {s.best for s in mine if s.best}
    common = [a for a in tried if all(a in s.unbeaten for s in mine)]
    if len(bests) == 1:
        best = next(iter(bests))
        word = answer_word(best, tried).capitalize()
        if all(s.robust for s in mine) and len(study.reliable_judges) > 1:
            return Verdict(model, f"{word}.", because, mine)
        if best in common:
            return Verdict(model, f"{word}, probably.", because, mine)
    if len(bests) > 1 or not common:
        return Verdict(model, "It depends on the questions.", because, mine)
    if not any(s.any_call for s in mine):
        return Verdict(model, f"Not settled: {alike(tried)}.", because, mine)
    words = listed([answer_word(a, tried) for a in common])
    return Verdict(model, f"Not settled between {words}." if len(common) > 1 else f"Leaning to {words}.", because, mine)


def price_of_quality(study: Study, cells: list[Cell], model: str) -> str:
    """What each approach does to latency and tokens, in one sentence on the larger set; empty if nothing was timed."""
    largest = max(study.sets, key=lambda set_: len(study.select(set_)))
    parts = []
    for cell in cells:
        if (cell.model, cell.set, cell.slice) != (model, largest, None) or not cell.total_change:
            continue
        changes = (
            (cell.total_change, "mean latency"),
            (cell.output_tokens_change, "output tokens"),
            (cell.tokens_change, "tokens in all"),
        )
        said = [f"{percent(c.percent)} {what}" for c, what in changes if c and c.percent is not None]
        if cell.total_change.percent is not None:
            parts.append(f"{cell.approach} takes {listed(said)}")
    of = f" of {model}" if len(study.models) > 1 else ""
    return f"What it costs, against base{of} on the {largest} questions: {'; '.join(parts)}." if parts else ""
