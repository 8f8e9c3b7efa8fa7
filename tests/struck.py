"""A signal that comes to a stage and to all that runs it at the moment when the stage says something.

Ctrl-C on a terminal comes to all processes of a run at once, and so does the kill of a container. The stage itself
gives the sign, so that the moment is the same on a slow machine and on a fast one.
"""

from pathlib import Path

WORK_BEGINS = r": 0/\d+ "  # the first line of progress; see tune_or_retrieve.base.progress
SITE = """
import os, re, sys

stage = os.environ.get("DVC_STAGE", "").split(":")[-1].partition("@")[0]
if stage and stage not in os.environ["SPARED"].split():
    class Struck:
        def __init__(self, stream):
            self._stream = stream

        def write(self, text):
            written = self._stream.write(text)
            self._stream.flush()
            if re.search(os.environ["STRUCK_AT"], text):
                os.killpg(0, int(os.environ["STRUCK_BY"]))
            return written

        def __getattr__(self, name):
            return getattr(self._stream, name)

    sys.stderr = Struck(sys.stderr)
"""


def environment(folder: Path, number: int, spared: set[str] | None = None, at: str = WORK_BEGINS) -> dict[str, str]:
    """Variables for a `dvc` in a session of its own: the signal comes when a stage writes to stderr what `at` matches.

    Args:
        folder: for the module that does it.
        spared: names of stages, without their item, to which nothing happens.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITE)
    return {
        "PYTHONPATH": str(folder),
        "SPARED": " ".join(spared or ()),
        "STRUCK_AT": at,
        "STRUCK_BY": str(int(number)),
    }
