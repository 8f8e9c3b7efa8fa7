"""The stages of tune-or-retrieve. One package per DVC stage, in the order of the data:

articles → chunks → qa → index → retrieve → fine_tune → answer → judge → report

What they share is in the package tune_or_retrieve.
"""

import sys

from tune_or_retrieve.base.errors import end_at_once_when_interrupted
from tune_or_retrieve.base.progress import quiet_libraries

if sys.argv[:1] == ["-m"]:  # as Python has it while it looks for the module of `python -m stages.<name>`
    end_at_once_when_interrupted()
    quiet_libraries()
