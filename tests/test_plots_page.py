"""`dvc plots show` without internet: the page holds the scripts that draw the plots."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path("scripts/plots_page.py").resolve()


def test_the_page_of_dvc_plots_asks_nothing_of_the_internet(tmp_path):
    def run(*command: str) -> None:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    dvc = [sys.executable, "-m", "dvc"]
    (tmp_path / "plots.csv").write_text("step,loss\n1,2.5\n2,1.5\n")
    run("git", "init", "-q")
    run(*dvc, "init", "-q")
    run(sys.executable, str(SCRIPT), ".dvc/plots.html")
    run(*dvc, "config", "--local", "plots.html_template", "plots.html")
    run(*dvc, "plots", "show", "plots.csv")
    page = (tmp_path / "dvc_plots/index.html").read_text()
    assert "<script src" not in page
    assert page.index("window.vegaEmbed") < page.index("vegaEmbed('#")
    assert '"loss": "2.5"' in page
