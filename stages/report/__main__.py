"""python -m stages.report"""

from pathlib import Path

from stages import params
from stages.errors import exits_cleanly
from stages.files import write_text
from stages.prices import Prices
from stages.progress import say
from stages.report.inputs import read_study
from stages.report.outputs import make_outputs
from stages.report.params import ReportParams, StudyParams


@exits_cleanly
def main() -> None:
    study = params.load("study", StudyParams)
    prices = params.load("prices", Prices)
    report = params.load("report", ReportParams)
    outputs = make_outputs(read_study(study.models, study.judges), prices, report)
    for path, text in outputs.files.items():
        write_text(Path(path), text)
    say("report: the table is in metrics/table.md, the page in metrics/report.html")


if __name__ == "__main__":
    main()
