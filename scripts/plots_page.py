"""Write the page that `dvc plots show` fills, with Vega inside: DVC's own loads it from the internet.

    python scripts/plots_page.py PAGE

`make` does so when it sets up, and sets DVC's plots.html_template to the page in .dvc/config.local.
"""

import sys
from pathlib import Path

import vl_convert

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>DVC plots</title>
{refresh_tag}
<script>(() => {
SCRIPT
})();</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""

if __name__ == "__main__":
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version="5.8")  # as DVC's templates say
    Path(sys.argv[1]).write_text(PAGE.replace("SCRIPT", script.replace("</script", r"<\/script")), encoding="utf-8")
