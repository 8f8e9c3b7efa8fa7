"""``python -m stages.report``: everything measured to summary, plots, table and page."""

from pathlib import Path

from stages.report.inputs import read_study, remove_dropped
from stages.report.outputs import make_outputs
from stages.report.params import ReportParams
from tune_or_retrieve.base import params
from tune_or_retrieve.base.files import write_text
from tune_or_retrieve.base.progress import say
from tune_or_retrieve.base.stage import stage
from tune_or_retrieve.base.study import StudyParams
from tune_or_retrieve.money.prices import Prices


@stage
def main() -> None:
    study = params.load("study", StudyParams)
    prices = params.load("prices", Prices)
    report = params.load("report", ReportParams)
    remove_dropped(study)
    like_the_study = params.load_value("articles.source", str) == "botocore"
    outputs = make_outputs(read_study(study), prices, report, like_the_study)
    for path, text in outputs.items():
        write_text(Path(path), text)
    say("report: the table is in metrics/table.md, the page in metrics/report.html")


if __name__ == "__main__":
    main()
