"""The recommendation in words, with the figures and pictures that it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.report.decision_charts import Picture, costs_by_volume, crossings, dominated, quality_against_cost
from stages.report.inputs import Study
from stages.report.options import Option, by_arm, options, unlike
from stages.report.params import ReportParams
from stages.report.recommendation import Lead, Recommendation, all_leads, recommend
from stages.report.words import answer_word, interval, listed, number, share, share_interval, signed
from tune_or_retrieve.base.study import Arm
from tune_or_retrieve.money.prices import Prices

HOPELESS = 100_000  # questions


@dataclass(frozen=True)
class Decision:
    headline: str
    because: str
    sure: str  # how sure, and what would settle it
    otherwise: str  # what would change it
    recommendation: Recommendation
    options: list[Option]
    pictures: list[Picture]
    dominated: str  # which are, in words
    crossings: list[str]  # where costs cross, in words
    unlike: str  # why seconds are not to be compared; empty if they may be

    def mark(self, one: Option) -> str:
        """What is to be said of an option in a word or two; mostly nothing."""
        if one.arm == self.recommendation.arm:
            return "recommended"
        if one.arm in self.recommendation.excluded:
            return "over a limit"
        several = len({other.model for other in self.options}) > 1
        by = one.dominated_by
        return f"dominated by {f'{by.model} ' * several}{by.approach}" if by else ""


def decide(study: Study, prices: Prices, report: ReportParams) -> Decision:
    found, leads = options(study, prices, report), all_leads(study, report)
    chosen = recommend(found, leads, report)
    pictures = (
        quality_against_cost(found, prices.currency),
        costs_by_volume(found, prices.currency, report.questions_per_month),
    )
    return Decision(
        headline=_headline(study, chosen),
        because=_because(study, found, leads, chosen, report),
        sure=_sure(study, leads, chosen, report),
        otherwise=_otherwise(study, chosen) if chosen.arm else "",
        recommendation=chosen,
        options=found,
        pictures=[picture for picture in pictures if picture],
        dominated=dominated(found),
        crossings=crossings(found, prices.currency),
        unlike=unlike(study),
    )


def _headline(study: Study, chosen: Recommendation) -> str:
    if not study.reliable_judges:
        return "No answer yet."
    if len(study.arms) == 1:
        return "Nothing to compare."
    if chosen.arm is None:
        return "No approach keeps the limits." if chosen.excluded else "No answer yet."
    word = answer_word(chosen.arm.approach, study.approaches_of(chosen.arm.model)).capitalize()
    with_model = f", with {chosen.arm.model}" if len(study.models) > 1 else ""
    return f"{word}{with_model}{'' if chosen.settled else ', probably'}."


def _because(
    study: Study,
    found: Sequence[Option],
    leads: dict[tuple[Arm, Arm], Lead],
    chosen: Recommendation,
    report: ReportParams,
) -> str:
    if not study.reliable_judges:
        return f"None of the judges ({listed(study.judges)}) did well enough on its controls to be believed."
    said = [f"{study.name_of(arm)} is out: {why}." for arm, why in chosen.excluded.items()]
    if len(study.arms) == 1:
        said.insert(0, f"Only {study.name_of(study.arms[0])} was tried.")
    if chosen.arm is None:
        return " ".join(said)
    best = by_arm(found)[chosen.arm]
    if len(study.arms) > 1:
        said.insert(0, _why(study, best, report))
    said.append(
        f"Its mean score is {number(best.score)} {interval(best.score_interval)} of 10, and {share(best.right)} "
        f"{share_interval(best.right_interval)} of its answers are right, that is, get {report.right_from:g} or more."
    )
    for arm in chosen.cheaper_beaten:
        lead = leads.get((chosen.arm, arm))
        if lead is not None and lead.difference > report.margin:
            worse = f"{number(lead.difference)} points {interval(lead.interval)}".rstrip()
            costs = by_arm(found)[arm].costs.per_answer, best.costs.per_answer
            less = "costs less, but " * (None not in costs and costs[0] < costs[1])
            said.append(f"{study.name_of(arm)} {less}is {worse} worse.")
    return " ".join(said)


def _why(study: Study, best: Option, report: ReportParams) -> str:
    name, unbeaten = study.name_of(best.arm), f"approach that no other beats by more than {report.margin:g} points"
    if best.costs.per_answer is not None:
        return f"{name} is the cheapest {unbeaten}, at {report.questions_per_month:,} questions a month."
    which = "the fastest" if best.alike and best.seconds is not None else "an"
    return f"{name} is {which} {unbeaten}; what it costs is not known."


def _sure(study: Study, leads: dict[tuple[Arm, Arm], Lead], chosen: Recommendation, report: ReportParams) -> str:
    if chosen.arm is None or len(study.arms) == 1:
        return ""
    if chosen.settled:
        return f"The intervals settle it: together they hold with {100 * report.confidence:g}% confidence."
    said = [
        f"whether {study.name_of(better)} is more than {report.margin:g} points better than {study.name_of(worse)} "
        f"({_points(leads[better, worse])}{'' if leads[better, worse].agreed else ', and the judges do not agree'})"
        for better, worse in chosen.open
    ]
    needed = chosen.questions_needed
    enough = " It is too close to the margin for any number of questions that one can ask."
    if not all(leads[pair].agreed for pair in chosen.open):
        enough = " More questions like these do not make the judges agree."
    elif needed and needed < HOPELESS:
        enough = f" About {_round(needed):,} questions like these {len(study.questions)} would settle it."
    return f"Not settled: it is open {listed(said)}.{enough}"


def _otherwise(study: Study, chosen: Recommendation) -> str:
    changes = [
        f"{change.what} ({study.name_of(change.arm)})"
        for change in chosen.changes
        if change.arm != chosen.arm and change.arm
    ]
    same = [change.what for change in chosen.changes if change.arm == chosen.arm]
    said = [f"The recommendation would change with {listed(changes)}."] if changes else []
    if same:
        said.append(f"It would stay the same with {listed(same)}.")
    return " ".join(said)


def _points(lead: Lead) -> str:
    return f"{signed(lead.difference)} points {interval(lead.interval, 2, sign=True)}".rstrip()


def _round(count: int) -> int:
    """To two digits, upwards: it is an estimate."""
    step = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
