"""The stages of tune-or-retrieve. One package per DVC stage, in the order of the data:

articles → chunks → qa → index → retrieve → fine_tune → answer → judge → report

The modules beside them are what stages share.
"""

import sys

from stages.errors import excepthook

sys.excepthook = excepthook
